//! The images of one Region: a generated catalogue on top of real names.
//!
//! The same seed and count give the same catalogue on every machine. It never changes while the
//! sandbox runs; what callers change (tags, permissions, states) is kept by the cloud and laid over
//! it when it is read. Access rules (who sees and who may launch what) are here because they are
//! facts about images, not about one action.

pub(crate) mod allowed;
pub(crate) mod changes;
pub(crate) mod facts;
mod families;
pub(crate) mod filters;
mod generate;
pub mod landmarks;
mod names;
pub(crate) mod permissions;
mod specimens;
mod words;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::clock::Timestamp;
use crate::ids::{AccountId, Region};
use crate::sandbox::ACCOUNT_ID;
use facts::{Image, Share, State};
#[cfg(test)]
pub(crate) use generate::Mill;

/// Fewer than this cannot hold every class three times.
pub(crate) const IMAGES_MIN: usize = 400;
/// About what us-east-1 shows an account.
pub(crate) const IMAGES_MAX: usize = 150_000;

/// All images of a Region, in a fixed order.
#[derive(Debug)]
pub(crate) struct Catalog {
    images: Vec<Image>,
    by_id: HashMap<Box<str>, usize>,
}

impl Catalog {
    /// Makes `count` images from `seed`, as an account finds them; another Region gives other images. What others own
    /// is the same for every account, and private images that the sandbox's own account has, each of the others has
    /// too, as its own and under ids of its own.
    pub(crate) fn generate(seed: u64, account_id: &AccountId, region: &Region, count: usize) -> Self {
        let mut images = generate::images(seed, region, count);
        if account_id.as_str() != ACCOUNT_ID {
            for image in images.iter_mut().filter(|image| image.is_owned_by(ACCOUNT_ID) && !image.public) {
                image.id = generate::id_of_account(account_id, &image.id);
                image.owner = Cow::Owned(account_id.to_string());
            }
        }
        let by_id = images.iter().enumerate().map(|(at, image)| (image.id.clone(), at)).collect();
        Self { images, by_id }
    }

    /// All of them, in the order of paging.
    pub(crate) fn all(&self) -> &[Image] {
        &self.images
    }

    /// One, if it exists at all.
    pub(crate) fn get(&self, id: &str) -> Option<&Image> {
        self.by_id.get(id).map(|at| &self.images[*at])
    }

    /// Where an image stands in the order of paging.
    pub(crate) fn position(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }
}

impl Image {
    /// Whether an account of the sandbox may see and launch it: its own, public ones, and private ones
    /// shared with it. Disabling an image takes all permissions away (EC2 User Guide, "Disable an
    /// AMI"), so a disabled one is seen by its owner alone.
    pub(crate) fn is_visible(&self, account_id: &AccountId) -> bool {
        self.is_owned_by(account_id.as_str())
            || (self.state != Some(State::Disabled) && (self.public || self.share != Share::Nobody))
    }

    /// Whether it counts as deprecated at `now`.
    pub(crate) fn is_deprecated(&self, now: Timestamp) -> bool {
        self.deprecated.is_some_and(|since| since <= now)
    }
}

#[cfg(test)]
mod tests;
