//! Every field three ways: the template's, the request's over it, and neither.

use super::*;
use crate::ec2::run::{RunBlockDevice, RunEbsVolume, RunPlacement};
use crate::ec2::template::UserData;
use crate::launch::tests::least_spec;
use crate::record::{BlockDeviceSpec, EbsSpec};

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn choice(given: &[GivenField]) -> TemplateChoice {
    TemplateChoice {
        template: TemplateReference::Name("web".to_owned()),
        version: "$Latest".to_owned(),
        given: given.iter().copied().collect(),
    }
}

fn pinned() -> TemplateChoice {
    let template = TemplateReference::Id("lt-0123456789abcdef0".to_owned());
    TemplateChoice { template, version: "7".to_owned(), given: Default::default() }
}

/// A request that says nothing but its template.
fn bare() -> Spec {
    Spec { image: ImageChoice::LaunchTemplate, instance_types: Vec::new(), ..least_spec() }
}

fn template(data: TemplateData) -> LaunchTemplate {
    LaunchTemplate {
        launch_template_id: "lt-0123456789abcdef0".to_owned(),
        launch_template_name: text("web"),
        version_number: 7,
        data,
        uncarried: Vec::new(),
    }
}

fn merged(asked: Spec, given: &[GivenField], data: TemplateData) -> Merged {
    merge(&Spec { launch_template: Some(choice(given)), ..asked }, &choice(given), &template(data))
}

fn whole() -> TemplateData {
    TemplateData {
        image_id: text("ami-0a1b2c3d"),
        instance_type: text("m7i.large"),
        placement: RunPlacement {
            availability_zone: Some("us-east-1a".parse().unwrap()),
            tenancy: text("host"),
            host_id: text("h-0a1b2c3d"),
            group_name: text("near"),
        },
        capacity_reservation_id: text("cr-0a1b2c3d"),
        market: Some(RunMarket { market_type: "spot".to_owned(), max_price: text("0.05") }),
        key_name: text("ops"),
        security_group_ids: vec!["sg-0a1b2c3d".parse().unwrap()],
        network_interfaces: vec![RunNetworkInterface { device_index: 1, ..RunNetworkInterface::default() }],
        iam_instance_profile: Some(RunInstanceProfile::Name("web".to_owned())),
        user_data: Some(UserData(b"theirs".to_vec())),
        block_device_mappings: vec![RunBlockDevice { device_name: "/dev/sdb".to_owned(), ..RunBlockDevice::default() }],
        metadata_options: RunMetadataOptions {
            http_tokens: text("optional"),
            http_put_response_hop_limit: Some(2),
            http_endpoint: text("enabled"),
            instance_metadata_tags: text("disabled"),
        },
        hibernation: Some(true),
        enclave: Some(true),
        cpu_credits: text("unlimited"),
        cpu_options: RunCpuOptions {
            core_count: Some(2),
            threads_per_core: Some(1),
            amd_sev_snp: text("enabled"),
            nested_virtualization: text("disabled"),
        },
        instance_tags: pairs(&[("a", "theirs"), ("b", "theirs")]),
        volume_tags: pairs(&[("v", "theirs")]),
    }
}

#[test]
fn what_is_not_asked_is_the_templates() {
    let Merged { spec, user_data, uncarried } = merged(bare(), &[], whole());
    assert_eq!((user_data.as_deref(), uncarried), (Some(&b"theirs"[..]), vec![]));
    let expected = Spec {
        image: ImageChoice::ImageId("ami-0a1b2c3d".parse().unwrap()),
        instance_types: vec!["m7i.large".parse().unwrap()],
        placements: vec![Placement {
            subnet_id: None,
            availability_zone: Some("us-east-1a".parse().unwrap()),
            tenancy: text("host"),
            host_id: text("h-0a1b2c3d"),
            placement_group: text("near"),
            capacity_reservation_id: text("cr-0a1b2c3d"),
        }],
        market: Market::Spot { max_price_usd: text("0.05") },
        key_name: text("ops"),
        security_group_ids: vec!["sg-0a1b2c3d".parse().unwrap()],
        network_interfaces: vec![NetworkInterface { device_index: 1, ..NetworkInterface::default() }],
        iam_instance_profile: Some(IamInstanceProfile::Name("web".to_owned())),
        user_data_sha256: Some(Sha256Digest::of(b"theirs")),
        block_device_mappings: vec![BlockDeviceSpec {
            device_name: "/dev/sdb".to_owned(),
            virtual_name: None,
            no_device: false,
            ebs: None,
        }],
        metadata_options: MetadataOptions {
            tokens_required: false,
            hop_limit: Some(2),
            endpoint_enabled: Some(true),
            instance_tags: Some(false),
        },
        hibernation: true,
        enclave: true,
        cpu_credits: text("unlimited"),
        cpu_options: CpuOptions {
            core_count: Some(2),
            threads_per_core: Some(1),
            amd_sev_snp: Some(true),
            nested_virtualization: Some(false),
        },
        launch_template: Some(pinned()),
        tags: pairs(&[("a", "theirs"), ("b", "theirs")]),
        volume_tags: pairs(&[("v", "theirs")]),
        ..least_spec()
    };
    assert_eq!(spec, expected);
}

