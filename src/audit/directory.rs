//! The data directory: who may open it, whose it is, and file operations that last.
//!
//! ```text
//! LOCK          held by the process that has the directory open
//! OWNER.json    format version, log id, and for whom it was made
//! journal/      segments: the truth, each with an index once it is finished
//! tlog/         the Merkle tree: hashes, the last checkpoint, keys
//! sled/         the store, made from the journal
//! retention/    what stays of launches whose records were removed, and plans of removals under way
//! sled.broken-N a store that could not be used, kept to be looked at
//! SUSPECT       the store gave a wrong answer and is to be set aside at the next start
//! BEHIND.json   records are missing, or may be: nothing is launched (`standing`)
//! ACCEPTED.json that was so, and somebody let the log go on (`standing`)
//! BACKUP.json   this is a backup and no data directory (`backup`)
//! ```

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::OpenError;
use super::journal::LogNumber;
use crate::ids::{self, AccountId};

/// Version of the directory's layout that this program writes.
const FORMAT_VERSION: u32 = 1;

/// The file that says that a directory is a backup, whole or not.
pub(super) const BACKUP_MARKER: &str = "BACKUP.json";

/// The file with the key under which requests with redacted tags are compared.
pub const REDACTION_KEY: &str = "redaction-key";

/// For whom a data directory keeps the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Whether EC2 is the sandbox.
    pub sandbox: bool,
    /// The AWS accounts: first that of the server's own credentials, whose directory it is, then those that are
    /// served beside it, in any order. In `OWNER.json` all that ever were.
    pub accounts: Vec<AccountId>,
}

impl Owner {
    /// Whether both are the same one: of a directory's accounts only the first says whose it is.
    fn is(&self, other: &Self) -> bool {
        self.sandbox == other.sandbox && self.accounts.first() == other.accounts.first()
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.sandbox { "the sandbox" } else { "AWS" })?;
        for (place, account) in self.accounts.iter().enumerate() {
            write!(f, "{}{account}", if place == 0 { " account " } else { ", " })?;
        }
        Ok(())
    }
}

/// What `OWNER.json` holds. Fields may be added; a change of meaning needs a new version.
#[derive(Debug, Serialize, Deserialize)]
struct OwnerFile {
    format: u32,
    log_id: String,
    #[serde(flatten)]
    owner: Owner,
}

/// An open data directory, locked until this is dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    lock: File,
    log_id: String,
    log: LogNumber,
    /// As `OWNER.json` has it.
    owner: Owner,
}

