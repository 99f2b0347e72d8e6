//! Where a picture is written to: all of it or nothing, and never over something else.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::picture::MARK;

/// Writes a picture to a file. One that is there is replaced only if it is a picture of a timeline too,
/// because a slip of the hand must not cost anybody a file.
///
/// # Errors
/// If something else is there, or it cannot be written; what was there is as it was then.
pub(crate) fn write_picture(path: &Path, picture: &str) -> anyhow::Result<()> {
    let target = match fs::symlink_metadata(path) {
        Ok(_) => own_picture(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error).with_context(|| format!("cannot look at {}", path.display())),
    };
    let name = target.file_name().with_context(|| format!("{} is no name of a file", path.display()))?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.part", std::process::id()));
    let temporary = target.with_file_name(temporary);
    write_by(&temporary, &target, picture).with_context(|| format!("cannot write {}", path.display()))
}

fn write_by(temporary: &Path, target: &Path, picture: &str) -> anyhow::Result<()> {
    let opened = fs::OpenOptions::new().write(true).create_new(true).open(temporary);
    let mut file = opened.with_context(|| format!("cannot create {}", temporary.display()))?;
    let written = file.write_all(picture.as_bytes()).and_then(|()| file.sync_all());
    let written = written.and_then(|()| fs::rename(temporary, target));
    if written.is_err() {
        // What is left of a picture is of no use; that it cannot be removed changes nothing.
        let _ = fs::remove_file(temporary);
    }
    Ok(written?)
}

/// The file behind the path, through links, if it is a picture as these are.
fn own_picture(path: &Path) -> anyhow::Result<PathBuf> {
    let target = fs::canonicalize(path).with_context(|| format!("cannot look at {}", path.display()))?;
    if !fs::metadata(&target)?.is_file() {
        bail!("{} is not a file", path.display());
    }
    let mut begin = Vec::new();
    let reading = fs::File::open(&target).and_then(|file| file.take(MARK.len() as u64).read_to_end(&mut begin));
    reading.with_context(|| format!("cannot read {}", path.display()))?;
    if begin != MARK.as_bytes() {
        bail!("{} exists and is no picture of a timeline: remove it, or choose another name", path.display());
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_picture_of_a_timeline_is_replaced_and_nothing_is_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("boot.svg");
        let picture = |text: &str| format!("{MARK}{text}");
        write_picture(&path, &picture("1")).unwrap();
        write_picture(&path, &picture("2")).unwrap();
        let link = dir.path().join("link.svg");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write_picture(&link, &picture("3")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), picture("3"), "through the link");

        let other = dir.path().join("other.svg");
        fs::write(&other, "<svg>drawn by hand</svg>").unwrap();
        for refused in [&other, &dir.path().to_owned(), &dir.path().join("none").join("boot.svg")] {
            write_picture(refused, &picture("4")).unwrap_err();
        }
        assert_eq!(fs::read_to_string(&other).unwrap(), "<svg>drawn by hand</svg>");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }
}
