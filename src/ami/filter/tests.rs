//! Filters as a whole: limits, names, splitting, and what they match.

use super::*;
use crate::ami::classify::{Viewer, classify};
use crate::ami::compatibility::tests::instance_types;
use crate::ec2::facts::{BlockDevice, EbsVolume};

fn condition(name: &str, values: &[&str]) -> (String, Vec<String>) {
    (name.to_owned(), values.iter().map(|&value| value.to_owned()).collect())
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn image() -> Image {
    let mut image = crate::ami::classify::tests::amazon_linux();
    image.creation_date = Some("2024-07-30T11:04:43Z".parse().unwrap());
    image.tags.insert("team".to_owned(), "red".to_owned());
    image.block_device_mappings.push(BlockDevice {
        device_name: text("/dev/sdb"),
        virtual_name: None,
        no_device: None,
        ebs: Some(EbsVolume { volume_size_gib: Some(100), encrypted: Some(true), ..EbsVolume::default() }),
    });
    image
}

fn passes(image: &Image, conditions: &[(String, Vec<String>)]) -> bool {
    let viewer = Viewer::of("111122223333".parse().unwrap());
    let classification = classify(image, &viewer, None, "2026-06-01T00:00:00Z".parse().unwrap());
    let filters = Filters::parse(conditions).unwrap();
    let wanted = filters.instance_types();
    let types: Vec<_> =
        instance_types().iter().filter(|facts| wanted.contains(&facts.instance_type)).cloned().collect();
    filters.matches(image, &classification, &types)
}

#[test]
fn each_filter_looks_at_its_fact() {
    let cases: [(&str, &str, bool); 40] = [
        ("architecture", "x86_64", true),
        ("architecture", "X86_64", false),
        ("block-device-mapping.volume-size", "100", true),
        ("block-device-mapping.volume-size", "10", false),
        ("block-device-mapping.encrypted", "true", true),
        ("block-device-mapping.encrypted", "false", true),
        ("block-device-mapping.device-name", "/dev/sd?", true),
        ("boot-mode", "uefi*", true),
        ("creation-date", "2024-07-30T*", true),
        ("creation-date", "2024-07-30T11:04:43.000Z", true),
        ("creation-date", "2024-07-31T*", false),
        ("ena-support", "true", true),
        ("image-allowed", "false", false),
        ("image-allowed", "*", false),
        ("is-public", "true", true),
        ("name", "al2023-ami-2023.*-x86_64", true),
        ("owner-alias", "amazon", true),
        ("platform", "windows", false),
        ("root-device-type", "ebs", true),
        ("state", "available", true),
        ("tag-key", "team", true),
        ("tag:team", "r?d", true),
        ("tag:team", "blue", false),
        ("tag:Team", "red", false),
        ("virtualization-type", "hvm", true),
        ("gantry:source", "amazon", true),
        ("gantry:boot-path", "uefi*", true),
        ("gantry:recommendation", "discouraged", false),
        ("gantry:lifecycle", "current", true),
        ("gantry:deprecated", "false", true),
        ("gantry:tpm-support", "absent", true),
        ("gantry:tpm-support", "v2.0", false),
        ("gantry:imds-support", "v2.0", true),
        ("gantry:platform-details", "Linux/UNIX", true),
        ("gantry:usage-operation", "RunInstances:*", false),
        ("gantry:os", "linux", true),
        ("gantry:os", "amazon-linux", true),
        ("gantry:os", "amazon-linux-2023", true),
        ("gantry:bootable-on", "m7i.large", true),
        ("gantry:bootable-on", "m7g.large", false),
    ];
    for (name, value, expected) in cases {
        assert_eq!(passes(&image(), &[condition(name, &[value])]), expected, "{name} {value}");
    }
}

#[test]
fn names_are_and_and_values_are_or() {
    let both = [condition("architecture", &["arm64", "x86_64"]), condition("state", &["available"])];
    assert!(passes(&image(), &both));
    let neither = [condition("architecture", &["arm64", "x86_64"]), condition("state", &["pending"])];
    assert!(!passes(&image(), &neither));
    assert!(passes(&image(), &[]));
}

/// An image in which every fact that EC2 can filter by is there passes `*` on every name, and one
/// in which none is passes on `image-id` only.
#[test]
fn all_52_names_are_evaluated() {
    assert_eq!(Ec2FilterName::ALL.len(), 52);
    let unknown = Image::unknown("ami-0123456789abcdef0".parse().unwrap());
    let full: Image = serde_json::from_str(include_str!("tests/full_image.json")).unwrap();
    for name in Ec2FilterName::ALL {
        assert_eq!(FilterName::parse(name.as_str()), Ok(FilterName::Ec2(*name)));
        let any = [condition(name.as_str(), &["*"])];
        assert!(passes(&full, &any), "{}", name.as_str());
        assert_eq!(passes(&unknown, &any), *name == Ec2FilterName::ImageId, "{}", name.as_str());
    }
}

#[test]
fn ec2_gets_its_own_filters_verbatim() {
    let conditions = [
        condition("name", &[r"al2023\*", "?x"]),
        condition("gantry:source", &["amazon"]),
        condition("tag:a:b", &["c"]),
    ];
    let split = Filters::parse(&conditions).unwrap().split();
    assert_eq!(split.ec2, [conditions[0].clone(), conditions[2].clone()]);
    assert_eq!(split.local.iter().map(|filter| filter.name().to_string()).collect::<Vec<_>>(), ["gantry:source"]);
}

#[test]
fn all_violations_are_reported_at_once() {
    let long = "x".repeat(256);
    let violations = Filters::parse(&[
        condition("architeture", &["x86_64"]),
        condition("name", &[]),
        condition("name", &[&long, "fine"]),
        condition("gantry:source", &["amazn", "com*"]),
        condition("gantry:bootable-on", &["m7i.*"]),
        (long.clone(), vec!["v".to_owned(); 201]),
    ])
    .unwrap_err();
    let said: Vec<_> = violations.iter().map(|violation| (violation.field(), violation.problem.to_string())).collect();
    let expected = [
        ("filters[0].name", "there is no filter \"architeture\"; did you mean architecture?"),
        ("filters[1].values", "a filter needs at least one value"),
        ("filters[2].values[0]", "256 characters, at most 255 are allowed"),
        (
            "filters[3].values[0]",
            "\"amazn\" is no value of this filter; expected amazon, marketplace, backup, community, shared, owned, \
             unknown",
        ),
        ("filters[4].values[0]", "\"m7i.*\" is no value of this filter; expected family.size, such as m7i.large"),
        ("filters[5].values", "201 values, at most 200 are allowed"),
        ("filters[5].name", "256 characters, at most 255 are allowed"),
    ];
    assert_eq!(said, expected.map(|(field, problem)| (field.to_owned(), problem.to_owned())));

    let many = vec![condition("name", &["x"]); 51];
    let violations = Filters::parse(&many).unwrap_err();
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].field(), "filters");
    assert!(Filters::parse(&many[..50]).is_ok());
}

