//! The operating system, as far as the facts tell.
//!
//! EC2 states it only for Windows. Evidence in order of weight: a Mac architecture, the platform,
//! the billing platform, then the name, then the description. Weaker evidence adds distribution
//! and version and never overrules stronger evidence; all of it is shown, because a name is what
//! its owner wrote and proves nothing.

mod names;

use std::fmt;

use serde::{Serialize, Serializer};

use super::basis::{Conclusion, Ground, Notes, unknown};
use super::observed::observed;
use super::text::Text;
use crate::ec2::facts::Image;

use names::NameEvidence;

/// The family of an operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OsFamily {
    /// Linux.
    Linux,
    /// Windows.
    Windows,
    /// macOS.
    Macos,
    /// FreeBSD, NetBSD or OpenBSD.
    Bsd,
    /// The facts do not tell.
    Unknown,
}

impl OsFamily {
    /// The word that the filter `gantry:os` knows it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
            Self::Macos => "macos",
            Self::Bsd => "bsd",
            Self::Unknown => "unknown",
        }
    }
}

/// The operating system and the software that EC2's facts show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatingSystem {
    /// The family.
    pub family: OsFamily,
    /// The distribution: `Amazon Linux`, `Ubuntu`, `Windows Server`. None when nothing tells.
    pub distribution: Option<&'static str>,
    /// Its version: `2023`, `24.04`, `2012 R2`. None when nothing tells.
    pub version: Option<Text>,
    /// Software on it that is told by the billing platform or the name, such as `SQL Server` or
    /// `Amazon ECS-optimized`.
    pub software: Vec<&'static str>,
    /// The fields it was read from and what they said.
    pub evidence: Vec<Evidence>,
}

/// A field that tells something of the operating system. `Display` writes it as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The field.
    pub field: &'static str,
    /// Its value, or the word in it that tells.
    pub word: Text,
    /// How it counts.
    pub weight: EvidenceWeight,
}

/// How a piece of evidence counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceWeight {
    /// The whole field says it.
    Field,
    /// A word in what its owner wrote says it.
    Word,
    /// A word says it, and stronger evidence says otherwise.
    Contradicted,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, word, weight } = self;
        match weight {
            EvidenceWeight::Field => write!(f, "{field} is {word}"),
            EvidenceWeight::Word => write!(f, "{field} says {word:?}"),
            EvidenceWeight::Contradicted => write!(f, "{field} says {word:?}, which stronger evidence contradicts"),
        }
    }
}

impl Serialize for Evidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether `platform` says Windows. The documentation writes it in one case and the wire in
/// another.
pub(in crate::ami) fn is_windows_platform(image: &Image) -> bool {
    image.platform.as_deref().is_some_and(|platform| platform.eq_ignore_ascii_case("windows"))
}

const fn follows(field: &'static str) -> Ground {
    Ground {
        conclusion: Conclusion::Os,
        field,
        meaning: "The family of the operating system follows from this field; distribution and version may come from \
                  weaker evidence.",
        known: true,
    }
}

static BY_ARCHITECTURE: Ground = follows("image.architecture");
static BY_PLATFORM: Ground = follows("image.platform");
static BY_PLATFORM_DETAILS: Ground = follows("image.platform_details");
static BY_NAME: Ground = follows("image.name");
static BY_DESCRIPTION: Ground = follows("image.description");

/// The field that decided, and what it held.
type Deciding<'a> = Option<(&'static Ground, &'a str)>;

