//! Requests and facts, and the decisions that come of them.

use super::*;
use crate::ec2::facts::{EbsVolume, NetworkFacts, ProcessorFacts};
use crate::record::{BlockDeviceSpec, EbsSpec, ImageChoice, ImageReceipt, NetworkInterface};

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

pub(super) fn spec(types: &[&str]) -> Spec {
    Spec {
        image: ImageChoice::ImageId("ami-00000001".parse().unwrap()),
        instance_types: types.iter().map(|name| name.parse().unwrap()).collect(),
        ..crate::launch::tests::least_spec()
    }
}

pub(super) fn image() -> Image {
    let text = |text: &str| Some(text.to_owned());
    Image {
        architecture: text("x86_64"),
        image_type: text("machine"),
        state: text("available"),
        root_device_type: text("ebs"),
        root_device_name: text("/dev/xvda"),
        virtualization_type: text("hvm"),
        boot_mode: text("uefi-preferred"),
        ena_support: Some(true),
        block_device_mappings: vec![crate::ec2::facts::BlockDevice {
            device_name: text("/dev/xvda"),
            virtual_name: None,
            no_device: None,
            ebs: Some(EbsVolume {
                snapshot_id: text("snap-00000001"),
                volume_size_gib: Some(8),
                ..EbsVolume::default()
            }),
        }],
        ..Image::unknown("ami-00000001".parse().unwrap())
    }
}

pub(super) fn instance_type(name: &str, architecture: &str) -> InstanceTypeFacts {
    let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    InstanceTypeFacts {
        instance_type: name.parse().unwrap(),
        current_generation: Some(true),
        bare_metal: Some(false),
        hypervisor: Some("nitro".to_owned()),
        free_tier_eligible: Some(false),
        supported_usage_classes: list(&["on-demand", "spot"]),
        supported_root_device_types: list(&["ebs"]),
        supported_virtualization_types: list(&["hvm"]),
        supported_boot_modes: list(&["legacy-bios", "uefi"]),
        processor: ProcessorFacts { supported_architectures: list(&[architecture]), ..ProcessorFacts::default() },
        vcpus: Some(2),
        cores: Some(1),
        threads_per_core: Some(2),
        valid_cores: Vec::new(),
        valid_threads_per_core: Vec::new(),
        memory_mib: Some(8192),
        instance_storage_supported: Some(false),
        instance_storage: None,
        ebs: crate::ec2::facts::EbsFacts::default(),
        network: NetworkFacts { ena_support: Some("required".to_owned()), ..NetworkFacts::default() },
        gpus: Vec::new(),
        accelerators: Vec::new(),
        placement_group: crate::ec2::facts::PlacementGroupFacts::default(),
        hibernation_supported: Some(true),
        burstable_performance_supported: Some(false),
        dedicated_hosts_supported: Some(true),
        auto_recovery_supported: Some(true),
        nitro_enclaves_support: Some("supported".to_owned()),
        nitro_tpm_support: Some("supported".to_owned()),
        nitro_tpm_versions: list(&["2.0"]),
    }
}

pub(super) fn facts() -> Facts {
    let offering =
        |name: &str, zone: &str| Offering { instance_type: name.parse().unwrap(), location: zone.to_owned() };
    let zone =
        |name: &str| AvailabilityZoneFacts { zone_name: name.to_owned(), zone_id: None, state: None, zone_type: None };
    Facts {
        template: None,
        selection: Selection::Named,
        image: Some(image()),
        types: vec![instance_type("m7i.large", "x86_64"), instance_type("m7g.large", "arm64")],
        offerings: Some(vec![offering("m7i.large", "sandbox-1a"), offering("m7g.large", "sandbox-1a")]),
        subnets: vec![SubnetFacts {
            subnet_id: "subnet-00000001".to_owned(),
            availability_zone: Some("sandbox-1b".to_owned()),
            vpc_id: None,
            default_for_az: None,
            available_ip_address_count: Some(0),
        }],
        zones: vec![zone("sandbox-1a"), zone("sandbox-1b")],
        time: at(0),
    }
}

