//! The population: kinds of images that a Region is full of, each with the facts that go with its
//! name. Weights are rough; what matters is that names, owners and facts agree.

use super::facts::{Architecture, Billing, BootMode, Image, ProductCodeType, Share, Target, VolumeType};
use super::generate::{Mill, days_after};
use super::names::{self, COMMUNITY};
use super::specimens::{PV_GRUB_I386, PV_GRUB_X86_64};
use crate::clock::Timestamp;

/// Makes one image of a kind.
type Family = fn(&mut Mill) -> Image;

/// Every kind with its weight.
const FAMILIES: &[(u32, Family)] = &[
    (190, amazon_linux_2023),
    (110, amazon_linux_2),
    (160, ubuntu),
    (60, debian_like),
    (70, red_hat),
    (40, suse),
    (90, windows),
    (15, mac),
    (70, marketplace),
    (115, community),
    (25, paravirtual),
    (20, instance_store),
    (20, self_owned),
    (10, shared),
    (5, backup),
];

/// An image of some kind.
pub(super) fn any(mill: &mut Mill) -> Image {
    let total = FAMILIES.iter().map(|(weight, _)| weight).sum();
    let mut at = mill.below(total);
    for (weight, family) in FAMILIES {
        if at < *weight {
            return family(mill);
        }
        at -= weight;
    }
    amazon_linux_2023(mill)
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y%m%d").to_string()
}

fn x86_or_arm(mill: &mut Mill) -> Architecture {
    if mill.chance(35) { Architecture::Arm64 } else { Architecture::X86_64 }
}

/// The word Debian and Ubuntu use.
fn deb(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Arm64 | Architecture::Arm64Mac => "arm64",
        Architecture::I386 => "i386",
        Architecture::X86_64 | Architecture::X86_64Mac => "amd64",
    }
}

fn prefer_uefi(image: &mut Image) {
    if image.architecture == Architecture::X86_64 {
        image.boot_mode = Some(BootMode::UefiPreferred);
    }
}

pub(super) fn amazon_linux_2023(mill: &mut Mill) -> Image {
    let created = mill.moment(1200, 0);
    let architecture = x86_or_arm(mill);
    let minimal = if mill.chance(30) { "-minimal" } else { "" };
    let kernel = mill.pick(&["6.1", "6.12"]);
    let release = format!("2023.{}.{}.{}", 4 + mill.below(9), day(created), mill.below(3));
    let arch = architecture.as_str();
    let mut image = mill.machine(
        names::AMAZON_LINUX,
        format!("al2023-ami{minimal}-{release}-kernel-{kernel}-{arch}"),
        format!("Amazon Linux 2023 AMI {release} {arch} HVM kernel-{kernel}"),
        architecture,
        created,
    );
    prefer_uefi(&mut image);
    image.imds_v2 = true;
    image.free_tier = true;
    image.deprecated = Some(days_after(created, 90));
    image
}

pub(super) fn amazon_linux_2(mill: &mut Mill) -> Image {
    let created = mill.moment(2900, 0);
    let architecture = x86_or_arm(mill);
    let (arch, release) = (architecture.as_str(), format!("2.0.{}.{}", day(created), mill.below(3)));
    let mut image = mill.machine(
        names::AMAZON_LINUX,
        format!("amzn2-ami-kernel-5.10-hvm-{release}-{arch}-gp2"),
        format!("Amazon Linux 2 Kernel 5.10 AMI {release} {arch} HVM gp2"),
        architecture,
        created,
    );
    let root = mill.volume(8, VolumeType::Gp2);
    image.set_root("/dev/xvda", root);
    image.free_tier = true;
    image
}

