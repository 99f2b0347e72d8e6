//! What starts the operating system.
//!
//! An absent boot mode is not an unknown one: EC2 then uses the default of the instance type, UEFI
//! on Graviton and legacy BIOS on Intel and AMD, even where the type supports both (EC2 User Guide,
//! "Amazon EC2 instance type boot modes", 2026-04).

use serde::Serialize;

use super::Virtualization;
use super::basis::{Conclusion, Note, Notes, observed};
use crate::ec2::facts::Image;
use crate::record::Outcome;

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

pub(super) fn conclude(image: &Image, virtualization: Virtualization, notes: &mut Notes) -> BootPath {
    let path = judge(image, virtualization, notes);
    if path == BootPath::BiosMbr {
        notes.find(Note {
            code: "LEGACY_BIOS",
            outcome: Outcome::Warn,
            field: BOOT_MODE,
            observed: observed(image.boot_mode.as_deref()),
            expected: "uefi-preferred or uefi",
            message: "It boots by legacy BIOS, so UEFI Secure Boot and NitroTPM are out of reach.".into(),
            remedy: "Where the system on it can boot by UEFI, register the image again with boot mode uefi-preferred; \
                     the boot mode of an existing image cannot be changed.",
        });
    }
    path
}

fn judge(image: &Image, virtualization: Virtualization, notes: &mut Notes) -> BootPath {
    let mode = image.boot_mode.as_deref();
    let architecture = image.architecture.as_deref();
    let mut known = |field, value, meaning, path| {
        notes.known(Conclusion::BootPath, field, observed(value), meaning);
        path
    };
    match (architecture, virtualization, mode) {
        (Some("x86_64_mac" | "arm64_mac"), _, _) => {
            known(ARCHITECTURE, architecture, "A Mac starts macOS its own way.", BootPath::Mac)
        }
        // Before the boot mode, because images exist (and test services make them) that are
        // paravirtual and say `uefi` all the same.
        (_, Virtualization::Paravirtual, _) => {
            let meaning = "A kernel image (AKI) holds PV-GRUB, which loads the kernel that the image's menu.lst names.";
            match image.kernel_id.as_deref() {
                Some(kernel) => known("image.kernel_id", Some(kernel), meaning, BootPath::PvGrub),
                None => known(
                    "image.virtualization_type",
                    image.virtualization_type.as_deref(),
                    "Paravirtual images start through PV-GRUB, from a kernel image (AKI); this one names none.",
                    BootPath::PvGrub,
                ),
            }
        }
        (_, _, Some("uefi")) => known(
            BOOT_MODE,
            mode,
            "It boots by UEFI and by nothing else; types without UEFI refuse it.",
            BootPath::Uefi,
        ),
        (_, _, Some("uefi-preferred")) => known(
            BOOT_MODE,
            mode,
            "It boots by UEFI on types that have it and by legacy BIOS on the others.",
            BootPath::UefiPreferred,
        ),
        (_, _, Some("legacy-bios")) => {
            known(BOOT_MODE, mode, "A legacy BIOS starts the boot loader in the master boot record.", BootPath::BiosMbr)
        }
        (Some("arm64"), Virtualization::Hvm, None) => known(
            ARCHITECTURE,
            architecture,
            "The image names no boot mode, so the type's default applies: UEFI on Graviton.",
            BootPath::Uefi,
        ),
        (Some("x86_64" | "i386"), Virtualization::Hvm, None) => known(
            ARCHITECTURE,
            architecture,
            "The image names no boot mode, so the type's default applies: legacy BIOS on Intel and AMD, also on types \
             that have UEFI.",
            BootPath::BiosMbr,
        ),
        _ => {
            let (field, value) = match (mode, virtualization) {
                (Some(_), _) => (BOOT_MODE, mode),
                (None, Virtualization::Unknown) => ("image.virtualization_type", image.virtualization_type.as_deref()),
                (None, _) => (ARCHITECTURE, architecture),
            };
            notes.unknown(
                Conclusion::BootPath,
                field,
                observed(value),
                "The facts do not tell what starts the operating system.",
            );
            BootPath::Unknown
        }
    }
}
