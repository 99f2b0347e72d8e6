//! The operating system, as far as the facts tell.
//!
//! EC2 states it only for Windows. Evidence in order of weight: a Mac architecture, the platform,
//! the billing platform, then the name, then the description. Weaker evidence adds distribution
//! and version and never overrules stronger evidence; all of it is shown, because a name is what
//! its owner wrote and proves nothing.

mod names;

use serde::Serialize;

use super::basis::{Conclusion, Notes, observed};
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
    pub version: Option<String>,
    /// Software on it that is told by the billing platform or the name, such as `SQL Server` or
    /// `Amazon ECS-optimized`.
    pub software: Vec<&'static str>,
    /// The fields it was read from and what they said.
    pub evidence: Vec<String>,
}

/// Whether `platform` says Windows. The documentation writes it in one case and the wire in
/// another.
pub(in crate::ami) fn is_windows_platform(image: &Image) -> bool {
    image.platform.as_deref().is_some_and(|platform| platform.eq_ignore_ascii_case("windows"))
}

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
    for (field, text) in [("image.name", &image.name), ("image.description", &image.description)] {
        let told = os.distribution.is_some() && os.version.is_some();
        let Some(text) = text.as_deref().filter(|_| !told) else { continue };
        if let Some(found) = names::read(text) {
            let counted = by_name(field, &found, &mut os);
            decided_by = decided_by.or(counted.then_some((field, text)));
        }
    }
    if let Some(name) = image.name.as_deref() {
        names::software(name, &mut os.software);
    }
    match decided_by {
        Some((field, value)) => notes.known(
            Conclusion::Os,
            field,
            observed(Some(value)),
            "The family of the operating system follows from this field; distribution and version may come from \
             weaker evidence.",
        ),
        None => notes.unknown(
            Conclusion::Os,
            "image.platform_details",
            observed(image.platform_details.as_deref()),
            "Neither the platform fields nor name and description tell the operating system.",
        ),
    }
    os
}

type Deciding<'a> = Option<(&'static str, &'a str)>;

fn by_architecture<'a>(image: &'a Image, os: &mut OperatingSystem) -> Deciding<'a> {
    let architecture = image.architecture.as_deref().filter(|architecture| architecture.ends_with("_mac"))?;
    settle(os, OsFamily::Macos, Some("macOS"), "image.architecture", architecture)
}

fn by_platform<'a>(image: &'a Image, os: &mut OperatingSystem) -> Deciding<'a> {
    let platform = image.platform.as_deref().filter(|_| is_windows_platform(image))?;
    settle(os, OsFamily::Windows, None, "image.platform", platform)
}

/// The billing platform. `Linux/UNIX` is EC2's word for everything without a licence that is not
/// Windows; a BSD is told from Linux by its name only.
fn by_platform_details<'a>(image: &'a Image, os: &mut OperatingSystem) -> Deciding<'a> {
    let details = image.platform_details.as_deref()?;
    if details.contains("SQL Server") {
        os.software.push("SQL Server");
    }
    let (family, distribution) = match details {
        "Linux/UNIX" => (OsFamily::Linux, None),
        "Ubuntu Pro" => (OsFamily::Linux, Some("Ubuntu")),
        "SUSE Linux" => (OsFamily::Linux, Some("SUSE Linux Enterprise Server")),
        _ if details.starts_with("Windows") => (OsFamily::Windows, None),
        _ if details.starts_with("Red Hat") => (OsFamily::Linux, Some("Red Hat Enterprise Linux")),
        _ if details.starts_with("SQL Server") => (OsFamily::Linux, None),
        _ => return None,
    };
    settle(os, family, distribution, "image.platform_details", details)
}

/// Takes over what a strong field says, unless a stronger one said otherwise.
fn settle<'a>(
    os: &mut OperatingSystem,
    family: OsFamily,
    distribution: Option<&'static str>,
    field: &'static str,
    value: &'a str,
) -> Deciding<'a> {
    os.evidence.push(format!("{field} is {value}"));
    if os.family != OsFamily::Unknown && os.family != family {
        return None;
    }
    os.family = family;
    os.distribution = os.distribution.or(distribution);
    Some((field, value))
}

/// Adds what a name says; true if it counted.
fn by_name(field: &str, found: &NameEvidence<'_>, os: &mut OperatingSystem) -> bool {
    let bsd_billed_as_unix = found.family == OsFamily::Bsd && os.family == OsFamily::Linux && os.distribution.is_none();
    let agrees = os.family == OsFamily::Unknown || os.family == found.family || bsd_billed_as_unix;
    let same = os.distribution.is_none_or(|known| known == found.distribution);
    if !(agrees && same) {
        os.evidence.push(format!("{field} says {:?}, which stronger evidence contradicts", found.word));
        return false;
    }
    os.evidence.push(format!("{field} says {:?}", found.word));
    os.family = found.family;
    os.distribution = Some(found.distribution);
    if os.version.is_none() {
        os.version.clone_from(&found.version);
    }
    true
}

#[cfg(test)]
mod tests;
