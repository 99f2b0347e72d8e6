//! Real names: 1,301 public images of us-east-1 with owner, description and architecture, and the
//! accounts that own what people launch. What the recording lacks (ENA, boot mode, mappings,
//! billing) is added by what is generally true of such images.

use std::sync::LazyLock;

use serde::Deserialize;

use super::facts::{Alias, Architecture, Billing, BootMode, Image, VolumeType};
use super::generate::{Mill, at_second, days_after};
use crate::sandbox::ACCOUNT_ID;

/// Amazon Linux.
pub(super) const AMAZON_LINUX: &str = "137112412989";
/// Amazon's ECS-optimised images.
pub(super) const AMAZON_ECS: &str = "591542846629";
/// Amazon's Windows images.
pub(super) const AMAZON_WINDOWS: &str = "801119661308";
/// Amazon's macOS images.
pub(super) const AMAZON_MAC: &str = "628277914472";
/// Amazon's deep learning images.
pub(super) const AMAZON_DLAMI: &str = "898082745236";
/// Canonical, which carries the alias `amazon` since 2025.
pub(super) const CANONICAL: &str = "099720109477";
/// Red Hat.
pub(super) const RED_HAT: &str = "309956199498";
/// SUSE.
pub(super) const SUSE: &str = "013907871322";
/// Debian, a community owner.
pub(super) const DEBIAN: &str = "136693071363";
/// The account behind AWS Marketplace.
pub(super) const MARKETPLACE: &str = "679593333241";
/// The made-up account behind AWS Backup's vaults.
pub(super) const BACKUP_VAULT: &str = "000000000905";
/// A made-up sister account that shares images with this one.
pub(super) const SISTER: &str = "000000000100";
/// Made-up community publishers.
pub(super) const COMMUNITY: [&str; 6] =
    ["000000000201", "000000000202", "000000000203", "000000000204", "000000000205", "000000000206"];

/// The alias that goes with an owner; others cannot have one.
pub(super) fn alias(owner: &str) -> Option<Alias> {
    match owner {
        AMAZON_LINUX | AMAZON_ECS | AMAZON_WINDOWS | AMAZON_MAC | AMAZON_DLAMI | CANONICAL | RED_HAT | SUSE => {
            Some(Alias::Amazon)
        }
        MARKETPLACE => Some(Alias::Marketplace),
        BACKUP_VAULT => Some(Alias::BackupVault),
        _ => None,
    }
}

#[derive(Debug, Deserialize)]
struct Recorded {
    architecture: String,
    description: String,
    name: String,
    owner_id: String,
    platform: Option<String>,
    root_device_name: String,
    root_device_type: String,
    virtualization_type: String,
}

static RECORDED: LazyLock<Vec<Recorded>> = LazyLock::new(|| {
    include_str!("../../../data/amis-us-east-1.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("the embedded records are valid"))
        .collect()
});

/// The recordings are visited in this stride, so that a small catalogue has some of every owner;
/// it has no common divisor with their number.
const STRIDE: usize = 577;

/// The image behind the `nth` recording, or nothing once all have been used.
pub(super) fn real(mill: &mut Mill, nth: usize) -> Option<Image> {
    let recorded = &RECORDED;
    if nth >= recorded.len() {
        return None;
    }
    let record = &recorded[nth * STRIDE % recorded.len()];
    let owner = [AMAZON_LINUX, AMAZON_ECS, AMAZON_WINDOWS, AMAZON_DLAMI, CANONICAL, RED_HAT, SUSE]
        .into_iter()
        .find(|owner| *owner == record.owner_id)
        .unwrap_or(COMMUNITY[0]);
    let architecture = if record.architecture == "arm64" { Architecture::Arm64 } else { Architecture::X86_64 };
    let created = date_in(&record.name).map_or_else(|| mill.moment(3000, 60), |day| at_second(day + 61_200));
    let mut image = mill.machine(owner, record.name.clone(), record.description.clone(), architecture, created);
    let device = match record.root_device_name.as_str() {
        "/dev/sda1" => "/dev/sda1",
        "/dev/sda" => "/dev/sda",
        _ => "/dev/xvda",
    };
    let windows = record.platform.as_deref() == Some("windows");
    let modern = record.name.starts_with("al20");
    let volume_type = if modern { VolumeType::Gp3 } else { VolumeType::Gp2 };
    let root = mill.volume(if windows || owner == AMAZON_ECS { 30 } else { 8 }, volume_type);
    image.set_root(device, root);
    image.set_billing(billing_of(&record.name, windows));
    if modern {
        image.imds_v2 = true;
        if architecture == Architecture::X86_64 {
            image.boot_mode = Some(BootMode::UefiPreferred);
        }
        // Amazon Linux 2023 images are deprecated 90 days after their release.
        image.deprecated = Some(days_after(created, 90));
    }
    if record.virtualization_type == "paravirtual" {
        image.set_paravirtual(Some(super::specimens::PV_GRUB_X86_64));
    }
    if record.root_device_type == "instance-store" {
        image.set_instance_store(format!("amzn-ami-us-east-1/{}.manifest.xml", record.name));
    }
    Some(image)
}

fn billing_of(name: &str, windows: bool) -> Billing {
    match () {
        () if windows && name.contains("SQL") && name.contains("Enterprise") => Billing::WindowsSqlEnterprise,
        () if windows && name.contains("SQL") && name.contains("Standard") => Billing::WindowsSqlStandard,
        () if windows && name.contains("SQL") && name.contains("Web") => Billing::WindowsSqlWeb,
        () if windows => Billing::Windows,
        () if name.starts_with("RHEL") => Billing::RedHat,
        () if name.starts_with("suse") => Billing::Suse,
        () => Billing::Linux,
    }
}

/// The day written in a name, `20260930` or else `2017.10.13`, as its first second.
fn date_in(name: &str) -> Option<i64> {
    let windows = |length: usize| (0..name.len()).filter_map(move |at| name.get(at..at + length));
    // The compact form first: in `2023.12.20260930` it is the date, and the dots are a version.
    let compact = windows(8)
        .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
        .find_map(|text| day_second(&text[..4], &text[4..6], &text[6..]));
    compact.or_else(|| {
        windows(10)
            .filter(|text| text.is_ascii() && text.as_bytes()[4] == b'.' && text.as_bytes()[7] == b'.')
            .find_map(|text| day_second(&text[..4], &text[5..7], &text[8..]))
    })
}

/// The first second of a day since EC2 began.
fn day_second(year: &str, month: &str, day: &str) -> Option<i64> {
    let year = year.parse().ok().filter(|year| (2006..2027).contains(year))?;
    let date = jiff::civil::Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()?;
    Some(date.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

/// The account whose sandbox this is.
pub(super) const SELF: &str = ACCOUNT_ID;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_found_in_names() {
        for (name, day) in [
            ("al2023-ami-2023.12.20260930.0-kernel-6.1-arm64", Some("2026-09-30")),
            ("Windows_Server-2016-English-Full-Base-2017.10.13", Some("2017-10-13")),
            ("amazon-eks-node-linux", None),
        ] {
            let found = date_in(name).map(|second| at_second(second).strftime("%Y-%m-%d").to_string());
            assert_eq!(found.as_deref(), day, "{name}");
        }
    }
}