pub(super) fn ubuntu(mill: &mut Mill) -> Image {
    let created = mill.moment(2600, 0);
    let architecture = x86_or_arm(mill);
    let (code, version) = mill.pick(&[("noble", "24.04"), ("jammy", "22.04"), ("focal", "20.04"), ("bionic", "18.04")]);
    let (arch, date) = (deb(architecture), day(created));
    let pro = mill.chance(15);
    let (line, product) = if pro { ("ubuntu-pro-server", "pro-server") } else { ("ubuntu", "server") };
    let disk = if version == "24.04" { "hvm-ssd-gp3" } else { "hvm-ssd" };
    let mut image = mill.machine(
        names::CANONICAL,
        format!("{line}/images/{disk}/ubuntu-{code}-{version}-{arch}-{product}-{date}"),
        format!("Canonical, Ubuntu, {version}, {arch} {code} image"),
        architecture,
        created,
    );
    prefer_uefi(&mut image);
    image.imds_v2 = version == "24.04";
    let root = mill.volume(8, if version == "24.04" { VolumeType::Gp3 } else { VolumeType::Gp2 });
    image.set_root("/dev/sda1", root);
    image.map("/dev/sdb", Target::Ephemeral(0));
    image.map("/dev/sdc", Target::Ephemeral(1));
    if pro {
        image.set_billing(Billing::UbuntuPro);
    }
    image
}

pub(super) fn debian_like(mill: &mut Mill) -> Image {
    let created = mill.moment(2600, 0);
    let architecture = x86_or_arm(mill);
    let release = mill.pick(&["11", "12", "13"]);
    let (arch, date, build) = (deb(architecture), day(created), 1000 + mill.below(1500));
    let mut image = mill.machine(
        names::DEBIAN,
        format!("debian-{release}-{arch}-{date}-{build}"),
        format!("Debian {release} ({date}-{build})"),
        architecture,
        created,
    );
    prefer_uefi(&mut image);
    image
}

pub(super) fn red_hat(mill: &mut Mill) -> Image {
    let created = mill.moment(3200, 0);
    let architecture = x86_or_arm(mill);
    let (major, minor) = (mill.pick(&[7, 8, 9, 10]), mill.below(8));
    let (billing, kind, suffix) = mill.pick(&[
        (Billing::RedHat, "", "Hourly2"),
        (Billing::RedHat, "", "Hourly2"),
        (Billing::RedHatByol, "", "Access2"),
        (Billing::RedHatHa, "_HA", "Hourly2"),
        (Billing::RedHatSqlStandard, "_HVM_SQL_2022_Standard", "Hourly2"),
    ]);
    let (arch, date, build) = (architecture.as_str(), day(created), mill.below(60));
    let mut image = mill.machine(
        names::RED_HAT,
        format!("RHEL{kind}-{major}.{minor}.0_HVM-{date}-{arch}-{build}-{suffix}-GP3"),
        "Provided by Red Hat, Inc.".to_owned(),
        architecture,
        created,
    );
    prefer_uefi(&mut image);
    image.set_billing(billing);
    let root = mill.volume(10, VolumeType::Gp3);
    image.set_root("/dev/sda1", root);
    image
}

fn suse(mill: &mut Mill) -> Image {
    let created = mill.moment(3200, 0);
    let architecture = x86_or_arm(mill);
    let (version, pack) = (mill.pick(&[12, 15]), 1 + mill.below(7));
    let arch = architecture.as_str();
    let mut image = mill.machine(
        names::SUSE,
        format!("suse-sles-{version}-sp{pack}-v{}-hvm-ssd-{arch}", day(created)),
        format!("SUSE Linux Enterprise Server {version} SP{pack} (HVM, 64-bit, SSD-Backed)"),
        architecture,
        created,
    );
    prefer_uefi(&mut image);
    image.set_billing(Billing::Suse);
    let root = mill.volume(10, VolumeType::Gp3);
    image.set_root("/dev/sda1", root);
    image
}

