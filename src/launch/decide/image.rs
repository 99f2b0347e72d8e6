//! Whether the image of a launch is there, and is what it was chosen for.

use super::{Facts, findings};
use crate::ami::receipt::{boot_digest, single_difference};
use crate::ami::resolve::Nothing;
use crate::ec2::facts::Image;
use crate::ids::ImageId;
use crate::record::{Finding, ImageChoice, ImageReceipt, Spec};

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
    /// Neither the request nor its launch template names one.
    Unnamed,
}

/// What there is to say about the choice of the image. Without an image one of them is a FAIL.
pub(super) fn about_image(spec: &Spec, facts: &Facts) -> Vec<Finding> {
    match (&facts.selection, &facts.image) {
        (Selection::Nothing(nothing), _) => vec![matches_nothing(nothing)],
        // Said as of the template, which was to name it.
        (Selection::Unnamed, _) => Vec::new(),
        (Selection::Chosen { inferred }, Some(image)) => {
            inferred.iter().map(|why| was_inferred(&image.image_id, why)).collect()
        }
        (_, None) => vec![not_found(spec)],
        (Selection::Named, Some(image)) => match &spec.image {
            ImageChoice::Receipt(receipt) => changed(image, receipt).into_iter().collect(),
            ImageChoice::ImageId(_) | ImageChoice::Selector(_) | ImageChoice::LaunchTemplate => Vec::new(),
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
    let expected = digest.to_string();
    Some(Finding { expected, message, ..findings::IMAGE_CHANGED.finding(observed.to_string()) })
}

fn was_inferred(image_id: &ImageId, why: &str) -> Finding {
    let message = format!("The image was inferred: {why}.");
    Finding { message, ..findings::IMAGE_INFERRED.finding(image_id.to_string()) }
}

fn matches_nothing(nothing: &Nothing) -> Finding {
    let message = format!("Nothing can be launched: {}.", nothing.message);
    Finding { message, ..findings::SELECTOR_MATCHES_NOTHING.finding(format!("{} images", nothing.matched)) }
}

fn not_found(spec: &Spec) -> Finding {
    let field = match &spec.image {
        ImageChoice::ImageId(_) => "spec.image.image_id",
        ImageChoice::Receipt(_) => "spec.image.receipt.image_id",
        ImageChoice::Selector(_) => "spec.image.selector",
        ImageChoice::LaunchTemplate => "spec.image",
    };
    let image_id = spec.image.image_id().map(ToString::to_string).unwrap_or_default();
    Finding {
        field: field.to_owned(),
        expected: format!("an AMI that account {} can see in {}", spec.account_id, spec.region),
        ..findings::IMAGE_NOT_FOUND.finding(image_id)
    }
}
