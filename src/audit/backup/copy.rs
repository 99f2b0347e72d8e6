//! Copying a log up to its checkpoint, and holding the copy against it.
//!
//! Segments are copied as bytes: what a finished one looks like inside is the journal's business. Only
//! the one that the checkpoint ends in is walked, frame by frame, to be cut there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tlog_tiles::{HASH_SIZE, Hash, HashReader as _};

use super::super::directory::{REDACTION_KEY, make_dir, sync_dir, write_durably};
use super::super::error::OpenError;
use super::super::journal::{FRAME_HEAD_BYTES, check_header, list_segments};
use super::super::offline::{OfflineLeaf, OfflineLog};
use super::super::transparency::{Edge, KeyError};
use super::super::verify::Trust;
use super::BackupError;
use crate::crash;

/// Bytes of a segment's header, which say which segment it is and in which version.
const HEADER_BYTES: usize = 128;

/// What was copied.
#[derive(Debug)]
pub(super) struct Copied {
    /// The first record of what was not there before.
    pub(super) from: u64,
    pub(super) segments: u64,
    pub(super) segments_kept: u64,
    pub(super) bytes: u64,
    /// Segments that are there with records which have been removed since: which of the segments, and
    /// where to.
    pruned: Vec<(usize, PathBuf)>,
}

/// Copies segments and hashes up to the checkpoint, durably. The first `known` records are there.
pub(super) fn records(log: &OfflineLog, to: &Path, known: u64) -> Result<Copied, BackupError> {
    let size = log.checkpoint().size;
    let journal = to.join("journal");
    make_dir(&journal)?;
    make_dir(&to.join("tlog"))?;
    let mut copied = Copied { from: size, segments: 0, segments_kept: 0, bytes: 0, pruned: Vec::new() };
    let wanted: Vec<_> = log.segments().iter().filter(|(first, _)| *first < size).collect();
    for (place, (first, path)) in wanted.iter().enumerate() {
        let Some(name) = path.file_name() else { continue };
        let bytes =
            if place + 1 == wanted.len() { end_of(log, path, *first, size)? } else { fs::metadata(path)?.len() };
        let target = journal.join(name);
        if is_there(path, &target, bytes)? {
            copied.segments_kept += 1;
            continue;
        }
        if log.is_sparse(place) && target.exists() {
            copied.pruned.push((place, target));
            continue;
        }
        crash::point("backup.step");
        replace(log, place, &target, bytes)?;
        copied.from = copied.from.min(*first);
        copied.segments += 1;
        copied.bytes += bytes;
    }
    // A run that was killed may have copied a segment of which nothing came to be signed.
    for (first, path) in list_segments(&journal)? {
        let is_wanted = wanted.iter().any(|(wanted, _)| *wanted == first);
        if !is_wanted && wanted.first().is_none_or(|(oldest, _)| *oldest < first) {
            fs::remove_file(path)?;
        }
    }
    sync_dir(&journal)?;
    crash::point("backup.step");
    copied.bytes += hashes(log, &to.join("tlog/hashes"), known, size)?;
    Ok(copied)
}

/// Copies what retention has left of segments that were copied before it came to them. Not before the
/// copy has the checkpoint of a log in which that is on record: until then the copy is the earlier one.
pub(super) fn pruned(log: &OfflineLog, to: &Path, copied: &mut Copied) -> Result<(), BackupError> {
    for (place, target) in std::mem::take(&mut copied.pruned) {
        let bytes = fs::metadata(&log.segments()[place].1)?.len();
        crash::point("backup.step");
        replace(log, place, &target, bytes)?;
        copied.segments += 1;
        copied.bytes += bytes;
    }
    Ok(sync_dir(&to.join("journal"))?)
}

