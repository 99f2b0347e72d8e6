//! What survives what.
//!
//! Source: EC2 User Guide, "Root volumes" and "Instance store data persistence" (2026-04). A reboot
//! keeps everything, instance store included; that it does not is a common error.

use serde::Serialize;

use super::RootDevice;
use super::basis::{Notes, known, unknown};
use super::findings;
use super::observed::{fixed, observed, observed_flag};
use super::root_volume::root_volume;
use crate::ec2::facts::Image;

/// What survives what; `None` where the facts do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Persistence {
    /// Whether instances can be stopped and started again.
    pub stoppable: Option<bool>,
    /// Whether the root keeps its content over a stop. False where there is no stop.
    pub root_survives_stop: Option<bool>,
    /// Whether the root is lost on termination.
    pub root_deleted_on_terminate: Option<bool>,
    /// Whether the root keeps its content over a reboot.
    pub root_survives_reboot: Option<bool>,
    /// Whether instance store volumes lose their content on a stop. They do, whatever the root.
    pub ephemeral_lost_on_stop: Option<bool>,
}

const ROOT_TYPE: &str = "image.root_device_type";
const DELETE: &str = "image.block_device_mappings.ebs.delete_on_termination";

pub(super) fn conclude(image: &Image, root_device: RootDevice, notes: &mut Notes) -> Persistence {
    let (stoppable, survives_reboot, deleted) = match root_device {
        RootDevice::EbsBacked => {
            known!(
                notes,
                Persistence,
                ROOT_TYPE,
                fixed("ebs"),
                "It can be stopped and started; the root keeps its content over stop, hibernation and reboot. Instance \
                 store volumes beside it survive a reboot and are lost on stop.",
            );
            (Some(true), Some(true), deleted_on_terminate(image, notes))
        }
        RootDevice::InstanceStoreBacked => {
            known!(
                notes,
                Persistence,
                ROOT_TYPE,
                fixed("instance-store"),
                "It cannot be stopped: it runs or is terminated, and a shutdown from within terminates it. Everything \
                 on it survives a reboot and is lost on termination.",
            );
            (Some(false), Some(true), Some(true))
        }
        RootDevice::Unknown => {
            unknown!(
                notes,
                Persistence,
                ROOT_TYPE,
                observed(image.root_device_type.as_deref()),
                "What survives depends on the kind of root device, which is not known.",
            );
            (None, None, None)
        }
    };
    Persistence {
        stoppable,
        root_survives_stop: stoppable,
        root_deleted_on_terminate: deleted,
        root_survives_reboot: survives_reboot,
        ephemeral_lost_on_stop: Some(true),
    }
}

fn deleted_on_terminate(image: &Image, notes: &mut Notes) -> Option<bool> {
    let Some(volume) = root_volume(image) else {
        unknown!(
            notes,
            Persistence,
            "image.root_device_name",
            observed(image.root_device_name.as_deref()),
            "No mapping is the root's, so it is not known whether the root goes with the instance.",
        );
        return None;
    };
    let seen = observed_flag(volume.delete_on_termination);
    match volume.delete_on_termination {
        Some(true) => {
            known!(notes, Persistence, DELETE, seen, "The root volume is deleted with the instance.")
        }
        Some(false) => {
            known!(notes, Persistence, DELETE, seen.clone(), "The root volume outlives the instance.");
            notes.find(&findings::ROOT_KEPT_AFTER_TERMINATE, seen);
        }
        None => unknown!(
            notes,
            Persistence,
            DELETE,
            seen,
            "EC2 does not say whether the root volume goes with the instance.",
        ),
    }
    volume.delete_on_termination
}
