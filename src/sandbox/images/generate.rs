//! Makes the catalogue: landmarks, then three of every class, then a population.
//!
//! All randomness comes from one ChaCha stream seeded by the sandbox's seed and the Region's name;
//! ranges are drawn here and not by `rand`'s distributions, whose results may change between
//! versions.

use std::borrow::Cow;
use std::collections::HashSet;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::facts::{
    Architecture, Billing, BootMode, EbsVolume, Hypervisor, Image, ImageType, Mapping, RootDeviceType, Share, State,
    Target, Virtualization, VolumeType,
};
use super::{families, landmarks, names, specimens};
use crate::clock::Timestamp;
use crate::ids::{AccountId, Region};

/// The catalogue pretends to have been photographed at this moment, 2026-10-01T00:00:00Z: nothing
/// in it is younger, whatever the clock says. A fixed moment keeps it the same across restarts.
pub(crate) const EPOCH_SECOND: i64 = 1_790_812_800;
const DAY_SECONDS: i64 = 86_400;
/// Public images are deprecated two years after their creation at the latest.
const PUBLIC_LIFE_DAYS: i64 = 730;

/// The catalogue of one Region.
pub(super) fn images(seed: u64, region: &Region, count: usize) -> Vec<Image> {
    let mut mill = Mill::new(&format!("catalog {seed} {}", region.as_str()));
    let mut images = Vec::with_capacity(count);
    images.extend(landmarks::images());
    images.extend(specimens::images(&mut mill));
    debug_assert!(images.len() <= super::IMAGES_MIN, "the smallest catalogue holds every class");
    let mut known: HashSet<Box<str>> = images.iter().map(|image| image.id.clone()).collect();
    let mut drawn = 0;
    while images.len() < count {
        // Half the population are real names, as long as there are any left.
        let mut image = match drawn % 2 {
            0 => names::real(&mut mill, drawn / 2),
            _ => None,
        }
        .unwrap_or_else(|| families::any(&mut mill));
        drawn += 1;
        while !known.insert(image.id.clone()) {
            image.id = mill.id("ami");
        }
        images.push(image);
    }
    images
}

/// The id that an account's own image has where the sandbox's own account has this one.
pub(super) fn id_of_account(account_id: &AccountId, id: &str) -> Box<str> {
    format!("ami-0{}", &hex::encode(Sha256::digest(format!("{account_id} {id}")))[..16]).into()
}

/// Draws facts.
#[derive(Debug)]
pub(crate) struct Mill {
    rng: ChaCha8Rng,
}

impl Mill {
    /// A mill whose every draw follows from `purpose`.
    pub(crate) fn new(purpose: &str) -> Self {
        Self { rng: ChaCha8Rng::from_seed(Sha256::digest(purpose).into()) }
    }

