//! Images with fixed ids that are in every catalogue, whatever its seed and size: something to
//! name in documentation, demonstrations and tests.
//!
//! Each stands for one class, or for one way in which a launch goes wrong. They have the same id
//! in every Region, which real images never have. Ids start with `ami-05a4db0c5`.

use super::facts::{
    Architecture, Billing, BootMode, Image, ProductCodeType, Share, State, Target, Virtualization, VolumeType,
};
use super::generate::{Mill, at_second, days_after};
use super::names;
use super::specimens::{PV_GRUB_I386, PV_GRUB_X86_64};
use crate::sandbox::cloud::Fate;

/// Amazon Linux 2023, x86_64, HVM, EBS root, `uefi-preferred`, ENA, IMDSv2, owned by amazon.
pub const AMAZON_LINUX_2023_X86_64: &str = "ami-05a4db0c500000001";
/// Amazon Linux 2023, arm64.
pub const AMAZON_LINUX_2023_ARM64: &str = "ami-05a4db0c500000002";
/// Ubuntu 24.04, x86_64, with two ephemeral mappings.
pub const UBUNTU_24_04_X86_64: &str = "ami-05a4db0c500000003";
/// Windows Server 2022, x86_64, no boot mode set.
pub const WINDOWS_SERVER_2022: &str = "ami-05a4db0c500000004";
/// Red Hat Enterprise Linux 9, x86_64.
pub const RED_HAT_9_X86_64: &str = "ami-05a4db0c500000005";
/// Paravirtual, EBS root, x86_64, started by PV-GRUB through its AKI.
pub const PARAVIRTUAL_EBS_X86_64: &str = "ami-05a4db0c500000006";
/// Paravirtual, EBS root, i386, started by PV-GRUB through its AKI.
pub const PARAVIRTUAL_EBS_I386: &str = "ami-05a4db0c500000007";
/// Paravirtual, stored in S3 with an instance store root, x86_64.
pub const PARAVIRTUAL_INSTANCE_STORE_X86_64: &str = "ami-05a4db0c500000008";
/// HVM, stored in S3 with an instance store root, x86_64.
pub const HVM_INSTANCE_STORE_X86_64: &str = "ami-05a4db0c500000009";
/// UEFI only, with NitroTPM.
pub const UEFI_TPM_X86_64: &str = "ami-05a4db0c50000000a";
/// Amazon Linux 2 of 2018, deprecated in 2020; hidden unless asked for.
pub const DEPRECATED_AMAZON_LINUX_2: &str = "ami-05a4db0c50000000b";
/// A Marketplace product that the sandbox's account has subscribed to.
pub const MARKETPLACE: &str = "ami-05a4db0c50000000c";
/// A Marketplace product that it has not: RunInstances answers OptInRequired.
pub const MARKETPLACE_UNSUBSCRIBED: &str = "ami-05a4db0c50000000d";
/// Owned by the sandbox's account, private, with tags; its launch permissions name the sister account.
pub const SELF_OWNED: &str = "ami-05a4db0c50000000e";
/// Owned by the sandbox's account and disabled.
pub const DISABLED: &str = "ami-05a4db0c50000000f";
/// macOS for x86_64_mac.
pub const MAC_X86_64: &str = "ami-05a4db0c500000010";
/// macOS for arm64_mac.
pub const MAC_ARM64: &str = "ami-05a4db0c500000011";
/// An HVM image of 2013 whose ENA flag was never set: types that require ENA refuse it.
pub const HVM_WITHOUT_ENA: &str = "ami-05a4db0c500000012";
/// Private, shared with the sandbox's account by another.
pub const SHARED: &str = "ami-05a4db0c500000013";
/// Encrypted, with three volumes.
pub const ENCRYPTED_MULTI_VOLUME: &str = "ami-05a4db0c500000014";
/// May run on `m7*` and `c7i.*` only.
pub const TYPE_RESTRICTED: &str = "ami-05a4db0c500000015";
/// Still pending: RunInstances answers InvalidAMIID.Unavailable.
pub const PENDING: &str = "ami-05a4db0c500000016";
/// Needs legacy BIOS, so it does not prefer UEFI where both exist.
pub const LEGACY_BIOS_X86_64: &str = "ami-05a4db0c500000017";
/// Launches go from pending to terminated, with EC2's documented contradictory reason: code
/// `Server.InternalError`, message `Client.VolumeLimitExceeded: Volume limit exceeded`.
pub const BROKEN_VOLUME: &str = "ami-05a4db0c500000018";
/// Instances run, but their instance status check fails and stays failed.
pub const NEVER_READY: &str = "ami-05a4db0c500000019";
/// Prepared for UEFI and registered without a boot mode: where the type's default is legacy BIOS,
/// instances run and never pass their instance check.
pub const UEFI_WITHOUT_BOOT_MODE: &str = "ami-05a4db0c50000001a";

