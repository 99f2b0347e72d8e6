//! Reading a leaf as an entry, without the detour that a flattened enum takes.
//!
//! [`Entry`]'s own reading goes through a buffer of the whole object, which is half of what reading
//! costs. Gantry writes what an entry is about first, then its kind, then the event; of leaves in
//! that order the event is read in place. Whatever is not in that order, or does not read so, is
//! read by the book. Members that this program does not know, as of a later version, are skipped in place and
//! not looked at, where the book would refuse a number or an escape that cannot be.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer as _, Error, IntoDeserializer as _, MapAccess, Visitor};

use super::{Entry, EntryKind, Event};
use crate::ids::{AccountId, LaunchId, Principal, Region};

impl Entry {
    /// The entry a leaf holds.
    ///
    /// # Errors
    /// If the bytes are no entry of a version this program reads.
    pub fn from_leaf(leaf: &[u8]) -> Result<Self, serde_json::Error> {
        match std::str::from_utf8(leaf) {
            // Once for the whole leaf, and not for each word in it.
            Ok(text) => Self::from_text(text),
            Err(_) => serde_json::from_slice(leaf),
        }
    }

    /// The entry that a leaf's text holds.
    ///
    /// # Errors
    /// As [`Entry::from_leaf`].
    pub fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        if let Ok(entry) = deserializer.deserialize_map(InOrder)
            && deserializer.end().is_ok()
        {
            return Ok(entry);
        }
        serde_json::from_str(text)
    }
}

/// What an entry is about, without what it says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct EntryHeader {
    /// As [`Entry::time`].
    pub time: Timestamp,
    /// As [`Entry::launch_id`].
    #[serde(default)]
    pub launch_id: Option<LaunchId>,
    /// As [`Entry::account_id`].
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// As [`Entry::region`].
    #[serde(default)]
    pub region: Option<Region>,
    /// As [`Entry::principal`].
    #[serde(default)]
    pub principal: Option<Principal>,
    /// As [`Entry::kind`].
    pub kind: EntryKind,
}

impl EntryHeader {
    /// What the entry of a leaf is about. What it says is skipped and not checked.
    ///
    /// # Errors
    /// If the leaf has no such header.
    pub fn from_leaf(leaf: &[u8]) -> Result<Self, serde_json::Error> {
        match std::str::from_utf8(leaf) {
            Ok(text) => serde_json::from_str(text),
            Err(_) => serde_json::from_slice(leaf),
        }
    }
}

/// What can be said of an entry of any version.
#[derive(Debug, Deserialize)]
pub struct EntryVersion<'a> {
    /// As [`Entry::v`].
    pub v: u32,
    /// As [`Entry::time`].
    pub time: Timestamp,
    /// Its kind, which this program may not know.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
}

impl<'a> EntryVersion<'a> {
    /// What can be said of the entry in a leaf's text.
    ///
    /// # Errors
    /// If it is no entry of any version.
    pub fn from_text(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Whether this program knows the kind.
    pub fn is_known(&self) -> bool {
        let kind: Result<EntryKind, serde::de::value::Error> = EntryKind::deserialize((*self.kind).into_deserializer());
        kind.is_ok()
    }
}

/// Whether an object with this key beside its event would be read in another way by [`Entry`].
fn is_of_entry(key: &str) -> bool {
    matches!(key, "v" | "time" | "launch_id" | "account_id" | "region" | "principal" | "kind")
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry in the order in which entries are written")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let (mut v, mut time) = (None, None);
        let (mut launch_id, mut account_id, mut region, mut principal) = (None, None, None, None);
        let event = loop {
            match map.next_key::<&str>()? {
                Some("v") if v.is_none() => v = Some(map.next_value()?),
                Some("time") if time.is_none() => time = Some(map.next_value()?),
                Some("launch_id") if launch_id.is_none() => launch_id = Some(map.next_value()?),
                Some("account_id") if account_id.is_none() => account_id = Some(map.next_value()?),
                Some("region") if region.is_none() => region = Some(map.next_value()?),
                Some("principal") if principal.is_none() => principal = Some(map.next_value()?),
                Some("kind") => {
                    let kind = map.next_value()?;
                    break read_event(kind, OfEvent(map))?;
                }
                _ => return Err(A::Error::custom("not in order")),
            }
        };
        let (Some(v), Some(time)) = (v, time) else { return Err(A::Error::custom("no version or no time")) };
        Ok(Entry { v, time, launch_id, account_id, region, principal, event })
    }
}

fn read_event<'de, A: MapAccess<'de>>(kind: EntryKind, rest: OfEvent<A>) -> Result<Event, A::Error> {
    let rest = MapAccessDeserializer::new(rest);
    Ok(match kind {
        EntryKind::Decision => Event::Decision(Deserialize::deserialize(rest)?),
        EntryKind::AttemptIntended => Event::AttemptIntended(Deserialize::deserialize(rest)?),
        EntryKind::AttemptSucceeded => Event::AttemptSucceeded(Deserialize::deserialize(rest)?),
        EntryKind::AttemptFailed => Event::AttemptFailed(Deserialize::deserialize(rest)?),
        EntryKind::AttemptUnknown => Event::AttemptUnknown(Deserialize::deserialize(rest)?),
        EntryKind::LaunchEnded => Event::LaunchEnded(Deserialize::deserialize(rest)?),
        EntryKind::InstancePhase => Event::InstancePhase(Deserialize::deserialize(rest)?),
        EntryKind::Termination => Event::Termination(Deserialize::deserialize(rest)?),
        EntryKind::ServiceStarted => Event::ServiceStarted(Deserialize::deserialize(rest)?),
        EntryKind::RecordsPruned => Event::RecordsPruned(Deserialize::deserialize(rest)?),
        EntryKind::PolicyLoaded => Event::PolicyLoaded(Deserialize::deserialize(rest)?),
        EntryKind::LaunchSwitch => Event::LaunchSwitch(Deserialize::deserialize(rest)?),
        EntryKind::Cancellation => Event::Cancellation(Deserialize::deserialize(rest)?),
    })
}

/// The members of an object after its kind, as long as they are the event's alone.
struct OfEvent<A>(A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OfEvent<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.0.next_key::<&'de str>()? {
            Some(key) if is_of_entry(key) => Err(A::Error::custom("not in order")),
            Some(key) => seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}