/// Where the frames of the first `size` records end in the segment at `path`.
fn end_of(log: &OfflineLog, path: &Path, first: u64, size: u64) -> Result<u64, BackupError> {
    let damaged = || BackupError::Open(OpenError::Damaged { index: first });
    let mut file = File::open(path)?;
    let mut head = vec![0; HEADER_BYTES];
    file.read_exact(&mut head).map_err(|_| damaged())?;
    let mut end = check_header(&head, path, log.number(), first)?.bytes as u64;
    file.seek(SeekFrom::Start(end))?;
    let mut file = BufReader::with_capacity(1 << 20, file);
    let mut head = [0; FRAME_HEAD_BYTES];
    loop {
        match file.read_exact(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(end),
            read => read?,
        }
        let leaf_bytes = u32::from_le_bytes(head[..4].try_into().expect("four bytes"));
        let index = u64::from_le_bytes(head[8..16].try_into().expect("eight bytes"));
        // Room that was made and not used, or a record that the checkpoint does not cover yet.
        if leaf_bytes == 0 || size <= index {
            return Ok(end);
        }
        end += (FRAME_HEAD_BYTES as u64) + u64::from(leaf_bytes);
        file.seek_relative(i64::from(leaf_bytes))?;
    }
}

/// Whether `target` is the first `bytes` of the segment at `path`. Frames are never written over, and
/// what retention writes anew has another length or header.
fn is_there(path: &Path, target: &Path, bytes: u64) -> io::Result<bool> {
    match fs::metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
        Ok(found) if found.len() != bytes => return Ok(false),
        Ok(_) => {}
    }
    let header = |path: &Path| -> io::Result<Vec<u8>> {
        let mut header = Vec::new();
        File::open(path)?.take(HEADER_BYTES as u64).read_to_end(&mut header)?;
        Ok(header)
    };
    Ok(header(path)? == header(target)?)
}

