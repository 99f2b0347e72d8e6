//! Where it lies while an attempt is open: one synced file of mode 0600 per launch.
//!
//! The file is on disk before the decision that needs it, and is removed as soon as no attempt can
//! need it. What belongs to no open launch is removed at the next start.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::Withheld;
use crate::audit::make_dir;
use crate::ids::LaunchId;

/// Bytes of a file that are read. The limits on tags, filters and user data keep one far below it.
const FILE_BYTES_MAX: u64 = 4 << 20;

#[derive(Debug)]
pub(in crate::launch) struct WithheldDir {
    path: PathBuf,
}

impl WithheldDir {
    pub(in crate::launch) fn open(path: &Path) -> io::Result<Self> {
        make_dir(path)?;
        Ok(Self { path: path.to_owned() })
    }

    fn file(&self, launch_id: LaunchId) -> PathBuf {
        self.path.join(launch_id.to_string())
    }

    /// Keeps it for `launch_id`. It is on disk when this returns; on an error nothing is left of it.
    pub(in crate::launch) fn store(&self, launch_id: LaunchId, withheld: &Withheld) -> io::Result<()> {
        let written = self.write(launch_id, &withheld.to_file());
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

    /// What was kept for `launch_id`, if it is there and can be read. Whether it is what belongs to the
    /// launch is for the caller to check.
    pub(in crate::launch) fn load(&self, launch_id: LaunchId) -> Option<Withheld> {
        let mut bytes = Vec::new();
        File::open(self.file(launch_id)).ok()?.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        Withheld::from_file(&bytes)
    }

    /// Forgets what was kept for `launch_id`. A file that cannot be removed now is removed at the
    /// next start.
    pub(in crate::launch) fn remove(&self, launch_id: LaunchId) {
        if let Err(error) = fs::remove_file(self.file(launch_id))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%launch_id, %error, "what the log must not have was not removed");
        }
    }

    /// Removes every file that belongs to none of `launches`.
    pub(in crate::launch) fn keep_only(&self, launches: &BTreeSet<LaunchId>) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let kept = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<LaunchId>().ok())
                .is_some_and(|id| launches.contains(&id));
            // What is no file was not put there by us, and is left alone.
            if !kept && entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}