/// 2026-09-30T18:00:00Z, the day before the catalogue's epoch.
const RECENT_SECOND: i64 = 1_790_791_200;
/// 2018-08-10T18:00:00Z.
const IN_2018_SECOND: i64 = 1_533_924_000;
/// 2013-10-01T18:00:00Z.
const IN_2013_SECOND: i64 = 1_380_650_400;

/// All of them, in the order of their ids.
pub(super) fn images() -> Vec<Image> {
    let mut mill = Mill::new("landmarks");
    let mill = &mut mill;
    let mut images = linux_and_windows(mill);
    images.extend(past_generations(mill));
    images.extend(special_cases(mill));
    images.extend(failures(mill));
    images.sort_by(|a, b| a.id.cmp(&b.id));
    images
}

fn amazon_linux(mill: &mut Mill, id: &str, architecture: Architecture) -> Image {
    let arch = architecture.as_str();
    let created = at_second(RECENT_SECOND);
    let mut image = mill.machine(
        names::AMAZON_LINUX,
        format!("al2023-ami-2023.12.20260930.0-kernel-6.12-{arch}"),
        format!("Amazon Linux 2023 AMI 2023.12.20260930.0 {arch} HVM kernel-6.12"),
        architecture,
        created,
    );
    image.id = id.into();
    if architecture == Architecture::X86_64 {
        image.boot_mode = Some(BootMode::UefiPreferred);
    }
    image.imds_v2 = true;
    image.free_tier = true;
    image.extras_mut().ssm_parameter =
        Some(format!("aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.12-{arch}"));
    image
}

fn named(mill: &mut Mill, id: &str, owner: &'static str, name: &str, description: &str, second: i64) -> Image {
    let created = at_second(second);
    let mut image = mill.machine(owner, name.to_owned(), description.to_owned(), Architecture::X86_64, created);
    image.id = id.into();
    image
}

fn linux_and_windows(mill: &mut Mill) -> Vec<Image> {
    let mut ubuntu = named(
        mill,
        UBUNTU_24_04_X86_64,
        names::CANONICAL,
        "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260930",
        "Canonical, Ubuntu, 24.04, amd64 noble image",
        RECENT_SECOND,
    );
    ubuntu.boot_mode = Some(BootMode::UefiPreferred);
    ubuntu.imds_v2 = true;
    ubuntu.set_root("/dev/sda1", mill.volume(8, VolumeType::Gp3));
    ubuntu.map("/dev/sdb", Target::Ephemeral(0));
    ubuntu.map("/dev/sdc", Target::Ephemeral(1));

    let mut windows = named(
        mill,
        WINDOWS_SERVER_2022,
        names::AMAZON_WINDOWS,
        "Windows_Server-2022-English-Full-Base-2026.09.30",
        "Microsoft Windows Server 2022 Full Locale English AMI provided by Amazon",
        RECENT_SECOND,
    );
    windows.set_billing(Billing::Windows);
    windows.set_root("/dev/sda1", mill.volume(30, VolumeType::Gp2));

    let mut red_hat = named(
        mill,
        RED_HAT_9_X86_64,
        names::RED_HAT,
        "RHEL-9.6.0_HVM-20260930-x86_64-0-Hourly2-GP3",
        "Provided by Red Hat, Inc.",
        RECENT_SECOND,
    );
    red_hat.set_billing(Billing::RedHat);
    red_hat.boot_mode = Some(BootMode::UefiPreferred);
    red_hat.set_root("/dev/sda1", mill.volume(10, VolumeType::Gp3));

    vec![
        amazon_linux(mill, AMAZON_LINUX_2023_X86_64, Architecture::X86_64),
        amazon_linux(mill, AMAZON_LINUX_2023_ARM64, Architecture::Arm64),
        ubuntu,
        windows,
        red_hat,
    ]
}

