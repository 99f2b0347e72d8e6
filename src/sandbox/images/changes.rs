//! What an owner has changed about an image, laid over the catalogue, which itself never changes.
//!
//! Whether a change is allowed is the business of the actions.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::facts::{Image, State};
use super::permissions::Permissions;
use crate::clock::Timestamp;

/// Everything that has been changed about one image; the default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ImageChange {
    /// The new description; empty for none.
    pub(crate) description: Option<String>,
    /// Whether everybody may launch it.
    pub(crate) public: Option<bool>,
    /// All explicit launch permissions as they now are.
    pub(crate) permissions: Option<Permissions>,
    /// Disabled, or available again.
    pub(crate) disabled: Option<bool>,
    pub(crate) deprecation: Option<Deprecation>,
    /// Instances of it require IMDSv2. Cannot be taken back.
    pub(crate) imds_v2: bool,
}

/// When an image becomes deprecated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Deprecation {
    /// At this moment.
    At(Timestamp),
    /// Not at all.
    Never,
}

impl ImageChange {
    /// The image with all of it.
    pub(crate) fn apply(&self, image: &Image) -> Image {
        let mut image = image.clone();
        if let Some(description) = &self.description {
            image.description = (!description.is_empty()).then(|| description.as_str().into());
        }
        if let Some(public) = self.public {
            image.public = public;
        }
        if let Some(permissions) = &self.permissions {
            image.extras_mut().permissions = permissions.clone();
        }
        match self.disabled {
            None => {}
            Some(true) => image.state = Some(State::Disabled),
            Some(false) => image.state = Some(State::Available),
        }
        match self.deprecation {
            None => {}
            Some(Deprecation::At(time)) => image.deprecated = Some(time),
            Some(Deprecation::Never) => image.deprecated = None,
        }
        image.imds_v2 |= self.imds_v2;
        image
    }
}

/// An image as it is now.
#[derive(Debug)]
pub(crate) enum Current<'a> {
    /// As the catalogue has it.
    AsMade(&'a Image),
    /// With its owner's changes.
    Changed(Box<Image>),
}

impl Deref for Current<'_> {
    type Target = Image;
    fn deref(&self) -> &Image {
        match self {
            Self::AsMade(image) => image,
            Self::Changed(image) => image,
        }
    }
}
