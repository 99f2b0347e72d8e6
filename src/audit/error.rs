//! What can go wrong with the log: at opening, at appending, at reading.

use std::io;
use std::path::PathBuf;

use super::directory::Owner;
use super::store::StoreError;
use super::transparency::{KeyError, SignError};
use crate::ids::{AccountId, LaunchId};
use crate::record::ApplyError;

/// Why a data directory cannot be opened. Nothing is served then: a log that has been damaged, or
/// that belongs to somebody else, is for a person to look at.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the data directory is in use by another process")]
    Locked,
    /// It was made for another account's server, or for AWS and not the sandbox.
    #[error("the data directory belongs to {owner}, not to {wanted}")]
    OwnedByOther {
        /// Whose it is.
        owner: Owner,
        /// Who wanted to open it.
        wanted: Owner,
    },
    /// An account is not to be served any more, and something is still to be done for launches in it.
    #[error(
        "account {account_id} is not among those to be served, and launches in it are open, {launch_id} for one: serve it \
         until they have come to their end"
    )]
    AccountInUse {
        /// The account.
        account_id: AccountId,
        /// The first of its open launches.
        launch_id: LaunchId,
    },
    /// It is no data directory, or there are records and nothing says whose.
    #[error("the data directory has no readable OWNER.json")]
    NoOwner,
    /// It is a backup, which is not to be written to.
    #[error(
        "{} is a backup: `gantry audit restore --from {} --data-dir NEW` makes a data directory of it",
        path.display(),
        path.display()
    )]
    Backup {
        /// The directory.
        path: PathBuf,
    },
    /// A file that says whether the log is behind cannot be read.
    #[error("{} is damaged: it says whether the log may launch, and must not be guessed", path.display())]
    BadMarker {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A later version of the program wrote it.
    #[error("{what} has format version {version}, which this program does not know")]
    NewerFormat {
        /// Which file.
        what: &'static str,
        /// Its version.
        version: u32,
    },
    /// A file among the segments is not a segment of this log.
    #[error("{} is not the segment of this log that its name says", path.display())]
    ForeignSegment {
        /// The file.
        path: PathBuf,
    },
    /// A record that was acknowledged is damaged or missing.
    #[error("record {index} of the journal is damaged or missing")]
    Damaged {
        /// The first such record.
        index: u64,
    },
    /// A record is sound and says what cannot be.
    #[error("record {index} of the journal does not follow from the records before it")]
    Unexplained {
        /// The record.
        index: u64,
        /// Why not, where the record could be read at all.
        source: Option<ApplyError>,
    },
    /// The store has seen records that the journal does not have: the journal is not the one it
    /// was made from, or has lost its end.
    #[error("the store has seen {applied} records, but the journal ends before record {size}")]
    StoreAhead {
        /// How many records the store has seen.
        applied: u64,
        /// How many records the journal has: the index of the first that is missing.
        size: u64,
    },
    /// The last checkpoint states more records than there are: some that were acknowledged are gone,
    /// or the directory is a mixture of two times.
    #[error("the last checkpoint states {stated} records, but the journal ends before record {size}")]
    CheckpointAhead {
        /// How many records the checkpoint states.
        stated: u64,
        /// How many records the journal has.
        size: u64,
    },
    /// The records are not those that were signed.
    #[error("{}", root_mismatch(*size, *index))]
    RootMismatch {
        /// The size of the last checkpoint.
        size: u64,
        /// The first record that is not what it was, where the hashes on file still tell.
        index: Option<u64>,
    },
    /// The hash of a record is gone, and retention has removed the record.
    #[error(
        "the Merkle hash of record {index} is missing, and the record was pruned: restore tlog/hashes from a backup"
    )]
    HashLost {
        /// The record.
        index: u64,
    },
    /// What a pruning left of launches is gone or altered, and the store is to be made from it: repeated
    /// requests would not be known.
    #[error(
        "{} is missing or not what record {index} says: restore it from a backup", path.display()
    )]
    SnapshotsLost {
        /// The record of the pruning.
        index: u64,
        /// The file.
        path: PathBuf,
    },
    /// There is no key to sign with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The first checkpoint could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The store could not be opened, or not even rebuilt.
    #[error("the store could not be opened")]
    Store(#[source] StoreError),
    /// A file could not be read or written.
    #[error("the data directory could not be read or written")]
    Io(#[from] io::Error),
}

fn root_mismatch(size: u64, index: Option<u64>) -> String {
    let what = format!("the first {size} records do not have the root hash that the last checkpoint states");
    match index {
        Some(index) => format!("{what}: record {index} is not what was signed"),
        None => format!("{what}: `gantry audit verify` with a checkpoint kept elsewhere says which record differs"),
    }
}

/// Why entries were not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Too much is waiting to be written. Nothing was written; it may be tried again later.
    #[error("too many records are waiting to be written")]
    Full,
    /// The disk has no more than its reserve left. Nothing was written; it goes on when there is room.
    #[error("there is too little free space for the audit log")]
    NoSpace,
    /// The log takes no records: a write failed, or it is closed. Whether these entries are in it is
    /// known only once it has been opened again.
    #[error("the audit log is unavailable")]
    Unavailable,
    /// An entry is longer than [`super::RECORD_BYTES_MAX`]. Nothing was written.
    #[error("the record is {bytes} bytes long, more than {}", super::RECORD_BYTES_MAX)]
    TooLarge {
        /// Its length as JSON, in bytes.
        bytes: usize,
    },
    /// More than [`super::APPEND_ENTRIES_MAX`] entries at once. Nothing was written.
    #[error("{entries} records at once, more than {}", super::APPEND_ENTRIES_MAX)]
    TooMany {
        /// How many.
        entries: usize,
    },
    /// An entry does not follow from the entries before it. Nothing was written.
    #[error("the record does not follow from the records before it")]
    Conflict(#[from] ApplyError),
    /// A launch id was not made within [`super::LAUNCH_ID_LAG_MAX`] of the decision. Searches by
    /// time rely on it. Nothing was written.
    #[error("the launch id and the decision are of different days")]
    MisdatedLaunch,
    /// A launch that was to be pruned has gone on since it was planned. Nothing was written.
    #[error("launches that were to be pruned have changed")]
    PruningStale,
    /// The entry does not carry the key it was to be appended under. Nothing was written.
    #[error("the record does not carry the request key")]
    KeyMismatch,
}

/// Why something could not be read. A record or launch that is not there is no error.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A record on disk is not what was written.
    #[error("record {index} of the journal is damaged")]
    Damaged {
        /// The record.
        index: u64,
    },
    /// Retention has removed the record. Its hash is still there.
    #[error("record {index} was removed by retention")]
    Pruned {
        /// The record.
        index: u64,
    },
    /// The store could not be read.
    #[error("the store could not be read")]
    Store(#[from] StoreError),
    /// The journal could not be read.
    #[error("the journal could not be read")]
    Io(#[source] io::Error),
    /// The log was closed.
    #[error("the audit log is closed")]
    Closed,
}
