//! Verifying a log without believing anything its server says.
//!
//! Every leaf hash and the root are recomputed from the leaves; signatures are checked with keys
//! that the auditor brings; checkpoints that were kept elsewhere pin what the log once was; and the
//! records are held against each other by rules that share no code with [`crate::record::Launch`],
//! so that a defect of the one shows in the other.

mod codes;
mod facts;
mod heads;
mod pruned;
mod report;
mod rounds;
mod rules;
mod tree;
mod trust;

use facts::{Pruning, What};
use heads::Heads;
use pruned::PrunedRanges;
use report::Failures;
use rounds::{Content, Read};
use rules::Rules;
use tree::RightEdge;

pub use codes::{Code, WarningCode};
pub use report::{Failure, Report, StepBack, Warning};
pub use trust::{Trust, TrustError};

use crate::ids::Sha256Digest;

/// One leaf, as the source has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf {
    /// The record, byte for byte.
    Kept(Vec<u8>),
    /// The record was removed by retention, and only its RFC 6962 leaf hash is left.
    Pruned([u8; 32]),
    /// The source does not hold the record, whether it was removed or not; its leaf hash.
    NotHeld([u8; 32]),
}

/// Why the source could not go on. What it had given before is verified all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SourceFault {
    /// The record that could not be read, where the source knows it.
    pub index: Option<u64>,
    /// Why, in one sentence.
    pub reason: String,
}

/// Where the leaves come from: a directory, an export, a server.
pub trait Leaves {
    /// The next leaves in order, beginning with record 0; none once there are no more. A batch is
    /// held in memory whole, and up to three times 4 MiB of batches are: a few hundred to a few
    /// thousand records are a good size.
    ///
    /// # Errors
    /// If the next record cannot be had. Nothing is asked for afterwards.
    fn next_batch(&mut self) -> Result<Vec<Leaf>, SourceFault>;

    /// The file of snapshots that the pruning of the records below `end` left. Sources that hold records
    /// only hold none.
    ///
    /// # Errors
    /// If it cannot be read.
    fn snapshots(&mut self, _end: u64) -> Result<Snapshots, SourceFault> {
        Ok(Snapshots::NotHeld)
    }
}

/// What a source has of the snapshots that a pruning left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snapshots {
    /// It holds no snapshots at all.
    NotHeld,
    /// It should have them, and does not.
    Missing,
    /// The file's hash and its lines.
    Found {
        /// SHA-256.
        sha256: Sha256Digest,
        /// Lines.
        lines: u64,
    },
}

/// Verifies a whole log: all leaves, the log's own signed `checkpoint`, and signed checkpoints of
/// any size that were `kept` elsewhere. Because the root is recomputed at the size of every kept
/// checkpoint, no consistency proof is needed. Blocking, on two threads; memory is about 150 bytes
/// for each launch.
pub fn verify(leaves: &mut dyn Leaves, checkpoint: &[u8], kept: &[Vec<u8>], trust: &Trust) -> Report {
    let mut failures = Failures::default();
    let heads = Heads::read(checkpoint, kept, trust, &mut failures);
    let mut walk = Walk {
        report: Report::new(trust.origin(), heads.log()),
        size_max: heads.size_max(),
        heads,
        tree: RightEdge::default(),
        pruned: PrunedRanges::default(),
        not_held: 0,
        prunings: Vec::new(),
        rules: Rules::default(),
        failures,
    };
    walk.heads.compare(&walk.tree, &mut walk.failures);
    let fault = rounds::each(leaves, |read| walk.take(read)).err();
    walk.check_snapshots(leaves);
    walk.finish(fault)
}

/// What is known after the leaves so far.
struct Walk {
    report: Report,
    heads: Heads,
    /// The largest size that any checkpoint speaks of; none if no checkpoint could be read.
    size_max: Option<u64>,
    tree: RightEdge,
    pruned: PrunedRanges,
    /// Records that the source does not hold.
    not_held: u64,
    /// The prunings so far, each with the record that says so.
    prunings: Vec<(u64, Pruning)>,
    rules: Rules,
    failures: Failures,
}