pub(super) fn in_zone(zone: &str) -> Placement {
    Placement { availability_zone: Some(zone.parse().unwrap()), ..Placement::default() }
}

pub(super) fn in_subnet(subnet: &str) -> Placement {
    Placement { subnet_id: Some(subnet.parse().unwrap()), ..Placement::default() }
}

/// Whether docs/findings.md, which is written from these tables, explains the code.
fn is_documented(code: &str) -> bool {
    LAUNCH_FINDINGS.rules.iter().any(|rule| rule.code == code)
        || crate::ami::compatibility::RULES.iter().any(|rule| rule.code == code)
}

fn refusal(spec: &Spec, facts: &Facts) -> Vec<String> {
    match decide(spec, facts, at(0)) {
        Decision::Refuse(findings) => findings
            .iter()
            .inspect(|finding| assert!(is_documented(&finding.code), "{}", finding.code))
            .filter(|finding| finding.outcome == Outcome::Fail)
            .map(|finding| finding.code.to_string())
            .collect(),
        Decision::Admit(plan) => panic!("admitted: {plan:?}"),
    }
}

fn admission(spec: &Spec, facts: &Facts) -> Plan {
    match decide(spec, facts, at(0)) {
        Decision::Admit(plan) => plan,
        Decision::Refuse(findings) => panic!("refused: {findings:?}"),
    }
}

#[test]
fn types_that_do_not_fit_are_struck_with_their_findings() {
    let plan = admission(&spec(&["m7g.large", "m7i.large"]), &facts());
    let left: Vec<&str> = plan.candidates().iter().map(|candidate| candidate.instance_type.as_str()).collect();
    assert_eq!(left, ["m7i.large"]);
    let struck: Vec<_> = plan.findings().iter().filter(|finding| finding.outcome == Outcome::Fail).collect();
    assert!(!struck.is_empty() && struck.iter().all(|finding| finding.field.starts_with("instance_types[m7g.large]")));
    assert!(!refusal(&spec(&["m7g.large"]), &facts()).is_empty(), "none left is a refusal");
}

#[test]
fn every_reason_to_refuse_is_found_at_once() {
    let mut wanted = spec(&["m7i.large", "x9.huge"]);
    wanted.expire_time = Some(at(0));
    wanted.placements = vec![in_zone("sandbox-1z"), in_subnet("subnet-00000009"), in_subnet("subnet-00000001")];
    wanted.block_device_mappings = vec![BlockDeviceSpec {
        device_name: "/dev/xvda".to_owned(),
        virtual_name: None,
        no_device: false,
        ebs: Some(EbsSpec { volume_size_gib: Some(4), ..EbsSpec::default() }),
    }];
    let codes = refusal(&wanted, &facts());
    for code in [
        "LAUNCH_EXPIRED",
        "AVAILABILITY_ZONE_NOT_FOUND",
        "SUBNET_NOT_FOUND",
        "INSTANCE_TYPE_NOT_FOUND",
        "NOT_OFFERED_IN_ZONE",
        "VOLUME_SMALLER_THAN_SNAPSHOT",
    ] {
        assert!(codes.iter().any(|found| found == code), "{code} is missing from {codes:?}");
    }
    assert_eq!(refusal(&spec(&["m7i.large"]), &Facts { image: None, ..facts() }), ["IMAGE_NOT_FOUND"]);
}

