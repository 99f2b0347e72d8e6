//! Which fact of an image changed, where one change explains it.
//!
//! A receipt has a digest and no facts. Most of the facts that an owner can change have few values,
//! so the earlier one can be found by trying each.

use super::boot_digest;
use crate::ami::classify::ABSENT;
use crate::ec2::facts::Image;
use crate::ids::Sha256Digest;

/// One fact, as it is and as it must have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field, in the contract's names: `image.state`.
    pub field: &'static str,
    /// What it held when the receipt was made; `absent` where EC2 sent nothing.
    pub was: String,
    /// What it holds.
    pub is: String,
}

type Fact = fn(&mut Image) -> &mut Option<String>;

/// Facts of few values, and the values that they can have beside none.
const FACTS: [(&str, Fact, &[&str]); 8] = [
    (
        "image.state",
        |image| &mut image.state,
        &["available", "disabled", "pending", "failed", "deregistered", "invalid", "transient", "error"],
    ),
    ("image.imds_support", |image| &mut image.imds_support, &["v2.0"]),
    ("image.tpm_support", |image| &mut image.tpm_support, &["v2.0"]),
    ("image.boot_mode", |image| &mut image.boot_mode, &["legacy-bios", "uefi", "uefi-preferred"]),
    ("image.sriov_net_support", |image| &mut image.sriov_net_support, &["simple"]),
    ("image.virtualization_type", |image| &mut image.virtualization_type, &["hvm", "paravirtual"]),
    ("image.root_device_type", |image| &mut image.root_device_type, &["ebs", "instance-store"]),
    ("image.architecture", |image| &mut image.architecture, &["i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac"]),
];

/// The one fact of few values whose change makes `image` what `digest` was taken of. `None` if the
/// digests are equal, or if something else changed, or more than one fact.
pub fn single_difference(image: &Image, digest: &Sha256Digest) -> Option<Difference> {
    let fits = |image: &Image| boot_digest(image) == *digest;
    if fits(image) {
        return None;
    }
    let mut tried = image.clone();
    for (field, fact, values) in FACTS {
        let is = fact(&mut tried).take();
        for was in std::iter::once(None).chain(values.iter().map(|value| Some((*value).to_owned()))) {
            fact(&mut tried).clone_from(&was);
            if fits(&tried) {
                let word = |fact: Option<String>| fact.unwrap_or_else(|| ABSENT.to_owned());
                return Some(Difference { field, was: word(was), is: word(is) });
            }
        }
        *fact(&mut tried) = is;
    }
    tried.ena_support = Some(image.ena_support != Some(true));
    if fits(&tried) {
        let word = |flag: Option<bool>| (flag == Some(true)).to_string();
        return Some(Difference {
            field: "image.ena_support",
            was: word(tried.ena_support),
            is: word(image.ena_support),
        });
    }
    tried.ena_support = image.ena_support;
    tried.instance_type_specification = None;
    let field = "image.instance_type_specification";
    fits(&tried).then(|| Difference { field, was: ABSENT.to_owned(), is: "set".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Image {
        let mut image = Image::unknown("ami-0123456789abcdef0".parse().unwrap());
        image.state = Some("available".to_owned());
        image.boot_mode = Some("uefi".to_owned());
        image
    }

    #[test]
    fn one_change_of_a_known_fact_is_found_and_two_are_not() {
        let digest = boot_digest(&image());
        type Case = (fn(&mut Image), Option<(&'static str, &'static str, &'static str)>);
        let table: [Case; 7] = [
            (|_| (), None),
            (|image| image.state = Some("disabled".to_owned()), Some(("image.state", "available", "disabled"))),
            (|image| image.state = Some("new".to_owned()), Some(("image.state", "available", "new"))),
            (|image| image.imds_support = Some("v2.0".to_owned()), Some(("image.imds_support", "absent", "v2.0"))),
            (|image| image.ena_support = Some(true), Some(("image.ena_support", "false", "true"))),
            (|image| image.boot_mode = None, Some(("image.boot_mode", "uefi", "absent"))),
            (|image| (image.state, image.boot_mode) = (None, None), None),
        ];
        for (change, expected) in table {
            let mut changed = image();
            change(&mut changed);
            let found = single_difference(&changed, &digest);
            let found = found.as_ref().map(|found| (found.field, found.was.as_str(), found.is.as_str()));
            assert_eq!(found, expected);
        }
    }
}
