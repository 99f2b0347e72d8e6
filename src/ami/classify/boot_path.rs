//! What starts the operating system.
//!
//! An absent boot mode is not an unknown one: EC2 then uses the default of the instance type, UEFI
//! on Graviton and legacy BIOS on Intel and AMD, even where the type supports both (EC2 User Guide,
//! "Amazon EC2 instance type boot modes", 2026-04).

use serde::Serialize;

use super::Virtualization;
use super::basis::{Notes, known, unknown};
use super::findings;
use super::observed::{Observed, fixed, observed};
use crate::ami::fleet::Fleet;
use crate::ec2::facts::Image;

/// What starts the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BootPath {
    /// PV-GRUB, from a kernel image (AKI), loads the kernel that `menu.lst` names.
    PvGrub,
    /// A legacy BIOS starts the boot loader in the master boot record.
    BiosMbr,
    /// UEFI only.
    Uefi,
    /// UEFI where the instance type has it, legacy BIOS otherwise.
    UefiPreferred,
    /// A Mac starts macOS its own way.
    Mac,
    /// The facts do not tell.
    Unknown,
}

impl BootPath {
    /// Every value.
    pub const ALL: [Self; 6] = [Self::PvGrub, Self::BiosMbr, Self::Uefi, Self::UefiPreferred, Self::Mac, Self::Unknown];

    /// The word that the filter `gantry:boot-path` knows it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PvGrub => "pv-grub",
            Self::BiosMbr => "bios-mbr",
            Self::Uefi => "uefi",
            Self::UefiPreferred => "uefi-preferred",
            Self::Mac => "mac",
            Self::Unknown => "unknown",
        }
    }
}

const BOOT_MODE: &str = "image.boot_mode";
const ARCHITECTURE: &str = "image.architecture";
const VIRTUALIZATION: &str = "image.virtualization_type";
const NOT_TOLD: &str = "The facts do not tell what starts the operating system.";

pub(super) fn conclude(
    image: &Image,
    virtualization: Virtualization,
    fleet: Option<&Fleet>,
    notes: &mut Notes,
) -> BootPath {
    let path = judge(image, virtualization, notes);
    // No type with UEFI runs 32-bit systems, so there is nothing to be done about those.
    if path == BootPath::BiosMbr && image.architecture.as_deref() != Some("i386") {
        let seen = observed(image.boot_mode.as_deref());
        // On a fleet in which nothing would boot it by UEFI there is nothing better to be had.
        match fleet.and_then(|fleet| fleet.uefi_types(image)).filter(|types| *types > 0) {
            Some(types) => {
                let seen = format!("{}; {types} types have UEFI", seen.words());
                notes.find(&findings::LEGACY_BIOS_ON_UEFI_FLEET, Observed::Text(seen.into()));
            }
            None => notes.find(&findings::LEGACY_BIOS, seen),
        }
    }
    path
}

fn judge(image: &Image, virtualization: Virtualization, notes: &mut Notes) -> BootPath {
    let mode = image.boot_mode.as_deref();
    let architecture = image.architecture.as_deref();
    match (architecture, virtualization, mode) {
        (Some("x86_64_mac" | "arm64_mac"), _, _) => {
            known!(notes, BootPath, ARCHITECTURE, observed(architecture), "A Mac starts macOS its own way.");
            BootPath::Mac
        }
        // Before the boot mode, because images exist (and test services make them) that are
        // paravirtual and say `uefi` all the same.
        (_, Virtualization::Paravirtual, _) => {
            match image.kernel_id.as_deref() {
                Some(kernel) => known!(
                    notes,
                    BootPath,
                    "image.kernel_id",
                    observed(Some(kernel)),
                    "A kernel image (AKI) holds PV-GRUB, which loads the kernel that the image's menu.lst names.",
                ),
                None => known!(
                    notes,
                    BootPath,
                    VIRTUALIZATION,
                    observed(image.virtualization_type.as_deref()),
                    "Paravirtual images start through PV-GRUB, from a kernel image (AKI); this one names none.",
                ),
            }
            BootPath::PvGrub
        }
        (_, _, Some("uefi")) => {
            known!(
                notes,
                BootPath,
                BOOT_MODE,
                fixed("uefi"),
                "It boots by UEFI and by nothing else; types without UEFI refuse it.",
            );
            BootPath::Uefi
        }
        (_, _, Some("uefi-preferred")) => {
            known!(
                notes,
                BootPath,
                BOOT_MODE,
                fixed("uefi-preferred"),
                "It boots by UEFI on types that have it and by legacy BIOS on the others.",
            );
            BootPath::UefiPreferred
        }
        (_, _, Some("legacy-bios")) => {
            known!(
                notes,
                BootPath,
                BOOT_MODE,
                fixed("legacy-bios"),
                "A legacy BIOS starts the boot loader in the master boot record.",
            );
            BootPath::BiosMbr
        }
        (Some("arm64"), Virtualization::Hvm, None) => {
            known!(
                notes,
                BootPath,
                ARCHITECTURE,
                fixed("arm64"),
                "The image names no boot mode, so the type's default applies: UEFI on Graviton.",
            );
            BootPath::Uefi
        }
        (Some("x86_64" | "i386"), Virtualization::Hvm, None) => {
            known!(
                notes,
                BootPath,
                ARCHITECTURE,
                observed(architecture),
                "The image names no boot mode, so the type's default applies: legacy BIOS on Intel and AMD, also on \
                 types that have UEFI.",
            );
            BootPath::BiosMbr
        }
        _ => {
            match (mode, virtualization) {
                (Some(_), _) => unknown!(notes, BootPath, BOOT_MODE, observed(mode), NOT_TOLD),
                (None, Virtualization::Unknown) => {
                    let seen = observed(image.virtualization_type.as_deref());
                    unknown!(notes, BootPath, VIRTUALIZATION, seen, NOT_TOLD);
                }
                (None, _) => unknown!(notes, BootPath, ARCHITECTURE, observed(architecture), NOT_TOLD),
            }
            BootPath::Unknown
        }
    }
}
