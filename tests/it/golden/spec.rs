//! The spec at its fullest and at its least, and what its hash is taken over.
//!
//! A request id belongs to the hash of its spec. If the JSON of an unchanged spec changed, every
//! request id in an existing data directory would seem to have been used for something else.

use gantry::record::{
    BlockDeviceSpec, CpuOptions, EbsSpec, ImageSelector, NetworkInterface, SelectorFilter, TemplateChoice,
    TemplateReference, TemplateSource,
};

use gantry::record::Decision;

use super::*;

/// A spec with every field set to something other than its default. Security groups and network
/// interfaces exclude each other at the edge; here both are written, for their names.
pub(super) fn full_spec() -> Spec {
    let ebs = EbsSpec {
        volume_size_gib: Some(100),
        volume_type: Some("gp3".to_owned()),
        iops: Some(6000),
        throughput_mibps: Some(250),
        snapshot_id: Some("snap-0abcdef1234567890".to_owned()),
        encrypted: Some(true),
        kms_key_id: Some("alias/builds".to_owned()),
        delete_on_termination: Some(false),
    };
    Spec {
        account_id: "123456789012".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        image: ImageChoice::ImageId("ami-0abcdef1234567890".parse().unwrap()),
        instance_types: vec!["m7i.large".parse().unwrap(), "m6i.large".parse().unwrap()],
        placements: vec![
            Placement {
                subnet_id: Some("subnet-0abcdef1234567890".parse().unwrap()),
                availability_zone: None,
                tenancy: Some("host".to_owned()),
                host_id: Some("h-0abcdef1234567890".to_owned()),
                placement_group: Some("builds".to_owned()),
                capacity_reservation_id: Some("cr-0abcdef1234567890".to_owned()),
            },
            Placement { availability_zone: Some("us-east-1a".parse().unwrap()), ..Placement::default() },
        ],
        strategy: PlacementStrategy::Spread,
        min_count: 1,
        max_count: 2,
        market: Market::Spot { max_price_usd: Some("0.05".to_owned()) },
        key_name: Some("ops".to_owned()),
        security_group_ids: vec!["sg-0abcdef1234567890".parse().unwrap()],
        network_interfaces: vec![NetworkInterface {
            device_index: 1,
            network_interface_id: Some("eni-0abcdef1234567890".to_owned()),
            subnet_id: Some("subnet-0abcdef1234567890".parse().unwrap()),
            security_group_ids: vec!["sg-0abcdef1234567890".parse().unwrap()],
            associate_public_ip_address: Some(true),
            delete_on_termination: Some(true),
        }],
        iam_instance_profile: Some(IamInstanceProfile::Arn(
            "arn:aws:iam::123456789012:instance-profile/builder".to_owned(),
        )),
        user_data_sha256: Some(Sha256Digest::of(b"#cloud-config\n")),
        block_device_mappings: vec![
            BlockDeviceSpec {
                device_name: "/dev/xvda".to_owned(),
                virtual_name: None,
                no_device: false,
                ebs: Some(ebs),
            },
            BlockDeviceSpec {
                device_name: "/dev/sdb".to_owned(),
                virtual_name: Some("ephemeral0".to_owned()),
                no_device: true,
                ebs: None,
            },
        ],
        metadata_options: MetadataOptions {
            tokens_required: false,
            hop_limit: Some(2),
            endpoint_enabled: Some(true),
            instance_tags: Some(true),
        },
        hibernation: true,
        enclave: true,
        cpu_credits: Some("unlimited".to_owned()),
        cpu_options: CpuOptions {
            core_count: Some(1),
            threads_per_core: Some(2),
            amd_sev_snp: Some(true),
            nested_virtualization: Some(true),
        },
        launch_template: None,
        tags: [("Name".to_owned(), "builder".to_owned()), ("team".to_owned(), "\u{fc}bersetzer".to_owned())].into(),
        volume_tags: [("team".to_owned(), "build".to_owned())].into(),
        ready_timeout: Duration::from_millis(900_500),
        on_boot_failure: OnBootFailure::Terminate,
        expire_time: Some(time("2026-11-20T10:00:00Z")),
    }
}

/// A spec with nothing but what every spec has.
pub(super) fn least_spec() -> Spec {
    Spec {
        account_id: "123456789012".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        image: ImageChoice::ImageId("ami-f8e54081".parse().unwrap()),
        instance_types: vec!["m7i.large".parse().unwrap()],
        placements: Vec::new(),
        strategy: PlacementStrategy::default(),
        min_count: 1,
        max_count: 1,
        market: Market::default(),
        key_name: None,
        security_group_ids: Vec::new(),
        network_interfaces: Vec::new(),
        iam_instance_profile: None,
        user_data_sha256: None,
        block_device_mappings: Vec::new(),
        metadata_options: MetadataOptions::default(),
        hibernation: false,
        enclave: false,
        cpu_credits: None,
        cpu_options: CpuOptions::default(),
        launch_template: None,
        tags: BTreeMap::new(),
        volume_tags: BTreeMap::new(),
        ready_timeout: Duration::from_secs(600),
        on_boot_failure: OnBootFailure::default(),
        expire_time: None,
    }
}

