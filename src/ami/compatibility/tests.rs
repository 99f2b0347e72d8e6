//! The rules against all 1,395 real types: known counts, and a second, plainer opinion.

mod types;

use super::*;
use crate::ec2::facts::{BlockDevice, EbsVolume, InstanceTypeSpecification};
pub(in crate::ami) use types::instance_types;

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

/// An image of today: HVM, EBS-backed, ENA, no boot mode.
fn image() -> Image {
    let mut image = Image::unknown("ami-0123456789abcdef0".parse().unwrap());
    image.state = text("available");
    image.image_type = text("machine");
    image.architecture = text("x86_64");
    image.virtualization_type = text("hvm");
    image.root_device_type = text("ebs");
    image.ena_support = Some(true);
    image
}

fn changed(change: impl FnOnce(&mut Image)) -> Image {
    let mut image = image();
    change(&mut image);
    image
}

fn counts(image: &Image, types: &[InstanceTypeFacts]) -> (usize, usize) {
    let findings = types.iter().map(|facts| check_compatibility(image, facts, &Wish::default()));
    let compatible: Vec<_> = findings.filter(|findings| verdict(findings) == Verdict::Compatible).collect();
    let boot_mode_lost = compatible.iter().filter(|findings| {
        findings.iter().any(|finding| finding.code == "BOOT_MODE_MISMATCH" && finding.outcome == Outcome::Warn)
    });
    (compatible.len(), boot_mode_lost.count())
}

/// How many types boot an image of each class, as counted from the data by other means.
#[test]
fn each_class_boots_on_as_many_types_as_there_are() {
    let types = instance_types();
    assert_eq!(types.len(), 1395);
    let paravirtual = |image: &mut Image| {
        image.virtualization_type = text("paravirtual");
        image.ena_support = None;
    };
    let cases: Vec<(&str, Image, usize, usize)> = vec![
        ("hvm x86_64 ebs ena", image(), 968, 0),
        ("without ena: the Xen types", changed(|image| image.ena_support = None), 74, 0),
        ("ena false", changed(|image| image.ena_support = Some(false)), 74, 0),
        ("legacy-bios", changed(|image| image.boot_mode = text("legacy-bios")), 968, 0),
        ("uefi", changed(|image| image.boot_mode = text("uefi")), 790, 0),
        ("uefi-preferred", changed(|image| image.boot_mode = text("uefi-preferred")), 968, 178),
        (
            "tpm",
            changed(|image| {
                image.boot_mode = text("uefi");
                image.tpm_support = text("v2.0");
            }),
            783,
            0,
        ),
        ("arm64", changed(|image| image.architecture = text("arm64")), 418, 0),
        (
            "arm64 legacy-bios",
            changed(|image| {
                image.architecture = text("arm64");
                image.boot_mode = text("legacy-bios");
            }),
            0,
            0,
        ),
        (
            "arm64 tpm",
            changed(|image| {
                image.architecture = text("arm64");
                image.boot_mode = text("uefi");
                image.tpm_support = text("v2.0");
            }),
            333,
            0,
        ),
        ("i386 hvm", changed(|image| image.architecture = text("i386")), 9, 0),
        ("paravirtual", changed(paravirtual), 19, 0),
        (
            "paravirtual i386",
            changed(|image| {
                paravirtual(image);
                image.architecture = text("i386");
            }),
            5,
            0,
        ),
        ("instance store, hvm", changed(|image| image.root_device_type = text("instance-store")), 33, 0),
        (
            "instance store, paravirtual",
            changed(|image| {
                paravirtual(image);
                image.root_device_type = text("instance-store");
            }),
            18,
            0,
        ),
        ("mac", changed(|image| image.architecture = text("x86_64_mac")), 1, 0),
        ("mac arm64", changed(|image| image.architecture = text("arm64_mac")), 8, 0),
        ("disabled", changed(|image| image.state = text("disabled")), 0, 0),
        ("kernel", changed(|image| image.image_type = text("kernel")), 0, 0),
    ];
    for (class, image, compatible, boot_mode_lost) in cases {
        assert_eq!(counts(&image, types), (compatible, boot_mode_lost), "{class}");
    }
}

