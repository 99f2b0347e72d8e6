//! What the rules of a plain boot are given of an image, and nothing else of it.
//!
//! Rules take this and not the image, so that what a [`BootKey`](super::BootKey) must hold is not
//! a matter of care: a rule that wants another fact does not compile until the key has it.

use super::BootKey;
use crate::ec2::facts::{BlockDevice, Image};

/// The facts, borrowed from an image or from a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BootFacts<'a> {
    pub(super) state: Option<&'a str>,
    pub(super) image_type: Option<&'a str>,
    pub(super) architecture: Option<&'a str>,
    pub(super) virtualization_type: Option<&'a str>,
    pub(super) root_device_type: Option<&'a str>,
    pub(super) boot_mode: Option<&'a str>,
    pub(super) ena_support: Option<bool>,
    pub(super) tpm_support: Option<&'a str>,
    pub(super) type_lists: Option<TypeLists<'a>>,
    pub(super) mappings: Mappings,
}

/// The owner's list of instance types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypeLists<'a> {
    pub(super) supported: &'a [String],
    pub(super) unsupported: &'a [String],
}

/// The block device mappings, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Mappings {
    /// How many are EBS volumes.
    pub(super) ebs_volumes: usize,
    /// How many instance store disks a type must have for every `ephemeralN` to be there: as many
    /// as are mapped, and one more than the highest N. The names of other virtual devices, which
    /// the oldest images map, stand for no disk.
    pub(super) disks: u32,
}

impl Mappings {
    fn of(mappings: &[BlockDevice]) -> Self {
        let (mut ebs_volumes, mut mapped, mut highest) = (0, 0, 0);
        for mapping in mappings.iter().filter(|mapping| mapping.no_device.is_none()) {
            if mapping.ebs.is_some() {
                ebs_volumes += 1;
            } else if let Some(number) = mapping.virtual_name.as_deref().and_then(disk_number) {
                mapped += 1;
                highest = highest.max(u32::from(number) + 1);
            }
        }
        Self { ebs_volumes, disks: highest.max(mapped) }
    }
}

/// The N of `ephemeralN`.
fn disk_number(virtual_name: &str) -> Option<u8> {
    virtual_name.strip_prefix("ephemeral")?.parse().ok()
}

impl<'a> BootFacts<'a> {
    /// What is in the image.
    pub(super) fn of(image: &'a Image) -> Self {
        Self {
            state: image.state.as_deref(),
            image_type: image.image_type.as_deref(),
            architecture: image.architecture.as_deref(),
            virtualization_type: image.virtualization_type.as_deref(),
            root_device_type: image.root_device_type.as_deref(),
            boot_mode: image.boot_mode.as_deref(),
            ena_support: image.ena_support,
            tpm_support: image.tpm_support.as_deref(),
            type_lists: image.instance_type_specification.as_ref().map(|lists| TypeLists {
                supported: &lists.supported_instance_types,
                unsupported: &lists.unsupported_instance_types,
            }),
            mappings: Mappings::of(&image.block_device_mappings),
        }
    }

    /// What a key holds.
    pub(super) fn of_key(key: &'a BootKey) -> Self {
        Self {
            state: key.state.as_deref(),
            image_type: key.image_type.as_deref(),
            architecture: key.architecture.as_deref(),
            virtualization_type: key.virtualization_type.as_deref(),
            root_device_type: key.root_device_type.as_deref(),
            boot_mode: key.boot_mode.as_deref(),
            ena_support: key.ena_support,
            tpm_support: key.tpm_support.as_deref(),
            type_lists: key.type_lists.as_deref().map(|(supported, unsupported)| TypeLists { supported, unsupported }),
            mappings: key.mappings,
        }
    }

    /// Whether the image is paravirtual.
    pub(super) fn is_paravirtual(&self) -> bool {
        self.virtualization_type == Some("paravirtual")
    }

    /// Whether it holds macOS.
    pub(super) fn is_mac(&self) -> bool {
        self.architecture.is_some_and(|architecture| architecture.ends_with("_mac"))
    }
}
