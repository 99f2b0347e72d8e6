//! Where user data lies while an attempt is open: one synced file of mode 0600 per launch.
//!
//! User data may hold secrets, so the log has only its hash. The bytes are needed again if the
//! process dies between the intent and the outcome, and are removed as soon as no attempt can need
//! them.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::audit::make_dir;
use crate::ids::{LaunchId, Sha256Digest};

#[derive(Debug)]
pub(super) struct UserDataDir {
    path: PathBuf,
}

impl UserDataDir {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        make_dir(path)?;
        Ok(Self { path: path.to_owned() })
    }

    fn file(&self, launch_id: LaunchId) -> PathBuf {
        self.path.join(launch_id.to_string())
    }

    /// Keeps `bytes` for `launch_id`. They are on disk when this returns; on an error nothing is
    /// left of them.
    pub(super) fn store(&self, launch_id: LaunchId, bytes: &[u8]) -> io::Result<()> {
        let written = self.write(launch_id, bytes);
        if written.is_err() {
            self.remove(launch_id);
        }
        written
    }

    fn write(&self, launch_id: LaunchId, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.file(launch_id))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        File::open(&self.path)?.sync_all()
    }

    /// The bytes kept for `launch_id`, if they are there and are those with this hash.
    pub(super) fn load(&self, launch_id: LaunchId, sha256: Sha256Digest) -> Option<Vec<u8>> {
        fs::read(self.file(launch_id)).ok().filter(|bytes| Sha256Digest::of(bytes) == sha256)
    }

    /// Forgets what was kept for `launch_id`. A file that cannot be removed now is removed at the
    /// next start.
    pub(super) fn remove(&self, launch_id: LaunchId) {
        if let Err(error) = fs::remove_file(self.file(launch_id))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%launch_id, %error, "user data not removed");
        }
    }

    /// Removes every file that belongs to none of `launches`.
    pub(super) fn keep_only(&self, launches: &BTreeSet<LaunchId>) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let kept = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<LaunchId>().ok())
                .is_some_and(|id| launches.contains(&id));
            // What is no file is nobody's user data, and is left alone.
            if !kept && entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}
