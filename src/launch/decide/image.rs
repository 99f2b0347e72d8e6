//! Whether the image of a launch is there, and is what it was chosen for.

use super::Facts;
use crate::ami::receipt::{boot_digest, single_difference};
use crate::ami::resolve::Nothing;
use crate::ec2::facts::Image;
use crate::ids::ImageId;
use crate::record::{Finding, ImageChoice, ImageReceipt, Outcome, Spec};

/// How the image of a launch was come by.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Selection {
    /// The request names it.
    #[default]
    Named,
    /// A selector chose it.
    Chosen {
        /// Why it may not be what the selector means, where it had to be inferred.
        inferred: Option<String>,
    },
    /// Nothing that can be launched meets the selector.
    Nothing(Nothing),
}

/// What there is to say about the choice of the image. Without an image one of them is a FAIL.
pub(super) fn findings(spec: &Spec, facts: &Facts) -> Vec<Finding> {
    match (&facts.selection, &facts.image) {
        (Selection::Nothing(nothing), _) => vec![matches_nothing(nothing)],
        (Selection::Chosen { inferred }, Some(image)) => {
            inferred.iter().map(|why| was_inferred(&image.image_id, why)).collect()
        }
        (_, None) => vec![not_found(spec)],
        (Selection::Named, Some(image)) => match &spec.image {
            ImageChoice::Receipt(receipt) => changed(image, receipt).into_iter().collect(),
            ImageChoice::ImageId(_) | ImageChoice::Selector(_) => Vec::new(),
        },
    }
}

/// The finding if the image is no longer what the receipt was made of.
fn changed(image: &Image, receipt: &ImageReceipt) -> Option<Finding> {
    let ImageReceipt { image_id, digest, observed_time } = receipt;
    let observed = boot_digest(image);
    if observed == *digest {
        return None;
    }
    let mut message = format!("The facts that decide how {image_id} boots differ from those of {observed_time}.");
    if let Some(difference) = single_difference(image, digest) {
        message.push_str(&format!(" {} was {}, and is {}.", difference.field, difference.was, difference.is));
    }
    Some(Finding {
        code: "IMAGE_CHANGED".into(),
        outcome: Outcome::Fail,
        field: "spec.image.receipt.digest".to_owned(),
        observed: observed.to_string(),
        expected: digest.to_string(),
        message,
        remedy: "Resolve the image again, look at what changed, and launch by the new receipt.".to_owned(),
        ec2_error_code: None,
    })
}

fn was_inferred(image_id: &ImageId, why: &str) -> Finding {
    Finding {
        code: "IMAGE_INFERRED".into(),
        outcome: Outcome::Warn,
        field: "spec.image.selector.ssm_parameter".to_owned(),
        observed: image_id.to_string(),
        expected: "the parameter's value".to_owned(),
        message: format!("The image was inferred: {why}."),
        remedy: "Grant ssm:GetParameter on the public parameters, and give the server a way to SSM.".to_owned(),
        ec2_error_code: None,
    }
}

fn matches_nothing(nothing: &Nothing) -> Finding {
    Finding {
        code: "SELECTOR_MATCHES_NOTHING".into(),
        outcome: Outcome::Fail,
        field: "spec.image.selector".to_owned(),
        observed: format!("{} images", nothing.matched),
        expected: "an image that can be launched".to_owned(),
        message: format!("Nothing can be launched: {}.", nothing.message),
        remedy: "Ask ResolveImage with the same selector, and change it until it chooses an image.".to_owned(),
        ec2_error_code: None,
    }
}

fn not_found(spec: &Spec) -> Finding {
    let field = match &spec.image {
        ImageChoice::ImageId(_) => "spec.image.image_id",
        ImageChoice::Receipt(_) => "spec.image.receipt.image_id",
        ImageChoice::Selector(_) => "spec.image.selector",
    };
    let image_id = spec.image.image_id().map(ToString::to_string).unwrap_or_default();
    Finding {
        code: "IMAGE_NOT_FOUND".into(),
        outcome: Outcome::Fail,
        field: field.to_owned(),
        expected: format!("an AMI that account {} can see in {}", spec.account_id, spec.region),
        message: format!(
            "EC2 shows no AMI {image_id} to account {} in {}. It may not exist, be in another Region, not be shared \
             with this account, or be hidden by the account's Allowed AMIs setting; EC2 does not tell these apart.",
            spec.account_id, spec.region
        ),
        observed: image_id,
        remedy: "Check the id and the Region, and ask the owner to share the AMI with this account.".to_owned(),
        ec2_error_code: None,
    }
}