impl Directory {
    /// Locks `path` for `owner`, making it if there is none.
    pub(super) fn open(path: &Path, owner: &Owner) -> Result<Self, OpenError> {
        make_dir(path)?;
        if path.join(BACKUP_MARKER).exists() {
            return Err(OpenError::Backup { path: path.to_owned() });
        }
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(path.join("LOCK"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let (log_id, owner) = match fs::read(path.join("OWNER.json")) {
            Ok(bytes) => read_owner(&bytes, owner)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // The owner is durable before there is a journal, so its loss is no crash.
                if path.join("journal").exists() {
                    return Err(OpenError::NoOwner);
                }
                let log_id = hex::encode(ids::random_bytes::<8>());
                write_owner(path, &log_id, owner)?;
                (log_id, owner.clone())
            }
            Err(error) => return Err(error.into()),
        };
        let mut log = LogNumber::default();
        hex::decode_to_slice(&log_id, &mut log).map_err(|_| OpenError::NoOwner)?;
        make_dir(&path.join("journal"))?;
        make_dir(&path.join("tlog"))?;
        Ok(Self { path: path.to_owned(), lock, log_id, log, owner })
    }

    /// The id of the log that is kept here: 16 hexadecimal digits.
    pub(super) fn log_id(&self) -> &str {
        &self.log_id
    }

    /// The same id as bytes.
    pub(super) fn log(&self) -> LogNumber {
        self.log
    }

    /// Whether its EC2 is the sandbox.
    pub(super) fn is_sandbox(&self) -> bool {
        self.owner.sandbox
    }

    /// The accounts that were served from it and are not among those of `wanted`.
    pub(super) fn left_out(&self, wanted: &Owner) -> Vec<AccountId> {
        self.owner.accounts.iter().filter(|account| !wanted.accounts.contains(account)).cloned().collect()
    }

    /// Notes that the accounts of `wanted` are served from it too, before there is a record of them.
    pub(super) fn serve(&mut self, wanted: &Owner) -> io::Result<()> {
        let known = self.owner.accounts.len();
        let new = wanted.accounts.iter().filter(|account| !self.owner.accounts.contains(account)).cloned();
        let new: Vec<_> = new.collect();
        self.owner.accounts.extend(new);
        if known < self.owner.accounts.len() { write_owner(&self.path, &self.log_id, &self.owner) } else { Ok(()) }
    }

    /// Where the segments are.
    pub(super) fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// Where hashes, checkpoint and keys are.
    pub(super) fn tlog(&self) -> PathBuf {
        self.path.join("tlog")
    }

    /// The directory itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the log on its checkpoints, unless the key has another.
    pub(super) fn origin(&self) -> String {
        format!("gantry/audit/{}", self.log_id)
    }

    /// Where the store is.
    pub(super) fn store(&self) -> PathBuf {
        self.path.join("sled")
    }

    /// Moves the store out of the way, under the first free name.
    pub(super) fn set_store_aside(&self) -> io::Result<()> {
        let mut number = 1;
        let mut aside = self.path.join("sled.broken-1");
        while aside.exists() {
            number += 1;
            aside = self.path.join(format!("sled.broken-{number}"));
        }
        match fs::rename(self.store(), aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        sync_dir(&self.path)
    }

    /// Notes that the store gave a wrong answer.
    pub(super) fn suspect_store(&self) -> io::Result<()> {
        File::create(self.path.join("SUSPECT"))?.sync_all()?;
        sync_dir(&self.path)
    }

    /// Whether that was noted.
    pub(super) fn store_is_suspect(&self) -> bool {
        self.path.join("SUSPECT").exists()
    }

    /// Takes the note back: the store has been made anew.
    pub(super) fn trust_store(&self) -> io::Result<()> {
        match fs::remove_file(self.path.join("SUSPECT")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Lets others open the directory.
    pub(super) fn unlock(&self) -> io::Result<()> {
        self.lock.unlock()
    }
}

/// Id, number and owner of the log in `dir`, which is not opened.
pub(super) fn read_owner_of(dir: &Path) -> Result<(String, LogNumber, Owner), OpenError> {
    let bytes = fs::read(dir.join("OWNER.json")).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => OpenError::NoOwner,
        _ => error.into(),
    })?;
    let file = parse_owner(&bytes)?;
    let mut log = LogNumber::default();
    hex::decode_to_slice(&file.log_id, &mut log).map_err(|_| OpenError::NoOwner)?;
    Ok((file.log_id, log, file.owner))
}

/// The log id and the owner in an owner file that `wanted` may open.
fn read_owner(bytes: &[u8], wanted: &Owner) -> Result<(String, Owner), OpenError> {
    let file = parse_owner(bytes)?;
    if !file.owner.is(wanted) {
        return Err(OpenError::OwnedByOther { owner: file.owner, wanted: wanted.clone() });
    }
    Ok((file.log_id, file.owner))
}

fn write_owner(path: &Path, log_id: &str, owner: &Owner) -> io::Result<()> {
    let file = OwnerFile { format: FORMAT_VERSION, log_id: log_id.to_owned(), owner: owner.clone() };
    let mut text = serde_json::to_vec_pretty(&file).expect("an owner has string keys only");
    text.push(b'\n');
    write_durably(&path.join("OWNER.json"), &text)
}

fn parse_owner(bytes: &[u8]) -> Result<OwnerFile, OpenError> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    // The version first: a later one may have other fields.
    let Version { format } = serde_json::from_slice(bytes).map_err(|_| OpenError::NoOwner)?;
    if FORMAT_VERSION < format {
        return Err(OpenError::NewerFormat { what: "the data directory", version: format });
    }
    serde_json::from_slice(bytes).map_err(|_| OpenError::NoOwner)
}

/// Makes a directory that only its owner may read, and those it is in, so that they last.
///
/// # Errors
/// If one cannot be made or synced.
pub fn make_dir(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !path.is_dir() {
        if !parent.is_dir() {
            make_dir(parent)?;
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
    }
    // Also of one that is there: whoever made it may have been killed before it synced the name.
    sync_dir(parent)
}

/// Replaces the file at `path`: after a crash it has its old content or the new, whole.
pub(super) fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
