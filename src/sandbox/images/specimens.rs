//! Three of every class there is, so that whoever reads a catalogue meets every word EC2 can say,
//! and the oddities of real records: see the comments at each.

use super::facts::{
    Architecture, Billing, BootMode, Hypervisor, Image, ImageType, ProductCodeType, RootDeviceType, ScanResults,
    Severity, Share, State, Target, Virtualization, VolumeType, Watermark,
};
use super::families;
use super::generate::{Mill, at_second, days_after};
use super::names;
use super::permissions::{ORGANIZATION, UNIT};

/// The kernel image that boots 64-bit paravirtual images from their own disk.
pub(super) const PV_GRUB_X86_64: &str = "aki-05a4db01";
/// The same for 32-bit ones.
pub(super) const PV_GRUB_I386: &str = "aki-05a4db02";
const PV_GRUB_HD00_X86_64: &str = "aki-05a4db03";
const PV_GRUB_HD00_I386: &str = "aki-05a4db04";
const RAMDISKS: [&str; 3] = ["ari-05a4db01", "ari-05a4db02", "ari-05a4db03"];

/// An organization that the sandbox's account is no member of.
const FOREIGN_ORGANIZATION: &str = "arn:aws:organizations::000000000201:organization/o-5a4db0c599";

/// How many of each class.
const EACH: usize = 3;

/// All specimens.
pub(super) fn images(mill: &mut Mill) -> Vec<Image> {
    let mut images = kernels_and_ramdisks(mill);
    for _ in 0..EACH {
        images.extend(hardware(mill));
        images.extend(storage(mill));
        images.extend(lifecycles(mill));
        images.extend(licences(mill));
        images.extend(provenance(mill));
        images.extend(findings(mill));
        images.extend(oddities(mill));
    }
    images
}

fn kernels_and_ramdisks(mill: &mut Mill) -> Vec<Image> {
    let kernels = [
        (PV_GRUB_X86_64, "pv-grub-hd0_1.05-x86_64.gz", Architecture::X86_64),
        (PV_GRUB_I386, "pv-grub-hd0_1.05-i386.gz", Architecture::I386),
        (PV_GRUB_HD00_X86_64, "pv-grub-hd00_1.05-x86_64.gz", Architecture::X86_64),
        (PV_GRUB_HD00_I386, "pv-grub-hd00_1.05-i386.gz", Architecture::I386),
    ];
    let ramdisks = RAMDISKS.map(|id| (id, "initrd-2.6.21.7-2.fc8xen.gz", Architecture::X86_64));
    kernels
        .into_iter()
        .map(|kernel| (kernel, ImageType::Kernel))
        .chain(ramdisks.map(|ramdisk| (ramdisk, ImageType::Ramdisk)))
        .map(|((id, file, architecture), image_type)| {
            let created = at_second(1_410_000_000);
            let mut image = mill.machine(names::AMAZON_LINUX, file.to_owned(), String::new(), architecture, created);
            image.id = id.into();
            image.image_type = image_type;
            image.set_paravirtual(None);
            image.set_instance_store(format!("ec2-public-images-us-east-1/{file}.manifest.xml"));
            image.root_device_name = None;
            image.deprecated = None;
            image
        })
        .collect()
}

fn hardware(mill: &mut Mill) -> Vec<Image> {
    let mut images = vec![families::mac(mill), families::mac(mill)];
    for (image, architecture) in images.iter_mut().zip([Architecture::X86_64Mac, Architecture::Arm64Mac]) {
        image.architecture = architecture;
    }
    let mut i386 = families::paravirtual(mill);
    i386.architecture = Architecture::I386;
    i386.kernel = Some(PV_GRUB_I386);
    let mut i386_hvm = families::amazon_linux_2(mill);
    i386_hvm.architecture = Architecture::I386;
    i386_hvm.boot_mode = None;
    images.extend([i386, i386_hvm]);
    for mode in BootMode::ALL {
        let mut image = families::self_owned(mill);
        image.architecture = Architecture::X86_64;
        image.boot_mode = Some(*mode);
        images.push(image);
    }
    let mut tpm = families::windows(mill);
    tpm.tpm = true;
    tpm.boot_mode = Some(BootMode::Uefi);
    let mut imds = families::amazon_linux_2023(mill);
    imds.imds_v2 = true;
    let mut ovm = families::paravirtual(mill);
    ovm.hypervisor = Hypervisor::Ovm;
    let mut no_ena = families::amazon_linux_2(mill);
    no_ena.ena = Some(false);
    let mut plain = families::paravirtual(mill);
    plain.set_paravirtual(Some(PV_GRUB_HD00_X86_64));
    plain.ramdisk = Some(RAMDISKS[0]);
    plain.architecture = Architecture::X86_64;
    images.extend([tpm, imds, ovm, no_ena, plain]);
    images
}

