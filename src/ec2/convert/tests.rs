//! Every field is mapped; what is odd on the wire comes through unharmed.

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types as sdk;
use serde_json::Value;

use super::*;
use crate::ec2::facts::{InstanceState, LaunchPermission};

mod instance_type;

/// The paths of all nulls and empty lists, maps and strings in `facts`: what no field was mapped to.
pub(super) fn holes(facts: &impl serde::Serialize) -> Vec<String> {
    fn walk(path: &str, value: &Value, holes: &mut Vec<String>) {
        match value {
            Value::Null => holes.push(path.to_owned()),
            Value::String(text) if text.is_empty() => holes.push(path.to_owned()),
            Value::Array(items) if items.is_empty() => holes.push(path.to_owned()),
            Value::Object(map) if map.is_empty() => holes.push(path.to_owned()),
            Value::Array(items) => items.iter().for_each(|item| walk(&format!("{path}[]"), item, holes)),
            Value::Object(map) => map.iter().for_each(|(key, item)| walk(&format!("{path}.{key}"), item, holes)),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    walk("", &serde_json::to_value(facts).unwrap(), &mut found);
    found
}

fn whole_image() -> sdk::Image {
    let at = DateTime::from_secs(1_700_000_000);
    sdk::Image::builder()
        .image_id("ami-0abcdef1234567890")
        .name("name")
        .description("description")
        .image_location("123456789012/name")
        .owner_id("123456789012")
        .image_owner_alias("amazon")
        .architecture("riscv64".into())
        .image_type("machine".into())
        .state("available".into())
        .state_reason(sdk::StateReason::builder().code("c").message("m").build())
        .creation_date("2021-09-29T11:04:43.000Z")
        .deprecation_time("2023-09-29T11:04:00.000Z")
        .last_launched_time("2022-01-01T00:00:00Z")
        .root_device_type("ebs".into())
        .root_device_name("/dev/xvda")
        .virtualization_type("hvm".into())
        .hypervisor("xen".into())
        .boot_mode("uefi-preferred".into())
        .tpm_support("v2.0".into())
        .imds_support("v2.0".into())
        .ena_support(true)
        .sriov_net_support("simple")
        .kernel_id("aki-12345678")
        .ramdisk_id("ari-12345678")
        .platform("Windows".into())
        .platform_details("Windows")
        .usage_operation("RunInstances:0002")
        .public(true)
        .product_codes(sdk::ProductCode::builder().product_code_id("p").product_code_type("marketplace".into()).build())
        .block_device_mappings(
            sdk::BlockDeviceMapping::builder()
                .device_name("/dev/xvda")
                .virtual_name("ephemeral0")
                .no_device("x")
                .ebs(
                    sdk::EbsBlockDevice::builder()
                        .delete_on_termination(true)
                        .iops(1)
                        .snapshot_id("snap-1")
                        .volume_size(8)
                        .volume_type("gp9".into())
                        .kms_key_id("k")
                        .throughput(125)
                        .outpost_arn("arn")
                        .encrypted(true)
                        .volume_initialization_rate(100)
                        .ebs_card_index(0)
                        .availability_zone("us-east-1a")
                        .build(),
                )
                .build(),
        )
        .source_instance_id("i-12345678")
        .source_image_id("ami-12345678")
        .source_image_region("us-east-1")
        .deregistration_protection("disabled")
        .image_allowed(true)
        .free_tier_eligible(true)
        .public_ssm_parameter_name("/aws/service/x")
        .image_watermarks(
            sdk::ImageWatermark::builder()
                .watermark_key("123456789012:w")
                .source_image_region("us-east-1")
                .source_image_id("ami-12345678")
                .source_image_creation_time(at)
                .watermark_creation_time(at)
                .build(),
        )
        .scan_results(
            sdk::ScanResults::builder()
                .highest_finding_severity_label("high".into())
                .finding_scan_date(at)
                .informational_fix_available_since(at)
                .low_fix_available_since(at)
                .medium_fix_available_since(at)
                .high_fix_available_since(at)
                .critical_fix_available_since(at)
                .build(),
        )
        .instance_type_specification(
            sdk::InstanceTypeSpecification::builder()
                .supported_instance_types(sdk::InstanceTypeItem::builder().instance_type("m7i.*").build())
                .unsupported_instance_types(sdk::InstanceTypeItem::builder().instance_type("m7i.metal*").build())
                .build(),
        )
        .tags(sdk::Tag::builder().key("k").value("v").build())
        .build()
}

#[test]
fn every_field_of_an_image_is_mapped() {
    let facts = image(whole_image()).unwrap();
    assert_eq!(holes(&facts), Vec::<String>::new());
    assert_eq!(facts.architecture.as_deref(), Some("riscv64"), "a value the SDK does not know survives");
    assert_eq!(facts.platform.as_deref(), Some("windows"));
    assert_eq!(facts.creation_date.unwrap().to_string(), "2021-09-29T11:04:43Z");
}

#[test]
fn an_image_of_2008_has_almost_nothing() {
    let facts = image(sdk::Image::builder().image_id("ami-20b65349").creation_date("").build()).unwrap();
    assert_eq!(facts, crate::ec2::facts::Image::unknown("ami-20b65349".parse().unwrap()));
}

#[test]
fn kernels_and_ram_disks_are_no_amis() {
    for id in ["aki-12345678", "ari-12345678", "ami-", ""] {
        assert!(image(sdk::Image::builder().image_id(id).build()).is_none(), "{id}");
    }
}

#[test]
fn a_date_that_is_none_is_absent() {
    let table = [
        (Some("2021-09-29T11:04:43.000Z"), Some("2021-09-29T11:04:43Z")),
        (Some("2021-09-29T11:04:43Z"), Some("2021-09-29T11:04:43Z")),
        (Some(" 2021-09-29T13:04:43+02:00\n"), Some("2021-09-29T11:04:43Z")),
        (Some("2021-09-29T11:04:43"), None),
        (Some("2021-09-29"), None),
        (Some("2021-02-30T00:00:00Z"), None),
        (Some("yesterday"), None),
        (Some(""), None),
        (None, None),
    ];
    for (text, expected) in table {
        assert_eq!(date(text).map(|time| time.to_string()).as_deref(), expected, "{text:?}");
    }
    assert_eq!(timestamp(DateTime::from_nanos(1_500_000_999).unwrap()).unwrap().as_microsecond(), 1_500_000);
    assert_eq!(timestamp(DateTime::from_secs(i64::MAX)), None);
}

#[test]
fn launch_permissions_have_four_kinds() {
    let permission = sdk::LaunchPermission::builder;
    let found = launch_permissions(vec![
        permission().group("all".into()).build(),
        permission().user_id("123456789012").build(),
        permission().organization_arn("arn:o").build(),
        permission().organizational_unit_arn("arn:ou").build(),
        permission().group("some-day".into()).build(),
    ]);
    let expected = [
        LaunchPermission::Public,
        LaunchPermission::Account("123456789012".into()),
        LaunchPermission::Organization("arn:o".into()),
        LaunchPermission::OrganizationalUnit("arn:ou".into()),
    ];
    assert_eq!(found, expected);
}

#[test]
fn every_field_of_an_instance_is_mapped() {
    let facts = instance(
        sdk::Instance::builder()
            .instance_id("i-0abcdef1234567890")
            .image_id("ami-12345678")
            .instance_type("m7i.large".into())
            .state(sdk::InstanceState::builder().code(0x1_0010).build())
            .state_reason(sdk::StateReason::builder().code("c").message("m").build())
            .state_transition_reason("User initiated")
            .launch_time(DateTime::from_secs(1_700_000_000))
            .placement(sdk::Placement::builder().availability_zone("us-east-1a").build())
            .subnet_id("subnet-12345678")
            .vpc_id("vpc-12345678")
            .private_ip_address("10.0.0.1")
            .public_ip_address("192.0.2.1")
            .private_dns_name("ip-10-0-0-1.ec2.internal")
            .public_dns_name("ec2-192-0-2-1.compute-1.amazonaws.com")
            .client_token("gantry-1")
            .root_device_type("ebs".into())
            .virtualization_type("hvm".into())
            .architecture("x86_64".into())
            .boot_mode("uefi-preferred".into())
            .current_instance_boot_mode("uefi".into())
            .instance_lifecycle("spot".into())
            .tags(sdk::Tag::builder().key("Name").value("web").build())
            .build(),
    )
    .unwrap();
    assert_eq!(holes(&facts), Vec::<String>::new());
    assert_eq!(facts.state, Some(InstanceState::Running), "only the low byte of the code counts");
    assert!(instance(sdk::Instance::builder().build()).is_none());
}

#[test]
fn a_state_without_a_code_is_read_from_its_name() {
    let named = |name: &str| super::instance::state(sdk::InstanceState::builder().name(name.into()).build());
    assert_eq!(named("shutting-down"), Some(InstanceState::ShuttingDown));
    assert_eq!(named("hibernating"), None);
}

#[test]
fn every_field_of_a_status_is_mapped() {
    let (early, late) = (DateTime::from_secs(1_700_000_000), DateTime::from_secs(1_700_000_060));
    let checks = sdk::InstanceStatusSummary::builder()
        .status("impaired".into())
        .details(
            sdk::InstanceStatusDetails::builder()
                .name("reachability".into())
                .status("failed".into())
                .impaired_since(late)
                .build(),
        )
        .details(
            sdk::InstanceStatusDetails::builder()
                .name("some-day".into())
                .status("failed".into())
                .impaired_since(early)
                .build(),
        )
        .build();
    let facts = instance_status(
        sdk::InstanceStatus::builder()
            .instance_id("i-12345678")
            .instance_state(sdk::InstanceState::builder().code(16).build())
            .availability_zone("us-east-1a")
            .system_status(checks.clone())
            .instance_status(checks)
            .attached_ebs_status(
                sdk::EbsStatusSummary::builder()
                    .status("ok".into())
                    .details(
                        sdk::EbsStatusDetails::builder()
                            .name("reachability".into())
                            .status("passed".into())
                            .impaired_since(early)
                            .build(),
                    )
                    .build(),
            )
            .application_status(
                sdk::ApplicationStatusSummary::builder().status("suppressed".into()).impaired_since(early).build(),
            )
            .performance_status(
                sdk::PerformanceStatusSummary::builder().status("ok".into()).impaired_since(early).build(),
            )
            .events(
                sdk::InstanceStatusEvent::builder()
                    .instance_event_id("instance-event-1")
                    .code("instance-retirement".into())
                    .description("[Completed] x")
                    .not_before(early)
                    .not_after(late)
                    .build(),
            )
            .build(),
    )
    .unwrap();
    let plain_summaries = [".application.details", ".performance.details"];
    assert_eq!(holes(&facts), plain_summaries, "application and performance checks have no details");
    let instance = facts.instance.unwrap();
    assert_eq!(instance.details[1], ("some-day".to_owned(), "failed".to_owned()));
    assert_eq!(instance.impaired_since, timestamp(early), "since the first of its details");
    assert_eq!(facts.application.unwrap().status, "suppressed");
}

#[test]
fn a_console_is_decoded_with_its_line_breaks_and_without_its_padding() {
    assert_eq!(console_text("Ym9vdGVk\nIG9rCg==").as_deref(), Some("booted ok\n"));
    assert_eq!(console_text("Ym9vdGVkIG9rCg").as_deref(), Some("booted ok\n"));
    assert_eq!(console_text("/w==").as_deref(), Some("\u{fffd}"));
    assert_eq!(console_text("").as_deref(), Some(""));
    assert_eq!(console_text("<html>"), None);
}
