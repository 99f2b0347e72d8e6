//! The fact behind a conclusion, and the place where conclusions leave their notes.
//!
//! Texts that do not vary are `&'static str`, because a Region has over a hundred thousand images
//! and each is classified with all its bases.

use std::borrow::Cow;

use serde::Serialize;

use crate::record::{Finding, Outcome};

/// What is written where EC2 sent nothing.
pub const ABSENT: &str = "absent";

/// Which conclusion of a classification a basis belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// `root_device`.
    RootDevice,
    /// `virtualization`.
    Virtualization,
    /// `source`.
    Source,
    /// `boot_path`.
    BootPath,
    /// `hardware_extensions`.
    HardwareExtensions,
    /// `persistence`.
    Persistence,
    /// `storage`.
    Storage,
    /// `os`.
    Os,
    /// `lifecycle`.
    Lifecycle,
    /// `licensing`.
    Licensing,
    /// `launch_permissions`.
    LaunchPermissions,
    /// `boot_speed`.
    BootSpeed,
    /// `recommendation`.
    Recommendation,
}

impl Conclusion {
    /// Every conclusion.
    pub const ALL: [Self; 13] = [
        Self::RootDevice,
        Self::Virtualization,
        Self::Source,
        Self::BootPath,
        Self::HardwareExtensions,
        Self::Persistence,
        Self::Storage,
        Self::Os,
        Self::Lifecycle,
        Self::Licensing,
        Self::LaunchPermissions,
        Self::BootSpeed,
        Self::Recommendation,
    ];

    /// The finding code of a basis of this conclusion.
    pub fn code(self) -> &'static str {
        match self {
            Self::RootDevice => "ROOT_DEVICE",
            Self::Virtualization => "VIRTUALIZATION",
            Self::Source => "SOURCE",
            Self::BootPath => "BOOT_PATH",
            Self::HardwareExtensions => "HARDWARE_EXTENSIONS",
            Self::Persistence => "PERSISTENCE",
            Self::Storage => "STORAGE",
            Self::Os => "OPERATING_SYSTEM",
            Self::Lifecycle => "LIFECYCLE",
            Self::Licensing => "LICENSING",
            Self::LaunchPermissions => "LAUNCH_PERMISSIONS",
            Self::BootSpeed => "BOOT_SPEED",
            Self::Recommendation => "RECOMMENDATION",
        }
    }
}

/// The fact that a conclusion rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Basis {
    /// The conclusion.
    pub conclusion: Conclusion,
    /// The field that was looked at, such as `image.root_device_type`.
    pub field: &'static str,
    /// What it held; [`ABSENT`] where EC2 sent nothing.
    pub observed: Cow<'static, str>,
    /// What follows from it, for people.
    pub meaning: &'static str,
    /// False where the fact is missing or new, so that the conclusion is UNKNOWN.
    pub known: bool,
}

impl Basis {
    /// The basis as a finding: PASS, or UNKNOWN where the fact is missing.
    pub fn finding(&self) -> Finding {
        Finding {
            code: Cow::Borrowed(self.conclusion.code()),
            outcome: if self.known { Outcome::Pass } else { Outcome::Unknown },
            field: self.field.to_owned(),
            observed: self.observed.clone().into_owned(),
            expected: String::new(),
            message: self.meaning.to_owned(),
            remedy: String::new(),
        }
    }
}

/// What the conclusions leave behind while an image is classified.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) basis: Vec<Basis>,
    pub(super) findings: Vec<Finding>,
}

impl Notes {
    /// A conclusion that rests on a fact that is there.
    pub(super) fn known(
        &mut self,
        conclusion: Conclusion,
        field: &'static str,
        observed: impl Into<Cow<'static, str>>,
        meaning: &'static str,
    ) {
        self.basis.push(Basis { conclusion, field, observed: observed.into(), meaning, known: true });
    }

    /// A conclusion that could not be drawn.
    pub(super) fn unknown(
        &mut self,
        conclusion: Conclusion,
        field: &'static str,
        observed: impl Into<Cow<'static, str>>,
        meaning: &'static str,
    ) {
        self.basis.push(Basis { conclusion, field, observed: observed.into(), meaning, known: false });
    }

    /// Something to know or to do.
    pub(super) fn find(&mut self, note: Note) {
        self.findings.push(Finding {
            code: Cow::Borrowed(note.code),
            outcome: note.outcome,
            field: note.field.to_owned(),
            observed: note.observed.into_owned(),
            expected: note.expected.to_owned(),
            message: note.message.into_owned(),
            remedy: note.remedy.to_owned(),
        });
    }
}

/// A finding in the making: what varies is owned, what does not is not.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) code: &'static str,
    pub(super) outcome: Outcome,
    pub(super) field: &'static str,
    pub(super) observed: Cow<'static, str>,
    pub(super) expected: &'static str,
    pub(super) message: Cow<'static, str>,
    pub(super) remedy: &'static str,
}

/// EC2's value as a note holds it: the words that nearly every image carries without a copy, any
/// other word copied, and [`ABSENT`] for none.
pub(super) fn observed(value: Option<&str>) -> Cow<'static, str> {
    const COMMON: [&str; 20] = [
        "ebs",
        "hvm",
        "x86_64",
        "arm64",
        "available",
        "uefi-preferred",
        "legacy-bios",
        "uefi",
        "amazon",
        "Linux/UNIX",
        "RunInstances",
        "machine",
        "v2.0",
        "aws-marketplace",
        "windows",
        "Windows",
        "RunInstances:0002",
        "instance-store",
        "paravirtual",
        "i386",
    ];
    match value {
        None => Cow::Borrowed(ABSENT),
        Some(value) => match COMMON.iter().find(|common| **common == value) {
            Some(common) => Cow::Borrowed(common),
            None => Cow::Owned(value.to_owned()),
        },
    }
}

/// A flag as a note holds it.
pub(super) fn observed_flag(value: Option<bool>) -> Cow<'static, str> {
    Cow::Borrowed(match value {
        Some(true) => "true",
        Some(false) => "false",
        None => ABSENT,
    })
}