fn storage(mill: &mut Mill) -> Vec<Image> {
    let mut images: Vec<_> = VolumeType::ALL
        .iter()
        .map(|kind| {
            let mut image = families::self_owned(mill);
            let mut volume = mill.volume(200, *kind);
            volume.delete_on_termination = false;
            image.map("/dev/sdf", Target::Ebs(volume));
            image
        })
        .collect();
    let mut encrypted = families::self_owned(mill);
    let mut root = mill.volume(20, VolumeType::Gp3);
    root.encrypted = true;
    encrypted.set_root("/dev/xvda", root);
    let mut suppressed = families::self_owned(mill);
    suppressed.map("/dev/sdb", Target::Nothing);
    let mut pv_s3 = families::instance_store(mill);
    pv_s3.set_paravirtual(Some(PV_GRUB_X86_64));
    pv_s3.architecture = Architecture::X86_64;
    let mut hvm_s3 = families::instance_store(mill);
    hvm_s3.virtualization = Some(Virtualization::Hvm);
    hvm_s3.kernel = None;
    hvm_s3.architecture = Architecture::X86_64;
    images.extend([encrypted, suppressed, pv_s3, hvm_s3, families::ubuntu(mill)]);
    images
}

/// Every state, deprecation behind, near and never. Unfinished and withdrawn images are shown to
/// their owner only, so they are this account's.
fn lifecycles(mill: &mut Mill) -> Vec<Image> {
    let mut images: Vec<_> = State::ALL
        .iter()
        .map(|state| {
            let mut image = families::self_owned(mill);
            image.state = Some(*state);
            image.extras_mut().state_reason = match state {
                State::Failed => Some((
                    "Client.InvalidSnapshot.NotFound",
                    "Client.InvalidSnapshot.NotFound: The snapshot does not exist",
                )),
                State::Error => Some(("Server.InternalError", "Server.InternalError: Internal error")),
                State::Invalid => {
                    Some(("Client.InvalidManifest", "Client.InvalidManifest: The manifest cannot be read"))
                }
                State::Pending | State::Available | State::Deregistered | State::Transient | State::Disabled => None,
            };
            image
        })
        .collect();
    for days in [-400_i64, 30, 200] {
        let mut image = families::amazon_linux_2(mill);
        image.deprecated = Some(days_after(at_second(super::generate::EPOCH_SECOND), days));
        images.push(image);
    }
    let mut protected = families::self_owned(mill);
    protected.extras_mut().deregistration_protection = Some("enabled-with-cooldown");
    images.push(protected);
    images
}

fn licences(mill: &mut Mill) -> Vec<Image> {
    let mut images: Vec<_> = Billing::ALL
        .iter()
        .map(|billing| {
            let mut image = if billing.is_windows() { families::windows(mill) } else { families::red_hat(mill) };
            if !billing.is_windows() {
                let name = format!("{}-{}", billing.platform_details().replace([' ', '/'], "_"), mill.hex());
                image.name = Some(name.into());
                image.description = Some(billing.platform_details().into());
                image.set_owner(names::COMMUNITY[1]);
            }
            image.set_billing(*billing);
            image
        })
        .collect();
    let mut devpay = families::paravirtual(mill);
    devpay.set_owner(names::COMMUNITY[2]);
    let code = mill.hex().to_uppercase();
    devpay.extras_mut().product_codes.push((code, ProductCodeType::Devpay));
    images.extend([devpay, families::marketplace(mill)]);
    images
}

