//! Rules about the image alone: whether it can be launched at all.

use super::answer::{Answer, Rule};
use super::boot_facts::BootFacts;
use super::rule_doc::{IMAGE_TYPE, STATE};
use crate::ami::classify::Lifecycle;

/// The image type that can be launched; the others are parts of paravirtual images.
const MACHINE: &str = "machine";

/// Only `available` can be launched; EC2 answers InvalidAMIID.Unavailable otherwise.
pub(super) fn state<A: Answer>(image: &BootFacts<'_>) -> A {
    let rule = Rule::of(&STATE, image.state);
    match Lifecycle::of_state(image.state) {
        Lifecycle::Current => rule.pass(|| ("available", "The image is available.")),
        Lifecycle::Unknown => {
            rule.unknown(|| ("available", "EC2 does not give a state that says whether it can be launched."))
        }
        Lifecycle::Pending => rule
            .remedy("Wait until it is available.")
            .fail(|| ("available", "The image is still being made and cannot be launched.")),
        Lifecycle::Disabled => rule
            .remedy("Ask its owner to enable it, or choose another image.")
            .fail(|| ("available", "Its owner disabled the image, and it cannot be launched.")),
        Lifecycle::Failed | Lifecycle::Deregistered | Lifecycle::Invalid => {
            rule.fail(|| ("available", "In this state the image cannot be launched."))
        }
    }
}

/// EC2 lists kernels and RAM disks as images too.
pub(super) fn image_type<A: Answer>(image: &BootFacts<'_>) -> A {
    let rule = Rule::of(&IMAGE_TYPE, image.image_type);
    match image.image_type {
        Some(MACHINE) => rule.pass(|| (MACHINE, "It is a machine image.")),
        Some("kernel" | "ramdisk") => {
            rule.fail(|| (MACHINE, "It holds a kernel or a RAM disk for paravirtual images, and cannot be launched."))
        }
        _ => rule.unknown(|| (MACHINE, "EC2 does not say whether it is a machine image.")),
    }
}
