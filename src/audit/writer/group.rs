//! What is appended, and the group that it is committed with.

use std::sync::Arc;

use tlog_tiles::Hash;
use tokio::sync::oneshot;

use super::super::error::AppendError;
use super::super::log::Once;
use super::super::retention::Plan;
use super::super::staging::Staged;
use super::super::store::RequestKey;
use crate::record::{Entry, EntryKind};

/// A group is closed when it holds this many bytes of leaves; what it held before may be less by
/// one append.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// A group is closed when it holds this many entries.
const GROUP_ENTRIES_MAX: usize = 8192;

/// One append.
#[derive(Debug)]
pub(in crate::audit) struct Append {
    /// At least one entry.
    pub(in crate::audit) entries: Vec<Entry>,
    /// Their leaves.
    pub(in crate::audit) leaves: Vec<Vec<u8>>,
    /// The hashes of these.
    pub(in crate::audit) leaf_hashes: Vec<Hash>,
    /// Only if this key is free.
    pub(in crate::audit) once: Option<RequestKey>,
    /// Only if the launches that it removes are as they were planned; their rows go with it.
    pub(in crate::audit) pruning: Option<Arc<Plan>>,
    /// Where the answer goes. Nobody may be waiting for it any more.
    pub(in crate::audit) reply: oneshot::Sender<Answer>,
}

/// What became of an append, and what it was made of: freeing that takes as long as writing it, and is
/// left to whoever asked.
#[derive(Debug)]
pub(in crate::audit) struct Answer {
    pub(in crate::audit) outcome: Result<Once, AppendError>,
    _spent: (Vec<Entry>, Vec<Vec<u8>>, Vec<Hash>),
}

impl Append {
    /// Answers whoever asked.
    pub(super) fn answer(self, outcome: Result<Once, AppendError>) {
        let _ = self.reply.send(Answer { outcome, _spent: (self.entries, self.leaves, self.leaf_hashes) });
    }

    /// The name of its first entry's kind, for crash points; of an attempt that launches share, what is
    /// appended for all of them.
    pub(super) fn kind(&self) -> &'static str {
        match (self.entries[0].kind(), self.entries.len()) {
            (EntryKind::AttemptIntended, 2..) => "shared_intentions",
            (EntryKind::AttemptSucceeded | EntryKind::AttemptFailed | EntryKind::AttemptUnknown, 2..) => {
                "shared_outcome"
            }
            (kind, _) => kind.as_str(),
        }
    }
}

/// Appends that are committed together.
#[derive(Debug, Default)]
pub(super) struct Group {
    appends: Vec<Append>,
    /// What is to be answered if the group is committed.
    outcomes: Vec<Result<Once, AppendError>>,
    /// What the records change in the store.
    pub(super) rows: Staged,
    /// Records in the log with it, once it is being written.
    pub(super) end: u64,
    entries: usize,
    bytes: usize,
}

impl Group {
    /// Adds an append that was staged, or found not to be written.
    pub(super) fn push(&mut self, append: Append, outcome: Result<Once, AppendError>) {
        self.entries += append.entries.len();
        self.bytes += append.leaves.iter().map(Vec::len).sum::<usize>();
        self.appends.push(append);
        self.outcomes.push(outcome);
    }

    /// Whether nothing is to be added any more.
    pub(super) fn is_full(&self) -> bool {
        GROUP_ENTRIES_MAX <= self.entries || GROUP_BYTES_MAX <= self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.appends.is_empty()
    }

    /// How many appends there are.
    pub(super) fn len(&self) -> usize {
        self.appends.len()
    }

    /// The appends that are written.
    pub(super) fn written(&self) -> impl Iterator<Item = &Append> {
        let written = |(_, outcome): &(_, &Result<Once, AppendError>)| matches!(outcome, Ok(Once::Written { .. }));
        self.appends.iter().zip(&self.outcomes).filter(written).map(|(append, _)| append)
    }

    /// The names of what is written, for crash points.
    pub(super) fn kinds(&self) -> Vec<&'static str> {
        // A release build has none.
        if cfg!(debug_assertions) { self.written().map(Append::kind).collect() } else { Vec::new() }
    }

    /// The group is committed.
    pub(super) fn answer(self) {
        self.appends.into_iter().zip(self.outcomes).for_each(|(append, outcome)| append.answer(outcome));
    }

    /// The group is not: even a conflict may have been with an append of it, which did not happen.
    pub(super) fn refuse(self, why: impl Fn() -> AppendError) {
        self.appends.into_iter().for_each(|append| append.answer(Err(why())));
    }
}
