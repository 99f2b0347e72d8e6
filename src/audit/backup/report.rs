//! What a backup or a restore did, for people and as JSON.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// What a backup did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupReport {
    /// Where it is.
    pub path: PathBuf,
    /// The log.
    pub log_id: String,
    /// Records that it has.
    pub size: u64,
    /// The root over them, hexadecimal.
    pub root: String,
    /// Records that it had before; none if it is new.
    pub size_before: Option<u64>,
    /// Segments that were copied.
    pub segments_copied: u64,
    /// Segments that were there.
    pub segments_kept: u64,
    /// Bytes of segments and hashes that were copied.
    pub bytes_copied: u64,
    /// Whether the private key is in it.
    pub with_key: bool,
}

impl fmt::Display for BackupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} has {} records of the log {}", self.path.display(), self.size, self.log_id)?;
        writeln!(f, "  root         {}", self.root)?;
        write!(f, "  copied       {} segments, {} bytes", self.segments_copied, self.bytes_copied)?;
        if let Some(before) = self.size_before {
            write!(f, "; {} segments were there, {} records", self.segments_kept, before)?;
        }
        let key = if self.with_key { "in the backup: keep it as secret as the server's" } else { "not in the backup" };
        write!(f, "\n  private key  {key}")
    }
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreReport {
    /// Where the data directory is.
    pub path: PathBuf,
    /// The log.
    pub log_id: String,
    /// Records that it has.
    pub size: u64,
    /// The root over them, hexadecimal.
    pub root: String,
    /// Records that the checkpoint kept elsewhere states; none if none was given.
    pub known_size: Option<u64>,
    /// The verifier key, if a new one was made.
    pub new_key: Option<String>,
}

impl fmt::Display for RestoreReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} has {} records of the log {}", self.path.display(), self.size, self.log_id)?;
        writeln!(f, "  root         {}", self.root)?;
        match self.known_size {
            Some(known) if self.size < known => {
                writeln!(f, "  behind       by {} records: a checkpoint states {known}", known - self.size)?;
            }
            Some(known) if known == self.size => {
                writeln!(f, "  behind       it is at the checkpoint of {known} records")?
            }
            Some(known) => writeln!(f, "  behind       it has grown from the checkpoint of {known} records")?,
            None => writeln!(f, "  behind       not known: no checkpoint kept elsewhere was given (--checkpoint)")?,
        }
        match &self.new_key {
            Some(key) => writeln!(f, "  new key      {key}")?,
            None => writeln!(f, "  key          the one in the backup")?,
        }
        f.write_str("A server on it serves reads and launches nothing until `gantry audit accept`.")
    }
}