pub(super) fn conclude(image: &Image, notes: &mut Notes) -> OperatingSystem {
    let mut os = OperatingSystem {
        family: OsFamily::Unknown,
        distribution: None,
        version: None,
        software: Vec::new(),
        evidence: Vec::new(),
    };
    let mut decided_by = by_architecture(image, &mut os);
    decided_by = decided_by.or(by_platform(image, &mut os));
    decided_by = decided_by.or(by_platform_details(image, &mut os));
    for (ground, text) in [(&BY_NAME, &image.name), (&BY_DESCRIPTION, &image.description)] {
        let told = os.distribution.is_some() && os.version.is_some();
        let Some(text) = text.as_deref().filter(|_| !told) else { continue };
        if let Some(found) = names::read(text) {
            let counted = by_name(ground.field, found, &mut os);
            decided_by = decided_by.or(counted.then_some((ground, text)));
        }
    }
    if let Some(name) = image.name.as_deref() {
        names::software(name, &mut os.software);
    }
    match decided_by {
        Some((ground, value)) => notes.conclude(ground, observed(Some(value))),
        None => unknown!(
            notes,
            Os,
            "image.platform_details",
            observed(image.platform_details.as_deref()),
            "Neither the platform fields nor name and description tell the operating system.",
        ),
    }
    os
}

fn by_architecture<'a>(image: &'a Image, os: &mut OperatingSystem) -> Deciding<'a> {
    let architecture = image.architecture.as_deref().filter(|architecture| architecture.ends_with("_mac"))?;
    settle(os, OsFamily::Macos, Some("macOS"), &BY_ARCHITECTURE, architecture)
}

fn by_platform<'a>(image: &'a Image, os: &mut OperatingSystem) -> Deciding<'a> {
    let platform = image.platform.as_deref().filter(|_| is_windows_platform(image))?;
    settle(os, OsFamily::Windows, None, &BY_PLATFORM, platform)
}

/// The billing platform. `Linux/UNIX` is EC2's word for everything without a licence that is not
/// Windows; a BSD is told from Linux by its name only.
fn by_platform_details<'a>(image: &'a Image, os: &mut OperatingSystem) -> Deciding<'a> {
    let details = image.platform_details.as_deref()?;
    let (family, distribution) = match details {
        "Linux/UNIX" => (OsFamily::Linux, None),
        "Ubuntu Pro" => (OsFamily::Linux, Some("Ubuntu")),
        "SUSE Linux" => (OsFamily::Linux, Some("SUSE Linux Enterprise Server")),
        _ if details.starts_with("Windows") => (OsFamily::Windows, None),
        _ if details.starts_with("Red Hat") => (OsFamily::Linux, Some("Red Hat Enterprise Linux")),
        _ if details.starts_with("SQL Server") => (OsFamily::Linux, None),
        _ => return None,
    };
    if details != "Linux/UNIX" && details.contains("SQL Server") {
        os.software.push("SQL Server");
    }
    settle(os, family, distribution, &BY_PLATFORM_DETAILS, details)
}

/// Takes over what a strong field says, unless a stronger one said otherwise.
fn settle<'a>(
    os: &mut OperatingSystem,
    family: OsFamily,
    distribution: Option<&'static str>,
    ground: &'static Ground,
    value: &'a str,
) -> Deciding<'a> {
    os.evidence.push(Evidence { field: ground.field, word: Text::new(value), weight: EvidenceWeight::Field });
    if os.family != OsFamily::Unknown && os.family != family {
        return None;
    }
    os.family = family;
    os.distribution = os.distribution.or(distribution);
    Some((ground, value))
}

/// Adds what a name says; true if it counted.
fn by_name(field: &'static str, found: NameEvidence<'_>, os: &mut OperatingSystem) -> bool {
    let bsd_billed_as_unix = found.family == OsFamily::Bsd && os.family == OsFamily::Linux && os.distribution.is_none();
    let agrees = os.family == OsFamily::Unknown || os.family == found.family || bsd_billed_as_unix;
    let same = os.distribution.is_none_or(|known| known == found.distribution);
    let weight = if agrees && same { EvidenceWeight::Word } else { EvidenceWeight::Contradicted };
    os.evidence.push(Evidence { field, word: Text::new(found.word), weight });
    if weight == EvidenceWeight::Contradicted {
        return false;
    }
    os.family = found.family;
    os.distribution = Some(found.distribution);
    if os.version.is_none() {
        os.version = found.version;
    }
    true
}

#[cfg(test)]
mod tests;
