//! Through whose eyes an image is classified, and what is known about that account's Region.

use std::sync::Arc;

use crate::ami::fleet::Fleet;
use crate::ec2::facts::{AllowedImages, Image};
use crate::ids::AccountId;

/// Who looks, and at what beside the image. What is `None` is not known, and nothing that depends
/// on it is concluded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Viewer {
    /// The account that EC2 was asked as. Without it, nothing is said about whose an image is.
    pub account_id: Option<AccountId>,
    /// The account's Allowed AMIs settings in the Region; they say why an image is not allowed.
    pub allowed_images: Option<Arc<AllowedImages>>,
    /// The Region's instance types.
    pub fleet: Option<Arc<Fleet>>,
}

impl Viewer {
    /// An account of which no more is known.
    pub fn of(account_id: AccountId) -> Self {
        Self { account_id: Some(account_id), allowed_images: None, fleet: None }
    }

    /// Whether the account owns the image. None when the account or the owner is not known.
    pub(super) fn owns(&self, image: &Image) -> Option<bool> {
        let account = self.account_id.as_ref()?;
        Some(image.owner_id.as_deref()? == account.as_str())
    }
}
