//! An image as a policy sees it.

use cedar_policy::{Entity, EntityUid};
use jiff::Timestamp;

use super::make;
use crate::ami::classify::{Classification, Viewer, classify};
use crate::ec2::facts::Image;
use crate::ids::AccountId;
use crate::policy::attributes::{Attributes, tags};

/// The entity of an image. It is classified as the account sees it, by nothing but the image itself: what the
/// account's Region has beside it is not in the record.
pub(super) fn entity(uid: EntityUid, image: &Image, account_id: &AccountId, time: Timestamp) -> Result<Entity, String> {
    let mut about = Attributes::default();
    about.text("image_id", image.image_id.as_str());
    about.some_text("name", image.name.as_deref());
    about.some_text("description", image.description.as_deref());
    about.some_text("owner_id", image.owner_id.as_deref());
    about.some_text("owner_alias", image.image_owner_alias.as_deref());
    about.some_text("architecture", image.architecture.as_deref());
    about.some_text("state", image.state.as_deref());
    about.some_time("creation_date", image.creation_date);
    about.some_time("deprecation_time", image.deprecation_time);
    about.some_text("root_device_type", image.root_device_type.as_deref());
    about.some_text("virtualization_type", image.virtualization_type.as_deref());
    about.some_text("boot_mode", image.boot_mode.as_deref());
    about.some_text("tpm_support", image.tpm_support.as_deref());
    about.some_text("imds_support", image.imds_support.as_deref());
    about.flag("ena_support", image.ena_support == Some(true));
    about.some_text("platform_details", image.platform_details.as_deref());
    about.some_text("usage_operation", image.usage_operation.as_deref());
    about.some_flag("public", image.public);
    about.some_flag("allowed", image.image_allowed);
    about.some_flag("free_tier_eligible", image.free_tier_eligible);
    about.some_text("source_image_id", image.source_image_id.as_deref());
    about.some_text("public_ssm_parameter", image.public_ssm_parameter_name.as_deref());
    let severity = image.scan_result.as_ref().and_then(|scan| scan.highest_finding_severity_label.as_deref());
    about.some_text("scan_severity", severity);
    about.set("product_codes", image.product_codes.iter().filter_map(|code| code.id.as_deref()));
    conclusions(&mut about, &classify(image, &Viewer::of(account_id.clone()), None, time));
    make(uid, about, tags(&image.tags))
}

fn conclusions(about: &mut Attributes, classification: &Classification) {
    let Classification { source, deprecated, recommendation, boot_path, os, found, .. } = classification;
    about.text("source", source.as_str());
    about.flag("deprecated", *deprecated);
    about.text("recommendation", recommendation.as_str());
    about.text("boot_path", boot_path.as_str());
    about.text("os", os.family.as_str());
    about.some_text("os_distribution", os.distribution);
    about.some_text("os_version", os.version.as_ref().map(ToString::to_string).as_deref());
    about.set("findings", found.iter().map(|found| found.rule.code));
}