#[test]
fn unknown_names_get_the_nearest() {
    let nearest = |name: &str| match FilterName::parse(name) {
        Err(FilterProblem::UnknownName { nearest, .. }) => nearest.into_iter().next().unwrap_or_default(),
        other => panic!("{other:?}"),
    };
    assert_eq!(nearest("virtualisation-type"), "virtualization-type");
    assert_eq!(nearest("root_device_type"), "root-device-type");
    assert_eq!(nearest("Architecture"), "architecture");
    assert_eq!(nearest("volume-size"), "block-device-mapping.volume-size");
    assert_eq!(nearest("gantry:bootpath"), "gantry:boot-path");
    assert_eq!(nearest("qqqqqq"), "");
    assert!(FilterName::parse("tag:").is_err());
}

#[test]
fn instance_types_are_filtered_as_the_data_says() {
    let types = instance_types();
    let count = |conditions: &[(String, Vec<String>)]| {
        let filters = InstanceTypeFilters::parse(conditions).unwrap();
        types.iter().filter(|facts| filters.matches(facts)).count()
    };
    let cases = [
        ("supported-virtualization-type", "paravirtual", 19),
        ("supported-root-device-type", "instance-store", 33),
        ("processor-info.supported-architecture", "i386", 9),
        ("processor-info.supported-architecture", "arm64", 418),
        ("network-info.ena-support", "required", 1321),
        ("nitro-tpm-support", "supported", 1116),
        ("nitro-tpm-info.supported-versions", "2.0", 1116),
        ("nitro-enclaves-support", "supported", 946),
        ("hibernation-supported", "true", 584),
        ("instance-storage-supported", "true", 579),
        ("burstable-performance-supported", "true", 28),
        ("bare-metal", "true", 154),
        ("hypervisor", "xen", 74),
        ("current-generation", "false", 136),
        ("supported-usage-class", "spot", 1365),
        ("supported-boot-mode", "uefi", 1208),
        ("ebs-info.nvme-support", "supported", 6),
        ("free-tier-eligible", "true", 8),
        ("instance-type", "t3.*", 7),
        ("instance-type", "*", 1395),
    ];
    for (name, value, expected) in cases {
        assert_eq!(count(&[condition(name, &[value])]), expected, "{name} {value}");
    }
    let small = [condition("vcpu-info.default-vcpus", &["2"]), condition("memory-info.size-in-mib", &["8192"])];
    assert!(count(&small) > 10);
    let problem = |name: &str| InstanceTypeFilters::parse(&[condition(name, &["x"])]).unwrap_err().remove(0).problem;
    assert!(matches!(problem("vcpus"), FilterProblem::UnknownName { .. }));
    assert!(matches!(problem("network-info.maximum-network-cards"), FilterProblem::FactNotKept { .. }));
}
