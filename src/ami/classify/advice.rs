//! Findings that belong to no conclusion: what an image is for, the metadata service, its owner's
//! list of instance types, security scans, and what a public image gives away.

use super::basis::Notes;
use super::findings;
use super::observed::{Observed, fixed, observed};
use super::{ImageStorage, Viewer};
use crate::ec2::facts::Image;

pub(super) fn advise(image: &Image, viewer: &Viewer, storage: &ImageStorage, notes: &mut Notes) {
    not_a_machine(image, notes);
    imdsv1(image, notes);
    instance_types(image, notes);
    public_and_unencrypted(image, viewer, storage, notes);
}

fn not_a_machine(image: &Image, notes: &mut Notes) {
    let kind = image.image_type.as_deref();
    if matches!(kind, Some("kernel" | "ramdisk")) {
        notes.find(&findings::NOT_A_MACHINE_IMAGE, observed(kind));
    }
}

fn imdsv1(image: &Image, notes: &mut Notes) {
    if image.imds_support.as_deref() != Some("v2.0") {
        notes.find(&findings::IMDSV1_ALLOWED, observed(image.imds_support.as_deref()));
    }
}

fn instance_types(image: &Image, notes: &mut Notes) {
    let Some(specification) = &image.instance_type_specification else { return };
    let (supported, unsupported) = (&specification.supported_instance_types, &specification.unsupported_instance_types);
    if supported.is_empty() && unsupported.is_empty() {
        return;
    }
    let seen = format!("supported [{}], unsupported [{}]", supported.join(", "), unsupported.join(", "));
    notes.find(&findings::INSTANCE_TYPES_LIMITED, Observed::Text(seen.into()));
}

/// Only for the viewer's own images: that the public images of others are unencrypted is how public
/// images are, and there is nothing the viewer could do.
fn public_and_unencrypted(image: &Image, viewer: &Viewer, storage: &ImageStorage, notes: &mut Notes) {
    let own = viewer.owns(image) == Some(true);
    if own && image.public == Some(true) && storage.encrypted == Some(false) {
        notes.find(&findings::PUBLIC_UNENCRYPTED, fixed("false"));
    }
}