#[test]
fn wishes_strike_as_many_types_as_the_data_says() {
    let types = instance_types();
    let fit = |wish: &Wish| {
        let fits = |facts: &&InstanceTypeFacts| {
            let findings = [request::market(facts, wish), request::tenancy(facts, wish), request::enclave(facts, wish)];
            verdict(&findings.into_iter().flatten().collect::<Vec<_>>()) == Verdict::Compatible
        };
        types.iter().filter(fits).count()
    };
    let market = |market: &str| Wish { market: text(market), ..Wish::default() };
    assert_eq!(fit(&Wish::default()), 1395);
    assert_eq!(fit(&market("spot")), 1365);
    assert_eq!(fit(&market("on-demand")), 1395);
    assert_eq!(fit(&market("capacity-block")), 12);
    assert_eq!(fit(&Wish { enclave: true, ..Wish::default() }), 946);
    assert_eq!(fit(&Wish { tenancy: text("default"), ..Wish::default() }), 1395 - 9, "all but Macs");
}

/// One type for every combination of what the rules look at.
fn distinct(mut types: Vec<InstanceTypeFacts>) -> Vec<InstanceTypeFacts> {
    let key = |facts: &InstanceTypeFacts| {
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?}",
            facts.processor.supported_architectures,
            facts.supported_virtualization_types,
            facts.supported_root_device_types,
            facts.supported_boot_modes,
            facts.network.ena_support,
            facts.nitro_tpm_support
        )
    };
    types.sort_by_key(key);
    types.dedup_by_key(|facts| key(facts));
    types
}

