//! Whether to use an image. The grounds are the other conclusions; each that counts is named.
//!
//! What is set at launch anyway, such as IMDSv2, does not count, nor do prices and security scans:
//! those are findings.

use std::borrow::Cow;

use serde::Serialize;

use super::basis::{ABSENT, Conclusion, Notes, observed, observed_flag};
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

pub(super) fn conclude(image: &Image, grounds: &Grounds, notes: &mut Notes) -> Recommendation {
    if let Some(recommendation) = cannot_be_launched(image, grounds, notes) {
        return recommendation;
    }
    if missing_facts(image, grounds, notes) {
        return Recommendation::Unknown;
    }
    if name_grounds(notes, discouraged(image, grounds)) {
        return Recommendation::Discouraged;
    }
    if name_grounds(notes, acceptable(image, grounds)) {
        return Recommendation::Acceptable;
    }
    notes.known(
        Conclusion::Recommendation,
        "image.virtualization_type",
        observed(image.virtualization_type.as_deref()),
        "Recommended: HVM with an EBS root and ENA, which runs on current types with all their hardware.",
    );
    Recommendation::Recommended
}

/// A ground: whether it holds, its field, what the field held, and what follows.
type Ground = (bool, &'static str, Cow<'static, str>, &'static str);

/// Notes the grounds that hold; false if there are none.
fn name_grounds<const N: usize>(notes: &mut Notes, grounds: [Ground; N]) -> bool {
    let mut named = false;
    for (_, field, seen, meaning) in grounds.into_iter().filter(|(holds, ..)| *holds) {
        notes.known(Conclusion::Recommendation, field, seen, meaning);
        named = true;
    }
    named
}

fn discouraged(image: &Image, grounds: &Grounds) -> [Ground; 5] {
    [
        (
            grounds.root_device == RootDevice::InstanceStoreBacked,
            "image.root_device_type",
            observed(image.root_device_type.as_deref()),
            "Discouraged: instance-store-backed images are at the end of their support.",
        ),
        (
            grounds.virtualization == Virtualization::Paravirtual,
            "image.virtualization_type",
            observed(image.virtualization_type.as_deref()),
            "Discouraged: no current type runs paravirtual images.",
        ),
        (
            image.architecture.as_deref() == Some("i386"),
            "image.architecture",
            observed(image.architecture.as_deref()),
            "Discouraged: only nine types run 32-bit systems.",
        ),
        (
            image.ena_support != Some(true),
            "image.ena_support",
            observed_flag(image.ena_support),
            "Discouraged: without ENA no Nitro type boots it, and absent means without.",
        ),
        (
            grounds.deprecated,
            "image.deprecation_time",
            image
                .deprecation_time
                .filter(|_| grounds.deprecated)
                .map_or(Cow::Borrowed(ABSENT), |time| time.to_string().into()),
            "Discouraged: its owner deprecated it.",
        ),
    ]
}

fn acceptable(image: &Image, grounds: &Grounds) -> [Ground; 3] {
    [
        (
            grounds.boot_path == BootPath::BiosMbr,
            "image.boot_mode",
            observed(image.boot_mode.as_deref()),
            "Acceptable: legacy BIOS keeps it from Secure Boot and NitroTPM.",
        ),
        (
            grounds.source == Source::Community,
            "image.image_owner_alias",
            observed(image.image_owner_alias.as_deref()),
            "Acceptable: a community image, and nobody vouches for its owner.",
        ),
        (
            grounds.boot_path == BootPath::Unknown,
            "image.boot_mode",
            observed(image.boot_mode.as_deref()),
            "Acceptable: what starts its system is not known.",
        ),
    ]
}

fn cannot_be_launched(image: &Image, grounds: &Grounds, notes: &mut Notes) -> Option<Recommendation> {
    let kind = image.image_type.as_deref();
    if matches!(kind, Some("kernel" | "ramdisk")) {
        let meaning = "It is no machine image and cannot be launched.";
        notes.known(Conclusion::Recommendation, "image.image_type", observed(kind), meaning);
        return Some(Recommendation::Unlaunchable);
    }
    if !matches!(grounds.lifecycle, Lifecycle::Current | Lifecycle::Unknown) {
        let seen = observed(image.state.as_deref());
        notes.known(Conclusion::Recommendation, "image.state", seen, "In this state it cannot be launched.");
        return Some(Recommendation::Unlaunchable);
    }
    None
}

fn missing_facts(image: &Image, grounds: &Grounds, notes: &mut Notes) -> bool {
    let missing = [
        (grounds.lifecycle == Lifecycle::Unknown, "image.state", &image.state),
        (grounds.root_device == RootDevice::Unknown, "image.root_device_type", &image.root_device_type),
        (grounds.virtualization == Virtualization::Unknown, "image.virtualization_type", &image.virtualization_type),
    ];
    for (unknown, field, value) in &missing {
        if *unknown {
            let meaning = "Nothing is recommended while this is not known.";
            notes.unknown(Conclusion::Recommendation, field, observed(value.as_deref()), meaning);
        }
    }
    missing.iter().any(|(unknown, ..)| *unknown)
}
