//! The rules against all 1,395 real types: known counts, wishes, and missing facts.

mod classes;
mod codes;
mod keys;
mod types;

use std::sync::Arc;

use super::*;
use crate::ec2::facts::{BlockDevice, EbsVolume, InstanceTypeSpecification, Offering};
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

#[test]
fn wishes_strike_as_many_types_as_the_data_says() {
    let types = instance_types();
    let fit = |wish: &Wish| {
        let fits = |facts: &&InstanceTypeFacts| {
            let outcomes: [Option<Outcome>; 3] =
                [request::market(facts, wish), request::tenancy(facts, wish), request::enclave(facts, wish)];
            outcomes.into_iter().flatten().all(|outcome| matches!(outcome, Outcome::Pass | Outcome::Warn))
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

fn zones(rows: &[(&str, &str)]) -> Offered {
    let row =
        |&(name, zone): &(&str, &str)| Offering { instance_type: name.parse().unwrap(), location: zone.to_owned() };
    Offered::Known(Arc::new(Offerings::new(rows.iter().map(row))))
}

#[test]
fn offerings_are_judged_when_they_are_given() {
    let rows = [("m7i.large", "eu-north-1b"), ("m7i.large", "eu-north-1a"), ("t2.micro", "eu-north-1a")];
    let wish = |zone: Option<&str>| Wish {
        offered: zones(&rows),
        availability_zone: zone.map(str::to_owned),
        ..Wish::default()
    };
    let (m7i, t2, p5) = (of("m7i.large"), of("t2.micro"), of("p5.48xlarge"));
    let seen = |facts: &InstanceTypeFacts, zone, code| {
        let finding = finding(&image(), facts, &wish(zone), code);
        (finding.outcome, finding.expected, finding.ec2_error_code)
    };
    let both = "eu-north-1a or eu-north-1b".to_owned();
    let unsupported = Some("Unsupported".into());
    assert_eq!(seen(&m7i, None, "NOT_OFFERED_IN_REGION"), (Outcome::Pass, both.clone(), None));
    assert_eq!(seen(&m7i, Some("eu-north-1b"), "NOT_OFFERED_IN_ZONE"), (Outcome::Pass, both, None));
    assert_eq!(
        seen(&t2, Some("eu-north-1b"), "NOT_OFFERED_IN_ZONE"),
        (Outcome::Fail, "eu-north-1a".to_owned(), unsupported.clone())
    );
    assert_eq!(seen(&p5, None, "NOT_OFFERED_IN_REGION"), (Outcome::Fail, "a zone".to_owned(), unsupported));
    let nothing = Wish { offered: zones(&[]), ..Wish::default() };
    assert_eq!(finding(&image(), &m7i, &nothing, "NOT_OFFERED_IN_REGION").outcome, Outcome::Unknown);
    for (zone, code) in [(None, "NOT_OFFERED_IN_REGION"), (text("eu-north-1b"), "NOT_OFFERED_IN_ZONE")] {
        let unsaid = Wish { offered: Offered::Unknown, availability_zone: zone, ..Wish::default() };
        assert_eq!(finding(&image(), &m7i, &unsaid, code).outcome, Outcome::Unknown);
        assert_eq!(judge(&image(), &m7i, &unsaid), Verdict::Unknown);
    }
    let left_out = Wish { availability_zone: text("eu-north-1c"), ..Wish::default() };
    assert_eq!(judge(&image(), &m7i, &left_out), Verdict::Compatible);
}

fn mapped(ebs: usize, ephemeral: &[&str]) -> Image {
    let device = |virtual_name: Option<&str>, ebs: Option<EbsVolume>| BlockDevice {
        device_name: text("/dev/sdz"),
        virtual_name: virtual_name.map(str::to_owned),
        no_device: None,
        ebs,
    };
    changed(|image| {
        image.block_device_mappings = (0..ebs).map(|_| device(None, Some(EbsVolume::default()))).collect();
        image.block_device_mappings.extend(ephemeral.iter().map(|&name| device(Some(name), None)));
    })
}

/// Types with their disks and limits as data/instance-types.jsonl has them.
#[test]
fn mappings_meet_the_disks_and_the_places_for_volumes() {
    let disks = |name: &str, mappings: &[&str]| {
        finding(&mapped(1, mappings), &of(name), &Wish::default(), "INSTANCE_STORE_NOT_ATTACHED").outcome
    };
    assert_eq!(disks("m7i.large", &[]), Outcome::Pass);
    assert_eq!(disks("m7i.large", &["ephemeral0"]), Outcome::Warn, "EBS only");
    assert_eq!(disks("m5d.large", &["ephemeral0", "ephemeral7"]), Outcome::Pass, "NVMe: attached anyway");
    assert_eq!(disks("c3.large", &["ephemeral0", "ephemeral1"]), Outcome::Pass, "two disks");
    assert_eq!(disks("c3.large", &["ephemeral2"]), Outcome::Warn, "the third of two");
    assert_eq!(disks("c3.large", &["ephemeral0", "ephemeral0", "ephemeral0"]), Outcome::Warn, "three of two");
    assert_eq!(disks("m3.medium", &["ephemeral0"]), Outcome::Warn, "M3 ignores the image's mappings");
    assert_eq!(disks("m7i.large", &["ami", "root"]), Outcome::Pass, "no disks");

    let volumes = |name: &str, count: usize, interfaces: Option<usize>| {
        let wish = Wish { network_interfaces: interfaces, ..Wish::default() };
        finding(&mapped(count, &[]), &of(name), &wish, "EBS_ATTACHMENT_LIMIT").outcome
    };
    assert_eq!(volumes("a1.2xlarge", 27, None), Outcome::Pass, "27, shared");
    assert_eq!(volumes("a1.2xlarge", 28, None), Outcome::Fail);
    assert_eq!(volumes("a1.2xlarge", 27, Some(2)), Outcome::Fail, "the second interface takes a place");
    assert_eq!(volumes("m7i.large", 32, Some(3)), Outcome::Pass, "32, dedicated");
    assert_eq!(volumes("m7i.large", 33, None), Outcome::Fail);
    assert_eq!(volumes("m4.large", 41, None), Outcome::Warn, "Xen");
    let fewer = Wish { ebs_volumes: Some(1), ..Wish::default() };
    assert_eq!(judge(&mapped(40, &[]), &of("a1.2xlarge"), &Wish::default()), Verdict::Incompatible);
    let arm = |image: Image| Image { architecture: text("arm64"), ..image };
    assert_eq!(judge(&arm(mapped(40, &[])), &of("a1.2xlarge"), &fewer), Verdict::Compatible);
}

#[test]
fn nitro_tpm_needs_uefi_as_well() {
    let with = |boot_mode: Option<&str>, architecture: &str| {
        changed(|image| {
            image.tpm_support = text("v2.0");
            image.boot_mode = boot_mode.map(str::to_owned);
            image.architecture = text(architecture);
        })
    };
    let outcome = |image: &Image, name: &str| finding(image, &of(name), &Wish::default(), "NITRO_TPM_REQUIRED").outcome;
    assert_eq!(outcome(&with(Some("uefi"), "x86_64"), "m7i.large"), Outcome::Pass);
    assert_eq!(outcome(&with(Some("uefi-preferred"), "x86_64"), "m7i.large"), Outcome::Pass);
    assert_eq!(outcome(&with(None, "x86_64"), "m7i.large"), Outcome::Fail, "the default is legacy BIOS");
    assert_eq!(outcome(&with(None, "arm64"), "m7g.large"), Outcome::Pass, "the default is UEFI");
    assert_eq!(outcome(&with(Some("legacy-bios"), "x86_64"), "m7i.large"), Outcome::Fail);
    assert_eq!(outcome(&with(Some("uefi"), "x86_64"), "t2.micro"), Outcome::Fail, "no TPM");
}
