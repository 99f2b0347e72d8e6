//! `BACKUP.json`: that a directory is a backup, of which log, and how much of it is surely there.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::directory::{BACKUP_MARKER, write_durably};
use super::super::error::OpenError;
use super::super::offline::OfflineLog;
use super::BackupError;

/// Version of the backup's layout that this program writes.
const FORMAT_VERSION: u32 = 1;

/// What the file holds. Fields may be added; a change of meaning needs a new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    format: u32,
    /// The log.
    pub(super) log_id: String,
    /// Records that are surely there; none if it was never finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
    /// The root over them, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    /// When it was made.
    time: Timestamp,
}

impl Marker {
    /// Of a backup that is begun.
    pub(super) fn begun(log: &OfflineLog, time: Timestamp) -> Self {
        Self { format: FORMAT_VERSION, log_id: log.log_id().to_owned(), size: None, root: None, time }
    }

    /// Of a backup that has all that the checkpoint of `log` states.
    pub(super) fn whole(log: &OfflineLog, time: Timestamp) -> Self {
        let (size, root) = (log.checkpoint().size, hex::encode(log.checkpoint().root_hash));
        Self { size: Some(size), root: Some(root), ..Self::begun(log, time) }
    }

    /// The root.
    pub(super) fn root_hash(&self) -> Option<[u8; 32]> {
        hex::decode(self.root.as_ref()?).ok()?.try_into().ok()
    }

    /// The marker of `dir`; none if it has none.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, BackupError> {
        let bytes = match fs::read(dir.join(BACKUP_MARKER)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let no_backup = |_| BackupError::NoBackup { path: dir.to_owned() };
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let Version { format } = serde_json::from_slice(&bytes).map_err(no_backup)?;
        if FORMAT_VERSION < format {
            return Err(OpenError::NewerFormat { what: "the backup", version: format }.into());
        }
        serde_json::from_slice(&bytes).map(Some).map_err(no_backup)
    }

    /// Replaces the marker of `dir`.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self).expect("a marker has string keys only");
        text.push(b'\n');
        write_durably(&dir.join(BACKUP_MARKER), &text)
    }
}