/// The rules once more, as one plain condition, over every combination of the image's fields.
#[test]
fn the_rules_agree_with_a_plain_condition() {
    let types = distinct(instance_types().to_vec());
    assert!(types.len() > 10, "{}", types.len());
    let mut compared = 0;
    for architecture in ["i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac"] {
        for virtualization in ["hvm", "paravirtual"] {
            for root in ["ebs", "instance-store"] {
                for boot_mode in [None, Some("legacy-bios"), Some("uefi"), Some("uefi-preferred")] {
                    for (ena, tpm) in [(None, None), (Some(true), None), (Some(true), Some("v2.0"))] {
                        let image = changed(|image| {
                            image.architecture = text(architecture);
                            image.virtualization_type = text(virtualization);
                            image.root_device_type = text(root);
                            image.boot_mode = boot_mode.map(str::to_owned);
                            image.ena_support = ena;
                            image.tpm_support = tpm.map(str::to_owned);
                        });
                        for facts in &types {
                            let has = |list: &[String], word: &str| list.iter().any(|known| known == word);
                            let boots = match boot_mode {
                                _ if virtualization == "paravirtual" || architecture.ends_with("_mac") => true,
                                Some(mode @ ("uefi" | "legacy-bios")) => has(&facts.supported_boot_modes, mode),
                                _ => true,
                            };
                            let expected = has(&facts.processor.supported_architectures, architecture)
                                && has(&facts.supported_virtualization_types, virtualization)
                                && has(&facts.supported_root_device_types, root)
                                && boots
                                && (ena == Some(true) || facts.network.ena_support.as_deref() != Some("required"))
                                && (tpm.is_none() || facts.nitro_tpm_support.as_deref() == Some("supported"));
                            assert_eq!(can_boot(&image, facts), expected, "{} {image:?}", facts.instance_type);
                            compared += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(compared, 5 * 2 * 2 * 4 * 3 * types.len());
}

fn of(name: &str) -> InstanceTypeFacts {
    instance_types().iter().find(|facts| facts.instance_type.as_str() == name).unwrap().clone()
}

fn finding(image: &Image, facts: &InstanceTypeFacts, wish: &Wish, code: &str) -> Finding {
    check_compatibility(image, facts, wish).into_iter().find(|finding| finding.code == code).unwrap()
}

#[test]
fn a_missing_ena_flag_fails_and_other_missing_facts_are_unknown_by_field() {
    let bare = Image::unknown("ami-0123456789abcdef0".parse().unwrap());
    let findings = check_compatibility(&bare, &of("m7i.large"), &Wish::default());
    let unknown: Vec<_> = findings
        .iter()
        .filter(|finding| finding.outcome == Outcome::Unknown)
        .map(|finding| (finding.field.as_str(), finding.observed.as_str()))
        .collect();
    assert_eq!(
        unknown,
        [
            ("image.state", "absent"),
            ("image.image_type", "absent"),
            ("image.architecture", "absent"),
            ("image.virtualization_type", "absent"),
            ("image.root_device_type", "absent"),
        ]
    );
    let ena = finding(&bare, &of("m7i.large"), &Wish::default(), "ENA_REQUIRED");
    assert_eq!((ena.outcome, ena.observed.as_str()), (Outcome::Fail, "absent"));
    assert_eq!(verdict(&findings), Verdict::Incompatible);

    let mut facts = of("m7i.large");
    facts.supported_virtualization_types.clear();
    facts.supported_boot_modes.clear();
    facts.nitro_tpm_versions.clear();
    let tpm = changed(|image| image.tpm_support = text("v2.0"));
    let findings = check_compatibility(&tpm, &facts, &Wish::default());
    let unknown: Vec<_> = findings
        .iter()
        .filter(|finding| finding.outcome == Outcome::Unknown)
        .map(|finding| finding.field.as_str())
        .collect();
    assert_eq!(
        unknown,
        [
            "instance_type.supported_virtualization_types",
            "instance_type.supported_boot_modes",
            "instance_type.nitro_tpm_versions"
        ]
    );
    assert_eq!(verdict(&findings), Verdict::Unknown);
}

#[test]
fn the_owners_list_of_types_is_kept() {
    let specification = |supported: &[&str], unsupported: &[&str]| {
        changed(|image| {
            image.instance_type_specification = Some(InstanceTypeSpecification {
                supported_instance_types: supported.iter().map(|&pattern| pattern.to_owned()).collect(),
                unsupported_instance_types: unsupported.iter().map(|&pattern| pattern.to_owned()).collect(),
            });
        })
    };
    let m7i = of("m7i.large");
    assert!(can_boot(&specification(&[], &[]), &m7i));
    assert!(can_boot(&specification(&["m7i.*"], &["*.metal*"]), &m7i));
    assert!(!can_boot(&specification(&["m7i.*"], &["m7i.l*"]), &m7i));
    assert!(!can_boot(&specification(&["c7i.*"], &[]), &m7i));
}

#[test]
fn macs_need_a_host_and_hibernation_needs_more_than_the_flag() {
    let host = |tenancy: Option<&str>| Wish { tenancy: tenancy.map(str::to_owned), ..Wish::default() };
    let mac = changed(|image| image.architecture = text("arm64_mac"));
    let on_mac = |tenancy| finding(&mac, &of("mac2.metal"), &host(tenancy), "TENANCY_NOT_SUPPORTED").outcome;
    assert_eq!(on_mac(None), Outcome::Warn);
    assert_eq!(on_mac(Some("dedicated")), Outcome::Fail);
    assert_eq!(on_mac(Some("host")), Outcome::Pass);

    let wish = Wish { hibernation: true, ..Wish::default() };
    let encrypted = changed(|image| {
        image.root_device_name = text("/dev/xvda");
        image.block_device_mappings = vec![BlockDevice {
            device_name: text("/dev/xvda"),
            virtual_name: None,
            no_device: None,
            ebs: Some(EbsVolume {
                encrypted: Some(true),
                volume_type: text("gp3"),
                volume_size_gib: Some(30),
                ..EbsVolume::default()
            }),
        }];
    });
    let judged = |image: &Image, name: &str, wish: &Wish| verdict(&check_compatibility(image, &of(name), wish));
    assert_eq!(judged(&encrypted, "m5.large", &wish), Verdict::Compatible);
    assert_eq!(judged(&encrypted, "m7i-flex.16xlarge", &wish), Verdict::Incompatible, "its flag says yes");
    assert_eq!(judged(&encrypted, "m5.metal", &wish), Verdict::Incompatible);
    assert_eq!(judged(&encrypted, "m5.large", &Wish { enclave: true, ..wish.clone() }), Verdict::Incompatible);
    let windows = changed(|image| image.platform = text("windows"));
    assert_eq!(judged(&windows, "m5.xlarge", &wish), Verdict::Compatible, "16 GiB");
    assert_eq!(judged(&windows, "m5.2xlarge", &wish), Verdict::Incompatible, "32 GiB");
    let root = finding(&windows, &of("m5.large"), &wish, "HIBERNATION_ROOT_VOLUME");
    assert_eq!(root.outcome, Outcome::Warn, "a launch can still set it");
}