/// A spec whose image is chosen, with every field of a selector set. Some exclude each other at the
/// edge; here they are written for their names.
pub(super) fn selector_spec() -> Spec {
    let selector = ImageSelector {
        owner: Some("amazon".to_owned()),
        name_pattern: Some("al2023-ami-2023.*".to_owned()),
        architecture: Some("x86_64".to_owned()),
        ssm_parameter: Some("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.12-x86_64".to_owned()),
        filters: vec![SelectorFilter { name: "root-device-type".to_owned(), values: vec!["ebs".to_owned()] }],
        any_owner: true,
    };
    Spec { image: ImageChoice::Selector(Box::new(selector)), ..least_spec() }
}

/// A spec whose image is named by a receipt.
pub(super) fn receipt_spec() -> Spec {
    let receipt = ImageReceipt {
        image_id: "ami-0abcdef1234567890".parse().unwrap(),
        digest: Sha256Digest::of(b"boot facts"),
        observed_time: time("2026-11-20T07:59:59.123456Z"),
    };
    Spec { image: ImageChoice::Receipt(receipt), ..least_spec() }
}

/// A spec that leaves to a launch template what can be left to it.
pub(super) fn template_spec() -> Spec {
    let choice = TemplateChoice {
        template: TemplateReference::Name("web".to_owned()),
        version: "$Latest".to_owned(),
        given: [GivenField::Market, GivenField::HttpTokens, GivenField::Hibernation, GivenField::Enclave].into(),
    };
    let (image, instance_types) = (ImageChoice::LaunchTemplate, Vec::new());
    Spec { image, instance_types, launch_template: Some(choice), ..least_spec() }
}

/// An admission of a spec that a launch template was merged into, with all that it remembers of that.
pub(super) fn template_decision() -> Decision {
    let source = TemplateSource {
        asked: Box::new(template_spec()),
        launch_template_id: Some("lt-0abcdef1234567890".to_owned()),
        launch_template_name: Some("web".to_owned()),
        version_number: Some(7),
        merged_sha256: Sha256Digest::of(b"merged"),
    };
    let pinned = TemplateChoice {
        template: TemplateReference::Id("lt-0abcdef1234567890".to_owned()),
        version: "7".to_owned(),
        given: Default::default(),
    };
    let merged = Spec { launch_template: Some(pinned), ..least_spec() };
    Decision { launch_template: Some(source), ..decision_of(merged) }
}

/// What the body hash of a request is taken over, as JSON.
fn body(spec: &Spec, reason: &str) -> String {
    format!("{{\"spec\":{},\"reason\":{}}}", serde_json::to_string(spec).unwrap(), json!(reason))
}

#[test]
fn a_spec_is_hashed_as_it_always_was() {
    for (name, spec, sha256) in [
        ("body.full.json", full_spec(), FULL_SHA256),
        ("body.least.json", least_spec(), LEAST_SHA256),
        ("body.receipt.json", receipt_spec(), RECEIPT_SHA256),
        ("body.selector.json", selector_spec(), SELECTOR_SHA256),
        ("body.template.json", template_spec(), TEMPLATE_SHA256),
    ] {
        let body = body(&spec, "nightly");
        assert_golden(name, &body);
        assert_eq!(Sha256Digest::of(body.as_bytes()).to_string(), sha256, "{name}");
    }
}

#[test]
fn fields_left_out_are_read_as_their_defaults() {
    let body = line_of("body.least.json");
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(serde_json::from_value::<Spec>(json["spec"].clone()).unwrap(), least_spec());
    let fields = json["spec"].as_object().unwrap().len();
    assert_eq!(fields, REQUIRED_FIELDS, "a field with its default is written: every request id would seem reused");
}

/// Account, Region, image, types, the two counts and the time to become ready.
const REQUIRED_FIELDS: usize = 7;

const FULL_SHA256: &str = "1ca1a7af70f817891cf3eac414805fa6ce9c4c3812ee41fd084301056a262fec";
const RECEIPT_SHA256: &str = "f448f28b03721984fe6bd6880c5d06206e98da63a00afd1a741c40187a545e25";
const SELECTOR_SHA256: &str = "959071dd6617761fbefb673e2eb2f674f1244ca11780142677505d963845fe14";
const TEMPLATE_SHA256: &str = "7be11694cd543d5ff1aeeb93df6d514add0217ed0e3aad6757cc664158a5e3ac";
const LEAST_SHA256: &str = "b5e39e42cedb0f900a58c52c4012eaa39b4744cdd6d72641dd2fbff509472249";