fn provenance(mill: &mut Mill) -> Vec<Image> {
    let mut by_account = families::shared(mill);
    by_account.share = Share::Account;
    let mut by_organization = families::shared(mill);
    by_organization.share = Share::Organization;
    // Nobody shared this one with us: EC2 hides it, and a launch finds nothing.
    let mut foreign = families::shared(mill);
    foreign.share = Share::Nobody;
    let mut public_own = families::self_owned(mill);
    public_own.public = true;

    let mut parameter = families::amazon_linux_2023(mill);
    let arch = parameter.architecture.as_str();
    parameter.extras_mut().ssm_parameter =
        Some(format!("aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-{arch}"));
    let mut former = families::amazon_linux_2(mill);
    former.extras_mut().former_ssm_parameter =
        Some("aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-x86_64-gp2".to_owned());

    let mut marked = families::self_owned(mill);
    let (source, created) = (mill.id("ami"), mill.moment(200, 100));
    marked.extras_mut().watermarks.push(Watermark {
        key: format!("{}:golden", names::SELF),
        source_region: "sandbox-1".to_owned(),
        source_image: source.into(),
        source_created: created,
        marked: days_after(created, 1),
    });
    let mut supported = families::self_owned(mill);
    supported.extras_mut().supported_types = vec!["m7i.*".to_owned(), "c7*".to_owned()];
    let mut unsupported = families::self_owned(mill);
    unsupported.extras_mut().unsupported_types = vec!["t*".to_owned(), "*.metal*".to_owned()];

    // Explicit launch permissions: with accounts, with the organization and the unit that this
    // account is in, and with an organization that it is not in.
    marked.extras_mut().permissions.users = [names::SISTER, names::COMMUNITY[0]].map(str::to_owned).into();
    supported.extras_mut().permissions.organizations = [ORGANIZATION.to_owned()].into();
    unsupported.extras_mut().permissions.units = [UNIT.to_owned()].into();
    public_own.extras_mut().permissions.organizations = [FOREIGN_ORGANIZATION.to_owned()].into();
    vec![
        by_account,
        by_organization,
        foreign,
        public_own,
        families::backup(mill),
        parameter,
        former,
        marked,
        supported,
        unsupported,
    ]
}

fn findings(mill: &mut Mill) -> Vec<Image> {
    let mut images: Vec<_> = Severity::ALL
        .iter()
        .map(|worst| {
            let mut image = families::self_owned(mill);
            let scanned = mill.moment(30, 1);
            let fixes = Severity::ALL
                .iter()
                .filter(|severity| *severity <= worst)
                .map(|severity| (*severity, mill.moment(120, 31)))
                .collect();
            image.extras_mut().scan = Some(ScanResults { scanned, fixes });
            image
        })
        .collect();
    let mut clean = families::self_owned(mill);
    let scanned = mill.moment(30, 1);
    clean.extras_mut().scan = Some(ScanResults { scanned, fixes: Vec::new() });
    images.push(clean);
    images
}

/// What real records contain although the documentation says otherwise.
fn oddities(mill: &mut Mill) -> Vec<Image> {
    let old = |mill: &mut Mill| {
        let mut image = families::instance_store(mill);
        image.set_owner(names::COMMUNITY[3]);
        image.deprecated = None;
        image
    };
    let mut pv_with_ena = old(mill);
    pv_with_ena.set_paravirtual(Some(PV_GRUB_X86_64));
    pv_with_ena.ena = Some(true);
    let mut hvm_with_kernel = families::amazon_linux_2(mill);
    hvm_with_kernel.architecture = Architecture::X86_64;
    hvm_with_kernel.boot_mode = None;
    hvm_with_kernel.kernel = Some(PV_GRUB_X86_64);
    let mut pv_without_kernel = families::paravirtual(mill);
    pv_without_kernel.kernel = None;
    let mut root_elsewhere = families::debian_like(mill);
    root_elsewhere.root_device_name = Some("/dev/sda1");
    if let Some(first) = root_elsewhere.mappings.first_mut() {
        first.device = "/dev/sda";
    }
    let mut no_snapshot = families::debian_like(mill);
    if let Some(Target::Ebs(volume)) = no_snapshot.mappings.first_mut().map(|mapping| &mut mapping.target) {
        volume.snapshot = None;
    }
    let mut bare_device = families::debian_like(mill);
    bare_device.map("sdb", Target::Ephemeral(0));
    // The first S3-backed images: no name, no creation date, no virtualization type.
    let mut nameless = old(mill);
    nameless.name = None;
    nameless.description = None;
    nameless.created = None;
    nameless.virtualization = None;
    nameless.billing = None;
    nameless.root_device_type = RootDeviceType::InstanceStore;
    let mut stateless = old(mill);
    stateless.state = None;
    let mut private_product = families::marketplace(mill);
    private_product.public = false;
    private_product.share = Share::Account;
    vec![
        pv_with_ena,
        hvm_with_kernel,
        pv_without_kernel,
        root_elsewhere,
        no_snapshot,
        bare_device,
        nameless,
        stateless,
        private_product,
    ]
}
