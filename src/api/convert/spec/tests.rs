//! What is accepted, what is refused and with which words, and that nothing is lost on the way in
//! and out again.

use std::collections::BTreeMap;

use super::*;
use crate::api::convert::{ViolationReason, Violations};

fn minimal() -> pb::LaunchSpec {
    pb::LaunchSpec {
        image: Some(by_id("ami-0abcdef1234567890")),
        instance_types: vec!["m7i.large".to_owned()],
        ..Default::default()
    }
}

fn by_id(id: &str) -> pb::ImageReference {
    pb::ImageReference { reference: Some(pb::image_reference::Reference::ImageId(id.to_owned())) }
}

fn by_selector(selector: pb::ImageSelector) -> pb::ImageReference {
    pb::ImageReference { reference: Some(pb::image_reference::Reference::Selector(selector)) }
}

fn parse(spec: pb::LaunchSpec) -> Result<ParsedSpec, Violations> {
    let mut violations = Violations::new();
    let account = "123456789012".parse().ok();
    let region = "us-east-1".parse().ok();
    let parsed = parse_spec(Some(spec), account, region, &mut violations);
    violations.finish(parsed)
}

fn template(name: &str, version: &str) -> Option<pb::LaunchTemplate> {
    use pb::launch_template::Template;
    let template = match name.starts_with("lt-") {
        true => Template::LaunchTemplateId(name.to_owned()),
        false => Template::LaunchTemplateName(name.to_owned()),
    };
    Some(pb::LaunchTemplate { template: Some(template), version: version.to_owned() })
}

fn in_subnet(subnet: &str) -> pb::Placement {
    pb::Placement { location: Some(pb::placement::Location::SubnetId(subnet.to_owned())), ..Default::default() }
}

fn ebs(ebs: pb::EbsSpec) -> pb::BlockDeviceSpec {
    pb::BlockDeviceSpec { device_name: "/dev/sdf".to_owned(), ebs: Some(ebs), ..Default::default() }
}

fn tags(keys: impl IntoIterator<Item = String>) -> BTreeMap<String, String> {
    keys.into_iter().map(|key| (key, String::new())).collect()
}

#[test]
fn what_is_left_out_gets_the_contracts_defaults() {
    let ParsedSpec { spec, user_data } = parse(minimal()).unwrap();
    assert_eq!((spec.min_count, spec.max_count), (1, 1));
    assert!(spec.metadata_options.tokens_required, "IMDSv2 is required unless said otherwise");
    assert_eq!(spec.ready_timeout.as_secs(), 1800);
    assert_eq!((spec.user_data_sha256, user_data), (None, None));
    let several = parse(pb::LaunchSpec { min_count: 3, ..minimal() }).unwrap().spec;
    assert_eq!((several.min_count, several.max_count), (3, 3));
}

