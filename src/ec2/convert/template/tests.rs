//! What of a template is carried, what is named because it is not, and what asks for nothing.

use super::*;
use crate::ec2::run::RunNetworkInterface;

fn version(data: sdk::ResponseLaunchTemplateData) -> LaunchTemplate {
    let version = sdk::LaunchTemplateVersion::builder()
        .launch_template_id("lt-0123456789abcdef0")
        .launch_template_name("web")
        .version_number(7)
        .launch_template_data(data);
    launch_template(version.build()).unwrap()
}

fn uncarried(data: sdk::ResponseLaunchTemplateData) -> Vec<String> {
    let fields = version(data).uncarried.into_iter();
    fields.map(|uncarried| format!("{}={}", uncarried.field, uncarried.observed)).collect()
}

fn tag(key: &str) -> sdk::Tag {
    sdk::Tag::builder().key(key).value("v").build()
}

fn tags_of(kind: sdk::ResourceType, key: &str) -> sdk::LaunchTemplateTagSpecification {
    sdk::LaunchTemplateTagSpecification::builder().resource_type(kind).tags(tag(key)).build()
}

#[test]
fn what_a_launch_can_say_is_carried_whole() {
    let interface = sdk::LaunchTemplateInstanceNetworkInterfaceSpecification::builder()
        .device_index(1)
        .network_interface_id("eni-0a1b2c3d")
        .subnet_id("subnet-0a1b2c3d")
        .groups("sg-0a1b2c3d")
        .associate_public_ip_address(true)
        .delete_on_termination(false);
    let ebs = sdk::LaunchTemplateEbsBlockDevice::builder()
        .encrypted(true)
        .delete_on_termination(false)
        .iops(3000)
        .kms_key_id("alias/web")
        .snapshot_id("snap-0a1b2c3d")
        .volume_size(20)
        .volume_type("gp9".into())
        .throughput(125);
    let device = |name: &str| sdk::LaunchTemplateBlockDeviceMapping::builder().device_name(name);
    let data = sdk::ResponseLaunchTemplateData::builder()
        .image_id("resolve:ssm:/aws/service/x")
        .instance_type("m9z.large".into())
        .key_name("ops")
        .security_group_ids("sg-0a1b2c3d")
        .network_interfaces(interface.build())
        .iam_instance_profile(sdk::LaunchTemplateIamInstanceProfileSpecification::builder().name("web").build())
        .user_data("aGVs\nbG8=")
        .block_device_mappings(device("/dev/sda1").ebs(ebs.build()).build())
        .block_device_mappings(device("/dev/sdb").virtual_name("ephemeral0").build())
        .block_device_mappings(device("/dev/sdc").no_device("").build())
        .hibernation_options(sdk::LaunchTemplateHibernationOptions::builder().configured(true).build())
        .enclave_options(sdk::LaunchTemplateEnclaveOptions::builder().enabled(false).build())
        .credit_specification(sdk::CreditSpecification::builder().cpu_credits("unlimited").build())
        .placement(
            sdk::LaunchTemplatePlacement::builder()
                .availability_zone("us-east-1a")
                .tenancy("host".into())
                .host_id("h-0a1b2c3d")
                .group_name("near")
                .build(),
        )
        .instance_market_options(
            sdk::LaunchTemplateInstanceMarketOptions::builder()
                .market_type("spot".into())
                .spot_options(sdk::LaunchTemplateSpotMarketOptions::builder().max_price("0.05").build())
                .build(),
        )
        .metadata_options(
            sdk::LaunchTemplateInstanceMetadataOptions::builder()
                .state("pending".into())
                .http_tokens("optional".into())
                .http_put_response_hop_limit(2)
                .http_endpoint("enabled".into())
                .instance_metadata_tags("disabled".into())
                .build(),
        )
        .cpu_options(
            sdk::LaunchTemplateCpuOptions::builder()
                .core_count(2)
                .threads_per_core(1)
                .amd_sev_snp("enabled".into())
                .nested_virtualization("disabled".into())
                .build(),
        )
        .capacity_reservation_specification(
            sdk::LaunchTemplateCapacityReservationSpecificationResponse::builder()
                .capacity_reservation_target(
                    sdk::CapacityReservationTargetResponse::builder().capacity_reservation_id("cr-0a1b2c3d").build(),
                )
                .build(),
        )
        .tag_specifications(tags_of(sdk::ResourceType::Instance, "a"))
        .tag_specifications(tags_of(sdk::ResourceType::Volume, "b"));
    let template = version(data.build());
    assert_eq!(template.uncarried, []);
    assert_eq!((template.launch_template_id.as_str(), template.version_number), ("lt-0123456789abcdef0", 7));
    let text = |text: &str| Some(text.to_owned());
    let ebs = RunEbsVolume {
        volume_size_gib: Some(20),
        volume_type: text("gp9"),
        iops: Some(3000),
        throughput_mibps: Some(125),
        snapshot_id: text("snap-0a1b2c3d"),
        encrypted: Some(true),
        kms_key_id: text("alias/web"),
        delete_on_termination: Some(false),
    };
    let device = |name: &str| RunBlockDevice { device_name: name.to_owned(), ..RunBlockDevice::default() };
    let expected = TemplateData {
        image_id: text("resolve:ssm:/aws/service/x"),
        instance_type: text("m9z.large"),
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
        network_interfaces: vec![RunNetworkInterface {
            device_index: 1,
            network_interface_id: text("eni-0a1b2c3d"),
            subnet_id: Some("subnet-0a1b2c3d".parse().unwrap()),
            security_group_ids: vec!["sg-0a1b2c3d".parse().unwrap()],
            associate_public_ip_address: Some(true),
            delete_on_termination: Some(false),
        }],
        iam_instance_profile: Some(RunInstanceProfile::Name("web".to_owned())),
        user_data: Some(UserData(b"hello".to_vec())),
        block_device_mappings: vec![
            RunBlockDevice { ebs: Some(ebs), ..device("/dev/sda1") },
            RunBlockDevice { virtual_name: text("ephemeral0"), ..device("/dev/sdb") },
            RunBlockDevice { no_device: true, ..device("/dev/sdc") },
        ],
        metadata_options: RunMetadataOptions {
            http_tokens: text("optional"),
            http_put_response_hop_limit: Some(2),
            http_endpoint: text("enabled"),
            instance_metadata_tags: text("disabled"),
        },
        hibernation: Some(true),
        enclave: Some(false),
        cpu_credits: text("unlimited"),
        cpu_options: RunCpuOptions {
            core_count: Some(2),
            threads_per_core: Some(1),
            amd_sev_snp: text("enabled"),
            nested_virtualization: text("disabled"),
        },
        instance_tags: [("a".to_owned(), "v".to_owned())].into(),
        volume_tags: [("b".to_owned(), "v".to_owned())].into(),
    };
    assert_eq!(template.data, expected);
    assert!(!format!("{template:?}").contains("104"), "user data is not shown, nor its bytes");
}

