//! A Region's instance types, summed up: how many boot an image of which kind.
//!
//! Of an image's facts, the ones that a plain boot depends on have few values, so every
//! combination is judged once by the rules of `compatibility`, and an image is then looked up. For
//! the few images whose owner lists instance types, the types are gone through. What is
//! deliberately not counted: where in the Region a type is offered.

use std::collections::BTreeMap;

use crate::ami::compatibility::{Verdict, Wish, allows_type, judge};
use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::ids::{ImageId, InstanceType};

const ARCHITECTURES: [&str; 5] = ["x86_64", "arm64", "i386", "x86_64_mac", "arm64_mac"];
const VIRTUALIZATIONS: [&str; 2] = ["hvm", "paravirtual"];
const ROOT_DEVICES: [&str; 2] = ["ebs", "instance-store"];
const BOOT_MODES: [Option<&str>; 4] = [None, Some(UEFI), Some("uefi-preferred"), Some("legacy-bios")];
/// Where UEFI stands among the boot modes.
const UEFI_PLACE: usize = 1;
const ENA: [bool; 2] = [false, true];
const TPM: [Option<&str>; 2] = [None, Some("v2.0")];
const UEFI: &str = "uefi";

/// How many instance types boot an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bootable {
    /// Those that boot it.
    pub types: u32,
    /// Those of them that AWS counts as current generation.
    pub current_generation: u32,
    /// Types beside these of which a fact is missing: whether they boot it, or whether they are of
    /// the current generation.
    pub undecided: u32,
}

/// What a Region's instance types boot, by kind of image.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    /// In the order of [`Kind::all`].
    bootable: Box<[Bootable]>,
    alike: Vec<Alike>,
}

/// The facts of an image that count, each as its place in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    architecture: usize,
    virtualization: usize,
    root_device: usize,
    boot_mode: usize,
    ena: usize,
    tpm: usize,
}

impl Fleet {
    /// Sums up the types of a Region.
    pub fn new(types: &[InstanceTypeFacts]) -> Self {
        let alike = alike(types);
        let bootable = Kind::all().map(|kind| count(&kind.image(), &alike, |_| true)).collect();
        Self { bootable, alike }
    }

    /// How many types boot the image, whatever its state. None where one of its facts is missing
    /// or new.
    pub fn bootable(&self, image: &Image) -> Option<Bootable> {
        let kind = Kind::of(image)?;
        match &image.instance_type_specification {
            Some(lists) => Some(count(&kind.image(), &self.alike, |name| allows_type(lists, name))),
            None => self.bootable.get(kind.place()).copied(),
        }
    }

    /// How many types would boot the image by UEFI, if that were its boot mode. None where one of
    /// its facts is missing or new.
    pub fn uefi_types(&self, image: &Image) -> Option<u32> {
        let kind = Kind { boot_mode: UEFI_PLACE, ..Kind::of(image)? };
        self.bootable.get(kind.place()).map(|bootable| bootable.types)
    }
}

impl Kind {
    fn of(image: &Image) -> Option<Self> {
        fn place<T: PartialEq>(table: &[T], value: T) -> Option<usize> {
            table.iter().position(|known| *known == value)
        }
        Some(Self {
            architecture: place(&ARCHITECTURES, image.architecture.as_deref()?)?,
            virtualization: place(&VIRTUALIZATIONS, image.virtualization_type.as_deref()?)?,
            root_device: place(&ROOT_DEVICES, image.root_device_type.as_deref()?)?,
            boot_mode: place(&BOOT_MODES, image.boot_mode.as_deref())?,
            ena: place(&ENA, image.ena_support == Some(true))?,
            tpm: place(&TPM, image.tpm_support.as_deref())?,
        })
    }

    /// Where it stands among all kinds.
    fn place(self) -> usize {
        [
            (self.virtualization, VIRTUALIZATIONS.len()),
            (self.root_device, ROOT_DEVICES.len()),
            (self.boot_mode, BOOT_MODES.len()),
            (self.ena, ENA.len()),
            (self.tpm, TPM.len()),
        ]
        .into_iter()
        .fold(self.architecture, |place, (at, length)| place * length + at)
    }

    /// Every kind, in the order of their places.
    fn all() -> impl Iterator<Item = Self> {
        (0..ARCHITECTURES.len()).flat_map(|architecture| {
            (0..VIRTUALIZATIONS.len()).flat_map(move |virtualization| {
                (0..ROOT_DEVICES.len()).flat_map(move |root_device| {
                    (0..BOOT_MODES.len()).flat_map(move |boot_mode| {
                        (0..ENA.len()).flat_map(move |ena| {
                            (0..TPM.len()).map(move |tpm| Self {
                                architecture,
                                virtualization,
                                root_device,
                                boot_mode,
                                ena,
                                tpm,
                            })
                        })
                    })
                })
            })
        })
    }

    /// An image of this kind that could be launched now.
    fn image(self) -> Image {
        let text = |word: &str| Some(word.to_owned());
        let id: ImageId = "ami-00000000".parse().expect("eight hexadecimal digits");
        let mut image = Image::unknown(id);
        image.state = text("available");
        image.image_type = text("machine");
        image.architecture = text(ARCHITECTURES[self.architecture]);
        image.virtualization_type = text(VIRTUALIZATIONS[self.virtualization]);
        image.root_device_type = text(ROOT_DEVICES[self.root_device]);
        image.boot_mode = BOOT_MODES[self.boot_mode].map(str::to_owned);
        image.ena_support = Some(ENA[self.ena]);
        image.tpm_support = TPM[self.tpm].map(str::to_owned);
        image
    }
}

/// Types that come out the same, for whatever image.
#[derive(Debug, Clone, PartialEq)]
struct Alike {
    one: InstanceTypeFacts,
    /// Their names, and whether AWS counts each as current generation.
    types: Vec<(InstanceType, Option<bool>)>,
}

/// Types by everything that a plain boot may depend on: a Region has over a thousand, of some
/// thirty kinds.
fn alike(types: &[InstanceTypeFacts]) -> Vec<Alike> {
    let mut alike = BTreeMap::new();
    for facts in types {
        let key = (
            (&facts.processor.supported_architectures, &facts.supported_virtualization_types),
            (&facts.supported_root_device_types, &facts.supported_boot_modes),
            (&facts.network.ena_support, &facts.hypervisor, facts.bare_metal),
            (&facts.nitro_tpm_support, &facts.nitro_tpm_versions),
        );
        let entry = alike.entry(key).or_insert_with(|| Alike { one: facts.clone(), types: Vec::new() });
        entry.types.push((facts.instance_type.clone(), facts.current_generation));
    }
    alike.into_values().collect()
}

/// How many of the types that are `wanted` boot the image.
fn count(image: &Image, alike: &[Alike], wanted: impl Fn(&InstanceType) -> bool) -> Bootable {
    let mut bootable = Bootable::default();
    for Alike { one, types } in alike {
        let verdict = judge(image, one, &Wish::default());
        if verdict == Verdict::Incompatible {
            continue;
        }
        for (_, current_generation) in types.iter().filter(|(name, _)| wanted(name)) {
            let known = verdict == Verdict::Compatible;
            bootable.types += u32::from(known);
            bootable.current_generation += u32::from(known && *current_generation == Some(true));
            bootable.undecided += u32::from(!known || current_generation.is_none());
        }
    }
    bootable
}

#[cfg(test)]
mod tests;
