//! Findings that belong to no conclusion: what an image is for, the metadata service, its owner's
//! list of instance types, security scans, and what a public image gives away.

use super::basis::{Note, Notes, observed};
use super::{ImageStorage, Viewer};
use crate::ec2::facts::Image;
use crate::record::Outcome;

pub(super) fn advise(image: &Image, viewer: &Viewer, storage: &ImageStorage, notes: &mut Notes) {
    not_a_machine(image, notes);
    imdsv1(image, notes);
    instance_types(image, notes);
    scan(image, notes);
    public_and_unencrypted(image, viewer, storage, notes);
}

fn not_a_machine(image: &Image, notes: &mut Notes) {
    let kind = image.image_type.as_deref();
    if matches!(kind, Some("kernel" | "ramdisk")) {
        notes.find(Note {
            code: "NOT_A_MACHINE_IMAGE",
            outcome: Outcome::Fail,
            field: "image.image_type",
            observed: observed(kind),
            expected: "machine",
            message: "It holds a kernel or a RAM disk for paravirtual images, not a machine.".into(),
            remedy: "Choose an image of type machine.",
        });
    }
}

fn imdsv1(image: &Image, notes: &mut Notes) {
    if image.imds_support.as_deref() != Some("v2.0") {
        notes.find(Note {
            code: "IMDSV1_ALLOWED",
            outcome: Outcome::Warn,
            field: "image.imds_support",
            observed: observed(image.imds_support.as_deref()),
            expected: "v2.0",
            message:
                "The image does not ask for IMDSv2, so instances allow the older metadata service, which a forged \
                      request can read, unless the launch or the account requires IMDSv2."
                    .into(),
            remedy: "Require IMDSv2 at launch, which Gantry does by default, or set imds-support v2.0 on the image.",
        });
    }
}

fn instance_types(image: &Image, notes: &mut Notes) {
    let Some(specification) = &image.instance_type_specification else { return };
    let (supported, unsupported) = (&specification.supported_instance_types, &specification.unsupported_instance_types);
    if supported.is_empty() && unsupported.is_empty() {
        return;
    }
    notes.find(Note {
        code: "INSTANCE_TYPES_LIMITED",
        outcome: Outcome::Warn,
        field: "image.instance_type_specification",
        observed: format!("supported [{}], unsupported [{}]", supported.join(", "), unsupported.join(", ")).into(),
        expected: "",
        message: "Its owner allows only certain instance types; EC2 refuses the others with \
                  InvalidParameterCombination."
            .into(),
        remedy: "Choose a type that the owner allows.",
    });
}

fn scan(image: &Image, notes: &mut Notes) {
    let Some(result) = &image.scan_result else { return };
    let severity = result.highest_finding_severity_label.as_deref();
    if matches!(severity, Some("critical" | "high")) {
        notes.find(Note {
            code: "VULNERABILITIES_FOUND",
            outcome: Outcome::Warn,
            field: "image.scan_result.highest_finding_severity_label",
            observed: observed(severity),
            expected: "medium or less",
            message: "Amazon Inspector found severe vulnerabilities in it.".into(),
            remedy: "Use an image with the fixes, or update the system at first boot.",
        });
    }
}

/// Only for the viewer's own images: that the public images of others are unencrypted is how public
/// images are, and there is nothing the viewer could do.
fn public_and_unencrypted(image: &Image, viewer: &Viewer, storage: &ImageStorage, notes: &mut Notes) {
    let own = image.owner_id.as_deref() == Some(viewer.account_id.as_str());
    if own && image.public == Some(true) && storage.encrypted == Some(false) {
        notes.find(Note {
            code: "PUBLIC_UNENCRYPTED",
            outcome: Outcome::Warn,
            field: "image.block_device_mappings.ebs.encrypted",
            observed: "false".into(),
            expected: "true, or a private image",
            message: "Everybody may launch this image of yours and read all that is on it.".into(),
            remedy: "Make sure that no secret is on it, or take back the public permission.",
        });
    }
}
