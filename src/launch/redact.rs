//! What of a request stands in the log: tags whose keys are configured, without their values.
//!
//! A value that is redacted stands in records as [`REDACTED`] and never as a hash of itself, because
//! an e-mail address can be found by trying. What the launch itself needs of it goes into
//! [`Withheld`], and what makes a repeat the same request into [`Bodies`], under a key.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::LaunchRequest;
use super::body::{Bodies, BodyKey};
use super::withheld::Withheld;
use crate::ami::filter::Pattern;
use crate::ec2::facts::Image;
use crate::ids::Sha256Digest;
use crate::record::{ImageChoice, REDACTED, Spec};

/// The prefix of a filter by the value of a tag; what follows is the tag's key.
const TAG_FILTER: &str = "tag:";

/// Which tags are redacted.
#[derive(Debug)]
pub(super) struct Redaction {
    /// There is a key wherever there are patterns; and where there were some before.
    key: Option<BodyKey>,
    patterns: Vec<Pattern>,
}

/// A request, taken apart into what the log may have and what it may not.
#[derive(Debug, Clone)]
pub(super) struct Prepared<'a> {
    redaction: &'a Redaction,
    /// The spec as the log has it.
    pub(super) spec: Spec,
    /// What it leaves out.
    pub(super) withheld: Withheld,
    /// What "the same request" means.
    pub(super) bodies: Bodies,
    /// Of a spec that a launch template was merged into, what was asked.
    pub(super) asked: Option<Asked>,
}

/// What a merged spec came from.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The spec as it was asked for, as the log has it.
    pub(super) spec: Spec,
    /// The hash of the merged one, which says whether what is withheld belongs to it.
    pub(super) merged_sha256: Sha256Digest,
}

impl Redaction {
    /// Redacts the tags whose keys match one of `keys`. The key of the request bodies is made if
    /// there is none and it is needed.
    ///
    /// # Errors
    /// If the key cannot be read or written, is no key, or can be read by others.
    pub(super) fn open(data_dir: &Path, keys: &[String], now: Timestamp) -> io::Result<Self> {
        let key = if keys.is_empty() { BodyKey::read(data_dir)? } else { Some(BodyKey::open(data_dir, now)?) };
        Ok(Self { key, patterns: keys.iter().map(|key| Pattern::new(key)).collect() })
    }

    /// What stands in the log of a request, and what does not.
    pub(super) fn prepare(&self, request: &LaunchRequest) -> Prepared<'_> {
        let LaunchRequest { spec, user_data, reason, break_glass, .. } = request;
        let (recorded, withheld) = self.split(spec, user_data.as_deref());
        let bodies = Bodies::of(&spec.body(reason, *break_glass), self.key.as_ref(), withheld.has_values());
        Prepared { redaction: self, spec: recorded, withheld, bodies, asked: None }
    }

    /// Whether the redacted values of a launch decided at `decided` may have been compared under a key
    /// that is no longer there.
    pub(super) fn has_lost_key_of(&self, decided: Timestamp) -> bool {
        self.key.as_ref().is_none_or(|key| decided < key.made())
    }

    /// What a request's body is compared by.
    pub(super) fn bodies(&self, body: &[u8]) -> Bodies {
        Bodies::of(body, self.key.as_ref(), false)
    }

    fn matches(&self, key: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(key))
    }

    fn split(&self, spec: &Spec, user_data: Option<&[u8]>) -> (Spec, Withheld) {
        let mut recorded = spec.clone();
        let mut withheld = Withheld {
            tags: self.take(&mut recorded.tags),
            volume_tags: self.take(&mut recorded.volume_tags),
            selector_filters: Vec::new(),
            user_data: user_data.map(<[u8]>::to_vec),
        };
        // A selector may look for an image by the value of a tag.
        if let ImageChoice::Selector(selector) = &mut recorded.image {
            let given = selector.filters.clone();
            for filter in &mut selector.filters {
                if filter.name.strip_prefix(TAG_FILTER).is_some_and(|key| self.matches(key)) {
                    filter.values = vec![REDACTED.to_owned()];
                }
            }
            if selector.filters != given {
                withheld.selector_filters = given;
            }
        }
        (recorded, withheld)
    }

    /// Takes the values that match out of `tags`.
    fn take(&self, tags: &mut BTreeMap<String, String>) -> BTreeMap<String, String> {
        let matching = tags.iter_mut().filter(|(key, _)| self.matches(key));
        matching.map(|(key, value)| (key.clone(), std::mem::replace(value, REDACTED.to_owned()))).collect()
    }
}

impl<'a> Prepared<'a> {
    /// The same request once its launch template has been merged into it: another spec, whose values may be
    /// the template's, and the same body.
    pub(super) fn merged(&self, request: &LaunchRequest) -> Prepared<'a> {
        let Prepared { spec, withheld, bodies, .. } = self.redaction.prepare(request);
        let asked = Asked { spec: self.spec.clone(), merged_sha256: bodies.recorded() };
        Prepared { redaction: self.redaction, spec, withheld, bodies: self.bodies, asked: Some(asked) }
    }

    /// The image's facts as the log has them: its tags of such keys are redacted as well.
    pub(super) fn image_facts(&self, image: &Image) -> serde_json::Value {
        let mut image = image.clone();
        self.redaction.take(&mut image.tags);
        super::entry::to_json(&image)
    }
}

#[cfg(test)]
mod tests;
