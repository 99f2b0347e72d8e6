//! Which hardware the operating system can reach, given an instance type that has it.
//!
//! Reachable means that EC2 hands the device or extension to the guest. Whether the operating
//! system has a driver is no fact of the image (EC2 API Reference, `Image`), and is not judged.

use serde::Serialize;

use super::Virtualization;
use super::basis::{Notes, known, unknown};
use super::findings;
use super::observed::{fixed, observed, observed_flag};
use crate::ec2::facts::Image;

/// Whether an extension can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reachability {
    /// Yes, on an instance type that has it.
    Reachable,
    /// No, whatever the instance type.
    Unreachable,
    /// The facts do not tell.
    Unknown,
}

/// Whether one extension can be reached, and the fact that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HardwareExtension {
    /// Whether it can.
    pub reachability: Reachability,
    /// Why, naming the field.
    pub reason: &'static str,
}

/// The extensions a guest may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HardwareExtensions {
    /// Enhanced networking with the Elastic Network Adapter.
    pub enhanced_networking_ena: HardwareExtension,
    /// Enhanced networking with the Intel 82599 virtual function.
    pub enhanced_networking_intel_82599: HardwareExtension,
    /// NVMe devices.
    pub nvme: HardwareExtension,
    /// GPUs.
    pub gpu: HardwareExtension,
    /// CPU extensions such as AVX.
    pub cpu_extensions: HardwareExtension,
    /// NitroTPM.
    pub tpm: HardwareExtension,
}

const VIRTUALIZATION: &str = "image.virtualization_type";
const ENA: &str = "image.ena_support";
const TPM: &str = "image.tpm_support";

const REACHABLE: fn(&'static str) -> HardwareExtension =
    |reason| HardwareExtension { reachability: Reachability::Reachable, reason };
const UNREACHABLE: fn(&'static str) -> HardwareExtension =
    |reason| HardwareExtension { reachability: Reachability::Unreachable, reason };

const NOT_BY_PARAVIRTUAL: HardwareExtension = HardwareExtension {
    reachability: Reachability::Unreachable,
    reason: "image.virtualization_type is paravirtual: such a guest reaches no hardware extensions.",
};
const NOT_KNOWN: HardwareExtension = HardwareExtension {
    reachability: Reachability::Unknown,
    reason: "image.virtualization_type is absent or new, and this depends on it.",
};

pub(super) fn conclude(image: &Image, virtualization: Virtualization, notes: &mut Notes) -> HardwareExtensions {
    match virtualization {
        Virtualization::Paravirtual => {
            known!(
                notes,
                HardwareExtensions,
                VIRTUALIZATION,
                fixed("paravirtual"),
                "A paravirtual guest reaches no hardware extensions, whatever the other fields say.",
            );
            return all(NOT_BY_PARAVIRTUAL);
        }
        Virtualization::Unknown => {
            unknown!(
                notes,
                HardwareExtensions,
                VIRTUALIZATION,
                observed(image.virtualization_type.as_deref()),
                "What hardware the guest reaches depends on its virtualization, which is not known.",
            );
            return all(NOT_KNOWN);
        }
        Virtualization::Hvm => known!(
            notes,
            HardwareExtensions,
            VIRTUALIZATION,
            fixed("hvm"),
            "An HVM guest reaches NVMe, GPUs and CPU extensions; network adapters and TPM are switched on one by one.",
        ),
    }
    HardwareExtensions {
        enhanced_networking_ena: ena(image, notes),
        enhanced_networking_intel_82599: intel_82599(image),
        nvme: REACHABLE("image.virtualization_type is hvm. The system needs an NVMe driver, which EC2 does not state."),
        gpu: REACHABLE("image.virtualization_type is hvm. The system needs a GPU driver, which EC2 does not state."),
        cpu_extensions: REACHABLE("image.virtualization_type is hvm."),
        tpm: tpm(image, notes),
    }
}

fn all(extension: HardwareExtension) -> HardwareExtensions {
    HardwareExtensions {
        enhanced_networking_ena: extension,
        enhanced_networking_intel_82599: extension,
        nvme: extension,
        gpu: extension,
        cpu_extensions: extension,
        tpm: extension,
    }
}

fn ena(image: &Image, notes: &mut Notes) -> HardwareExtension {
    let seen = observed_flag(image.ena_support);
    if image.ena_support == Some(true) {
        known!(notes, HardwareExtensions, ENA, seen, "The Elastic Network Adapter is enabled.");
        return REACHABLE("image.ena_support is true.");
    }
    known!(
        notes,
        HardwareExtensions,
        ENA,
        seen.clone(),
        "The Elastic Network Adapter is not enabled. EC2 leaves the flag out where it is not set, so absent means no.",
    );
    notes.find(&findings::ENA_MISSING, seen);
    UNREACHABLE("image.ena_support is absent or false, and absent means false.")
}

fn intel_82599(image: &Image) -> HardwareExtension {
    match image.sriov_net_support.as_deref() {
        Some("simple") => REACHABLE("image.sriov_net_support is simple."),
        Some(_) => HardwareExtension {
            reachability: Reachability::Unknown,
            reason: "image.sriov_net_support holds a word that EC2 does not document.",
        },
        None => UNREACHABLE("image.sriov_net_support is absent: it is not enabled."),
    }
}

fn tpm(image: &Image, notes: &mut Notes) -> HardwareExtension {
    let seen = observed(image.tpm_support.as_deref());
    match image.tpm_support.as_deref() {
        Some("v2.0") => {
            known!(notes, HardwareExtensions, TPM, seen, "NitroTPM is enabled.");
            REACHABLE("image.tpm_support is v2.0.")
        }
        Some(_) => {
            unknown!(notes, HardwareExtensions, TPM, seen, "EC2 documents no such TPM version.");
            HardwareExtension {
                reachability: Reachability::Unknown,
                reason: "image.tpm_support holds a version that EC2 does not document.",
            }
        }
        None => {
            known!(notes, HardwareExtensions, TPM, seen.clone(), "NitroTPM is not enabled.");
            // No Mac has one.
            if !image.architecture.as_deref().is_some_and(|architecture| architecture.ends_with("_mac")) {
                notes.find(&findings::NO_TPM, seen);
            }
            UNREACHABLE("image.tpm_support is absent: it is not enabled.")
        }
    }
}
