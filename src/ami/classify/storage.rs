//! How much storage an image brings, and where the image itself lies.

use serde::Serialize;

use super::RootDevice;
use super::basis::{Notes, known, unknown};
use super::observed::{ABSENT, Observed, fixed, observed};
use super::root_volume::is_mapped;
use crate::ec2::facts::{EbsVolume, Image};

/// Where an image itself is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageStore {
    /// As EBS snapshots, billed incrementally.
    EbsSnapshot,
    /// As a bundle in S3, a full copy per image.
    S3,
    /// The facts do not tell.
    Unknown,
}

/// The volumes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ImageStorage {
    /// How many EBS volumes it maps.
    pub volume_count: u32,
    /// Their sizes together in GiB; none when one of them has no known size.
    pub total_gib: Option<u64>,
    /// Whether every EBS volume is encrypted. None when there is no volume, or when EC2 does not
    /// say for one and no other settles it.
    pub encrypted: Option<bool>,
    /// How many instance store volumes it maps.
    pub ephemeral_count: u32,
    /// Where the image itself lies.
    pub image_store: ImageStore,
}

const ROOT_TYPE: &str = "image.root_device_type";
const MAPPINGS: &str = "image.block_device_mappings";

pub(super) fn conclude(image: &Image, root_device: RootDevice, notes: &mut Notes) -> ImageStorage {
    let mapped = || image.block_device_mappings.iter().filter(|mapping| is_mapped(mapping));
    let volumes = || mapped().filter_map(|mapping| mapping.ebs.as_ref());
    let ephemeral =
        mapped().filter(|mapping| mapping.virtual_name.as_deref().is_some_and(|name| name.starts_with("ephemeral")));
    let storage = ImageStorage {
        volume_count: volumes().count() as u32,
        total_gib: total_volume_size_gib(image),
        encrypted: encrypted(volumes()),
        ephemeral_count: ephemeral.count() as u32,
        image_store: match root_device {
            RootDevice::EbsBacked => ImageStore::EbsSnapshot,
            RootDevice::InstanceStoreBacked => ImageStore::S3,
            RootDevice::Unknown => ImageStore::Unknown,
        },
    };
    if image.block_device_mappings.is_empty() {
        known!(notes, Storage, MAPPINGS, fixed(ABSENT), "The image maps no devices.");
    } else {
        known!(
            notes,
            Storage,
            MAPPINGS,
            Observed::Volumes { ebs: storage.volume_count, instance_store: storage.ephemeral_count },
            "A launch begins with these volumes. Mappings of NVMe instance store have no effect: such disks are \
             always there.",
        );
    }
    image_store_basis(image, storage.image_store, notes);
    if storage.volume_count > 0 && storage.total_gib.is_none() {
        unknown!(
            notes,
            Storage,
            "image.block_device_mappings.ebs.volume_size_gib",
            fixed(ABSENT),
            "The size of a volume is not given.",
        );
    }
    storage
}

/// The sizes of all EBS volumes together in GiB; none when one of them has no known size.
pub(in crate::ami) fn total_volume_size_gib(image: &Image) -> Option<u64> {
    image
        .block_device_mappings
        .iter()
        .filter(|mapping| is_mapped(mapping))
        .filter_map(|mapping| mapping.ebs.as_ref())
        .map(|volume| volume.volume_size_gib.and_then(|gib| u64::try_from(gib).ok()))
        .sum()
}

fn encrypted<'a>(volumes: impl Iterator<Item = &'a EbsVolume>) -> Option<bool> {
    let mut all = None;
    for volume in volumes {
        match volume.encrypted {
            Some(false) => return Some(false),
            Some(true) if all.is_none() => all = Some(Some(true)),
            Some(true) => {}
            None => all = Some(None),
        }
    }
    all.flatten()
}

fn image_store_basis(image: &Image, store: ImageStore, notes: &mut Notes) {
    match store {
        ImageStore::EbsSnapshot => {
            known!(
                notes,
                Storage,
                ROOT_TYPE,
                fixed("ebs"),
                "The image is stored as EBS snapshots, billed incrementally."
            )
        }
        ImageStore::S3 => {
            known!(
                notes,
                Storage,
                ROOT_TYPE,
                fixed("instance-store"),
                "The image is stored as a bundle in S3, a full copy each."
            )
        }
        ImageStore::Unknown => {
            unknown!(
                notes,
                Storage,
                ROOT_TYPE,
                observed(image.root_device_type.as_deref()),
                "It is not known where the image itself is stored."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encryption_is_known_only_when_one_no_or_every_yes_says_so() {
        let volume = |encrypted| EbsVolume { encrypted, ..EbsVolume::default() };
        let (yes, no, unsaid) = (volume(Some(true)), volume(Some(false)), volume(None));
        let cases: [(&[&EbsVolume], Option<bool>); 6] = [
            (&[], None),
            (&[&yes, &yes], Some(true)),
            (&[&yes, &no], Some(false)),
            (&[&unsaid, &no], Some(false)),
            (&[&yes, &unsaid], None),
            (&[&unsaid, &yes], None),
        ];
        for (volumes, expected) in cases {
            assert_eq!(encrypted(volumes.iter().copied()), expected, "{volumes:?}");
        }
    }
}