#[test]
fn candidates_run_type_major_and_only_where_the_type_is_offered() {
    let mut facts = facts();
    facts.types.push(instance_type("c7i.large", "x86_64"));
    facts.offerings.as_mut().unwrap().extend(
        ["sandbox-1a", "sandbox-1b"]
            .map(|zone| Offering { instance_type: "c7i.large".parse().unwrap(), location: zone.to_owned() }),
    );
    let mut wanted = spec(&["c7i.large", "m7i.large"]);
    wanted.placements = vec![in_subnet("subnet-00000001"), in_zone("sandbox-1a")];
    let plan = admission(&wanted, &facts);
    let order: Vec<(String, bool)> = plan
        .candidates()
        .iter()
        .map(|candidate| (candidate.instance_type.to_string(), candidate.placement.subnet_id.is_some()))
        .collect();
    let expected = [("c7i.large", true), ("c7i.large", false), ("m7i.large", false)];
    assert_eq!(order, expected.map(|(name, subnet)| (name.to_owned(), subnet)));
    assert!(plan.findings().iter().any(|finding| finding.code == "SUBNET_FULL" && finding.outcome == Outcome::Warn));
}

#[test]
fn a_zone_that_is_not_known_to_offer_a_type_is_tried_and_one_that_does_not_is_not() {
    let mut wanted = spec(&["m7i.large"]);
    wanted.placements = vec![in_zone("sandbox-1a")];
    let plan = admission(&wanted, &Facts { offerings: None, ..facts() });
    let [finding] = plan.findings() else { panic!("{:?}", plan.findings()) };
    assert_eq!((finding.code.as_ref(), finding.outcome), ("NOT_OFFERED_IN_ZONE", Outcome::Unknown));
    let nowhere = Facts { offerings: Some(Vec::new()), ..facts() };
    assert_eq!(refusal(&wanted, &nowhere), ["NOT_OFFERED_IN_REGION"]);
}

#[test]
fn the_deadline_is_the_earlier_of_ours_and_the_callers() {
    let ours = at(0) + LAUNCH_DEADLINE;
    assert_eq!(admission(&spec(&["m7i.large"]), &facts()).deadline(), ours);
    let mut wanted = spec(&["m7i.large"]);
    wanted.expire_time = Some(at(60));
    assert_eq!(admission(&wanted, &facts()).deadline(), at(60));
    wanted.expire_time = Some(ours + Duration::from_secs(60));
    assert_eq!(admission(&wanted, &facts()).deadline(), ours);
}

#[test]
fn a_receipt_holds_while_the_image_boots_as_it_did() {
    let digest = crate::ami::receipt::boot_digest(&image());
    let receipt = ImageReceipt { image_id: "ami-00000001".parse().unwrap(), digest, observed_time: at(-60) };
    let wanted = Spec { image: ImageChoice::Receipt(receipt), ..spec(&["m7i.large"]) };
    admission(&wanted, &facts());
    let renamed = Image { name: Some("other".to_owned()), ..image() };
    admission(&wanted, &Facts { image: Some(renamed), ..facts() });
    let changed = Facts { image: Some(Image { imds_support: Some("v2.0".to_owned()), ..image() }), ..facts() };
    let Decision::Refuse(findings) = decide(&wanted, &changed, at(0)) else { panic!("it would boot otherwise") };
    let finding = findings.iter().find(|finding| finding.code == "IMAGE_CHANGED").unwrap();
    assert_eq!((finding.outcome, finding.expected.as_str()), (Outcome::Fail, digest.to_string().as_str()));
    assert!(finding.message.ends_with("image.imds_support was absent, and is v2.0."), "{}", finding.message);
    assert_eq!(refusal(&wanted, &Facts { image: None, ..facts() }), ["IMAGE_NOT_FOUND"]);
}

#[test]
fn what_a_selector_came_to_is_said() {
    let wanted = Spec { image: ImageChoice::Selector(Box::default()), ..spec(&["m7i.large"]) };
    let chosen = |inferred: Option<&str>| Facts {
        selection: Selection::Chosen { inferred: inferred.map(str::to_owned) },
        ..facts()
    };
    assert_eq!(admission(&wanted, &chosen(None)).findings(), []);
    let inferred = admission(&wanted, &chosen(Some("no SSM")));
    assert_eq!(
        (inferred.findings()[0].code.as_ref(), inferred.findings()[0].outcome),
        ("IMAGE_INFERRED", Outcome::Warn)
    );
    let nothing = crate::ami::resolve::Nothing { matched: 2, message: "2 disabled".to_owned() };
    let facts = Facts { selection: Selection::Nothing(nothing), image: None, ..facts() };
    assert_eq!(refusal(&wanted, &facts), ["SELECTOR_MATCHES_NOTHING"]);
}