#[test]
fn what_neither_says_is_gantrys_default() {
    let Merged { spec, user_data, .. } = merged(bare(), &[], TemplateData::default());
    assert_eq!((spec, user_data), (Spec { launch_template: Some(pinned()), ..bare() }, None));
}

#[test]
fn what_is_asked_wins() {
    let asked = Spec {
        placements: vec![Placement {
            subnet_id: Some("subnet-0a1b2c3d".parse().unwrap()),
            availability_zone: None,
            tenancy: text("dedicated"),
            host_id: None,
            placement_group: text("far"),
            capacity_reservation_id: text("cr-00000000"),
        }],
        key_name: text("mine"),
        security_group_ids: vec!["sg-00000000".parse().unwrap()],
        network_interfaces: vec![NetworkInterface::default()],
        iam_instance_profile: Some(IamInstanceProfile::Name("mine".to_owned())),
        user_data_sha256: Some(Sha256Digest::of(b"mine")),
        metadata_options: MetadataOptions {
            tokens_required: true,
            hop_limit: Some(1),
            endpoint_enabled: Some(false),
            instance_tags: Some(true),
        },
        cpu_credits: text("standard"),
        cpu_options: CpuOptions {
            core_count: Some(1),
            threads_per_core: Some(2),
            amd_sev_snp: Some(false),
            nested_virtualization: Some(true),
        },
        ..least_spec()
    };
    let given = [GivenField::Market, GivenField::HttpTokens, GivenField::Hibernation, GivenField::Enclave];
    let theirs = TemplateData {
        instance_tags: BTreeMap::new(),
        volume_tags: BTreeMap::new(),
        block_device_mappings: Vec::new(),
        ..whole()
    };
    let Merged { spec, user_data, .. } = merged(asked.clone(), &given, theirs);
    assert_eq!(user_data, None, "the request has its own");
    assert_eq!(Spec { launch_template: None, ..spec }, asked, "a default that is given is a wish too");
}

#[test]
fn tags_are_merged_by_key_and_volumes_by_device() {
    let ebs = |volume_type: &str, iops| RunEbsVolume {
        volume_size_gib: Some(20),
        volume_type: text(volume_type),
        iops,
        encrypted: Some(true),
        kms_key_id: text("alias/web"),
        ..RunEbsVolume::default()
    };
    let device =
        |name: &str, ebs| RunBlockDevice { device_name: name.to_owned(), ebs: Some(ebs), ..RunBlockDevice::default() };
    let own = |name: &str, ebs| BlockDeviceSpec {
        device_name: name.to_owned(),
        virtual_name: None,
        no_device: false,
        ebs: Some(ebs),
    };
    let theirs = TemplateData {
        instance_tags: pairs(&[("a", "theirs"), ("b", "theirs")]),
        block_device_mappings: vec![
            device("/dev/sda1", ebs("gp3", Some(4000))),
            device("/dev/sdb", ebs("io2", Some(9000))),
            device("/dev/sdc", ebs("gp3", None)),
            device("/dev/sdd", ebs("gp3", None)),
        ],
        ..TemplateData::default()
    };
    let asked = Spec {
        tags: pairs(&[("b", "mine"), ("c", "mine")]),
        block_device_mappings: vec![
            own("/dev/sde", EbsSpec::default()),
            own("/dev/sda1", EbsSpec { volume_size_gib: Some(100), ..EbsSpec::default() }),
            own("/dev/sdb", EbsSpec { volume_type: text("gp3"), encrypted: Some(false), ..EbsSpec::default() }),
            BlockDeviceSpec { no_device: true, ebs: None, ..own("/dev/sdc", EbsSpec::default()) },
        ],
        ..bare()
    };
    let Merged { spec, .. } = merged(asked, &[], theirs);
    assert_eq!(spec.tags, pairs(&[("a", "theirs"), ("b", "mine"), ("c", "mine")]));
    let carried = EbsSpec {
        volume_size_gib: Some(20),
        volume_type: text("gp3"),
        encrypted: Some(true),
        kms_key_id: text("alias/web"),
        ..EbsSpec::default()
    };
    let expected = [
        own("/dev/sda1", EbsSpec { volume_size_gib: Some(100), iops: Some(4000), ..carried.clone() }),
        // Another type of volume has its own performance, and an unencrypted one no key.
        own("/dev/sdb", EbsSpec { encrypted: Some(false), kms_key_id: None, ..carried.clone() }),
        BlockDeviceSpec { no_device: true, ebs: None, ..own("/dev/sdc", EbsSpec::default()) },
        own("/dev/sdd", carried),
        own("/dev/sde", EbsSpec::default()),
    ];
    assert_eq!(spec.block_device_mappings, expected);
}

