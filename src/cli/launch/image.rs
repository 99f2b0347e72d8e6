//! The image of a launch, in one of three ways: by its id, by a receipt, or by what it must be.

use super::receipt;
use crate::cli::failure::Failure;
use crate::client::pb;
use crate::client::pb::image_reference::Reference;

/// Flags that name the image. None of them: the launch template's.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ImageArgs {
    /// The image: ami-... [default: the launch template's].
    #[arg(long, value_name = "IMAGE_ID")]
    image: Option<String>,
    /// The image that `gantry images resolve` chose, as long as it is unchanged: its receipt as JSON, or a file with
    /// it; - for stdin.
    #[arg(long, value_name = "JSON_OR_FILE", conflicts_with = "image")]
    receipt: Option<String>,
    /// The newest image of this owner: an account id, self, amazon, aws-marketplace or aws-backup-vault.
    #[arg(long, value_name = "OWNER", conflicts_with_all = ["image", "receipt"])]
    image_owner: Option<String>,
    /// Called so, with * and ?.
    #[arg(long, value_name = "PATTERN", conflicts_with_all = ["image", "receipt"])]
    image_name: Option<String>,
    /// Of this architecture: x86_64, arm64.
    #[arg(long, value_name = "ARCHITECTURE", conflicts_with_all = ["image", "receipt"])]
    image_architecture: Option<String>,
    /// Named by this public SSM parameter.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["image", "receipt"])]
    image_ssm_parameter: Option<String>,
}

impl ImageArgs {
    /// The image's id, if it is known before the launch is decided.
    pub(super) fn id(&self) -> Result<Option<String>, Failure> {
        match &self.receipt {
            Some(value) if value == "-" => {
                // Stdin can be read once, and the spec needs it.
                Err(Failure::Usage("the root volume's flags need a receipt that is not on stdin".into()))
            }
            Some(value) => Ok(Some(receipt::read(value)?.image_id)),
            None => Ok(self.image.clone()),
        }
    }

    /// The API's reference.
    pub(super) fn into_reference(self) -> Result<Option<pb::ImageReference>, Failure> {
        let selector = pb::ImageSelector {
            owner: self.image_owner.unwrap_or_default(),
            name_pattern: self.image_name.unwrap_or_default(),
            architecture: self.image_architecture.unwrap_or_default(),
            ssm_parameter: self.image_ssm_parameter.unwrap_or_default(),
            // A launch without an owner is never meant: `any_owner` stays false, and the server says so.
            ..pb::ImageSelector::default()
        };
        let reference = match (self.image, self.receipt) {
            (Some(id), _) => Some(Reference::ImageId(id)),
            (None, Some(value)) => Some(Reference::Receipt(receipt::read(&value)?)),
            (None, None) if selector != pb::ImageSelector::default() => Some(Reference::Selector(selector)),
            (None, None) => None,
        };
        Ok(reference.map(|reference| pb::ImageReference { reference: Some(reference) }))
    }
}