    /// A number below `limit`, which must not be 0.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        // The high half of the product is below the limit; the bias is below 2⁻³² times it.
        let product = u64::from(self.rng.next_u32()) * u64::from(limit);
        u32::try_from(product >> 32).unwrap_or(0)
    }

    /// True in `percent` of a hundred draws.
    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of a few.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let at = self.below(u32::try_from(from.len()).unwrap_or(u32::MAX));
        from[at as usize]
    }

    /// A long EC2 id: the prefix, and 17 digits of which the first is 0.
    pub(super) fn id(&mut self, prefix: &str) -> Box<str> {
        format!("{prefix}-0{:016x}", self.rng.next_u64()).into()
    }

    /// A lower-case hexadecimal word.
    pub(super) fn hex(&mut self) -> String {
        format!("{:08x}", self.rng.next_u32())
    }

    /// A moment between two ages, in days before the epoch.
    pub(super) fn moment(&mut self, oldest_days: u32, youngest_days: u32) -> Timestamp {
        let days = youngest_days + self.below(oldest_days - youngest_days + 1);
        let second = self.below(DAY_SECONDS as u32);
        at_second(EPOCH_SECOND - i64::from(days) * DAY_SECONDS - i64::from(second) - 1)
    }

    /// A volume from a snapshot, deleted with its instance.
    pub(super) fn volume(&mut self, size_gib: u32, volume_type: VolumeType) -> EbsVolume {
        let (iops, throughput_mibps) = match volume_type {
            VolumeType::Gp3 => (Some(3000), Some(125)),
            VolumeType::Io1 | VolumeType::Io2 => (Some(100 * (10 + self.below(90))), None),
            VolumeType::Gp2 => (Some((size_gib * 3).clamp(100, 16_000)), None),
            VolumeType::Standard | VolumeType::St1 | VolumeType::Sc1 => (None, None),
        };
        EbsVolume {
            snapshot: Some(self.rng.next_u64()),
            size_gib,
            volume_type,
            encrypted: false,
            delete_on_termination: true,
            iops,
            throughput_mibps,
        }
    }

    /// An ordinary public image of today: EBS root, HVM, ENA, made at `created`.
    pub(super) fn machine(
        &mut self,
        owner: &'static str,
        name: String,
        description: String,
        architecture: Architecture,
        created: Timestamp,
    ) -> Image {
        let arm = matches!(architecture, Architecture::Arm64 | Architecture::Arm64Mac);
        let root = self.volume(8, VolumeType::Gp3);
        Image {
            id: self.id("ami"),
            name: Some(name.into()),
            description: (!description.is_empty()).then(|| description.into()),
            manifest: None,
            owner: Cow::Borrowed(owner),
            alias: names::alias(owner),
            created: Some(created),
            deprecated: Some(days_after(created, PUBLIC_LIFE_DAYS)),
            architecture,
            image_type: ImageType::Machine,
            state: Some(State::Available),
            root_device_type: RootDeviceType::Ebs,
            root_device_name: Some("/dev/xvda"),
            virtualization: Some(Virtualization::Hvm),
            hypervisor: Hypervisor::Xen,
            boot_mode: if arm { Some(BootMode::Uefi) } else { None },
            tpm: false,
            imds_v2: false,
            ena: Some(true),
            sriov: !arm,
            kernel: None,
            ramdisk: None,
            billing: Some(Billing::Linux),
            public: true,
            share: Share::Nobody,
            free_tier: false,
            mappings: Box::new([Mapping { device: "/dev/xvda", target: Target::Ebs(root) }]),
            extras: None,
        }
    }
}

impl Image {
    /// Gives it another root device, and keeps nothing of the old mappings.
    pub(super) fn set_root(&mut self, device: &'static str, volume: EbsVolume) {
        self.root_device_name = Some(device);
        self.mappings = Box::new([Mapping { device, target: Target::Ebs(volume) }]);
    }

    /// Adds a mapping.
    pub(super) fn map(&mut self, device: &'static str, target: Target) {
        let mut mappings = std::mem::take(&mut self.mappings).into_vec();
        mappings.push(Mapping { device, target });
        self.mappings = mappings.into();
    }

    /// Makes it paravirtual: PV-GRUB by its kernel id, and none of the extensions.
    pub(super) fn set_paravirtual(&mut self, kernel: Option<&'static str>) {
        self.virtualization = Some(Virtualization::Paravirtual);
        self.boot_mode = None;
        self.ena = None;
        self.sriov = false;
        self.kernel = kernel;
    }

    /// Moves it to S3: a manifest instead of a root volume.
    pub(super) fn set_instance_store(&mut self, manifest: String) {
        self.root_device_type = RootDeviceType::InstanceStore;
        self.manifest = Some(manifest.into());
        self.mappings = Box::new([]);
    }

    /// Makes it private.
    pub(super) fn set_private(&mut self, share: Share) {
        self.public = false;
        self.share = share;
        // The two-year rule is for public images.
        self.deprecated = None;
    }

    /// Sets the owner and the alias that goes with it.
    pub(super) fn set_owner(&mut self, owner: &'static str) {
        self.owner = Cow::Borrowed(owner);
        self.alias = names::alias(owner);
    }

    /// Says what it bills as, and with it the platform.
    pub(super) fn set_billing(&mut self, billing: Billing) {
        self.billing = Some(billing);
    }
}

/// A moment by its second; the epochs here are all within range.
pub(super) fn at_second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `days` after `time`, to the minute, as EC2 rounds deprecation times.
pub(super) fn days_after(time: Timestamp, days: i64) -> Timestamp {
    let second = time.as_second() + days * DAY_SECONDS;
    at_second(second - second.rem_euclid(60))
}
