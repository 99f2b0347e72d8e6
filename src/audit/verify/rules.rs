//! The rules that records obey among each other.
//!
//! A second account of what a launch may do, written from the records' meaning and not from
//! [`crate::record::Launch`], which is the first. Of a launch it keeps a few words, so that a
//! log of millions can be held against it.

mod follow;
mod tables;

use std::collections::HashMap;
use std::time::Duration;

use follow::Stand;
use tables::Tables;

use super::codes::Code;
use super::facts::{Facts, What};
use crate::clock::Timestamp;
use crate::ids::LaunchId;

/// A launch id is made at most this long before or after its decision.
const LAUNCH_ID_LAG_MAX: Duration = Duration::from_hours(24);

/// A rule that a record breaks.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) code: Code,
    /// One sentence.
    pub(super) message: String,
}

impl Broken {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// What the records so far allow.
#[derive(Debug, Default)]
pub(super) struct Rules {
    launches: HashMap<LaunchId, Stand>,
    tables: Tables,
    /// How many launches had begun when a record was met last that the source does not hold; none if none
    /// was.
    begun_at_unseen: Option<u32>,
    /// Launches of which a record may be missing, and that went on.
    in_part: u64,
    /// Whether the source has left out records, whether they were removed or not.
    is_partial: bool,
    /// Whether launches are paused, as far as was seen.
    is_paused: bool,
    /// Launches whose decision was removed, if it ever was: the first record of each that is there.
    undecided: Vec<(u64, LaunchId)>,
}

impl Rules {
    /// The next leaf's record is not there to be seen: it may have been of any launch. Either it was
    /// removed, or the source does not hold it.
    pub(super) fn unseen_leaf(&mut self, is_removed: bool) {
        self.is_partial |= !is_removed;
        // It may have resumed launches; what retention removes has not.
        self.is_paused &= is_removed;
        self.begun_at_unseen = Some(self.begun());
        self.tables.has_gaps = true;
    }

    /// Takes in the next record. Once a launch has broken a rule nothing more is said of it: what
    /// follows a record that should not be there proves nothing.
    pub(super) fn take(&mut self, index: u64, facts: &Facts) -> Result<(), Broken> {
        if let What::Switched { paused } = facts.what {
            self.is_paused = paused;
        }
        self.take_by_launch(index, facts)?;
        let goes_on = matches!(facts.what, What::Decided { admitted: true, .. } | What::Intended { .. });
        if self.is_paused && goes_on {
            let stand = facts.launch_id.and_then(|id| self.launches.get_mut(&id));
            if stand.is_some_and(|stand| std::mem::replace(&mut stand.broken, true)) {
                return Ok(());
            }
            let message = "A launch was admitted or an attempt begun although launches were paused.";
            return Err(Broken::new(Code::LaunchedWhilePaused, message));
        }
        Ok(())
    }

    fn take_by_launch(&mut self, index: u64, facts: &Facts) -> Result<(), Broken> {
        let Some(id) = facts.launch_id else { return without_launch(facts) };
        let begun = self.begun();
        let Some(stand) = self.launches.get_mut(&id) else { return self.begin(index, id, begun, facts) };
        if stand.broken {
            return Ok(());
        }
        if !stand.in_part && self.begun_at_unseen.is_some_and(|at| stand.number < at) {
            stand.in_part = true;
            self.in_part += 1;
        }
        let taken = stand.follow(id, facts, &mut self.tables);
        stand.broken = taken.is_err();
        taken
    }

    /// How many launches there are.
    pub(super) fn launches(&self) -> u64 {
        self.launches.len() as u64
    }

    /// Launches without a decision of which no record is below `end`. Of a launch retention removes all
    /// records or none, in a part of the log that it has come to: theirs was not removed.
    pub(super) fn undecided_from(&self, end: u64) -> impl Iterator<Item = (u64, LaunchId)> {
        self.undecided.iter().copied().filter(move |(index, _)| end <= *index)
    }

    /// How many launches went on after a record of theirs that the source may not hold.
    pub(super) fn in_part(&self) -> u64 {
        self.in_part
    }

    fn begun(&self) -> u32 {
        u32::try_from(self.launches.len()).unwrap_or(u32::MAX)
    }

    fn begin(&mut self, index: u64, id: LaunchId, number: u32, facts: &Facts) -> Result<(), Broken> {
        let mut stand = Stand::new(number);
        let begun = if matches!(facts.what, What::Decided { .. }) {
            stand.decide(id, facts, &mut self.tables)
        } else if matches!(facts.what, What::Started | What::Switched { .. } | What::Pruned(_) | What::Previewed) {
            stand.follow(id, facts, &mut self.tables)
        } else if self.begun_at_unseen.is_some() {
            // Its decision may be among the records that are not there.
            if !self.is_partial {
                self.undecided.push((index, id));
            }
            stand.in_part = true;
            self.in_part += 1;
            stand.follow(id, facts, &mut self.tables)
        } else {
            let message = "The launch's first record is not its decision: it was not decided before this happened.";
            Err(Broken::new(Code::LaunchNotDecided, message))
        };
        stand.broken = begun.is_err();
        self.launches.insert(id, stand);
        begun
    }
}

fn without_launch(facts: &Facts) -> Result<(), Broken> {
    match facts.what {
        // An instance may be watched that no launch of this log made.
        What::Started | What::Switched { .. } | What::Pruned(_) | What::Previewed | What::Phase { .. } => Ok(()),
        _ => Err(Broken::new(
            Code::LaunchIdMissing,
            "What it records happens to launches, and it does not say to which.",
        )),
    }
}

/// Launch ids are UUIDv7 (RFC 9562 section 5.7): the first 48 bits are Unix milliseconds.
fn is_of_its_day(id: LaunchId, time: Timestamp) -> bool {
    let mut millis = [0; 8];
    millis[2..].copy_from_slice(&id.as_bytes()[..6]);
    let made = i128::from(u64::from_be_bytes(millis));
    let lag = (made - i128::from(time.as_millisecond())).unsigned_abs();
    lag <= LAUNCH_ID_LAG_MAX.as_millis()
}