pub(super) fn windows(mill: &mut Mill) -> Image {
    let created = mill.moment(2400, 0);
    let version = mill.pick(&["2016", "2019", "2022", "2025"]);
    let (billing, edition) = mill.pick(&[
        (Billing::Windows, "Base"),
        (Billing::Windows, "Base"),
        (Billing::Windows, "EKS_Optimized-1.33"),
        (Billing::WindowsSqlStandard, "SQL_2022_Standard"),
        (Billing::WindowsSqlEnterprise, "SQL_2022_Enterprise"),
        (Billing::WindowsSqlWeb, "SQL_2019_Web"),
    ]);
    let tpm = mill.chance(20);
    let (prefix, kind) = (if tpm { "TPM-" } else { "" }, mill.pick(&["Full", "Core"]));
    let mut image = mill.machine(
        names::AMAZON_WINDOWS,
        format!("{prefix}Windows_Server-{version}-English-{kind}-{edition}-{}", created.strftime("%Y.%m.%d")),
        format!("Microsoft Windows Server {version} {kind} Locale English {edition} AMI provided by Amazon"),
        Architecture::X86_64,
        created,
    );
    image.set_billing(billing);
    let root = mill.volume(if edition.starts_with("SQL") { 50 } else { 30 }, VolumeType::Gp2);
    image.set_root("/dev/sda1", root);
    // Windows images map more ephemeral disks than any instance type has.
    for (nth, device) in WINDOWS_EPHEMERAL.iter().enumerate() {
        image.map(device, Target::Ephemeral(u8::try_from(nth).unwrap_or(u8::MAX)));
    }
    if tpm {
        image.tpm = true;
        image.boot_mode = Some(BootMode::Uefi);
    }
    image
}

const WINDOWS_EPHEMERAL: [&str; 26] = [
    "xvdca", "xvdcb", "xvdcc", "xvdcd", "xvdce", "xvdcf", "xvdcg", "xvdch", "xvdci", "xvdcj", "xvdck", "xvdcl",
    "xvdcm", "xvdcn", "xvdco", "xvdcp", "xvdcq", "xvdcr", "xvdcs", "xvdct", "xvdcu", "xvdcv", "xvdcw", "xvdcx",
    "xvdcy", "xvdcz",
];

pub(super) fn mac(mill: &mut Mill) -> Image {
    let created = mill.moment(1400, 0);
    let arm = mill.chance(60);
    let (architecture, arch) = if arm { (Architecture::Arm64Mac, "-arm64") } else { (Architecture::X86_64Mac, "") };
    let release = format!("{}.{}", 12 + mill.below(4), mill.below(7));
    let build = mill.below(1_000_000);
    let mut image = mill.machine(
        names::AMAZON_MAC,
        format!("amzn-ec2-macos-{release}-{}-{build:06}{arch}", day(created)),
        format!("Amazon EC2 macOS {release} AMI"),
        architecture,
        created,
    );
    // Mac types report legacy-bios only, and their images carry no boot mode.
    image.boot_mode = None;
    let root = mill.volume(60, VolumeType::Gp3);
    image.set_root("/dev/sda1", root);
    image
}

pub(super) fn marketplace(mill: &mut Mill) -> Image {
    let created = mill.moment(2000, 0);
    let architecture = x86_or_arm(mill);
    let product = mill.pick(&["NGINX Plus", "FortiGate", "Vault Enterprise", "CIS Hardened AL2023", "GitLab EE"]);
    let (version, minor, mark) = (mill.below(12), mill.below(30), [mill.hex(), mill.hex()].join("-"));
    let mut image = mill.machine(
        names::MARKETPLACE,
        format!("{product} {version}.{minor}-{mark}"),
        format!("{product} for {}", architecture.as_str()),
        architecture,
        created,
    );
    let code = format!("{}{}{}0", mill.hex(), mill.hex(), mill.hex());
    let unsubscribed = mill.chance(70);
    let extras = image.extras_mut();
    extras.product_codes.push((code, ProductCodeType::Marketplace));
    extras.unsubscribed = unsubscribed;
    // Images with product codes are never public in the ordinary sense, yet everybody sees them.
    image.public = mill.chance(80);
    image.share = Share::Account;
    image
}

fn community(mill: &mut Mill) -> Image {
    let created = mill.moment(4400, 0);
    let architecture = x86_or_arm(mill);
    let owner = mill.pick(&COMMUNITY);
    let what = mill.pick(&["bitnami-wordpress", "k8s-node", "ci-runner", "centos-stream-9", "rocky-9", "minecraft"]);
    let (arch, mark) = (architecture.as_str(), mill.hex());
    let description = if mill.chance(60) { format!("{what} for {arch}") } else { String::new() };
    let mut image =
        mill.machine(owner, format!("{what}-{}-{arch}-{mark}", day(created)), description, architecture, created);
    if architecture == Architecture::X86_64 {
        image.boot_mode = mill.pick(&[None, None, Some(BootMode::LegacyBios), Some(BootMode::UefiPreferred)]);
        // Old or careless builds never set the flag.
        if mill.chance(30) {
            image.ena = mill.pick(&[None, Some(false)]);
        }
    }
    let size = 8 + mill.below(92);
    let root = mill.volume(size, VolumeType::Gp2);
    image.set_root("/dev/sda1", root);
    image
}