/// Puts the first `bytes` of a segment in place of `target`. Its name has the old content or the new after
/// a crash, whole; that it lasts takes a sync of the directory.
fn replace(log: &OfflineLog, segment: usize, target: &Path, bytes: u64) -> Result<(), BackupError> {
    let path = &log.segments()[segment].1;
    let unfinished = target.with_extension("seg.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    let source = File::open(path)?;
    log.check_unpruned(segment, &source)?;
    let copied = io::copy(&mut source.take(bytes), &mut file)?;
    if copied != bytes {
        let why = format!("{} became shorter while it was read", path.display());
        return Err(BackupError::Unsound { why });
    }
    file.sync_all()?;
    fs::rename(&unfinished, target)?;
    Ok(())
}

/// Copies the hashes of the records from `known` to `size`, and forgets those after; how many bytes.
fn hashes(log: &OfflineLog, target: &Path, known: u64, size: u64) -> Result<u64, BackupError> {
    let bytes = |records| tlog_tiles::stored_hash_count(records) * HASH_SIZE as u64;
    let source = File::open(log.path().join("tlog/hashes"))?;
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(target)?;
    let (mut at, end) = (bytes(known), bytes(size));
    let mut buffer = vec![0; 1 << 20];
    while at < end {
        let wanted = buffer.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
        source.read_exact_at(&mut buffer[..wanted], at)?;
        file.write_all_at(&buffer[..wanted], at)?;
        at += wanted as u64;
    }
    file.set_len(end)?;
    file.sync_all()?;
    Ok(end - bytes(known))
}

/// Copies the verifier keys, and what retention has put on record.
pub(super) fn beside(log: &OfflineLog, to: &Path) -> Result<(), BackupError> {
    let keys = log.verifier_keys().all().join("\n");
    write_durably(&to.join("tlog/verifier-keys"), format!("{keys}\n").as_bytes())?;
    let (retention, target) = (log.path().join("retention"), to.join("retention"));
    if target.is_dir() {
        // A plan that the log has given up since would be carried out on what is restored.
        for item in fs::read_dir(&target)? {
            let path = item?.path();
            if path.file_name().is_some_and(|name| !retention.join(name).exists()) {
                remove(&path)?;
            }
        }
    }
    if retention.is_dir() {
        make_dir(&target)?;
        // Snapshots first: a plan whose removal is on record is finished by the next start, which needs
        // them; one that is not is thrown away by it.
        for kind in ["jsonl", "plan"] {
            for item in fs::read_dir(&retention)? {
                let path = item?.path();
                if path.extension().is_some_and(|extension| extension == kind)
                    && let Some(name) = path.file_name()
                {
                    // One that is gone is finished by now.
                    secret(&path, &target.join(name), true)?;
                }
            }
        }
    }
    Ok(())
}

/// Copies whose log it is.
pub(super) fn owner(log: &OfflineLog, to: &Path) -> Result<(), BackupError> {
    Ok(write_durably(&to.join("OWNER.json"), &fs::read(log.path().join("OWNER.json"))?)?)
}

/// Copies the private keys, or sees to it that there is none to sign with: it might be an old one.
pub(super) fn keys(from: &Path, to: &Path, wanted: bool) -> Result<(), BackupError> {
    let signing = "tlog/key";
    if !secret(&from.join(signing), &to.join(signing), wanted)? && wanted {
        return Err(KeyError::Missing { path: from.join(signing) }.into());
    }
    // One that somebody has put beside the backup is not this program's to remove.
    if wanted { redaction_key(from, to) } else { Ok(()) }
}

/// Copies the key under which requests with redacted tags are compared. Most logs have none.
pub(super) fn redaction_key(from: &Path, to: &Path) -> Result<(), BackupError> {
    if from.join(REDACTION_KEY).exists() {
        secret(&from.join(REDACTION_KEY), &to.join(REDACTION_KEY), true)?;
    }
    Ok(())
}

/// Copies a file that nobody but its owner may read, or removes it; whether it was copied.
fn secret(source: &Path, target: &Path, wanted: bool) -> Result<bool, BackupError> {
    let read = if wanted { fs::read(source) } else { Err(io::ErrorKind::NotFound.into()) };
    let is_copied = match read {
        Ok(text) => {
            let unfinished = target.with_extension("new");
            // Made anew, so that nobody but its owner could ever read it.
            remove(&unfinished)?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&unfinished, target)?;
            true
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            remove(target)?;
            false
        }
        Err(error) => return Err(error.into()),
    };
    target.parent().map_or(Ok(()), sync_dir)?;
    Ok(is_copied)
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Reads the copy in `dir` back: the records from `from` on have the hashes that are on file, these and
/// the hashes before them the root of the checkpoint, and a key of the log has signed that. Records
/// before `from` are not read; `gantry audit verify` reads all, and holds them against each other.
/// Whose log it is stands in `owned`.
pub(super) fn verify(dir: &Path, owned: &Path, source: &OfflineLog, from: u64) -> Result<(), BackupError> {
    let unsound = |why: String| BackupError::Unsound { why };
    let copy = OfflineLog::open_owned(dir, owned)?;
    let checkpoint = copy.checkpoint();
    // The note may be signed by another key than the source's is by now.
    if (checkpoint.size, checkpoint.root_hash) != (source.checkpoint().size, source.checkpoint().root_hash) {
        return Err(unsound("the copy has another checkpoint".to_owned()));
    }
    let trust =
        Trust::new(copy.verifier_keys().all(), Some(copy.origin())).map_err(|error| unsound(error.to_string()))?;
    let (size, root) = trust.signed(&checkpoint.note).map_err(unsound)?;
    let unreadable = |error: tlog_tiles::Error| unsound(error.to_string());
    let mut edge = Edge::load(from, copy.hashes()).map_err(unreadable)?;
    let mut stored = Vec::new();
    for leaf in copy.leaves(from..size) {
        let (index, leaf) = leaf?;
        let hash = match leaf {
            OfflineLeaf::Kept(leaf) => tlog_tiles::record_hash(&leaf),
            OfflineLeaf::Pruned(hash) => Hash(hash),
        };
        stored.clear();
        edge.push(hash, &mut stored);
        let first = tlog_tiles::stored_hash_count(index);
        let places: Vec<_> = (first..first + stored.len() as u64).collect();
        if copy.hashes().read_hashes(&places).map_err(unreadable)? != stored {
            return Err(unsound(format!("record {index} does not have the hash that is on file")));
        }
    }
    if edge.size() != size || edge.root().0 != root {
        return Err(unsound(format!("its {size} records do not have the root of the checkpoint")));
    }
    Ok(())
}
