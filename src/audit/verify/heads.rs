//! The checkpoints that the records are held against.

use tlog_tiles::Hash;

use super::codes::Code;
use super::report::Failures;
use super::tree::RightEdge;
use super::trust::Trust;

/// What a signed checkpoint says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    pub(super) size: u64,
    pub(super) root: Hash,
    /// The trusted keys that signed it, `name+hash`.
    pub(super) signed_by: Vec<String>,
}

/// Which checkpoint of those given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// The log's own.
    Log,
    /// One that was kept elsewhere, by its place among them, from 0.
    Kept(usize),
}

impl Which {
    fn name(self) -> String {
        match self {
            Self::Log => "The log's checkpoint".to_owned(),
            Self::Kept(place) => format!("Kept checkpoint {}", place + 1),
        }
    }
}

/// All checkpoints that could be read and trusted, by size.
#[derive(Debug, Default)]
pub(super) struct Heads {
    heads: Vec<(Which, Head)>,
    /// How many of them have been compared.
    compared: usize,
    /// The largest size at which a root was found as it should be.
    matched_size: u64,
    /// Sizes of the kept ones whose root was.
    kept_matched: Vec<u64>,
}

impl Heads {
    pub(super) fn read(log: &[u8], kept: &[Vec<u8>], trust: &Trust, failures: &mut Failures) -> Self {
        let mut heads = Vec::with_capacity(1 + kept.len());
        let kept = kept.iter().enumerate().map(|(place, note)| (Which::Kept(place), note.as_slice()));
        for (which, note) in std::iter::once((Which::Log, log)).chain(kept) {
            match trust.check(note) {
                Ok(head) => heads.push((which, head)),
                Err((code, why)) => failures.note(code, None, None, format!("{} is not good: {why}.", which.name())),
            }
        }
        heads.sort_by_key(|(_, head)| head.size);
        Self { heads, ..Self::default() }
    }

    /// The log's own checkpoint.
    pub(super) fn log(&self) -> Option<&Head> {
        self.heads.iter().find(|(which, _)| *which == Which::Log).map(|(_, head)| head)
    }

    pub(super) fn size_max(&self) -> Option<u64> {
        self.heads.last().map(|(_, head)| head.size)
    }

    /// Compares the tree with every checkpoint of its size.
    pub(super) fn compare(&mut self, tree: &RightEdge, failures: &mut Failures) {
        while let Some((which, head)) = self.heads.get(self.compared).filter(|(_, head)| head.size == tree.size()) {
            self.compared += 1;
            let root = tree.root();
            if root == head.root {
                self.matched_size = head.size;
                if let Which::Kept(_) = which {
                    self.kept_matched.push(head.size);
                }
                continue;
            }
            let code = if *which == Which::Log { Code::RootMismatch } else { Code::KeptRootMismatch };
            let (name, size) = (which.name(), head.size);
            let mut message = format!("{name} says that the root of {size} records is {}; it is {root}.", head.root);
            if 0 < self.matched_size {
                message += &format!(" The first {} records are as another checkpoint says.", self.matched_size);
            }
            failures.note(code, None, None, message);
        }
    }

    /// Says which checkpoints speak of more records than there are, or than the log's own does.
    pub(super) fn note_missing(&self, size: u64, failures: &mut Failures) {
        let log_size = self.log().map(|head| head.size);
        for (which, head) in &self.heads {
            if size < head.size {
                let message = format!(
                    "{} speaks of {} records and there are {size}: the log was truncated or rolled back.",
                    which.name(),
                    head.size
                );
                failures.note(Code::LogTruncated, None, None, message);
            }
            if let Some(log_size) = log_size.filter(|log_size| *log_size < head.size) {
                let message = format!(
                    "{} speaks of {} records and the log's own of {log_size}: the log was rolled back.",
                    which.name(),
                    head.size
                );
                failures.note(Code::CheckpointRolledBack, None, None, message);
            }
        }
    }

    /// Sizes of the kept checkpoints whose root the records have.
    pub(super) fn matched(&self) -> Vec<u64> {
        self.kept_matched.clone()
    }
}
