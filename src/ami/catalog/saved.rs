//! The last snapshot of a Region on disk, so that a restarted server answers at once.
//!
//! It is a cache: whatever is wrong with the file, it is not used, the log says so, and the next crawl
//! writes another. A line of JSON says what the file is; then each image as its length and its bytes
//! (postcard), and at the end a zero length, the number of images and a CRC-32C over all before it.
//! It is written beside the old one, synced and renamed.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ami::classify::Viewer;
use crate::ami::snapshot::{Snapshot, SnapshotBuilder};
use crate::ec2::facts::Image;
use crate::ids::{AccountId, Region};

/// The version of the format. Another layout of `Image` is another version: postcard keeps no names.
const VERSION: u32 = 1;

/// The longest image that is read: names, tags and mappings of the largest take some 20 KiB.
const IMAGE_BYTES_MAX: u32 = 1 << 20;

/// The longest first line.
const HEADER_BYTES_MAX: u64 = 64 << 10;

/// What a file says that it is. A snapshot of anything else is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) account_id: AccountId,
    pub(super) region: Region,
    pub(super) owners: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    #[serde(flatten)]
    about: About,
    observed_time: Timestamp,
}

/// Why there is no snapshot in a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum SavedError {
    #[error("the file cannot be read or written")]
    Io(#[from] io::Error),
    #[error("the file is of another version, account, Region or scope of owners")]
    OfSomethingElse,
    #[error("the file is damaged: {0}")]
    Damaged(&'static str),
}

/// Where a Region's snapshot is kept.
pub(super) fn path(dir: &Path, region: &Region) -> PathBuf {
    dir.join(format!("{region}.snapshot"))
}

/// Writes `snapshot` to `path`, whole or not at all.
pub(super) fn save(path: &Path, about: &About, snapshot: &Snapshot) -> Result<(), SavedError> {
    let beside = beside(path);
    let written = write(&beside, about, snapshot).and_then(|()| Ok(std::fs::rename(&beside, path)?));
    if written.is_err() {
        // What there is of it would only take room that the audit log needs.
        let _ = std::fs::remove_file(&beside);
    }
    written?;
    if let Some(dir) = path.parent() {
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

/// Where a snapshot is written before it takes its place.
fn beside(path: &Path) -> PathBuf {
    path.with_extension("snapshot.new")
}

fn write(beside: &Path, about: &About, snapshot: &Snapshot) -> Result<(), SavedError> {
    // Tags and the images that others share are nobody else's business.
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(beside)?;
    let mut file = Checked { inner: BufWriter::with_capacity(1 << 20, file), crc: 0 };
    let header = Header { version: VERSION, about: about.clone(), observed_time: snapshot.observed_time() };
    let mut line = serde_json::to_vec(&header).map_err(io::Error::from)?;
    line.push(b'\n');
    file.write_all(&line)?;
    let mut image = None;
    let mut bytes = Vec::new();
    for slot in snapshot.slots() {
        let image = image.get_or_insert_with(|| snapshot.image(slot).image);
        snapshot.load(slot, image);
        bytes = postcard::to_extend(image, {
            bytes.clear();
            bytes
        })
        .map_err(|_| SavedError::Damaged("an image cannot be written"))?;
        let length = u32::try_from(bytes.len()).map_err(|_| SavedError::Damaged("an image is too long"))?;
        file.write_all(&length.to_le_bytes())?;
        file.write_all(&bytes)?;
    }
    file.write_all(&0_u32.to_le_bytes())?;
    file.write_all(&(snapshot.len() as u64).to_le_bytes())?;
    let crc = file.crc;
    file.inner.write_all(&crc.to_le_bytes())?;
    let file = file.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(())
}

/// Reads the snapshot at `path`; none if there is no file. One from after `now` is of a clock that
/// was wrong, and so is its age.
pub(super) fn load(path: &Path, about: &About, viewer: Viewer, now: Timestamp) -> Result<Option<Snapshot>, SavedError> {
    // Left by a process that was killed while it wrote.
    let _ = std::fs::remove_file(beside(path));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut file = Checked { inner: BufReader::with_capacity(1 << 20, file), crc: 0 };
    let mut line = Vec::new();
    file.by_ref().take_line(&mut line)?;
    let header: Header = serde_json::from_slice(&line).map_err(|_| SavedError::OfSomethingElse)?;
    if header.version != VERSION || header.about != *about {
        return Err(SavedError::OfSomethingElse);
    }
    if header.observed_time > now {
        return Err(SavedError::Damaged("it is from the future"));
    }
    let mut builder = SnapshotBuilder::new(viewer, header.observed_time, None);
    let mut bytes = Vec::new();
    loop {
        let length = u32::from_le_bytes(file.array()?);
        if length == 0 {
            break;
        }
        if length > IMAGE_BYTES_MAX {
            return Err(SavedError::Damaged("an image is longer than any"));
        }
        bytes.resize(length as usize, 0);
        file.read_exact(&mut bytes)?;
        let image: Image = postcard::from_bytes(&bytes).map_err(|_| SavedError::Damaged("an image cannot be read"))?;
        builder.push(&image);
    }
    let images = u64::from_le_bytes(file.array()?);
    let crc = file.crc;
    let mut sum = [0; 4];
    file.inner.read_exact(&mut sum)?;
    if crc != u32::from_le_bytes(sum) {
        return Err(SavedError::Damaged("its checksum is wrong"));
    }
    if images != builder.len() as u64 {
        return Err(SavedError::Damaged("an image is missing, or there twice"));
    }
    Ok(Some(builder.finish()))
}

/// A file that is summed up as it goes by.
struct Checked<F> {
    inner: F,
    crc: u32,
}

impl<F: Write> Write for Checked<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.crc = crc32c::crc32c_append(self.crc, &bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<F: Read> Read for Checked<F> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.crc = crc32c::crc32c_append(self.crc, &bytes[..read]);
        Ok(read)
    }
}

impl<F: BufRead> Checked<F> {
    fn take_line(&mut self, line: &mut Vec<u8>) -> io::Result<()> {
        (&mut self.inner).take(HEADER_BYTES_MAX).read_until(b'\n', line)?;
        self.crc = crc32c::crc32c_append(self.crc, line);
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-25T11:00:00Z".parse().unwrap()
    }

    fn viewer() -> Viewer {
        Viewer::of("111122223333".parse().unwrap())
    }

    fn about() -> About {
        About {
            account_id: "111122223333".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            owners: vec!["self".to_owned()],
        }
    }

    fn snapshot() -> Snapshot {
        let full: Image = serde_json::from_str(include_str!("../filter/tests/full_image.json")).unwrap();
        let mut builder = SnapshotBuilder::new(viewer(), "2026-11-25T10:00:00.123456Z".parse().unwrap(), None);
        builder.push(&full);
        for number in 0..9 {
            builder.push(&Image::unknown(format!("ami-{number:08x}").parse().unwrap()));
        }
        builder.finish()
    }

    fn images(snapshot: &Snapshot) -> Vec<Image> {
        snapshot.slots().map(|slot| snapshot.image(slot).image).collect()
    }

    /// postcard keeps no names, so a file of another layout could be read as something else.
    #[test]
    fn the_layout_is_that_of_this_version() {
        let full: Image = serde_json::from_str(include_str!("../filter/tests/full_image.json")).unwrap();
        let layout = crc32c::crc32c(&postcard::to_stdvec(&full).unwrap());
        assert_eq!(
            (VERSION, layout),
            (1, 2_672_911_227),
            "`Image` is written otherwise: raise VERSION, and put this number here"
        );
    }

    #[test]
    fn what_was_saved_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), &about().region);
        assert!(load(&path, &about(), viewer(), now()).unwrap().is_none());
        let snapshot = snapshot();
        save(&path, &about(), &snapshot).unwrap();
        save(&path, &about(), &snapshot).unwrap();
        let back = load(&path, &about(), viewer(), now()).unwrap().unwrap();
        assert_eq!(images(&back), images(&snapshot));
        assert_eq!(back.observed_time(), snapshot.observed_time());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
        let early = "2026-11-25T09:00:00Z".parse().unwrap();
        assert!(load(&path, &about(), viewer(), early).is_err(), "it is from the future");
    }

    #[test]
    fn what_could_not_be_written_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), &about().region);
        // A directory stands in the way of the renaming.
        std::fs::create_dir_all(path.join("full")).unwrap();
        save(&path, &about(), &snapshot()).unwrap_err();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_snapshot_of_something_else_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), &about().region);
        save(&path, &about(), &snapshot()).unwrap();
        for other in [
            About { account_id: "444455556666".parse().unwrap(), ..about() },
            About { region: "us-west-2".parse().unwrap(), ..about() },
            About { owners: vec!["all".to_owned()], ..about() },
        ] {
            assert!(matches!(load(&path, &other, viewer(), now()), Err(SavedError::OfSomethingElse)), "{other:?}");
        }
    }

    /// Any file that was cut short or has a wrong byte is noticed, and none makes it panic.
    #[test]
    fn every_kind_of_damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), &about().region);
        save(&path, &about(), &snapshot()).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(load(&path, &about(), viewer(), now()).is_err(), "cut at {cut}");
        }
        for position in 0..whole.len() {
            let mut wrong = whole.clone();
            wrong[position] ^= 0x10;
            std::fs::write(&path, &wrong).unwrap();
            assert!(load(&path, &about(), viewer(), now()).is_err(), "byte {position}");
        }
    }
}