#[test]
fn what_a_launch_cannot_say_is_named() {
    let data = sdk::ResponseLaunchTemplateData::builder;
    type Row = (sdk::ResponseLaunchTemplateData, &'static str);
    let interface = sdk::LaunchTemplateInstanceNetworkInterfaceSpecification::builder;
    let spot = |spot: sdk::LaunchTemplateSpotMarketOptions| {
        let market = sdk::LaunchTemplateInstanceMarketOptions::builder().market_type("spot".into()).spot_options(spot);
        data().instance_market_options(market.build()).build()
    };
    let table: Vec<Row> = vec![
        (data().kernel_id("aki-1").build(), "kernel_id=aki-1"),
        (data().ebs_optimized(true).build(), "ebs_optimized=true"),
        (
            data().monitoring(sdk::LaunchTemplatesMonitoring::builder().enabled(true).build()).build(),
            "monitoring.enabled=true",
        ),
        (
            data().instance_initiated_shutdown_behavior("terminate".into()).build(),
            "instance_initiated_shutdown_behavior=terminate",
        ),
        (data().security_groups("default").build(), "security_groups=1 of them"),
        (data().security_group_ids("web").build(), "security_group_ids[0]=web"),
        (
            data().instance_requirements(sdk::InstanceRequirements::builder().build()).build(),
            "instance_requirements=attributes instead of an instance type",
        ),
        (
            data().tag_specifications(tags_of(sdk::ResourceType::NetworkInterface, "secret")).build(),
            "tag_specifications=network-interface",
        ),
        (data().user_data("%").build(), "user_data=no base64"),
        (
            data().placement(sdk::LaunchTemplatePlacement::builder().partition_number(3).build()).build(),
            "placement.partition_number=3",
        ),
        (
            data().network_interfaces(interface().device_index(0).description("front").build()).build(),
            "network_interfaces[0].description=front",
        ),
        (
            spot(sdk::LaunchTemplateSpotMarketOptions::builder().spot_instance_type("persistent".into()).build()),
            "instance_market_options.spot_options.spot_instance_type=persistent",
        ),
        (
            data()
                .private_dns_name_options(
                    sdk::LaunchTemplatePrivateDnsNameOptions::builder()
                        .enable_resource_name_dns_a_record(false)
                        .build(),
                )
                .build(),
            "private_dns_name_options.enable_resource_name_dns_a_record=false",
        ),
    ];
    for (data, expected) in table {
        assert_eq!(uncarried(data), [expected]);
    }
}

#[test]
fn what_asks_for_what_ec2_does_anyway_is_no_wish() {
    let data = sdk::ResponseLaunchTemplateData::builder()
        .kernel_id("")
        .ebs_optimized(false)
        .disable_api_termination(false)
        .disable_api_stop(false)
        .monitoring(sdk::LaunchTemplatesMonitoring::builder().enabled(false).build())
        .instance_initiated_shutdown_behavior("stop".into())
        .maintenance_options(
            sdk::LaunchTemplateInstanceMaintenanceOptions::builder().auto_recovery("default".into()).build(),
        )
        .network_interfaces(
            sdk::LaunchTemplateInstanceNetworkInterfaceSpecification::builder()
                .device_index(0)
                .description("")
                .interface_type("interface")
                .network_card_index(0)
                .ipv6_address_count(0)
                .build(),
        )
        .operator(sdk::OperatorResponse::builder().managed(false).build());
    assert_eq!(uncarried(data.build()), <[String; 0]>::default());
}

#[test]
fn the_parameter_is_what_a_launch_would_replace() {
    for (field, parameter) in
        [("network_interfaces[0].description", "network_interfaces"), ("monitoring.enabled", "monitoring"), ("x", "x")]
    {
        let uncarried = crate::ec2::template::Uncarried { field: field.to_owned(), observed: String::new() };
        assert_eq!(uncarried.parameter(), parameter);
    }
}
