//! The table of codes against what the rules really yield, and EC2's error codes against what its
//! answers confirm.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{changed, image, mapped, of, text};
use crate::ami::compatibility::{Offered, Offerings, RULES, Wish, check_compatibility};
use crate::ec2::facts::{BlockDevice, EbsVolume, Image, InstanceTypeSpecification, Offering};
use crate::record::{Finding, Outcome};

fn offered(zone: &str) -> Wish {
    let row = Offering { instance_type: "m7i.large".parse().unwrap(), location: "sandbox-1a".to_owned() };
    Wish { offered: Offered::Known(Arc::new(Offerings::new([row]))), availability_zone: text(zone), ..Wish::default() }
}

/// Questions that bring out every rule, each way it can come out.
fn findings() -> Vec<Finding> {
    let root = |encrypted: bool| {
        changed(|image| {
            image.root_device_name = text("/dev/xvda");
            image.block_device_mappings = vec![BlockDevice {
                device_name: text("/dev/xvda"),
                virtual_name: None,
                no_device: None,
                ebs: Some(EbsVolume {
                    encrypted: Some(encrypted),
                    volume_type: text("gp3"),
                    volume_size_gib: Some(30),
                    ..EbsVolume::default()
                }),
            }];
        })
    };
    let listed = changed(|image| {
        image.instance_type_specification = Some(InstanceTypeSpecification {
            supported_instance_types: vec!["c7i.*".to_owned()],
            unsupported_instance_types: vec!["t2.*".to_owned()],
        });
    });
    let pv = changed(|image| {
        image.virtualization_type = text("paravirtual");
        image.root_device_type = text("instance-store");
        image.ena_support = None;
    });
    let images: Vec<Image> = vec![
        image(),
        Image::unknown("ami-0123456789abcdef0".parse().unwrap()),
        changed(|image| image.state = text("disabled")),
        changed(|image| image.state = text("pending")),
        changed(|image| image.state = text("failed")),
        changed(|image| image.image_type = text("kernel")),
        changed(|image| image.architecture = text("arm64")),
        changed(|image| image.boot_mode = text("uefi")),
        changed(|image| image.boot_mode = text("legacy-bios")),
        changed(|image| image.boot_mode = text("uefi-preferred")),
        changed(|image| image.tpm_support = text("v2.0")),
        changed(|image| image.platform = text("windows")),
        mapped(60, &["ephemeral9"]),
        mapped(2, &["ephemeral0"]),
        listed,
        pv,
        root(true),
        root(false),
    ];
    let wishes = [
        Wish::default(),
        Wish { market: text("spot"), tenancy: text("host"), enclave: true, ..Wish::default() },
        Wish { market: text("capacity-block"), tenancy: text("default"), hibernation: true, ..Wish::default() },
        Wish { hibernation: true, enclave: true, tenancy: text("dedicated"), ..Wish::default() },
        offered("sandbox-1a"),
        offered("sandbox-1b"),
        Wish { availability_zone: None, ..offered("") },
    ];
    let mut types =
        ["m7i.large", "m7g.large", "t2.micro", "m3.large", "c3.large", "mac2.metal", "m5.metal", "m5d.large"]
            .map(of)
            .to_vec();
    let mut bare = of("m7i.large");
    bare.supported_boot_modes.clear();
    bare.supported_usage_classes.clear();
    bare.processor.supported_architectures.clear();
    bare.hibernation_supported = None;
    bare.memory_mib = None;
    bare.dedicated_hosts_supported = None;
    bare.nitro_enclaves_support = None;
    bare.nitro_tpm_support = None;
    bare.network.ena_support = None;
    bare.ebs.maximum_ebs_attachments = None;
    bare.instance_storage_supported = None;
    types.push(bare);
    let mut all = Vec::new();
    for image in &images {
        for facts in &types {
            all.extend(wishes.iter().flat_map(|wish| check_compatibility(image, facts, wish)));
        }
    }
    all
}

