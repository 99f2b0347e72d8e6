//! Whether the log is known to have lost records, and whether somebody let it go on all the same.
//!
//! ```text
//! BEHIND.json    it is behind: how that is known, and by how much
//! ACCEPTED.json  it was, and was let go on: from when on, and why
//! ```
//!
//! A log that is behind may have forgotten request ids and attempts, so whoever launches asks here first.
//! It is behind from the moment that this is known, over every restart, until [`accept`]. What was
//! accepted stays known: the same witness will say the same again, and launches from before are never
//! driven on.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::directory::{self, Directory, sync_dir, write_durably};
use super::error::OpenError;
use super::log::AuditLog;
use crate::crash;
use crate::record::Acceptance;

/// The file that says that the log is behind.
const BEHIND: &str = "BEHIND.json";

/// The file that says that it was let go on.
const ACCEPTED: &str = "ACCEPTED.json";

/// Characters of a reason for going on: enough to be one, and what fits a record.
pub const ACCEPT_REASON_CHARS: std::ops::RangeInclusive<usize> = 10..=500;

/// How it is known that a log is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BehindCause {
    /// It was made from a backup.
    Restored,
    /// A witness has cosigned what is not in it.
    Witness,
    /// A checkpoint that was kept elsewhere states what is not in it.
    Checkpoint,
}

/// Claims that are remembered; there are as many witnesses at most.
const CLAIMS_MAX: usize = 64;

/// That somebody has seen so many records of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Who.
    pub cause: BehindCause,
    /// How many.
    pub size: u64,
}

/// That a log has lost records, or may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// How that is known.
    pub cause: BehindCause,
    /// Records that it had when that was found.
    pub size: u64,
    /// Records that it is known to have had; none if nobody says. Not above `size` if these records
    /// were others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_size: Option<u64>,
    /// The witness or the file that says so; empty where it is a restore that nobody was asked about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub told_by: String,
    /// When it was found.
    pub time: Timestamp,
    /// What was said, by whomever.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cause, size, known_size, told_by, time: _, claims: _ } = self;
        match (cause, known_size) {
            (BehindCause::Restored, None) => {
                write!(f, "it was restored from a backup of {size} records, and how many came after is not known")
            }
            (BehindCause::Restored, Some(known)) if size < known => {
                write!(f, "it was restored from a backup of {size} records and once had {known}: ")?;
                write!(f, "{} are missing", known - size)
            }
            (BehindCause::Restored, Some(_)) => {
                write!(f, "it was restored from a backup of {size} records; a checkpoint states no more, but more ")?;
                f.write_str("may have come after that")
            }
            (BehindCause::Witness | BehindCause::Checkpoint, known) => {
                match cause {
                    BehindCause::Witness => write!(f, "the witness {told_by} has cosigned")?,
                    BehindCause::Restored | BehindCause::Checkpoint => write!(f, "the checkpoint in {told_by} states")?,
                }
                match known {
                    Some(known) if size < known => {
                        write!(f, " {known} records and it has {size}: {} are missing", known - size)
                    }
                    Some(known) => write!(f, " {known} records that are not its first {known}: it was set back"),
                    None => f.write_str(" records that it does not have"),
                }
            }
        }
    }
}

/// That a log which is behind was let go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Records that it had when it was found behind.
    pub size: u64,
    /// The most records that it was known to have had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_size: Option<u64>,
    /// Why.
    pub reason: String,
    /// When.
    pub time: Timestamp,
    /// The record that says so; none until the next start has written it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<u64>,
    /// What was said before. Whoever says the same again says nothing new; less may be news: the log may
    /// have been set back once more since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
}

/// Why a log is not let go on.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The directory cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is nothing to accept.
    #[error("the log is not known to be behind: there is nothing to accept")]
    NotBehind,
    /// That is no reason.
    #[error(
        "a reason has from {} to {} characters, not {chars}",
        ACCEPT_REASON_CHARS.start(),
        ACCEPT_REASON_CHARS.end()
    )]
    Reason {
        /// How many it has.
        chars: usize,
    },
    /// A file could not be read or written.
    #[error("the data directory could not be written")]
    Io(#[from] io::Error),
}

/// Lets the log in the directory at `path`, which nobody may have open, go on from where it is.
///
/// # Errors
/// [`AcceptError`]. It is behind then as it was, and this may be repeated.
pub fn accept(path: &Path, reason: &str, now: Timestamp) -> Result<Accepted, AcceptError> {
    let chars = reason.trim().chars().count();
    if !ACCEPT_REASON_CHARS.contains(&chars) {
        return Err(AcceptError::Reason { chars });
    }
    let (_, _, owner) = directory::read_owner_of(path)?;
    let directory = Directory::open(path, &owner)?;
    let behind: Behind = read(&path.join(BEHIND))?.ok_or(AcceptError::NotBehind)?;
    let before: Option<Accepted> = read(&path.join(ACCEPTED))?;
    let known_size = behind.known_size.max(before.as_ref().and_then(|before| before.known_size));
    let mut claims = before.map(|before| before.claims).unwrap_or_default();
    behind.claims.into_iter().for_each(|claim| remember(&mut claims, claim));
    let accepted =
        Accepted { size: behind.size, known_size, reason: reason.trim().to_owned(), time: now, recorded: None, claims };
    // While both files are there the log is behind, and nothing is recorded: whoever is killed here
    // accepts again.
    write(&path.join(ACCEPTED), &accepted)?;
    crash::point("accept.step");
    fs::remove_file(path.join(BEHIND))?;
    sync_dir(path)?;
    directory.unlock()?;
    Ok(accepted)
}