#[test]
fn a_mac_without_a_host_is_refused_and_with_one_is_not() {
    let mut mac = instance_type("mac2.metal", "arm64_mac");
    mac.bare_metal = Some(true);
    let image = Image { architecture: Some("arm64_mac".to_owned()), ..image() };
    let facts = Facts { types: vec![mac], image: Some(image), ..facts() };
    let mut wanted = spec(&["mac2.metal"]);
    assert_eq!(refusal(&wanted, &facts), ["TENANCY_NOT_SUPPORTED"]);
    wanted.placements = vec![Placement { tenancy: Some("host".to_owned()), ..Placement::default() }];
    admission(&wanted, &facts);
}

#[test]
fn the_subnet_of_an_interface_must_exist_and_says_the_zone() {
    let on = |subnet: &str| Spec {
        network_interfaces: vec![NetworkInterface {
            subnet_id: Some(subnet.parse().unwrap()),
            ..NetworkInterface::default()
        }],
        ..spec(&["m7i.large"])
    };
    assert_eq!(refusal(&on("subnet-00000009"), &facts()), ["SUBNET_NOT_FOUND"]);
    let elsewhere = refusal(&on("subnet-00000001"), &facts());
    assert_eq!(elsewhere, ["NOT_OFFERED_IN_ZONE"], "the subnet is in sandbox-1b");
}

#[test]
fn a_root_that_the_launch_encrypts_is_judged_as_encrypted() {
    let mut wanted = Spec { hibernation: true, ..spec(&["m7i.large"]) };
    let plan = admission(&wanted, &facts());
    assert!(plan.findings().iter().any(|finding| finding.code == "HIBERNATION_ROOT_VOLUME"));
    wanted.block_device_mappings = vec![BlockDeviceSpec {
        device_name: "/dev/xvda".to_owned(),
        virtual_name: None,
        no_device: false,
        ebs: Some(EbsSpec {
            volume_size_gib: Some(20),
            volume_type: Some("gp3".to_owned()),
            encrypted: Some(true),
            ..EbsSpec::default()
        }),
    }];
    assert_eq!(admission(&wanted, &facts()).findings(), []);
}

#[test]
fn what_is_said_of_a_template_comes_first_and_nothing_is_said_twice() {
    use crate::ec2::template::Uncarried;
    let missing =
        TemplateFacts::Missing { code: Some("InvalidLaunchTemplateId.NotFound".to_owned()), message: "no".to_owned() };
    let bare = Spec { image: ImageChoice::LaunchTemplate, ..spec(&[]) };
    let unnamed = Facts { selection: Selection::Unnamed, image: None, ..facts() };
    let of = |template: TemplateFacts| refusal(&bare, &Facts { template: Some(template), ..unnamed.clone() });
    assert_eq!(of(missing), ["LAUNCH_TEMPLATE_NOT_FOUND"]);
    let read = |fields: &[&str], user_data_bytes| TemplateFacts::Merged {
        launch_template_id: "lt-00000001".to_owned(),
        launch_template_name: None,
        version_number: 1,
        uncarried: fields
            .iter()
            .map(|field| Uncarried { field: (*field).to_owned(), observed: "x".to_owned() })
            .collect(),
        user_data_bytes,
    };
    assert_eq!(of(read(&[], Some(16_384))), ["IMAGE_NOT_NAMED", "INSTANCE_TYPE_NOT_NAMED"]);
    assert_eq!(
        of(read(&["image_id", "instance_requirements"], Some(16_385))),
        ["LAUNCH_TEMPLATE_UNSUPPORTED", "LAUNCH_TEMPLATE_UNSUPPORTED", "USER_DATA_TOO_LONG"]
    );
}