#[test]
fn every_code_is_in_the_table_and_every_row_is_yielded() {
    let mut seen: BTreeMap<String, BTreeSet<Outcome>> = BTreeMap::new();
    for finding in findings() {
        let doc = RULES.iter().find(|doc| doc.code == finding.code).expect("a code of the table");
        let speaks = !finding.message.is_empty() && !finding.field.is_empty() && !finding.observed.is_empty();
        assert!(speaks, "{finding:?}");
        assert_eq!(finding.remedy.is_empty(), finding.outcome == Outcome::Pass, "{finding:?}");
        let confirmed = finding.ec2_error_code.as_deref();
        assert!(confirmed.is_none() || finding.outcome == Outcome::Fail, "{finding:?}");
        assert!(confirmed.is_none() || confirmed == doc.ec2_error_code, "{finding:?}");
        seen.entry(finding.code.into_owned()).or_default().insert(finding.outcome);
    }
    let listed: BTreeSet<String> = RULES.iter().map(|doc| doc.code.to_owned()).collect();
    assert_eq!(listed.len(), RULES.len(), "a code stands twice");
    assert_eq!(listed, seen.keys().cloned().collect());
    for doc in RULES {
        let outcomes = &seen[doc.code];
        let never_fails = ["INSTANCE_STORE_NOT_ATTACHED", "HIBERNATION_ROOT_VOLUME"].contains(&doc.code);
        assert_eq!(outcomes.contains(&Outcome::Fail), !never_fails, "{} {outcomes:?}", doc.code);
        assert!(never_fails == doc.means.contains("ever fails"), "{} says whether it fails", doc.code);
    }
}

/// What EC2 was seen to answer, or documents; the rest is not confirmed and is left out.
#[test]
fn only_confirmed_error_codes_are_given() {
    let code = |image: &Image, name: &str, wish: &Wish, code: &str| {
        let found =
            check_compatibility(image, &of(name), wish).into_iter().find(|finding| finding.code == code).unwrap();
        assert_eq!(found.outcome, Outcome::Fail, "{found:?}");
        found.ec2_error_code.map(|code| code.into_owned())
    };
    let with = |change: fn(&mut Image)| changed(change);
    let cases: Vec<(Image, &str, &str, Option<&str>)> = vec![
        (with(|i| i.state = text("disabled")), "m7i.large", "IMAGE_NOT_AVAILABLE", Some("InvalidAMIID.Unavailable")),
        (with(|i| i.image_type = text("kernel")), "m7i.large", "NOT_A_MACHINE_IMAGE", None),
        (image(), "m7g.large", "ARCHITECTURE_MISMATCH", Some("InvalidParameterValue")),
        (
            with(|i| i.virtualization_type = text("paravirtual")),
            "m7i.large",
            "VIRTUALIZATION_MISMATCH",
            Some("InvalidParameterCombination"),
        ),
        (
            with(|i| i.root_device_type = text("instance-store")),
            "m7i.large",
            "ROOT_DEVICE_MISMATCH",
            Some("UnsupportedOperation"),
        ),
        (with(|i| i.boot_mode = text("uefi")), "t2.micro", "BOOT_MODE_MISMATCH", Some("InvalidParameterValue")),
        (with(|i| i.boot_mode = text("legacy-bios")), "m7g.large", "BOOT_MODE_MISMATCH", None),
        (with(|i| i.ena_support = None), "m7i.large", "ENA_REQUIRED", Some("InvalidParameterCombination")),
        (with(|i| i.tpm_support = text("v2.0")), "t2.micro", "NITRO_TPM_REQUIRED", None),
        (mapped(60, &[]), "m7i.large", "EBS_ATTACHMENT_LIMIT", None),
    ];
    for (image, name, rule, expected) in cases {
        assert_eq!(code(&image, name, &Wish::default(), rule).as_deref(), expected, "{rule}");
    }
    let spot = Wish { market: text("spot"), ..Wish::default() };
    assert_eq!(code(&image(), "t2.nano", &spot, "MARKET_NOT_SUPPORTED").as_deref(), Some("Unsupported"));
    let hibernate = Wish { hibernation: true, ..Wish::default() };
    assert_eq!(
        code(&image(), "m5.metal", &hibernate, "HIBERNATION_NOT_SUPPORTED").as_deref(),
        Some("UnsupportedHibernationConfiguration")
    );
    let zone = offered("sandbox-1b");
    assert_eq!(code(&image(), "m7i.large", &zone, "NOT_OFFERED_IN_ZONE").as_deref(), Some("Unsupported"));
    let shared = Wish { tenancy: text("default"), enclave: true, ..Wish::default() };
    assert_eq!(code(&image(), "mac2.metal", &shared, "TENANCY_NOT_SUPPORTED"), None);
    assert_eq!(code(&image(), "t2.micro", &shared, "ENCLAVE_NOT_SUPPORTED"), None);
}