fn past_generations(mill: &mut Mill) -> Vec<Image> {
    let mut old = |id: &str, name: &str, description: &str| {
        let mut image = named(mill, id, names::AMAZON_LINUX, name, description, IN_2013_SECOND);
        // Older than the rule that deprecates public images, and still to be found.
        image.deprecated = None;
        image.set_root("/dev/sda1", mill.volume(8, VolumeType::Standard));
        image
    };
    let mut pv64 = old(PARAVIRTUAL_EBS_X86_64, "amzn-ami-pv-2013.09.0.x86_64-ebs", "Amazon Linux AMI x86_64 PV EBS");
    pv64.set_paravirtual(Some(PV_GRUB_X86_64));
    let mut pv32 = old(PARAVIRTUAL_EBS_I386, "amzn-ami-pv-2013.09.0.i386-ebs", "Amazon Linux AMI i386 PV EBS");
    pv32.set_paravirtual(Some(PV_GRUB_I386));
    pv32.architecture = Architecture::I386;
    let mut pv_s3 =
        old(PARAVIRTUAL_INSTANCE_STORE_X86_64, "amzn-ami-pv-2013.09.0.x86_64-s3", "Amazon Linux AMI x86_64 PV S3");
    pv_s3.set_paravirtual(Some(PV_GRUB_X86_64));
    pv_s3.set_instance_store("amzn-ami-us-east-1/amzn-ami-pv-2013.09.0.x86_64.manifest.xml".to_owned());
    pv_s3.map("/dev/sda2", Target::Ephemeral(0));
    let mut hvm_s3 =
        old(HVM_INSTANCE_STORE_X86_64, "amzn-ami-hvm-2013.09.0.x86_64-s3", "Amazon Linux AMI x86_64 HVM S3");
    hvm_s3.set_instance_store("amzn-ami-us-east-1/amzn-ami-hvm-2013.09.0.x86_64.manifest.xml".to_owned());
    hvm_s3.map("/dev/sdb", Target::Ephemeral(0));
    let mut without_ena = old(HVM_WITHOUT_ENA, "amzn-ami-hvm-2013.09.0.x86_64-ebs", "Amazon Linux AMI x86_64 HVM EBS");
    without_ena.ena = None;
    without_ena.sriov = false;
    let mut legacy =
        old(LEGACY_BIOS_X86_64, "amzn-ami-hvm-2013.09.1.x86_64-ebs", "Amazon Linux AMI x86_64 HVM EBS, MBR only");
    legacy.boot_mode = Some(BootMode::LegacyBios);

    let mut deprecated = named(
        mill,
        DEPRECATED_AMAZON_LINUX_2,
        names::AMAZON_LINUX,
        "amzn2-ami-hvm-2.0.20180810-x86_64-gp2",
        "Amazon Linux 2 AMI 2.0.20180810 x86_64 HVM gp2",
        IN_2018_SECOND,
    );
    deprecated.set_root("/dev/xvda", mill.volume(8, VolumeType::Gp2));
    vec![pv64, pv32, pv_s3, hvm_s3, without_ena, legacy, deprecated]
}

