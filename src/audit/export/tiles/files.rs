//! Files of an exported log: each whole or not there, and on disk before the checkpoint is.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The longest file that is read: a tile has 8,192 bytes, a checkpoint a few hundred.
const READ_BYTES_MAX: u64 = 1 << 20;

/// The files below one directory.
#[derive(Debug)]
pub(super) struct TileFiles<'a> {
    directory: &'a Path,
    /// Directories with names that are not yet known to be on disk.
    unsynced: BTreeSet<PathBuf>,
}

impl<'a> TileFiles<'a> {
    pub(super) fn new(directory: &'a Path) -> Self {
        Self { directory, unsynced: BTreeSet::new() }
    }

    /// What a file holds, or none if there is none.
    pub(super) fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.directory.join(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(READ_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Whether there is such a file.
    pub(super) fn has(&self, path: &str) -> io::Result<bool> {
        self.directory.join(path).try_exists()
    }

    /// Writes a file under another name, syncs it, and gives it its own. A full tile puts an end to
    /// its partial ones.
    pub(super) fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.directory.join(path);
        let parent = path.parent().unwrap_or(self.directory);
        self.make_dir(parent)?;
        let temporary = path.with_added_extension("tmp");
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(&temporary, &path)?;
        match fs::remove_dir_all(path.with_added_extension("p")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes a directory and those it is in, and remembers to sync all of them.
    fn make_dir(&mut self, parent: &Path) -> io::Result<()> {
        if self.unsynced.contains(parent) {
            return Ok(());
        }
        fs::create_dir_all(parent)?;
        let inside = parent.ancestors().take_while(|above| above.starts_with(self.directory));
        self.unsynced.extend(inside.map(Path::to_owned));
        Ok(())
    }

    /// Syncs the names of what was written.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        while let Some(directory) = self.unsynced.pop_last() {
            match File::open(&directory) {
                Ok(directory) => directory.sync_all()?,
                // A directory of partial tiles that a full one has put an end to.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
