//! What a launch needs and the log must not have: user data, and the values of redacted tags.
//!
//! RunInstances needs them as long as an attempt is open, also after a crash: a repeat under the same
//! client token must be the same input. The record has the input without them; the body's hash in the
//! decision, and the user data's own, say whether what was kept is what belongs to it.

mod dir;
mod scrub;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub(super) use dir::WithheldDir;

use crate::ec2::RunInstances;
use crate::record::{ImageChoice, SelectorFilter, Spec};

/// The first line of a file. One without it is user data alone, as earlier versions kept it.
const MAGIC: &[u8] = b"GANTRY-WITHHELD 1\n";

/// What a request has and its record has not.
#[derive(Default, Clone, PartialEq, Eq)]
pub(super) struct Withheld {
    /// Values of the instances' tags.
    pub(super) tags: BTreeMap<String, String>,
    /// Values of the volumes' tags.
    pub(super) volume_tags: BTreeMap<String, String>,
    /// All filters of the selector, if one of them asks for the value of such a tag.
    pub(super) selector_filters: Vec<SelectorFilter>,
    /// The user data.
    pub(super) user_data: Option<Vec<u8>>,
}

/// The second line of a file; the user data is everything after it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    volume_tags: BTreeMap<String, String>,
    #[serde(default)]
    selector_filters: Vec<SelectorFilter>,
    #[serde(default)]
    user_data: bool,
}

impl Withheld {
    /// Whether values of tags are among it.
    pub(super) fn has_values(&self) -> bool {
        !(self.tags.is_empty() && self.volume_tags.is_empty() && self.selector_filters.is_empty())
    }

    /// Whether there is anything to keep. An attempt has no use for filters, but without them the body
    /// is not the one that was decided on.
    pub(super) fn is_anything(&self) -> bool {
        self.has_values() || self.user_data.is_some()
    }

    /// The spec as it was asked for, from the one that the log has.
    pub(super) fn restored(&self, recorded: &Spec) -> Spec {
        let mut spec = recorded.clone();
        put_back(&self.tags, &mut spec.tags);
        put_back(&self.volume_tags, &mut spec.volume_tags);
        if let ImageChoice::Selector(selector) = &mut spec.image
            && !self.selector_filters.is_empty()
        {
            selector.filters.clone_from(&self.selector_filters);
        }
        spec
    }

    /// The input as EC2 is to have it, from the one that the log has.
    pub(super) fn filled_in(&self, frozen: &RunInstances) -> RunInstances {
        let mut input = frozen.clone();
        put_back(&self.tags, &mut input.instance_tags);
        put_back(&self.volume_tags, &mut input.volume_tags);
        input
    }

    fn to_file(&self) -> Vec<u8> {
        let header = Header {
            tags: self.tags.clone(),
            volume_tags: self.volume_tags.clone(),
            selector_filters: self.selector_filters.clone(),
            user_data: self.user_data.is_some(),
        };
        let header = serde_json::to_vec(&header).expect("a header has string keys and no failing serialiser");
        let user_data = self.user_data.as_deref().unwrap_or_default();
        [MAGIC, &header, b"\n", user_data].concat()
    }

    /// What a file holds; none if it is damaged so that it cannot be read.
    fn from_file(bytes: &[u8]) -> Option<Self> {
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            return Some(Self { user_data: Some(bytes.to_vec()), ..Self::default() });
        };
        // JSON has no line end of its own.
        let end = rest.iter().position(|&byte| byte == b'\n')?;
        let Header { tags, volume_tags, selector_filters, user_data } = serde_json::from_slice(&rest[..end]).ok()?;
        Some(Self { tags, volume_tags, selector_filters, user_data: user_data.then(|| rest[end + 1..].to_vec()) })
    }
}

/// Never shows a value.
impl fmt::Debug for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Withheld")
            .field("tags", &self.tags.keys())
            .field("volume_tags", &self.volume_tags.keys())
            .field("user_data_bytes", &self.user_data.as_ref().map(Vec::len))
            .finish_non_exhaustive()
    }
}

fn put_back(values: &BTreeMap<String, String>, tags: &mut BTreeMap<String, String>) {
    for (key, value) in values {
        if let Some(recorded) = tags.get_mut(key) {
            recorded.clone_from(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::LaunchId;

    fn withheld() -> Withheld {
        Withheld {
            tags: [("email".to_owned(), "ann@example.com\n".to_owned())].into(),
            volume_tags: [("owner".to_owned(), "\"ann\"".to_owned())].into(),
            selector_filters: vec![SelectorFilter { name: "tag:owner".to_owned(), values: vec!["ann".to_owned()] }],
            user_data: Some(b"#!/bin/sh\n\xff\n".to_vec()),
        }
    }

    #[test]
    fn what_is_kept_is_read_back_and_a_file_of_user_data_alone_is_too() {
        let dir = tempfile::tempdir().unwrap();
        let kept = WithheldDir::open(&dir.path().join("user-data")).unwrap();
        let id = LaunchId::new(jiff::Timestamp::UNIX_EPOCH);
        let bare = Withheld { user_data: None, ..withheld() };
        // A caller's data may read like a file of ours.
        let posing = Withheld { user_data: Some([MAGIC, b"{}\n"].concat()), ..Withheld::default() };
        for whole in [withheld(), bare, posing] {
            kept.store(id, &whole).unwrap();
            assert_eq!(kept.load(id), Some(whole));
            kept.remove(id);
            assert_eq!(kept.load(id), None);
        }
        let path = dir.path().join("user-data").join(id.to_string());
        std::fs::write(&path, b"#!/bin/sh").unwrap();
        assert_eq!(kept.load(id), Some(Withheld { user_data: Some(b"#!/bin/sh".to_vec()), ..Withheld::default() }));
        let whole = withheld().to_file();
        for end in MAGIC.len()..whole.len() - withheld().user_data.unwrap().len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            assert_eq!(kept.load(id), None, "{end} bytes of {}", whole.len());
        }
    }

    #[test]
    fn debugging_shows_keys_and_no_values() {
        let shown = format!("{:?}", withheld());
        assert!(shown.contains("email") && !shown.contains("ann"), "{shown}");
    }
}
