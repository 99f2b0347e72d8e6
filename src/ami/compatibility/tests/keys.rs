//! Keys: what is in one decides, and nothing else does.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::types::instance_types;
use crate::ami::compatibility::{Wish, boot_key, can_boot, judge};
use crate::ec2::facts::{BlockDevice, EbsVolume, Image, InstanceTypeSpecification};
use crate::record::Outcome;

fn word(words: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    option::weighted(0.9, select(words).prop_map(str::to_owned))
}

fn patterns() -> impl Strategy<Value = Vec<String>> {
    let pattern = select(&["*", "m7i.*", "*.metal*", "t2.micro", "c*.large"][..]).prop_map(str::to_owned);
    proptest::collection::vec(pattern, 0..3)
}

/// One mapping: EBS, instance store, another virtual device, or one taken away.
fn mapping() -> impl Strategy<Value = BlockDevice> {
    let name = select(&["ephemeral0", "ephemeral1", "ephemeral3", "ephemeral23", "ami"][..]);
    (0..4, name, any::<u16>()).prop_map(|(kind, name, noise)| BlockDevice {
        device_name: Some(format!("/dev/sd{noise}")),
        virtual_name: (kind == 1).then(|| name.to_owned()),
        no_device: (kind == 2).then(String::new),
        ebs: (kind == 0 || kind == 3).then(|| EbsVolume {
            volume_size_gib: Some(i32::from(noise)),
            encrypted: Some(noise.is_multiple_of(2)),
            ..EbsVolume::default()
        }),
    })
}

prop_compose! {
    /// An image in which everything that rules look at varies, and little words that EC2 never said.
    fn images()(
        state in word(&["available", "available", "available", "pending", "disabled", "new"]),
        image_type in word(&["machine", "machine", "machine", "kernel"]),
        architecture in word(&["x86_64", "arm64", "i386", "x86_64_mac", "arm64_mac", "riscv64"]),
        virtualization_type in word(&["hvm", "hvm", "paravirtual"]),
        root_device_type in word(&["ebs", "ebs", "instance-store"]),
        boot_mode in word(&["uefi", "uefi-preferred", "legacy-bios", "coreboot"]),
        ena_support in option::of(any::<bool>()),
        tpm_support in option::weighted(0.2, Just("v2.0".to_owned())),
        lists in option::weighted(0.2, (patterns(), patterns())),
        block_device_mappings in prop_oneof![
            proptest::collection::vec(mapping(), 0..4),
            proptest::collection::vec(mapping(), 20..60),
        ],
    ) -> Image {
        Image {
            state, image_type, architecture, virtualization_type, root_device_type, boot_mode, ena_support, tpm_support,
            block_device_mappings,
            instance_type_specification: lists.map(|(supported, unsupported)| InstanceTypeSpecification {
                supported_instance_types: supported,
                unsupported_instance_types: unsupported,
            }),
            ..Image::unknown("ami-0123456789abcdef0".parse().unwrap())
        }
    }
}

/// The same image as far as the key goes: every other fact is another one.
fn otherwise_different(image: &Image, noise: u16) -> Image {
    let text = || Some(format!("noise-{noise}"));
    let mut other = Image {
        state: image.state.clone(),
        image_type: image.image_type.clone(),
        architecture: image.architecture.clone(),
        virtualization_type: image.virtualization_type.clone(),
        root_device_type: image.root_device_type.clone(),
        boot_mode: image.boot_mode.clone(),
        ena_support: image.ena_support,
        tpm_support: image.tpm_support.clone(),
        instance_type_specification: image.instance_type_specification.clone(),
        block_device_mappings: image.block_device_mappings.clone(),
        ..Image::unknown(format!("ami-{noise:017x}").parse().unwrap())
    };
    other.name = text();
    other.description = text();
    other.image_location = text();
    other.owner_id = text();
    other.image_owner_alias = text();
    other.root_device_name = text();
    other.hypervisor = text();
    other.imds_support = text();
    other.sriov_net_support = text();
    other.kernel_id = text();
    other.platform = Some("windows".to_owned());
    other.platform_details = text();
    other.usage_operation = text();
    other.public = Some(noise.is_multiple_of(2));
    other.image_allowed = Some(noise.is_multiple_of(3));
    other.tags.insert("noise".to_owned(), noise.to_string());
    for mapping in &mut other.block_device_mappings {
        mapping.device_name = text();
        if let Some(ebs) = &mut mapping.ebs {
            *ebs = EbsVolume { snapshot_id: text(), volume_size_gib: Some(i32::from(noise)), ..EbsVolume::default() };
        }
    }
    other.block_device_mappings.rotate_left(image.block_device_mappings.len() / 2);
    other
}

fn outcomes(image: &Image, name: usize) -> Vec<Outcome> {
    let facts = &instance_types()[name];
    let findings = crate::ami::compatibility::check_compatibility(image, facts, &Wish::default());
    findings.into_iter().map(|finding| finding.outcome).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_not_in_the_key_changes_nothing(image in images(), noise: u16, some in proptest::collection::vec(0usize..1395, 20)) {
        let other = otherwise_different(&image, noise);
        let key = boot_key(&image);
        prop_assert_eq!(&key, &boot_key(&other));
        for facts in instance_types() {
            let judged = judge(&image, facts, &Wish::default());
            prop_assert_eq!(key.verdict(facts), judged, "{}", &facts.instance_type);
            prop_assert_eq!(judge(&other, facts, &Wish::default()), judged, "{}", &facts.instance_type);
            prop_assert_eq!(key.can_boot(facts), can_boot(&other, facts));
        }
        for at in some {
            prop_assert_eq!(outcomes(&image, at), outcomes(&other, at));
        }
    }

    /// The other way about: where two images come out differently, their keys differ.
    #[test]
    fn images_that_come_out_differently_have_different_keys(a in images(), b in images()) {
        let differ = instance_types().iter().any(|facts| {
            judge(&a, facts, &Wish::default()) != judge(&b, facts, &Wish::default())
        });
        prop_assert!(!differ || boot_key(&a) != boot_key(&b));
    }
}
