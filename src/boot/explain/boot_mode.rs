//! Whether an image can boot the way that its instance does (EC2 User Guide, "Boot modes").

use super::{BootFacts, failure};
use crate::record::{BootFailure, BootStage};

/// An image made for UEFI that was started by legacy BIOS never boots, and the other way round. `uefi-preferred` boots
/// by either, and what is not said is not known.
pub(super) fn wrong_boot_mode(boot: &BootFacts) -> Option<BootFailure> {
    let (wanted, got) = (boot.boot_mode.as_deref()?, boot.current_boot_mode.as_deref()?);
    let mismatch = matches!((wanted, got), ("uefi", "legacy-bios") | ("legacy-bios", "uefi"));
    mismatch.then(|| {
        failure(
            &format!("The AMI boots by {wanted} and the instance was started by {got}."),
            BootStage::BootMode,
            &format!("Use an instance type that supports {wanted}."),
        )
    })
}

/// Whether the image says that it boots the way the instance did.
pub(super) fn is_mode_declared(boot: &BootFacts) -> bool {
    match (boot.boot_mode.as_deref(), boot.current_boot_mode.as_deref()) {
        (Some("uefi-preferred"), Some(_)) => true,
        (Some(wanted), Some(got)) => wanted == got,
        _ => false,
    }
}
