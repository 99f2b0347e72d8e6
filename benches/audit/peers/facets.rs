//! What a record is found by, as bytes: one key for each value, the same for every peer.

use gantry::clock::Timestamp;
use gantry::ids::{AccountId, ImageId, InstanceId, LaunchId, Principal, Region, RequestId};
use gantry::record::{Entry, EntryKind, Event, Verdict};

use super::Job;

/// One value that a search may ask for.
#[derive(Debug, Clone)]
pub(super) enum Facet {
    Kind(EntryKind),
    Principal(Principal),
    Account(AccountId),
    Region(Region),
    Image(ImageId),
    Launch(LaunchId),
    Instance(InstanceId),
    Verdict(Verdict),
    /// From the first on and before the second.
    Time(Timestamp, Timestamp),
}

/// The facets that are one value each, in the order of [`keys`].
pub(super) const INDEXES: [&str; 8] =
    ["kind", "principal", "account", "region", "image", "launch", "instance", "verdict"];

impl Facet {
    /// Which of [`INDEXES`] it is, and its value; none for a time.
    pub(super) fn key(&self) -> Option<(usize, Vec<u8>)> {
        Some(match self {
            Self::Kind(kind) => (0, vec![*kind as u8]),
            Self::Principal(id) => (1, id.as_str().into()),
            Self::Account(id) => (2, id.as_str().into()),
            Self::Region(id) => (3, id.as_str().into()),
            Self::Image(id) => (4, id.as_str().into()),
            Self::Launch(id) => (5, id.as_bytes().into()),
            Self::Instance(id) => (6, id.as_str().into()),
            Self::Verdict(verdict) => (7, vec![*verdict as u8]),
            Self::Time(..) => return None,
        })
    }
}

/// Calls `with` for every value of a record: which of [`INDEXES`], and its bytes.
pub(super) fn keys(job: &Job, mut with: impl FnMut(usize, &[u8])) {
    let entry = job.entry();
    with(0, &[entry.kind() as u8]);
    let texts = [
        (1, entry.principal.as_ref().map(Principal::as_str)),
        (2, entry.account_id.as_ref().map(AccountId::as_str)),
        (3, entry.region.as_ref().map(Region::as_str)),
        (4, job.image.as_ref().map(ImageId::as_str)),
    ];
    for (index, text) in texts {
        text.into_iter().for_each(|text| with(index, text.as_bytes()));
    }
    entry.launch_id.iter().for_each(|id| with(5, id.as_bytes()));
    for id in instances(entry) {
        with(6, id.as_str().as_bytes());
    }
    verdict(entry).into_iter().for_each(|verdict| with(7, &[verdict as u8]));
}

/// The instances a record is about.
pub(super) fn instances(entry: &Entry) -> Vec<&InstanceId> {
    match &entry.event {
        Event::AttemptSucceeded(succeeded) => succeeded.instances.iter().map(|place| &place.instance_id).collect(),
        Event::InstancePhase(phase) => vec![&phase.instance_id],
        Event::Termination(termination) => termination.instance_ids.iter().collect(),
        _ => Vec::new(),
    }
}

/// The verdict of a decision.
pub(super) fn verdict(entry: &Entry) -> Option<Verdict> {
    match &entry.event {
        Event::Decision(decision) => Some(decision.verdict),
        _ => None,
    }
}

/// The key under which a request is done once, and no other.
pub(super) fn request(entry: &Entry) -> Option<Vec<u8>> {
    let Event::Decision(decision) = &entry.event else { return None };
    let id = decision.request_id.as_ref().map(RequestId::as_str)?;
    let (principal, account) = (entry.principal.as_ref()?.as_str(), entry.account_id.as_ref()?.as_str());
    Some([principal, account, id].join("\n").into_bytes())
}

/// A time as bytes that sort like it.
pub(super) fn time_key(time: Timestamp) -> [u8; 8] {
    // The sign bit is turned over, so that times before 1970 come first.
    (time.as_microsecond() ^ i64::MIN).to_be_bytes()
}

/// A value, the end of the value, and the index of a record: a row of an ordered index.
pub(super) fn row(value: &[u8], index: u64, row: &mut Vec<u8>) {
    row.clear();
    row.extend_from_slice(value);
    row.push(0);
    row.extend_from_slice(&index.to_be_bytes());
}

/// The record's index at the end of a row.
pub(super) fn index_of(row: &[u8]) -> u64 {
    u64::from_be_bytes(*row.last_chunk().unwrap())
}

/// The greatest `limit` of some indexes, greatest first.
pub(super) fn newest(indexes: impl Iterator<Item = u64>, limit: usize) -> Vec<u64> {
    let mut indexes: Vec<_> = indexes.collect();
    indexes.sort_unstable_by(|one, other| other.cmp(one));
    indexes.truncate(limit);
    indexes
}