#[test]
fn placements_have_from_the_template_what_they_do_not_say() {
    let in_zone = |zone: &str| Placement { availability_zone: Some(zone.parse().unwrap()), ..Placement::default() };
    let asked = Spec { placements: vec![in_zone("us-east-1b"), in_zone("us-east-1a"), Placement::default()], ..bare() };
    let places = merged(asked, &[], whole()).spec.placements;
    let zones: Vec<_> = places.iter().map(|place| place.availability_zone.as_ref().unwrap().as_str()).collect();
    assert_eq!(zones, ["us-east-1b", "us-east-1a"], "the third became the second");
    assert!(places.iter().all(|place| place.host_id.is_some() && place.tenancy.as_deref() == Some("host")));
}

#[test]
fn an_image_by_a_public_parameter_is_a_selector_and_what_cannot_be_resolved_is_named() {
    let image = |image_id: &str| {
        let Merged { spec, uncarried, .. } =
            merged(bare(), &[], TemplateData { image_id: text(image_id), ..TemplateData::default() });
        (spec.image, uncarried)
    };
    let name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
    let selector = ImageSelector { ssm_parameter: text(name), ..ImageSelector::default() };
    assert_eq!(image(&format!("resolve:ssm:{name}")), (ImageChoice::Selector(Box::new(selector)), vec![]));
    for unresolvable in ["resolve:ssm:/own/golden", "resolve:ssm:/aws/service/x:3", "ami-none"] {
        let observed = unresolvable.to_owned();
        let expected = vec![Uncarried { field: "image_id".to_owned(), observed }];
        assert_eq!(image(unresolvable), (ImageChoice::LaunchTemplate, expected));
    }
}

#[test]
fn what_the_request_replaces_need_not_be_carried() {
    let fields = ["network_interfaces[0].description", "security_groups", "monitoring.enabled", "image_id"];
    let uncarried = |asked: Spec| {
        let mut template = template(TemplateData::default());
        template.uncarried =
            fields.iter().map(|field| Uncarried { field: (*field).to_owned(), observed: String::new() }).collect();
        let left = merge(&asked, &choice(&[]), &template).uncarried;
        left.into_iter().map(|uncarried| uncarried.field).collect::<Vec<_>>()
    };
    assert_eq!(uncarried(bare()), fields);
    assert_eq!(uncarried(least_spec()), &fields[..3]);
    let groups = Spec { security_group_ids: vec!["sg-00000000".parse().unwrap()], ..least_spec() };
    assert_eq!(uncarried(groups), ["network_interfaces[0].description", "monitoring.enabled"]);
    let interfaces = Spec { network_interfaces: vec![NetworkInterface::default()], ..least_spec() };
    assert_eq!(uncarried(interfaces), ["security_groups", "monitoring.enabled"]);

    let later = RunMetadataOptions { http_tokens: text("v3"), ..RunMetadataOptions::default() };
    let data = TemplateData { metadata_options: later, ..TemplateData::default() };
    let field = |given: &[GivenField]| {
        let merged = merged(least_spec(), given, data.clone());
        assert!(merged.spec.metadata_options.tokens_required);
        merged.uncarried.into_iter().map(|uncarried| uncarried.field).collect::<Vec<_>>()
    };
    assert_eq!(field(&[]), ["metadata_options.http_tokens"]);
    assert_eq!(field(&[GivenField::HttpTokens]), <[String; 0]>::default());
}
