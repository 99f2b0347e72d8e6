//! Reading on two threads: what each leaf holds and its hash, while the rules take in the leaves
//! before.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tlog_tiles::{Hash, record_hash};

use super::codes::Code;
use super::facts::Facts;
use super::report::QUOTE_CHARS_MAX;
use super::{Leaf, Leaves, SourceFault};
use crate::clock::Timestamp;
use crate::record::{ENTRY_VERSION, Entry, EntryVersion};

/// A round is full with this many leaves, or this many bytes; it may be more by a batch.
const ROUND_LEAVES: usize = 4096;
const ROUND_BYTES: usize = 4 << 20;

/// What one thread takes at a time.
const CHUNK_LEAVES: usize = 64;

/// A leaf that was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) hash: Hash,
    pub(super) content: Content,
}

/// What a leaf holds.
#[derive(Debug)]
pub(super) enum Content {
    /// Nothing any more.
    Pruned,
    /// Nothing that the source has.
    NotHeld,
    /// An entry.
    Facts { bytes: usize, facts: Facts },
    /// An entry of a kind that is not known.
    Later { bytes: usize, time: Timestamp, kind: String },
    /// No entry.
    Unreadable { bytes: usize, code: Code, message: String },
}

/// Reads all leaves and gives them to `take` in order, until that says that it wants no more.
pub(super) fn each(source: &mut dyn Leaves, mut take: impl FnMut(Read) -> bool) -> Result<(), SourceFault> {
    let mut round = Round::gather(source);
    // By the place in the round, as the threads took them: moving them into one list takes its time.
    let mut ready: Vec<(usize, Vec<Read>)> = Vec::new();
    let mut wanted = true;
    loop {
        let chunks: Vec<&[Leaf]> = round.leaves.chunks(CHUNK_LEAVES).collect();
        let next_chunk = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some((place, chunk)) = {
                let place = next_chunk.fetch_add(1, Ordering::Relaxed);
                chunks.get(place).map(|chunk| (place, chunk))
            } {
                done.push((place, chunk.iter().map(read).collect::<Vec<_>>()));
            }
            done
        };
        let last = round.is_last();
        let (mut done, upcoming) = thread::scope(|scope| {
            // Without a second thread this one does it all.
            let second = thread::Builder::new().spawn_scoped(scope, work).ok();
            for read in ready.drain(..).flat_map(|(_, reads)| reads) {
                wanted = wanted && take(read);
            }
            let upcoming = if wanted && !last { Some(Round::gather(source)) } else { None };
            let mut done = if wanted { work() } else { Vec::new() };
            match second.map(thread::ScopedJoinHandle::join) {
                Some(Ok(theirs)) => done.extend(theirs),
                Some(Err(panic)) => std::panic::resume_unwind(panic),
                None => {}
            }
            (done, upcoming)
        });
        if !wanted {
            return Ok(());
        }
        done.sort_unstable_by_key(|(place, _)| *place);
        ready = done;
        match upcoming {
            Some(upcoming) => round = upcoming,
            None => {
                let wanted_all = ready.into_iter().flat_map(|(_, reads)| reads).all(take);
                return match round.fault {
                    Some(fault) if wanted_all => Err(fault),
                    _ => Ok(()),
                };
            }
        }
    }
}

/// Leaves that are read together.
struct Round {
    leaves: Vec<Leaf>,
    /// Whether the source had no more.
    ended: bool,
    /// Why the source could not go on.
    fault: Option<SourceFault>,
}

impl Round {
    fn gather(source: &mut dyn Leaves) -> Self {
        let mut round = Self { leaves: Vec::new(), ended: false, fault: None };
        let mut bytes = 0;
        while !round.is_last() && round.leaves.len() < ROUND_LEAVES && bytes < ROUND_BYTES {
            match source.next_batch() {
                Ok(batch) if batch.is_empty() => round.ended = true,
                Ok(batch) => {
                    bytes += batch
                        .iter()
                        .map(|leaf| if let Leaf::Kept(leaf) = leaf { leaf.len() } else { 0 })
                        .sum::<usize>();
                    round.leaves.extend(batch);
                }
                Err(fault) => round.fault = Some(fault),
            }
        }
        round
    }

    fn is_last(&self) -> bool {
        self.ended || self.fault.is_some()
    }
}

fn read(leaf: &Leaf) -> Read {
    match leaf {
        Leaf::Pruned(hash) => Read { hash: Hash(*hash), content: Content::Pruned },
        Leaf::NotHeld(hash) => Read { hash: Hash(*hash), content: Content::NotHeld },
        Leaf::Kept(leaf) => Read { hash: record_hash(leaf), content: content(leaf) },
    }
}

fn content(leaf: &[u8]) -> Content {
    let bytes = leaf.len();
    let unreadable = |code, message| Content::Unreadable { bytes, code, message };
    if leaf.contains(&b'\n') || leaf.contains(&b'\r') {
        return unreadable(Code::NotOneLine, "The record has a line end in it.".to_owned());
    }
    let Ok(leaf) = std::str::from_utf8(leaf) else {
        return unreadable(Code::EntryUnreadable, "The record is not UTF-8.".to_owned());
    };
    let version = |v: u32| {
        let message = format!("The entry has version {v}; this program knows version {ENTRY_VERSION}.");
        unreadable(Code::EntryVersionUnknown, message)
    };
    match Entry::from_text(leaf) {
        Ok(entry) if entry.v == ENTRY_VERSION => Content::Facts { bytes, facts: Facts::of(&entry) },
        Ok(entry) => version(entry.v),
        Err(error) => match EntryVersion::from_text(leaf) {
            Ok(header) if header.v == 0 => version(header.v),
            Ok(header) if !header.is_known() => {
                Content::Later { bytes, time: header.time, kind: header.kind.chars().take(QUOTE_CHARS_MAX).collect() }
            }
            Ok(header) if header.v != ENTRY_VERSION => version(header.v),
            _ => unreadable(Code::EntryUnreadable, format!("The record is no entry: {}.", quoted(&error.to_string()))),
        },
    }
}

/// The beginning of a text that may hold words from the log.
fn quoted(text: &str) -> String {
    text.chars().take(4 * QUOTE_CHARS_MAX).collect()
}
