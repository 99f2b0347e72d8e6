//! The fact behind a conclusion, and the place where conclusions leave their notes.
//!
//! A Region has over a hundred thousand images, and each is classified with all its bases. So what
//! does not vary is written once, in the program, and a basis points to it; [`known!`] and
//! [`unknown!`] make such an entry where the conclusion is drawn.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::findings::Found;
use super::observed::Observed;
use crate::ami::finding_rule::FindingRule;
use crate::record::{Finding, Outcome};

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

    /// What the conclusion says, for the page of findings.
    pub fn about(self) -> &'static str {
        match self {
            Self::RootDevice => "Where the root volume comes from: EBS, or a template in S3.",
            Self::Virtualization => "HVM or paravirtual.",
            Self::Source => "Amazon, Marketplace, AWS Backup, community, shared or owned, seen from the account.",
            Self::BootPath => "What starts the operating system: PV-GRUB, BIOS and MBR, UEFI, a Mac.",
            Self::HardwareExtensions => "Which hardware the system can reach on an instance type that has it.",
            Self::Persistence => "What survives a stop, a reboot and the end of the instance.",
            Self::Storage => "Which volumes the image brings, and where the image itself lies.",
            Self::Os => "The operating system, and the field that decided.",
            Self::Lifecycle => "Whether it can be launched, as far as its state goes.",
            Self::Licensing => "What is billed beside the instance.",
            Self::LaunchPermissions => "Who may launch it: public, explicit, implicit.",
            Self::BootSpeed => "How fast it boots, by its kind of root device.",
            Self::Recommendation => "Whether to use it; one finding for each ground.",
        }
    }
}

/// What a conclusion says of one field, whatever the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ground {
    pub(super) conclusion: Conclusion,
    pub(super) field: &'static str,
    pub(super) meaning: &'static str,
    pub(super) known: bool,
}

/// The fact that a conclusion rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Basis {
    ground: &'static Ground,
    observed: Observed,
}

impl Basis {
    /// The conclusion.
    pub fn conclusion(&self) -> Conclusion {
        self.ground.conclusion
    }

    /// The field that was looked at, such as `image.root_device_type`.
    pub fn field(&self) -> &'static str {
        self.ground.field
    }

    /// What it held; [`super::ABSENT`] where EC2 sent nothing.
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// What follows from it, for people.
    pub fn meaning(&self) -> &'static str {
        self.ground.meaning
    }

    /// False where the fact is missing or new, so that the conclusion is UNKNOWN.
    pub fn known(&self) -> bool {
        self.ground.known
    }

    /// PASS, or UNKNOWN where the fact is missing.
    pub fn outcome(&self) -> Outcome {
        if self.ground.known { Outcome::Pass } else { Outcome::Unknown }
    }

    /// The basis as a finding.
    pub fn finding(&self) -> Finding {
        Finding {
            code: Cow::Borrowed(self.conclusion().code()),
            outcome: self.outcome(),
            field: self.field().to_owned(),
            observed: self.observed.to_string(),
            expected: String::new(),
            message: self.meaning().to_owned(),
            remedy: String::new(),
            ec2_error_code: None,
        }
    }
}

impl Serialize for Basis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.finding().serialize(serializer)
    }
}

/// Most bases of any image; more only means that the list grows once.
const BASES_USUAL_MAX: usize = 24;
/// Findings of an image that has many.
const FINDINGS_USUAL_MAX: usize = 8;

/// What the conclusions leave behind while an image is classified.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) basis: Vec<Basis>,
    pub(super) findings: Vec<Found>,
}

impl Default for Notes {
    fn default() -> Self {
        Self { basis: Vec::with_capacity(BASES_USUAL_MAX), findings: Vec::with_capacity(FINDINGS_USUAL_MAX) }
    }
}

impl Notes {
    /// A conclusion about a field. Called through [`known!`] and [`unknown!`].
    pub(super) fn conclude(&mut self, ground: &'static Ground, observed: Observed) {
        self.basis.push(Basis { ground, observed });
    }

    /// Something to know or to do.
    pub(super) fn find(&mut self, rule: &'static FindingRule, observed: Observed) {
        self.findings.push(Found { rule, observed });
    }
}

/// Notes a conclusion that rests on a fact that is there: `known!(notes, Source, FIELD, observed,
/// "what follows")`. Everything but the observed value is a constant.
macro_rules! known {
    ($notes:expr, $conclusion:ident, $field:expr, $observed:expr, $meaning:expr $(,)?) => {
        crate::ami::classify::basis::ground!($notes, $conclusion, $field, $observed, $meaning, true)
    };
}

/// Notes a conclusion that could not be drawn, as [`known!`] notes one that could.
macro_rules! unknown {
    ($notes:expr, $conclusion:ident, $field:expr, $observed:expr, $meaning:expr $(,)?) => {
        crate::ami::classify::basis::ground!($notes, $conclusion, $field, $observed, $meaning, false)
    };
}

macro_rules! ground {
    ($notes:expr, $conclusion:ident, $field:expr, $observed:expr, $meaning:expr, $known:literal) => {{
        static GROUND: crate::ami::classify::basis::Ground = crate::ami::classify::basis::Ground {
            conclusion: crate::ami::classify::basis::Conclusion::$conclusion,
            field: $field,
            meaning: $meaning,
            known: $known,
        };
        $notes.conclude(&GROUND, $observed)
    }};
}

pub(super) use {ground, known, unknown};