fn special_cases(mill: &mut Mill) -> Vec<Image> {
    let mut tpm = named(
        mill,
        UEFI_TPM_X86_64,
        names::COMMUNITY[0],
        "flatcar-stable-uefi-tpm-20260930",
        "UEFI only, with NitroTPM",
        RECENT_SECOND,
    );
    tpm.boot_mode = Some(BootMode::Uefi);
    tpm.tpm = true;
    let mut product = |id: &str, name: &str, code: &str, unsubscribed: bool| {
        let mut image = named(mill, id, names::MARKETPLACE, name, "A Marketplace product", RECENT_SECOND);
        let extras = image.extras_mut();
        extras.product_codes.push((code.to_owned(), ProductCodeType::Marketplace));
        extras.unsubscribed = unsubscribed;
        image
    };
    let subscribed = product(MARKETPLACE, "NGINX Plus 34.1-sandbox", "5a4db0c5subscribed0000000", false);
    let unsubscribed = product(MARKETPLACE_UNSUBSCRIBED, "FortiGate 7.6-sandbox", "5a4db0c5unsubscribed00000", true);
    let mut mac = |id: &str, architecture: Architecture, suffix: &str| {
        let name = format!("amzn-ec2-macos-15.6-20260930-180000{suffix}");
        let mut image = named(mill, id, names::AMAZON_MAC, &name, "Amazon EC2 macOS 15.6 AMI", RECENT_SECOND);
        image.architecture = architecture;
        image.sriov = false;
        image.set_root("/dev/sda1", mill.volume(60, VolumeType::Gp3));
        image
    };
    let macs = [mac(MAC_X86_64, Architecture::X86_64Mac, ""), mac(MAC_ARM64, Architecture::Arm64Mac, "-arm64")];

    let mut own = own(mill, SELF_OWNED, "web-base-landmark", "web base image");
    own.extras_mut().tags.insert("Name".to_owned(), "web-base".to_owned());
    own.extras_mut().tags.insert("role".to_owned(), "web".to_owned());
    own.extras_mut().permissions.users.insert(names::SISTER.to_owned());
    let mut disabled = self::own(mill, DISABLED, "web-base-disabled", "retired");
    disabled.state = Some(State::Disabled);
    let mut pending = self::own(mill, PENDING, "web-base-pending", "being made");
    pending.state = Some(State::Pending);
    let mut encrypted = self::own(mill, ENCRYPTED_MULTI_VOLUME, "database-base-encrypted", "encrypted, three volumes");
    let mut volumes = [(20, VolumeType::Gp3), (200, VolumeType::Io2), (500, VolumeType::St1)]
        .map(|(size, kind)| mill.volume(size, kind));
    volumes.iter_mut().for_each(|volume| volume.encrypted = true);
    volumes[1].delete_on_termination = false;
    let [root, data, log] = volumes;
    encrypted.set_root("/dev/sda1", root);
    encrypted.map("/dev/sdf", Target::Ebs(data));
    encrypted.map("/dev/sdg", Target::Ebs(log));
    let mut restricted = self::own(mill, TYPE_RESTRICTED, "web-base-m7-only", "m7 and c7i only");
    restricted.extras_mut().supported_types = vec!["m7*".to_owned(), "c7i.*".to_owned()];
    let mut shared = self::own(mill, SHARED, "sister-base", "shared by the sister account");
    shared.set_owner(names::SISTER);
    shared.share = Share::Account;

    let mut images = vec![tpm, subscribed, unsubscribed, own, disabled, pending, encrypted, restricted, shared];
    images.extend(macs);
    images
}

fn own(mill: &mut Mill, id: &str, name: &str, description: &str) -> Image {
    let mut image = named(mill, id, names::SELF, name, description, RECENT_SECOND);
    image.boot_mode = Some(BootMode::UefiPreferred);
    image.virtualization = Some(Virtualization::Hvm);
    image.set_private(Share::Nobody);
    image.deprecated = None;
    image.extras_mut().deregistration_protection = Some("disabled");
    let launched = days_after(at_second(RECENT_SECOND), 0);
    image.extras_mut().last_launched = Some(launched);
    image
}

fn failures(mill: &mut Mill) -> Vec<Image> {
    let mut broken = own(mill, BROKEN_VOLUME, "broken-volume", "every launch ends at the volume limit");
    broken.extras_mut().fate = Some(Fate::ImmediateTermination {
        code: "Server.InternalError".into(),
        message: "Client.VolumeLimitExceeded: Volume limit exceeded".into(),
    });
    let mut never = own(mill, NEVER_READY, "never-ready", "runs, and never passes its instance check");
    never.extras_mut().fate = Some(Fate::ChecksFail);
    let mut unbootable = named(
        mill,
        UEFI_WITHOUT_BOOT_MODE,
        names::COMMUNITY[0],
        "flatcar-stable-uefi-unmarked-20260930",
        "UEFI only, and registered without a boot mode",
        RECENT_SECOND,
    );
    unbootable.extras_mut().boots_by = Some(BootMode::Uefi);
    vec![broken, never, unbootable]
}