impl Walk {
    /// Takes in the next leaf; false if no further leaf is wanted.
    fn take(&mut self, read: Read) -> bool {
        let index = self.tree.size();
        if self.size_max.is_some_and(|max| max <= index) {
            let message = format!("There are records from {index} on that no checkpoint speaks of.");
            self.failures.note(Code::LogLongerThanCheckpoint, Some(index), None, message);
            return false;
        }
        self.tree.push(read.hash);
        self.heads.compare(&self.tree, &mut self.failures);
        match read.content {
            Content::Pruned => {
                self.pruned.leaf(index);
                self.rules.unseen_leaf(true);
            }
            Content::NotHeld => {
                self.not_held += 1;
                self.rules.unseen_leaf(false);
            }
            Content::Unreadable { bytes, code, message } => {
                self.report.count_bytes(bytes);
                self.failures.note(code, Some(index), None, message);
            }
            Content::Later { bytes, time, kind } => {
                self.report.count_bytes(bytes);
                self.report.count_time(index, time);
                self.report.note_unknown_kind(index, &kind);
            }
            Content::Facts { bytes, facts } => {
                self.report.count_bytes(bytes);
                self.report.count_time(index, facts.time);
                let launch_id = facts.launch_id;
                if let What::Pruned(pruning) = &facts.what {
                    self.pruned.record(&pruning.covered, pruning.removed);
                    self.prunings.push((index, pruning.clone()));
                }
                if let Err(broken) = self.rules.take(index, &facts) {
                    self.failures.note(broken.code, Some(index), launch_id, broken.message);
                }
            }
        }
        true
    }

    /// Holds what is on file of the launches that were removed against the records that say so.
    fn check_snapshots(&mut self, source: &mut dyn Leaves) {
        for (index, Pruning { covered, removed: _, snapshots, sha256 }) in std::mem::take(&mut self.prunings) {
            let message = match source.snapshots(covered.end) {
                Ok(Snapshots::NotHeld) => continue,
                Ok(Snapshots::Found { sha256: found, lines }) if (found, lines) == (sha256, snapshots) => continue,
                Ok(Snapshots::Found { .. }) => "The snapshots of this pruning are not those that it says.".to_owned(),
                Ok(Snapshots::Missing) => "The snapshots of this pruning are missing.".to_owned(),
                Err(fault) => format!("The snapshots of this pruning could not be read: {fault}"),
            };
            self.failures.note(Code::SnapshotsAltered, Some(index), None, message);
        }
    }

    fn finish(mut self, fault: Option<SourceFault>) -> Report {
        let size = self.tree.size();
        match fault {
            // What lies behind it was not seen, so nothing can be said about the size.
            Some(fault) => {
                let message = format!("The record could not be read: {fault}");
                self.failures.note(Code::RecordUnreadable, fault.index.or(Some(size)), None, message);
            }
            None => self.heads.note_missing(size, &mut self.failures),
        }
        if let Some(index) = self.pruned.unrecorded() {
            let message = "The record was removed, and no later record says that it was to be.".to_owned();
            self.failures.note(Code::PruningNotRecorded, Some(index), None, message);
        }
        let (pruned, recorded) = (self.pruned.count(), self.pruned.recorded());
        if recorded < pruned && self.pruned.unrecorded().is_none() {
            let message = format!("{pruned} records were removed, and the records that say so speak of {recorded}.");
            self.failures.note(Code::PruningNotRecorded, None, None, message);
        }
        for (index, id) in self.rules.undecided_from(self.pruned.end()) {
            let message = "The launch's first record is not its decision, and retention has not come to it.".to_owned();
            self.failures.note(Code::LaunchNotDecided, Some(index), Some(id), message);
        }
        self.report.finish(&self.tree, self.heads.matched(), (pruned, self.not_held), &self.rules, self.failures)
    }
}

#[cfg(test)]
mod tests;
