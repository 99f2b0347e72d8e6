//! Questions about launches and records, and whether one matches. Pure; `reads` does the looking.

use jiff::Timestamp;

use super::error::ReadError;
use super::fold::entry_of;
use super::store::LaunchRow;
use super::topics::instances_of;
use crate::ids::{AccountId, ImageId, InstanceId, LaunchId, Principal, Region};
use crate::record::{Entry, EntryKind, Event, Launch, LaunchState, Verdict};

/// Which end to begin at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// The newest first.
    #[default]
    NewestFirst,
    /// The oldest first.
    OldestFirst,
}

/// Which launches are wanted. What is not given matches all; what is given must all match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaunchQuery {
    /// In one of these states; empty means all.
    pub states: Vec<LaunchState>,
    /// Asked for by this principal.
    pub principal: Option<Principal>,
    /// In this account.
    pub account_id: Option<AccountId>,
    /// In this Region.
    pub region: Option<Region>,
    /// Of this image.
    pub image_id: Option<ImageId>,
    /// Decided at this time or later.
    pub start: Option<Timestamp>,
    /// Decided before this time.
    pub end: Option<Timestamp>,
    /// By launch id, which is the order in which they were asked for, to the millisecond.
    pub order: Order,
    /// At most this many, and at most [`super::PAGE_MAX`].
    pub limit: usize,
    /// Only launches that come after this one in the order; [`LaunchPage::next`] of the page
    /// before.
    pub after: Option<LaunchId>,
}

/// Launches that match.
#[derive(Debug, Clone, PartialEq)]
pub struct LaunchPage {
    /// In the order asked for.
    pub launches: Vec<Launch>,
    /// Where to go on, or none at the end. A page may be short, or empty, and not the last: only
    /// so many launches are looked at in one call.
    pub next: Option<LaunchId>,
}

/// Which records are wanted. What is not given matches all; what is given must all match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordQuery {
    /// Of one of these kinds; empty means all.
    pub kinds: Vec<EntryKind>,
    /// On behalf of this principal.
    pub principal: Option<Principal>,
    /// About this account.
    pub account_id: Option<AccountId>,
    /// About this Region.
    pub region: Option<Region>,
    /// Of launches and previews of this image.
    pub image_id: Option<ImageId>,
    /// Of this launch.
    pub launch_id: Option<LaunchId>,
    /// About this instance: its phases, the attempt that made it, terminations that name it.
    pub instance_id: Option<InstanceId>,
    /// Decisions with this verdict.
    pub verdict: Option<Verdict>,
    /// At this time or later.
    pub start: Option<Timestamp>,
    /// Before this time.
    pub end: Option<Timestamp>,
    /// By index.
    pub order: Order,
    /// At most this many, and at most [`super::PAGE_MAX`].
    pub limit: usize,
    /// Begin with this index; [`RecordPage::next`] of the page before.
    pub from: Option<u64>,
}

/// Records that match.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordPage {
    /// In the order asked for.
    pub records: Vec<Record>,
    /// The index to go on from, or none at the end. A page may be short, or empty, and not the
    /// last: only so many records are looked at in one call.
    pub next: Option<u64>,
}

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its index in the log.
    pub index: u64,
    /// The exact bytes of the leaf.
    pub leaf: Vec<u8>,
    /// RFC 6962 leaf hash: SHA-256 over a zero byte and the leaf.
    pub leaf_hash: [u8; 32],
    /// What the leaf says.
    pub entry: Entry,
}

impl Record {
    /// The record of a leaf.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] if it is no entry of a version that this program reads.
    pub fn read(index: u64, leaf: Vec<u8>) -> Result<Self, ReadError> {
        let entry = entry_of(index, &leaf)?;
        Ok(Self { index, leaf_hash: tlog_tiles::record_hash(&leaf).0, leaf, entry })
    }
}

/// An entry and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Indexed {
    /// Its index in the log.
    pub index: u64,
    /// The entry.
    pub entry: Entry,
}

impl LaunchQuery {
    pub(super) fn matches(&self, launch: &LaunchRow) -> bool {
        (self.states.is_empty() || self.states.contains(&launch.state))
            && is_or_any(&self.principal, &launch.about.principal)
            && is_or_any(&self.account_id, &launch.about.account_id)
            && is_or_any(&self.region, &launch.about.region)
            && given_or_any(&self.image_id, &launch.about.image_id)
            && within(launch.about.create_time, self.start, self.end)
    }
}

impl RecordQuery {
    /// Whether an entry matches all but `image_id`, for which its launch must be known.
    pub(super) fn matches(&self, entry: &Entry) -> bool {
        let verdict = match &entry.event {
            Event::Decision(decision) => Some(decision.verdict),
            _ => None,
        };
        (self.kinds.is_empty() || self.kinds.contains(&entry.kind()))
            && within(entry.time, self.start, self.end)
            && given_or_any(&self.principal, &entry.principal)
            && given_or_any(&self.account_id, &entry.account_id)
            && given_or_any(&self.region, &entry.region)
            && given_or_any(&self.launch_id, &entry.launch_id)
            && given_or_any(&self.verdict, &verdict)
            && self.instance_id.as_ref().is_none_or(|id| instances_of(entry).any(|about| about == id))
    }
}

fn is_or_any<T: PartialEq>(wanted: &Option<T>, found: &T) -> bool {
    wanted.as_ref().is_none_or(|wanted| wanted == found)
}

fn given_or_any<T: PartialEq>(wanted: &Option<T>, found: &Option<T>) -> bool {
    wanted.is_none() || wanted == found
}

fn within(time: Timestamp, start: Option<Timestamp>, end: Option<Timestamp>) -> bool {
    start.is_none_or(|start| start <= time) && end.is_none_or(|end| time < end)
}