#[test]
fn every_rule_names_its_field_and_its_kind() {
    use ViolationReason::*;
    type Row = (fn(&mut pb::LaunchSpec), &'static str, ViolationReason);
    let table: Vec<Row> = vec![
        (|s| s.image = None, "spec.image", MissingField),
        (|s| s.image = Some(by_id("ami-1")), "spec.image.image_id", InvalidId),
        (|s| s.image = Some(by_id("")), "spec.image.image_id", MissingField),
        (|s| s.instance_types.clear(), "spec.instance_types", MissingField),
        (|s| s.instance_types = vec!["m7i.large".into(); 21], "spec.instance_types", LimitExceeded),
        (|s| s.instance_types = vec!["m7i.large".into(); 2], "spec.instance_types[1]", InvalidField),
        (|s| s.instance_types = vec!["large".into()], "spec.instance_types[0]", InvalidId),
        (|s| s.placements = vec![in_subnet("subnet-x")], "spec.placements[0].subnet_id", InvalidId),
        (|s| s.placements = vec![in_subnet("subnet-0a1b2c3d"); 2], "spec.placements[1]", InvalidField),
        (|s| s.placements = vec![Default::default(); 51], "spec.placements", LimitExceeded),
        (
            |s| s.placements = vec![pb::Placement { tenancy: Some("h".into()), ..Default::default() }],
            "spec.placements[0].tenancy",
            InvalidField,
        ),
        (
            |s| s.placements = vec![pb::Placement { host_id: Some("h-0a1b2c3d".into()), ..Default::default() }],
            "spec.placements[0].host_id",
            ConflictingFields,
        ),
        (|s| s.strategy = 7, "spec.strategy", InvalidEnum),
        (|s| s.min_count = -1, "spec.min_count", InvalidField),
        (|s| (s.min_count, s.max_count) = (3, 2), "spec.max_count", ConflictingFields),
        (|s| s.max_count = 101, "spec.max_count", LimitExceeded),
        (
            |s| {
                s.market = Some(pb::Market {
                    market: Some(pb::market::Market::Spot(pb::SpotMarket { max_price_usd: Some("cheap".into()) })),
                })
            },
            "spec.market.spot.max_price_usd",
            InvalidField,
        ),
        (
            |s| {
                s.market =
                    Some(pb::Market { market: Some(pb::market::Market::CapacityBlock(pb::CapacityBlockMarket {})) })
            },
            "spec.market.capacity_block",
            ConflictingFields,
        ),
        (|s| s.key_name = "k".repeat(256), "spec.key_name", LimitExceeded),
        (|s| s.security_group_ids = vec!["sg-1".into()], "spec.security_group_ids[0]", InvalidId),
        (|s| s.security_group_ids = vec!["sg-0a1b2c3d".into(); 17], "spec.security_group_ids", LimitExceeded),
        (
            |s| {
                s.security_group_ids = vec!["sg-0a1b2c3d".into()];
                s.network_interfaces = vec![Default::default()]
            },
            "spec.security_group_ids",
            ConflictingFields,
        ),
        (
            |s| {
                s.placements = vec![in_subnet("subnet-0a1b2c3d")];
                s.network_interfaces = vec![Default::default()]
            },
            "spec.placements[0].subnet_id",
            ConflictingFields,
        ),
        (
            |s| s.network_interfaces = vec![Default::default(); 2],
            "spec.network_interfaces[1].device_index",
            InvalidField,
        ),
        (
            |s| {
                s.max_count = 2;
                s.network_interfaces = vec![pb::NetworkInterface {
                    network_interface_id: Some("eni-0a1b2c3d".into()),
                    ..Default::default()
                }]
            },
            "spec.network_interfaces[0].network_interface_id",
            ConflictingFields,
        ),
        (|s| s.iam_instance_profile = Some(Default::default()), "spec.iam_instance_profile", MissingField),
        (
            |s| {
                s.iam_instance_profile = Some(pb::IamInstanceProfile {
                    profile: Some(pb::iam_instance_profile::Profile::Arn("arn:aws:s3:::bucket".into())),
                })
            },
            "spec.iam_instance_profile.arn",
            InvalidField,
        ),
        (|s| s.user_data = vec![0; 16_385], "spec.user_data", LimitExceeded),
        (
            |s| s.block_device_mappings = vec![pb::BlockDeviceSpec { no_device: true, ..Default::default() }],
            "spec.block_device_mappings[0].device_name",
            MissingField,
        ),
        (
            |s| {
                s.block_device_mappings = vec![pb::BlockDeviceSpec {
                    device_name: "/dev/sdf".into(),
                    no_device: true,
                    ebs: Some(Default::default()),
                    ..Default::default()
                }]
            },
            "spec.block_device_mappings[0]",
            ConflictingFields,
        ),
        (
            |s| {
                s.block_device_mappings =
                    vec![ebs(pb::EbsSpec { volume_type: Some("io2".into()), ..Default::default() })]
            },
            "spec.block_device_mappings[0].ebs.iops",
            MissingField,
        ),
        (
            |s| s.block_device_mappings = vec![ebs(pb::EbsSpec { volume_size_gib: Some(0), ..Default::default() })],
            "spec.block_device_mappings[0].ebs.volume_size_gib",
            InvalidField,
        ),
        (
            |s| s.block_device_mappings = vec![ebs(pb::EbsSpec { kms_key_id: Some("k".into()), ..Default::default() })],
            "spec.block_device_mappings[0].ebs.kms_key_id",
            ConflictingFields,
        ),
        (
            |s| s.metadata_options = Some(pb::MetadataOptions { http_tokens: Some("v1".into()), ..Default::default() }),
            "spec.metadata_options.http_tokens",
            InvalidField,
        ),
        (
            |s| {
                s.metadata_options =
                    Some(pb::MetadataOptions { http_put_response_hop_limit: Some(65), ..Default::default() })
            },
            "spec.metadata_options.http_put_response_hop_limit",
            InvalidField,
        ),
        (|s| (s.hibernation, s.enclave) = (Some(true), Some(true)), "spec.enclave", ConflictingFields),
        (|s| s.cpu_credits = Some("some".into()), "spec.cpu_credits", InvalidField),
        (
            |s| s.cpu_options = Some(pb::CpuOptions { threads_per_core: Some(3), ..Default::default() }),
            "spec.cpu_options.threads_per_core",
            InvalidField,
        ),
        (|s| s.image = Some(by_selector(Default::default())), "spec.image.selector", MissingField),
        (|s| s.launch_template = Some(Default::default()), "spec.launch_template", MissingField),
        (|s| s.launch_template = template("web", "0"), "spec.launch_template.version", InvalidField),
        (|s| s.launch_template = template("web", "$latest"), "spec.launch_template.version", InvalidField),
        (|s| s.launch_template = template("w b", ""), "spec.launch_template.launch_template_name", InvalidField),
        (|s| s.launch_template = template("lt-1", ""), "spec.launch_template.launch_template_id", InvalidId),
        (|s| s.tags = tags((0..49).map(|n| format!("k{n}"))), "spec.tags", LimitExceeded),
        (|s| s.volume_tags = tags((0..51).map(|n| format!("k{n}"))), "spec.volume_tags", LimitExceeded),
        (|s| s.tags = tags(["gantry:x".into()]), "spec.tags[\"gantry:x\"]", InvalidTag),
        (|s| s.tags = tags(["AWS:x".into()]), "spec.tags[\"AWS:x\"]", InvalidTag),
        (|s| s.tags = tags([String::new()]), "spec.tags[\"\"]", InvalidTag),
        (|s| s.ready_timeout = Some(prost_types::Duration { seconds: 0, nanos: 0 }), "spec.ready_timeout", InvalidTime),
        (|s| s.on_boot_failure = -1, "spec.on_boot_failure", InvalidEnum),
        (|s| s.expire_time = Some(prost_types::Timestamp { seconds: 0, nanos: -1 }), "spec.expire_time", InvalidTime),
    ];
    for (spoil, field, reason) in table {
        let mut spec = minimal();
        spoil(&mut spec);
        let violations = parse(spec).expect_err(field);
        let seen: Vec<_> = violations.kept().iter().map(|v| (v.field.as_str(), v.reason)).collect();
        assert_eq!(seen, [(field, reason)]);
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let mut violations = Violations::new();
    let spec = pb::LaunchSpec { min_count: 2, max_count: 1, strategy: 9, ..Default::default() };
    assert!(parse_spec(Some(spec), None, None, &mut violations).is_none());
    let fields: Vec<_> = violations.kept().iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["spec.image", "spec.instance_types", "spec.strategy", "spec.max_count"]);
}

#[test]
fn a_full_specification_survives_the_way_in_and_out() {
    let full = pb::LaunchSpec {
        image: Some(by_id("ami-0abcdef1234567890")),
        instance_types: vec!["m7i.large".to_owned(), "c7g.xlarge".to_owned()],
        placements: vec![
            pb::Placement {
                location: Some(pb::placement::Location::AvailabilityZone("us-east-1a".to_owned())),
                tenancy: Some("host".to_owned()),
                host_id: Some("h-0123456789abcdef0".to_owned()),
                placement_group: Some("near".to_owned()),
                capacity_reservation_id: Some("cr-0123456789abcdef0".to_owned()),
            },
            pb::Placement::default(),
        ],
        strategy: pb::PlacementStrategy::InOrder.into(),
        min_count: 1,
        max_count: 1,
        market: Some(pb::Market {
            market: Some(pb::market::Market::Spot(pb::SpotMarket { max_price_usd: Some("0.05".to_owned()) })),
        }),
        key_name: "key".to_owned(),
        security_group_ids: Vec::new(),
        network_interfaces: vec![
            pb::NetworkInterface {
                device_index: 0,
                network_interface_id: None,
                subnet_id: Some("subnet-0a1b2c3d".to_owned()),
                security_group_ids: vec!["sg-0a1b2c3d".to_owned()],
                associate_public_ip_address: Some(false),
                delete_on_termination: Some(true),
            },
            pb::NetworkInterface {
                device_index: 1,
                network_interface_id: Some("eni-0a1b2c3d".to_owned()),
                ..Default::default()
            },
        ],
        iam_instance_profile: Some(pb::IamInstanceProfile {
            profile: Some(pb::iam_instance_profile::Profile::Name("web".to_owned())),
        }),
        user_data: b"#!/bin/sh\n".to_vec(),
        user_data_sha256: String::new(),
        block_device_mappings: vec![
            ebs(pb::EbsSpec {
                volume_size_gib: Some(100),
                volume_type: Some("gp3".to_owned()),
                iops: Some(4000),
                throughput_mib_per_second: Some(250),
                snapshot_id: Some("snap-0a1b2c3d".to_owned()),
                encrypted: Some(true),
                kms_key_id: Some("alias/web".to_owned()),
                delete_on_termination: Some(false),
            }),
            pb::BlockDeviceSpec {
                device_name: "/dev/sdb".to_owned(),
                virtual_name: Some("ephemeral0".to_owned()),
                ..Default::default()
            },
            pb::BlockDeviceSpec { device_name: "/dev/sdc".to_owned(), no_device: true, ..Default::default() },
        ],
        metadata_options: Some(pb::MetadataOptions {
            http_tokens: Some("optional".to_owned()),
            http_put_response_hop_limit: Some(2),
            http_endpoint: Some("enabled".to_owned()),
            instance_metadata_tags: Some("disabled".to_owned()),
        }),
        hibernation: Some(false),
        enclave: Some(true),
        cpu_credits: Some("unlimited".to_owned()),
        cpu_options: Some(pb::CpuOptions {
            core_count: Some(2),
            threads_per_core: Some(1),
            amd_sev_snp: Some(true),
            nested_virtualization: Some(false),
        }),
        launch_template: template("web", "3"),
        tags: [("team".to_owned(), "web".to_owned())].into(),
        volume_tags: [("keep".to_owned(), "yes".to_owned())].into(),
        ready_timeout: Some(prost_types::Duration { seconds: 600, nanos: 5 }),
        on_boot_failure: pb::OnBootFailure::Keep.into(),
        expire_time: Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 7 }),
    };
    let parsed = parse(full.clone()).unwrap();
    assert_eq!(parsed.user_data.as_deref(), Some(&b"#!/bin/sh\n"[..]));
    let out = pb::LaunchSpec::from(&parsed.spec);
    assert_eq!(out.user_data_sha256, parsed.spec.user_data_sha256.unwrap().to_string());
    assert_eq!(pb::LaunchSpec { user_data_sha256: String::new(), user_data: full.user_data.clone(), ..out }, full);
}

