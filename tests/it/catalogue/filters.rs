//! Filters: the catalogue's answer against EC2's own, for questions drawn at random.
//!
//! With `max_staleness` 0 EC2's filters are evaluated by EC2 (here the sandbox, which shares no code
//! with the catalogue), and without it by the catalogue's index. Both must say the same.

use std::time::Duration;

use gantry::api::pb;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use super::{everything, ids, list, world};

/// Questions asked.
const QUESTIONS: u32 = 150;

/// EC2's names, and for each a few texts that images of the sandbox may hold.
const NAMES: &[(&str, &[&str])] = &[
    ("architecture", &["x86_64", "arm64", "i386", "x86_64_mac", "arm64_mac"]),
    ("block-device-mapping.delete-on-termination", &["true", "false"]),
    ("block-device-mapping.device-name", &["/dev/sda1", "/dev/xvda", "sdb", "xvdca"]),
    ("block-device-mapping.snapshot-id", &["snap-0*", "snap-*f"]),
    ("block-device-mapping.volume-size", &["8", "10", "30", "100", "1?"]),
    ("block-device-mapping.volume-type", &["gp2", "gp3", "io1", "standard"]),
    ("block-device-mapping.encrypted", &["true", "false"]),
    ("boot-mode", &["uefi", "uefi-preferred", "legacy-bios"]),
    ("creation-date", &["2024*", "2025-0?-*", "2026-01-01T00:00:00.000Z", "20*Z"]),
    ("description", &["*Linux*", "*Ubuntu*", ""]),
    ("ena-support", &["true", "false"]),
    ("free-tier-eligible", &["true", "false"]),
    ("hypervisor", &["xen", "ovm"]),
    ("image-allowed", &["true", "false"]),
    ("image-id", &["ami-0*", "ami-*a", "ami-????????"]),
    ("image-watermark.source-image-creation-time", &["202*"]),
    ("image-watermark.source-image-id", &["ami-*"]),
    ("image-watermark.source-image-region", &["sandbox-1", "us-*"]),
    ("image-watermark.watermark-creation-time", &["202*"]),
    ("image-watermark.watermark-key", &["*:golden", "0*"]),
    ("image-type", &["machine", "kernel"]),
    ("instance-type-specification.supported-instance-type", &["m7*", "c5.*", "*"]),
    ("instance-type-specification.unsupported-instance-type", &["t*", "*"]),
    ("is-public", &["true", "false"]),
    ("kernel-id", &["aki-*"]),
    ("manifest-location", &["amazon/*", "*manifest.xml"]),
    ("name", &["al2023-ami-*", "*ubuntu*", "Windows_Server-*", "*-x86_64*", "al2023\\-ami*"]),
    ("owner-alias", &["amazon", "aws-marketplace", "aws-backup-vault"]),
    ("owner-id", &["000000000000", "099720109477", "1*"]),
    ("platform", &["windows", "Windows"]),
    ("product-code", &["*"]),
    ("product-code.type", &["marketplace", "devpay"]),
    ("public-ssm-parameter-name", &["*"]),
    ("ramdisk-id", &["ari-*"]),
    ("root-device-name", &["/dev/sda1", "/dev/xvda", "/dev/sda"]),
    ("root-device-type", &["ebs", "instance-store"]),
    ("scan-result.highest-finding-severity-label", &["critical", "high", "low"]),
    ("scan-result.finding-scan-date", &["202*"]),
    ("scan-result.informational-fix-available-since", &["202*"]),
    ("scan-result.low-fix-available-since", &["202*"]),
    ("scan-result.medium-fix-available-since", &["202*"]),
    ("scan-result.high-fix-available-since", &["202*"]),
    ("scan-result.critical-fix-available-since", &["202*"]),
    ("source-image-id", &["ami-*"]),
    ("source-image-region", &["sandbox-1", "us-east-1"]),
    ("source-instance-id", &["i-*"]),
    ("state", &["available", "pending", "disabled", "failed"]),
    ("state-reason-code", &["*"]),
    ("state-reason-message", &["*"]),
    ("sriov-net-support", &["simple"]),
    ("tag-key", &["Name", "team", "*"]),
    ("tag:team", &["*", "platform"]),
    ("tag:Name", &["*a*", ""]),
    ("virtualization-type", &["hvm", "paravirtual"]),
];

const ORDERS: &[&str] = &[
    "",
    "creation_time",
    "name",
    "name desc",
    "deprecation_time desc",
    "last_launched_time",
    "total_volume_size desc, name",
];

/// A value as it is, with a wildcard where there was none, or in the wrong case.
fn value(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    (prop::sample::select(texts), 0..8_u8, any::<prop::sample::Index>()).prop_map(|(text, change, at)| {
        let mut text = text.to_owned();
        let at = if text.is_empty() { 0 } else { at.index(text.len() + 1) };
        match change {
            0 => text.insert(at, '*'),
            1 => text.insert(at, '?'),
            2 => text = text.to_ascii_uppercase(),
            _ => {}
        }
        text
    })
}

fn filter() -> impl Strategy<Value = pb::Filter> {
    prop::sample::select(NAMES).prop_flat_map(|(name, texts)| {
        prop::collection::vec(value(texts), 1..4)
            .prop_map(move |values| pb::Filter { name: (*name).to_owned(), values })
    })
}

fn question() -> impl Strategy<Value = pb::ListImagesRequest> {
    let owners = prop::sample::select(vec![vec![], vec!["self"], vec!["amazon", "self"], vec!["099720109477"]]);
    let order = prop::sample::select(ORDERS);
    (prop::collection::vec(filter(), 0..4), owners, any::<(bool, bool)>(), order).prop_map(
        |(filters, owners, (include_deprecated, include_disabled), order)| pb::ListImagesRequest {
            filters,
            owners: owners.into_iter().map(str::to_owned).collect(),
            include_deprecated,
            include_disabled,
            order_by: order.to_owned(),
            ..everything()
        },
    )
}

/// The images, whenever they were seen.
fn facts(answer: pb::ListImagesResponse) -> Vec<pb::Image> {
    answer.images.into_iter().map(|image| pb::Image { observed_time: None, ..image }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_answers_as_ec2_does() {
    let world = world(&["all"]).await;
    let mut runner = TestRunner::new(Config::default());
    let mut found_some = 0;
    for _ in 0..QUESTIONS {
        let request = question().new_tree(&mut runner).unwrap().current();
        let live = pb::ListImagesRequest { max_staleness: Some(prost_types::Duration::default()), ..request.clone() };
        let (catalogue, ec2) = (list(&world, request.clone()).await, list(&world, live).await);
        let only_ec2_knows = request.filters.iter().any(|filter| filter.name == "public-ssm-parameter-name");
        let from = if only_ec2_knows { pb::AnsweredFrom::Ec2 } else { pb::AnsweredFrom::Catalogue };
        assert_eq!(catalogue.answered_from(), from);
        assert_eq!(ec2.answered_from(), pb::AnsweredFrom::Ec2);
        assert_eq!((catalogue.total_size, ids(&catalogue)), (ec2.total_size, ids(&ec2)), "{request:?}");
        assert!(facts(catalogue) == facts(ec2.clone()), "the same images, with other facts: {request:?}");
        found_some += u32::from(!ids(&ec2).is_empty());
        // So many questions in no time would be held back.
        world.clock.advance(Duration::from_secs(1));
    }
    assert!(found_some > QUESTIONS / 5, "questions that nothing answers show nothing: {found_some}");
}
