//! What two images must have in common to boot on the same instance types.

use std::borrow::Cow;

use super::boot_facts::{BootFacts, Mappings};
use super::{Verdict, plain_verdict};
use crate::ec2::facts::{Image, InstanceTypeFacts};

/// The facts of an image that the rules of a plain boot look at, and no others. Two images of one
/// key come out the same on every instance type, so a Region's images are judged by the few
/// hundred keys they have. Made without allocating where every word is one that EC2 documents and
/// the owner lists no types.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BootKey {
    pub(super) state: Word,
    pub(super) image_type: Word,
    pub(super) architecture: Word,
    pub(super) virtualization_type: Word,
    pub(super) root_device_type: Word,
    pub(super) boot_mode: Word,
    pub(super) ena_support: Option<bool>,
    pub(super) tpm_support: Word,
    pub(super) type_lists: Option<Box<(Vec<String>, Vec<String>)>>,
    pub(super) mappings: Mappings,
}

type Word = Option<Cow<'static, str>>;

/// The words that nearly every image is described with.
const WORDS: &[&str] = &[
    "available",
    "machine",
    "x86_64",
    "arm64",
    "hvm",
    "ebs",
    "uefi-preferred",
    "uefi",
    "legacy-bios",
    "v2.0",
    "i386",
    "paravirtual",
    "instance-store",
    "disabled",
    "pending",
    "deregistered",
    "failed",
    "invalid",
    "transient",
    "error",
    "x86_64_mac",
    "arm64_mac",
    "kernel",
    "ramdisk",
];

fn word(text: Option<&str>) -> Word {
    text.map(|text| match WORDS.iter().find(|word| **word == text) {
        Some(word) => Cow::Borrowed(*word),
        None => Cow::Owned(text.to_owned()),
    })
}

/// The key of an image.
pub fn boot_key(image: &Image) -> BootKey {
    let facts = BootFacts::of(image);
    BootKey {
        state: word(facts.state),
        image_type: word(facts.image_type),
        architecture: word(facts.architecture),
        virtualization_type: word(facts.virtualization_type),
        root_device_type: word(facts.root_device_type),
        boot_mode: word(facts.boot_mode),
        ena_support: facts.ena_support,
        tpm_support: word(facts.tpm_support),
        type_lists: facts.type_lists.map(|lists| Box::new((lists.supported.to_vec(), lists.unsupported.to_vec()))),
        mappings: facts.mappings,
    }
}

impl BootKey {
    /// The verdict of a plain boot, the same for every image of this key.
    pub fn verdict(&self, type_facts: &InstanceTypeFacts) -> Verdict {
        plain_verdict(&BootFacts::of_key(self), type_facts)
    }

    /// What [`can_boot`](super::can_boot) says of every image of this key.
    pub fn can_boot(&self, type_facts: &InstanceTypeFacts) -> bool {
        self.verdict(type_facts) == Verdict::Compatible
    }
}