#[test]
fn an_image_can_be_named_by_selector_and_by_receipt() {
    use pb::image_reference::Reference;
    let selector =
        pb::ImageSelector { owner: "self".to_owned(), name_pattern: "web-*".to_owned(), ..Default::default() };
    let receipt = pb::ImageReceipt {
        image_id: "ami-0abcdef1234567890".to_owned(),
        digest: "0".repeat(64),
        observed_time: Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 0 }),
    };
    let by_receipt = pb::ImageReference { reference: Some(Reference::Receipt(receipt)) };
    for image in [by_selector(selector), by_receipt] {
        let parsed = parse(pb::LaunchSpec { image: Some(image.clone()), ..minimal() }).unwrap();
        assert_eq!(pb::LaunchSpec::from(&parsed.spec).image, Some(image));
    }
}

#[test]
fn debugging_a_request_does_not_show_its_user_data() {
    let spec = pb::LaunchSpec { user_data: b"secret".to_vec(), ..minimal() };
    let shown = format!(
        "{:?} {:?}",
        pb::LaunchInstancesRequest { spec: Some(spec.clone()), ..Default::default() },
        parse(spec).unwrap()
    );
    assert!(shown.contains("6 bytes") && !shown.contains("115, 101"), "{shown}");
}

#[test]
fn a_template_may_name_what_the_specification_does_not() {
    let parsed = parse(pb::LaunchSpec { launch_template: template("web", ""), ..Default::default() }).unwrap().spec;
    assert_eq!((&parsed.image, parsed.instance_types.len()), (&ImageChoice::LaunchTemplate, 0));
    let choice = parsed.launch_template.clone().unwrap();
    assert_eq!((choice.version.as_str(), choice.given.len()), ("$Default", 0));
    assert_eq!(pb::LaunchSpec::from(&parsed).image, None);

    // A default that is given is another request than one that is left to the template.
    let given = pb::LaunchSpec {
        launch_template: template("web", "007"),
        market: Some(pb::Market { market: Some(pb::market::Market::OnDemand(pb::OnDemandMarket {})) }),
        metadata_options: Some(pb::MetadataOptions { http_tokens: Some("required".to_owned()), ..Default::default() }),
        hibernation: Some(false),
        enclave: Some(false),
        ..Default::default()
    };
    let choice = parse(given).unwrap().spec.launch_template.unwrap();
    assert_eq!((choice.version.as_str(), choice.given.len()), ("7", 4));
    let block = pb::Market { market: Some(pb::market::Market::CapacityBlock(pb::CapacityBlockMarket {})) };
    let block = pb::LaunchSpec { launch_template: template("web", ""), market: Some(block), ..Default::default() };
    assert!(parse(block).is_ok(), "the template may have the reservation");
}
