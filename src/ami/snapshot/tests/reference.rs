//! What a snapshot must answer, by looking at every image: the definition, written down plainly.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::ami::classify::{Viewer, classify};
use crate::ami::order::OrderBy;
use crate::ami::snapshot::{Observed, Query};
use crate::ec2::facts::Image;
use crate::ids::ImageId;

/// All images, in no order.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    viewer: Viewer,
    pub(super) images: HashMap<ImageId, Observed>,
}

impl Reference {
    pub(super) fn new(viewer: Viewer, observed_time: Timestamp, images: &[Image]) -> Self {
        let observed = |image: &Image| (image.image_id.clone(), Observed { image: image.clone(), observed_time });
        Self { viewer, images: images.iter().map(observed).collect() }
    }

    pub(super) fn with_recent(&self, seen: &[Observed], gone: &[ImageId]) -> Self {
        let mut images = self.images.clone();
        for id in gone {
            images.remove(id);
        }
        for seen in seen {
            let id = &seen.image.image_id;
            if images.get(id).is_none_or(|known| known.observed_time <= seen.observed_time) {
                images.insert(id.clone(), seen.clone());
            }
        }
        Self { viewer: self.viewer.clone(), images }
    }

    /// The ids of what is found, in order.
    pub(super) fn answer(&self, query: &Query<'_>, order: &OrderBy) -> Vec<ImageId> {
        let mut found: Vec<&Image> =
            self.images.values().map(|seen| &seen.image).filter(|image| self.is_wanted(image, query)).collect();
        found.sort_by(|left, right| order.compare(left, right));
        found.into_iter().map(|image| image.image_id.clone()).collect()
    }

    fn is_wanted(&self, image: &Image, query: &Query<'_>) -> bool {
        let own = self.viewer.account_id.as_ref().is_some_and(|own| image.owner_id.as_deref() == Some(own.as_str()));
        let owned = query.owners.is_empty()
            || query.owners.iter().any(|word| {
                word == "all"
                    || (word == "self" && own)
                    || image.owner_id.as_ref() == Some(word)
                    || image.image_owner_alias.as_ref() == Some(word)
            });
        let deprecated = image.deprecation_time.is_some_and(|time| time <= query.now);
        owned
            && (query.include_deprecated || own || !deprecated)
            && (query.include_disabled || image.state.as_deref() != Some("disabled"))
            && (query.filters.is_empty()
                || query.filters.matches(image, &classify(image, &self.viewer, None, query.now), query.types))
    }
}