/// Says of the directory at `path`, which is being made from a backup, that it is behind.
pub(super) fn mark_restored(path: &Path, behind: &Behind) -> io::Result<()> {
    write(&path.join(BEHIND), behind)
}

/// What an open log knows about itself.
#[derive(Debug)]
pub(super) struct Standing {
    behind: RwLock<Option<Behind>>,
    accepted: RwLock<Option<Accepted>>,
    /// Records that there were at opening.
    opened_size: u64,
}

impl Standing {
    /// Reads it from the directory at `path`, whose log has `size` records.
    ///
    /// # Errors
    /// [`OpenError::BadMarker`]: a file that cannot be read must not let launches through.
    pub(super) fn read(path: &Path, size: u64) -> Result<Self, OpenError> {
        Ok(Self {
            behind: RwLock::new(read(&path.join(BEHIND))?),
            accepted: RwLock::new(read(&path.join(ACCEPTED))?),
            opened_size: size,
        })
    }
}

impl AuditLog {
    /// How it is known that the log is behind; none if it is not. Nothing must be launched then.
    pub fn behind(&self) -> Option<Behind> {
        self.shared.standing.behind.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that somebody has seen `known_size` records of this log, which it does not have, or which
    /// are not its first. Whether that is news: it may be known, or have been accepted. The log is behind
    /// at once, also if that cannot be written down. Blocks on a sync.
    pub fn note_behind(&self, cause: BehindCause, known_size: u64, told_by: &str, now: Timestamp) -> bool {
        let standing = &self.shared.standing;
        let accepted = standing.accepted.read().unwrap_or_else(PoisonError::into_inner);
        let is_known = |claims: &[Claim]| claims.iter().any(|claim| claim.size == known_size);
        if accepted.as_ref().is_some_and(|accepted| is_known(&accepted.claims)) {
            return false;
        }
        let mut behind = standing.behind.write().unwrap_or_else(PoisonError::into_inner);
        let mut noted = match behind.take() {
            Some(known) if is_known(&known.claims) => {
                *behind = Some(known);
                return false;
            }
            // It stays what was restored; how much is missing is what becomes known.
            Some(known) if known.known_size < Some(known_size) => {
                Behind { known_size: Some(known_size), told_by: told_by.to_owned(), ..known }
            }
            Some(known) => known,
            None => Behind {
                cause,
                size: self.size(),
                known_size: Some(known_size),
                told_by: told_by.to_owned(),
                time: now,
                claims: Vec::new(),
            },
        };
        remember(&mut noted.claims, Claim { cause, size: known_size });
        let path = self.shared.directory.path().join(BEHIND);
        if let Err(error) = write(&path, &noted) {
            // It is behind until this process ends. The next has to be told again.
            tracing::error!(error = &error as &dyn std::error::Error, "not written down that the log is behind");
        }
        *behind = Some(noted);
        true
    }

    /// What the record of this start has to say of an acceptance; none if there is none, or it is on record.
    pub fn acceptance_to_record(&self) -> Option<Acceptance> {
        if self.behind().is_some() {
            return None;
        }
        let accepted = self.shared.standing.accepted.read().unwrap_or_else(PoisonError::into_inner);
        let accepted = accepted.as_ref().filter(|accepted| accepted.recorded.is_none())?;
        let Accepted { size, known_size, reason, time: _, recorded: _, claims: _ } = accepted.clone();
        Some(Acceptance { at_size: size, known_size, reason })
    }

    /// Notes that record `index`, which is durable, says what there was to say, if there was. If we crash
    /// before, or this fails, the next start says it once more. Blocks on a sync.
    pub fn acceptance_recorded(&self, index: u64) {
        if self.acceptance_to_record().is_none() {
            return;
        }
        let mut accepted = self.shared.standing.accepted.write().unwrap_or_else(PoisonError::into_inner);
        let Some(accepted) = accepted.as_mut() else { return };
        accepted.recorded = Some(index);
        if let Err(error) = write(&self.shared.directory.path().join(ACCEPTED), accepted) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the acceptance will be recorded once more");
        }
    }

    /// Forgets what checkpoints kept elsewhere said before it was accepted: the file has been written over,
    /// and what it says from now on is of this log as it is. Blocks on a sync, the first time.
    pub fn checkpoint_was_kept(&self) {
        let mut accepted = self.shared.standing.accepted.write().unwrap_or_else(PoisonError::into_inner);
        let Some(accepted) = accepted.as_mut() else { return };
        let claims = accepted.claims.len();
        accepted.claims.retain(|claim| claim.cause == BehindCause::Witness);
        if accepted.claims.len() < claims
            && let Err(error) = write(&self.shared.directory.path().join(ACCEPTED), accepted)
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "it is forgotten at the next start");
        }
    }

    /// Launches that were decided below this index may have gone on in records that were lost; none if
    /// no records were.
    pub fn doubtful_below(&self) -> Option<u64> {
        let accepted = self.shared.standing.accepted.read().unwrap_or_else(PoisonError::into_inner);
        accepted.as_ref().map(|accepted| accepted.recorded.unwrap_or(self.shared.standing.opened_size))
    }
}

/// Adds a claim that was not made before.
fn remember(claims: &mut Vec<Claim>, claim: Claim) {
    if !claims.contains(&claim) {
        if CLAIMS_MAX <= claims.len() {
            claims.remove(0);
        }
        claims.push(claim);
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, OpenError> {
    match fs::read(path) {
        Ok(bytes) => {
            let read = serde_json::from_slice(&bytes);
            read.map(Some).map_err(|source| OpenError::BadMarker { path: PathBuf::from(path), source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn write<T: Serialize>(path: &Path, marker: &T) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(marker).expect("a marker has string keys only");
    text.push(b'\n');
    write_durably(path, &text)
}
