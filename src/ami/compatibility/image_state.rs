//! Rules about the image alone: whether it can be launched at all.

use super::words::{Rule, seen};
use crate::ami::classify::Lifecycle;
use crate::ec2::facts::Image;
use crate::record::Finding;

/// The image type that can be launched; the others are parts of paravirtual images.
const MACHINE: &str = "machine";

/// Only `available` can be launched; EC2 answers InvalidAMIID.Unavailable otherwise.
pub(super) fn state(image: &Image) -> Finding {
    let state = image.state.as_deref();
    let rule = Rule { code: "IMAGE_NOT_AVAILABLE", field: "image.state", observed: seen(state) };
    match Lifecycle::of_state(state) {
        Lifecycle::Current => rule.pass("available", "The image is available."),
        Lifecycle::Unknown => {
            rule.unknown("available", "EC2 does not give a state that says whether it can be launched.")
        }
        Lifecycle::Pending => rule.fail(
            "available",
            "The image is still being made and cannot be launched.",
            "Wait until it is available.",
        ),
        Lifecycle::Disabled => rule.fail(
            "available",
            "Its owner disabled the image, and it cannot be launched.",
            "Ask its owner to enable it, or choose another image.",
        ),
        Lifecycle::Failed | Lifecycle::Deregistered | Lifecycle::Invalid => {
            rule.fail("available", "In this state the image cannot be launched.", "Choose another image.")
        }
    }
}

/// EC2 lists kernels and RAM disks as images too.
pub(super) fn image_type(image: &Image) -> Finding {
    let kind = image.image_type.as_deref();
    let rule = Rule { code: "NOT_A_MACHINE_IMAGE", field: "image.image_type", observed: seen(kind) };
    match kind {
        Some(MACHINE) => rule.pass(MACHINE, "It is a machine image."),
        Some("kernel" | "ramdisk") => rule.fail(
            MACHINE,
            "It holds a kernel or a RAM disk for paravirtual images, and cannot be launched.",
            "Choose an image of type machine.",
        ),
        _ => rule.unknown(MACHINE, "EC2 does not say whether it is a machine image."),
    }
}