pub(super) fn paravirtual(mill: &mut Mill) -> Image {
    let created = mill.moment(5200, 3600);
    let i386 = mill.chance(40);
    let (architecture, kernel) =
        if i386 { (Architecture::I386, PV_GRUB_I386) } else { (Architecture::X86_64, PV_GRUB_X86_64) };
    let (code, version) = mill.pick(&[("precise", "12.04"), ("lucid", "10.04"), ("trusty", "14.04")]);
    let arch = deb(architecture);
    let mut image = mill.machine(
        names::CANONICAL,
        format!("ubuntu/images/ebs/ubuntu-{code}-{version}-{arch}-server-{}", day(created)),
        format!("Canonical, Ubuntu, {version}, {arch} {code} image"),
        architecture,
        created,
    );
    image.set_paravirtual(Some(kernel));
    let root = mill.volume(8, VolumeType::Standard);
    image.set_root("/dev/sda1", root);
    image.map("/dev/sdb", Target::Ephemeral(0));
    // Nobody has deprecated these old public images, and old ones predate the rule.
    image.deprecated = if mill.chance(50) { None } else { image.deprecated };
    image
}

pub(super) fn instance_store(mill: &mut Mill) -> Image {
    let mut image = paravirtual(mill);
    let hvm = image.architecture == Architecture::X86_64 && mill.chance(40);
    let kind = if hvm { "hvm-instance" } else { "instance-store" };
    let name = image.name.as_deref().unwrap_or_default().replace("images/ebs", &format!("images/{kind}"));
    if hvm {
        image.virtualization = Some(super::facts::Virtualization::Hvm);
        image.kernel = None;
    }
    image.set_instance_store(format!("ubuntu-us-east-1/{name}-{}.manifest.xml", mill.hex()));
    image.name = Some(name.into());
    image.map("/dev/sda2", Target::Ephemeral(0));
    image
}

pub(super) fn self_owned(mill: &mut Mill) -> Image {
    let created = mill.moment(900, 0);
    let architecture = x86_or_arm(mill);
    let role = mill.pick(&["web", "worker", "bastion", "database", "build"]);
    let stamp = created.strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
    let name = format!("{role}-base-{stamp}");
    let mut image = mill.machine(names::SELF, name.clone(), format!("{role} base image"), architecture, created);
    prefer_uefi(&mut image);
    image.set_private(Share::Nobody);
    image.imds_v2 = mill.chance(50);
    let (source, instance) = (mill.id("ami"), mill.id("i"));
    let launched = days_after(created, 2);
    let extras = image.extras_mut();
    extras.source_image = Some(source.into());
    extras.source_region = Some("sandbox-1".to_owned());
    extras.source_instance = Some(instance.into());
    extras.deregistration_protection = Some("disabled");
    extras.last_launched = Some(launched);
    extras.tags.insert("Name".to_owned(), name);
    extras.tags.insert("role".to_owned(), role.to_owned());
    image
}

pub(super) fn shared(mill: &mut Mill) -> Image {
    let mut image = self_owned(mill);
    image.set_owner(names::SISTER);
    image.share = if mill.chance(50) { Share::Account } else { Share::Organization };
    // Tags are not shared with the image.
    image.extras_mut().tags.clear();
    image
}

pub(super) fn backup(mill: &mut Mill) -> Image {
    let created = mill.moment(300, 0);
    let instance = mill.id("i");
    let mut image = mill.machine(
        names::BACKUP_VAULT,
        format!("AwsBackup_{instance}_{}", created.strftime("%Y-%m-%dT%H-%M-%SZ")),
        format!("This image is created by the AWS Backup service for {instance}"),
        Architecture::X86_64,
        created,
    );
    image.set_private(Share::Account);
    image.extras_mut().source_instance = Some(instance.into());
    image
}
