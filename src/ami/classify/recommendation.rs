//! Whether to use an image. The grounds are the other conclusions; each that counts is named.
//!
//! What is set at launch anyway, such as IMDSv2, does not count, nor do prices and security scans:
//! those are findings.

use serde::Serialize;

use super::basis::{Notes, known, unknown};
use super::observed::{Observed, fixed, observed, observed_flag};
use super::{BootPath, Lifecycle, RootDevice, Source, Virtualization};
use crate::ec2::facts::Image;

/// Whether to use an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Recommendation {
    /// Yes.
    Recommended,
    /// It works; there are better ones.
    Acceptable,
    /// It works for now, and there is a reason against it.
    Discouraged,
    /// It cannot be launched.
    Unlaunchable,
    /// State, root device or virtualization is not known, so nothing can be recommended.
    Unknown,
}

impl Recommendation {
    /// Every value.
    pub const ALL: [Self; 5] =
        [Self::Recommended, Self::Acceptable, Self::Discouraged, Self::Unlaunchable, Self::Unknown];

    /// The word that the filter `gantry:recommendation` knows it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recommended => "recommended",
            Self::Acceptable => "acceptable",
            Self::Discouraged => "discouraged",
            Self::Unlaunchable => "unlaunchable",
            Self::Unknown => "unknown",
        }
    }
}

/// The conclusions that a recommendation is made from.
pub(super) struct Grounds {
    pub(super) root_device: RootDevice,
    pub(super) virtualization: Virtualization,
    pub(super) source: Source,
    pub(super) boot_path: BootPath,
    pub(super) lifecycle: Lifecycle,
    pub(super) deprecated: bool,
}

const STATE: &str = "image.state";
const ROOT_DEVICE: &str = "image.root_device_type";
const VIRTUALIZATION: &str = "image.virtualization_type";
const BOOT_MODE: &str = "image.boot_mode";

pub(super) fn conclude(image: &Image, grounds: &Grounds, notes: &mut Notes) -> Recommendation {
    if let Some(recommendation) = cannot_be_launched(image, grounds, notes) {
        return recommendation;
    }
    if missing_facts(image, grounds, notes) {
        return Recommendation::Unknown;
    }
    if discouraged(image, grounds, notes) {
        return Recommendation::Discouraged;
    }
    if acceptable(image, grounds, notes) {
        return Recommendation::Acceptable;
    }
    known!(
        notes,
        Recommendation,
        VIRTUALIZATION,
        fixed("hvm"),
        "Recommended: HVM with an EBS root and ENA, which runs on current types with all their hardware.",
    );
    Recommendation::Recommended
}

/// Notes every ground for discouraging; false if there is none.
fn discouraged(image: &Image, grounds: &Grounds, notes: &mut Notes) -> bool {
    let before = notes.basis.len();
    if grounds.root_device == RootDevice::InstanceStoreBacked {
        known!(
            notes,
            Recommendation,
            ROOT_DEVICE,
            fixed("instance-store"),
            "Discouraged: instance-store-backed images are at the end of their support.",
        );
    }
    if grounds.virtualization == Virtualization::Paravirtual {
        known!(
            notes,
            Recommendation,
            VIRTUALIZATION,
            fixed("paravirtual"),
            "Discouraged: no current type runs paravirtual images.",
        );
    }
    if image.architecture.as_deref() == Some("i386") {
        known!(
            notes,
            Recommendation,
            "image.architecture",
            fixed("i386"),
            "Discouraged: only nine types run 32-bit systems.",
        );
    }
    if image.ena_support != Some(true) {
        known!(
            notes,
            Recommendation,
            "image.ena_support",
            observed_flag(image.ena_support),
            "Discouraged: without ENA no Nitro type boots it, and absent means without.",
        );
    }
    if let Some(time) = image.deprecation_time.filter(|_| grounds.deprecated) {
        known!(
            notes,
            Recommendation,
            "image.deprecation_time",
            Observed::Time(time),
            "Discouraged: it is past its deprecation time.",
        );
    }
    notes.basis.len() > before
}

/// Notes every ground against recommending; false if there is none.
fn acceptable(image: &Image, grounds: &Grounds, notes: &mut Notes) -> bool {
    let before = notes.basis.len();
    if grounds.boot_path == BootPath::BiosMbr {
        known!(
            notes,
            Recommendation,
            BOOT_MODE,
            observed(image.boot_mode.as_deref()),
            "Acceptable: legacy BIOS keeps it from Secure Boot and NitroTPM.",
        );
    }
    if grounds.source == Source::Community {
        known!(
            notes,
            Recommendation,
            "image.image_owner_alias",
            observed(image.image_owner_alias.as_deref()),
            "Acceptable: a community image, and nobody vouches for its owner.",
        );
    }
    if grounds.boot_path == BootPath::Unknown {
        known!(
            notes,
            Recommendation,
            BOOT_MODE,
            observed(image.boot_mode.as_deref()),
            "Acceptable: what starts its system is not known.",
        );
    }
    notes.basis.len() > before
}

fn cannot_be_launched(image: &Image, grounds: &Grounds, notes: &mut Notes) -> Option<Recommendation> {
    let kind = image.image_type.as_deref();
    if matches!(kind, Some("kernel" | "ramdisk")) {
        let seen = observed(kind);
        known!(notes, Recommendation, "image.image_type", seen, "It is no machine image and cannot be launched.");
        return Some(Recommendation::Unlaunchable);
    }
    if !matches!(grounds.lifecycle, Lifecycle::Current | Lifecycle::Unknown) {
        let seen = observed(image.state.as_deref());
        known!(notes, Recommendation, STATE, seen, "In this state it cannot be launched.");
        return Some(Recommendation::Unlaunchable);
    }
    None
}

fn missing_facts(image: &Image, grounds: &Grounds, notes: &mut Notes) -> bool {
    const MISSING: &str = "Nothing is recommended while this is not known.";
    let before = notes.basis.len();
    if grounds.lifecycle == Lifecycle::Unknown {
        unknown!(notes, Recommendation, STATE, observed(image.state.as_deref()), MISSING);
    }
    if grounds.root_device == RootDevice::Unknown {
        unknown!(notes, Recommendation, ROOT_DEVICE, observed(image.root_device_type.as_deref()), MISSING);
    }
    if grounds.virtualization == Virtualization::Unknown {
        unknown!(notes, Recommendation, VIRTUALIZATION, observed(image.virtualization_type.as_deref()), MISSING);
    }
    notes.basis.len() > before
}
