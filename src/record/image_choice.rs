//! Which AMI a launch is about, in the caller's words.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ImageId, Sha256Digest};

/// Which AMI a launch is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageChoice {
    /// This one.
    ImageId(ImageId),
    /// The best that this describes when the launch is decided.
    Selector(Box<ImageSelector>),
    /// This one, if it still is what the receipt says.
    Receipt(ImageReceipt),
    /// The one that the launch template names: in what was asked, and in a merged spec if it names none.
    LaunchTemplate,
}

impl ImageChoice {
    /// The image, where the choice itself says which.
    pub fn image_id(&self) -> Option<&ImageId> {
        match self {
            Self::ImageId(id) => Some(id),
            Self::Receipt(receipt) => Some(&receipt.image_id),
            Self::Selector(_) | Self::LaunchTemplate => None,
        }
    }

    /// The image of a decision: the one that was named, or the one of the decision's receipt, which
    /// is what a selector came to.
    pub(super) fn decided<'a>(&'a self, receipt: Option<&'a ImageReceipt>) -> Option<&'a ImageId> {
        self.image_id().or_else(|| receipt.map(|receipt| &receipt.image_id))
    }
}

/// What an image was at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageReceipt {
    /// The image.
    pub image_id: ImageId,
    /// SHA-256 over the facts that decide how it boots.
    pub digest: Sha256Digest,
    /// When EC2 was asked for them.
    pub observed_time: Timestamp,
}

/// What an image must be. All that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSelector {
    /// An account id, `self`, `amazon`, `aws-marketplace` or `aws-backup-vault`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its name, with `*` and `?`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_pattern: Option<String>,
    /// Its architecture in EC2's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The public SSM parameter that names it, with its leading slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssm_parameter: Option<String>,
    /// Further conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<SelectorFilter>,
    /// Whether it may be anybody's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub any_owner: bool,
}

/// One condition of a selector: the name of a filter, and the values of which one must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectorFilter {
    /// EC2's name or Gantry's own.
    pub name: String,
    /// At least one value.
    pub values: Vec<String>,
}
