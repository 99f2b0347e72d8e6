//! What records are searched by, and the values of one record. Pure.

use jiff::Timestamp;

use super::query::RecordQuery;
use crate::ids::{AccountId, ImageId, Principal, Region};
use crate::record::{Entry, EntryHeader, EntryKind, Event, Verdict};

/// What a record is searched by. Launches and instances are not here: the store knows their records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum Facet {
    /// What kind of thing it says.
    Kind = 0,
    /// On whose behalf.
    Principal = 1,
    /// The account it is about.
    Account = 2,
    /// The Region it is about.
    Region = 3,
    /// The image of its launch, or of its preview.
    Image = 4,
    /// The verdict of a decision.
    Verdict = 5,
}

/// All facets, in the order of their numbers.
pub(crate) const FACETS: [Facet; 6] =
    [Facet::Kind, Facet::Principal, Facet::Account, Facet::Region, Facet::Image, Facet::Verdict];

/// What the index holds of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IndexRow<'a> {
    /// When it happened, in nanoseconds since 1970.
    pub(crate) nanos: i64,
    /// By the facet's number.
    pub(crate) values: [Option<&'a str>; FACETS.len()],
}

impl<'a> IndexRow<'a> {
    /// The row of an entry. `image` is that of its launch, if it belongs to one.
    pub(crate) fn of(entry: &'a Entry, image: Option<&'a ImageId>) -> Self {
        let (image, verdict) = match &entry.event {
            Event::Decision(decision) => (decision.image_id(), Some(decision.verdict)),
            _ => (image, None),
        };
        let about = (entry.principal.as_ref(), entry.account_id.as_ref(), entry.region.as_ref());
        Self::with(entry.time, entry.kind(), about, image, verdict)
    }

    /// The same of an entry that is no decision, of which only the header was read.
    pub(crate) fn of_header(header: &'a EntryHeader, image: Option<&'a ImageId>) -> Self {
        let about = (header.principal.as_ref(), header.account_id.as_ref(), header.region.as_ref());
        Self::with(header.time, header.kind, about, image, None)
    }

    fn with(
        time: Timestamp,
        kind: EntryKind,
        (principal, account, region): (Option<&'a Principal>, Option<&'a AccountId>, Option<&'a Region>),
        image: Option<&'a ImageId>,
        verdict: Option<Verdict>,
    ) -> Self {
        Self {
            nanos: nanos(time),
            values: [
                Some(kind.as_str()),
                principal.map(|principal| principal.as_str()),
                account.map(|account| account.as_str()),
                region.map(|region| region.as_str()),
                image.map(ImageId::as_str),
                verdict.map(Verdict::as_str),
            ],
        }
    }
}

/// A time as the index holds it. Times out of its range, before 1677 and after 2262, are its ends.
pub(crate) fn nanos(time: Timestamp) -> i64 {
    let nanos = time.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// What a search asks of the index: for each facet the values one of which must be there, and times
/// from `start` on and before `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Joined by AND.
    pub(crate) facets: Vec<(Facet, Vec<String>)>,
    /// The first time; none is no bound.
    pub(crate) start: Option<i64>,
    /// The time after the last; none is no bound.
    pub(crate) end: Option<i64>,
}

impl Wanted {
    /// What `query` asks for, but for its launch and instance.
    pub(crate) fn by(query: &RecordQuery) -> Self {
        let one = |value: Option<&str>| value.map(|value| vec![value.to_owned()]);
        let kinds = query.kinds.iter().map(|kind| kind.as_str().to_owned()).collect::<Vec<_>>();
        let values = [
            (!kinds.is_empty()).then_some(kinds),
            one(query.principal.as_ref().map(|principal| principal.as_str())),
            one(query.account_id.as_ref().map(|account| account.as_str())),
            one(query.region.as_ref().map(|region| region.as_str())),
            one(query.image_id.as_ref().map(|image| image.as_str())),
            one(query.verdict.map(|verdict| verdict.as_str())),
        ];
        let facets = FACETS.into_iter().zip(values).filter_map(|(facet, values)| Some((facet, values?))).collect();
        Self { facets, start: query.start.map(nanos), end: query.end.map(nanos) }
    }

    /// Whether times between `first` and `last`, both included, may be wanted.
    pub(crate) fn may_be_within(&self, first: i64, last: i64) -> bool {
        self.start.is_none_or(|start| start <= last) && self.end.is_none_or(|end| first < end)
    }

    /// Whether all times between `first` and `last`, both included, are wanted.
    pub(crate) fn covers(&self, first: i64, last: i64) -> bool {
        self.start.is_none_or(|start| start <= first) && self.end.is_none_or(|end| last < end)
    }
}
