//! What a verification found.

use std::time::Duration;

use serde::Serialize;

use super::codes::{Code, WarningCode};
use super::heads::Head;
use super::rules::Rules;
use super::tree::RightEdge;
use crate::clock::Timestamp;
use crate::ids::{LaunchId, Sha256Digest};

/// Failures of more codes than this are not kept.
const CODES_MAX: usize = 20;

/// A name from the log is quoted no further than this.
pub(super) const QUOTE_CHARS_MAX: usize = 64;

/// What a verification found. The log is sound if `failures` is empty.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The log's name.
    pub origin: String,
    /// Leaves that were read.
    pub records: u64,
    /// Launches among them.
    pub launches: u64,
    /// Bytes of the records that were there, without those removed.
    pub bytes: u64,
    /// RFC 6962 root over the leaves that were read.
    pub root: Sha256Digest,
    /// Records that the log's own checkpoint speaks of; none if it could not be read or trusted.
    pub checkpoint_size: Option<u64>,
    /// The keys that signed the log's own checkpoint, `name+hash`.
    pub signed_by: Vec<String>,
    /// Sizes of the kept checkpoints whose root the records have.
    pub kept_matched: Vec<u64>,
    /// Leaves whose record was removed.
    pub pruned: u64,
    /// Leaves whose record the source does not hold, whether it was removed or not.
    #[serde(skip_serializing_if = "is_none")]
    pub not_held: u64,
    /// The earliest time of a record.
    pub first_time: Option<Timestamp>,
    /// The latest time of a record.
    pub last_time: Option<Timestamp>,
    /// Where the time of records went back the furthest.
    pub step_back: Option<StepBack>,
    /// What an auditor should know.
    pub warnings: Vec<Warning>,
    /// What is wrong: one failure for each code, the first bad record first. Failures that are
    /// about no record come last.
    pub failures: Vec<Failure>,
}

/// A record that is older than one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StepBack {
    /// The record.
    pub index: u64,
    /// How much older than the latest record before it.
    pub by: Duration,
}

/// What an auditor should know although it breaks no rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Which.
    pub code: WarningCode,
    /// The first record it is about, where it is about one.
    pub index: Option<u64>,
    /// How many records or launches it is about.
    pub count: u64,
    /// One sentence.
    pub message: String,
}

/// The first failure of one code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The record; none where it is about a checkpoint.
    pub index: Option<u64>,
    /// The launch of the record, where it names one.
    pub launch_id: Option<LaunchId>,
    /// What is wrong.
    pub code: Code,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub remedy: &'static str,
    /// How many failures of this code there are. Of one launch only the first failure counts.
    pub count: u64,
}

impl Report {
    pub(super) fn new(origin: &str, log: Option<&Head>) -> Self {
        Self {
            origin: origin.to_owned(),
            records: 0,
            launches: 0,
            bytes: 0,
            root: Sha256Digest::from_bytes(tlog_tiles::EMPTY_HASH.0),
            checkpoint_size: log.map(|head| head.size),
            signed_by: log.map(|head| head.signed_by.clone()).unwrap_or_default(),
            kept_matched: Vec::new(),
            pruned: 0,
            not_held: 0,
            first_time: None,
            last_time: None,
            step_back: None,
            warnings: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.failures.is_empty()
    }

    pub(super) fn count_bytes(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Clocks do step back; how far is for the auditor to judge.
    pub(super) fn count_time(&mut self, index: u64, time: Timestamp) {
        if let Some(last) = self.last_time
            && let Ok(by) = Duration::try_from(last.duration_since(time))
            && self.step_back.map_or(Duration::ZERO, |step| step.by) < by
        {
            self.step_back = Some(StepBack { index, by });
        }
        self.first_time = Some(self.first_time.map_or(time, |first| first.min(time)));
        self.last_time = Some(self.last_time.map_or(time, |last| last.max(time)));
    }

    pub(super) fn note_unknown_kind(&mut self, index: u64, kind: &str) {
        match self.warnings.iter_mut().find(|warning| warning.code == WarningCode::UnknownKind) {
            Some(warning) => warning.count += 1,
            None => self.warnings.push(Warning {
                code: WarningCode::UnknownKind,
                index: Some(index),
                count: 1,
                message: format!(
                    "There are records of kinds that this version does not know, the first {kind:?}; no rule was \
                     applied to them."
                ),
            }),
        }
    }

    pub(super) fn finish(
        mut self,
        tree: &RightEdge,
        kept_matched: Vec<u64>,
        (pruned, not_held): (u64, u64),
        rules: &Rules,
        failures: Failures,
    ) -> Self {
        if let Some(StepBack { index, by }) = self.step_back {
            self.warnings.push(Warning {
                code: WarningCode::ClockSteppedBack,
                index: Some(index),
                count: 1,
                message: format!("The record is {by:?} older than one before it; the clock went back."),
            });
        }
        if 0 < rules.in_part() {
            self.warnings.push(Warning {
                code: WarningCode::RulesSkipped,
                index: None,
                count: rules.in_part(),
                message: "These launches have records that are not there, or may have; rules that need those were not \
                          applied to them."
                    .to_owned(),
            });
        }
        if 0 < not_held {
            self.warnings.push(Warning {
                code: WarningCode::RecordsNotHeld,
                index: None,
                count: not_held,
                message: "These records are not in this export, which has their hashes only; nothing was said of \
                          them."
                    .to_owned(),
            });
        }
        self.records = tree.size();
        self.root = Sha256Digest::from_bytes(tree.root().0);
        self.launches = rules.launches();
        self.kept_matched = kept_matched;
        (self.pruned, self.not_held) = (pruned, not_held);
        self.failures = failures.sorted();
        self
    }
}

/// For serde, which gives a reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// The failures so far.
#[derive(Debug, Default)]
pub(super) struct Failures {
    found: Vec<Failure>,
}

impl Failures {
    pub(super) fn note(&mut self, code: Code, index: Option<u64>, launch_id: Option<LaunchId>, message: String) {
        if let Some(failure) = self.found.iter_mut().find(|failure| failure.code == code) {
            failure.count += 1;
        } else if self.found.len() < CODES_MAX {
            self.found.push(Failure { index, launch_id, code, message, remedy: code.remedy(), count: 1 });
        }
    }

    fn sorted(mut self) -> Vec<Failure> {
        self.found.sort_by_key(|failure| failure.index.unwrap_or(u64::MAX));
        self.found
    }
}
