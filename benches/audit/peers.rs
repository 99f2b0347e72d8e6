//! The audit log against its peers: a raw file, SQLite, redb and fjall, each made to do the same
//! job: every record durable before it is acknowledged, and found by any facet afterwards.
//!
//! All are driven alike. Appenders, one task each, hand in the records of their launches one by
//! one and wait for each. What is queued is committed as one group, by one thread, with the bounds
//! that the log itself has. A peer does less than the log: it checks no record against those
//! before it, and makes no tree of hashes. The raw file does nothing but write and sync; its bytes are made
//! beforehand.
//!
//! Every round begins with an empty directory, which favours whatever slows down as it grows. The
//! systems take turns, and the medians of the rounds are compared: a machine's speed can change
//! by half for minutes.

mod alike;
mod facets;
mod fjall;
mod measure;
mod raw;
mod redb;
mod round;
mod sqlite;

use std::fmt;
use std::path::Path;

use gantry::record::Entry;
use tokio::sync::oneshot;

pub(crate) use measure::{measure, quantile};

use self::facets::Facet;

/// The systems, in the order of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    Raw,
    Sqlite,
    Redb,
    Fjall,
    Gantry,
}

impl System {
    pub(crate) const ALL: [Self; 5] = [Self::Raw, Self::Sqlite, Self::Redb, Self::Fjall, Self::Gantry];

    /// Opens a peer in `dir` and lends it to `body`. The log itself is no peer.
    fn with_peer(self, dir: &Path, body: &mut dyn FnMut(&mut dyn Peer)) {
        match self {
            Self::Raw => body(&mut raw::Raw::create(dir)),
            Self::Sqlite => sqlite::with(dir, body),
            Self::Redb => body(&mut redb::Redb::create(dir)),
            Self::Fjall => body(&mut fjall::Fjall::create(dir)),
            Self::Gantry => unreachable!("the log has a writer of its own"),
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Raw => "write + fdatasync",
            Self::Sqlite => "SQLite",
            Self::Redb => "redb",
            Self::Fjall => "fjall",
            Self::Gantry => "Gantry",
        })
    }
}

/// A store that does the audit log's job.
trait Peer {
    /// Makes a group durable and findable, its first record at index `first`.
    fn commit(&mut self, first: u64, group: &[Job]);

    /// The indexes of the newest `limit` records of which this holds, newest first.
    fn find(&mut self, facet: &Facet, limit: usize) -> Vec<u64>;
}

/// A record that waits to be committed.
struct Job {
    leaf: Leaf,
    /// What the indexes are made of; none for the raw file.
    entry: Option<Box<Entry>>,
    /// The image of its launch, which only the decision says.
    image: Option<gantry::ids::ImageId>,
    reply: Option<oneshot::Sender<()>>,
}

/// Bytes of a record.
enum Leaf {
    Made(Vec<u8>),
    Shared(std::sync::Arc<[u8]>),
}

impl Job {
    fn leaf(&self) -> &[u8] {
        match &self.leaf {
            Leaf::Made(bytes) => bytes,
            Leaf::Shared(bytes) => bytes,
        }
    }

    /// The record as it is to be found.
    fn entry(&self) -> &Entry {
        self.entry.as_deref().unwrap()
    }
}
