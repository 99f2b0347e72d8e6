//! Every field of a specification that the sandbox serves, as the instance has it. What it does not serve
//! (hosts, placement groups, reservations, interfaces that exist) is looked at in the frozen input, beside
//! `launch/freeze`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gantry::api::pb;
use gantry::sandbox::landmarks;

use crate::world::{World, ec2, launch_request, texts};

fn place(location: pb::placement::Location, tenancy: Option<&str>) -> pb::Placement {
    pb::Placement { location: Some(location), tenancy: tenancy.map(str::to_owned), ..Default::default() }
}

fn device(name: &str, ebs: pb::EbsSpec) -> pb::BlockDeviceSpec {
    pb::BlockDeviceSpec { device_name: name.to_owned(), ebs: Some(ebs), ..Default::default() }
}

/// Launches the spec over the least one, and returns its instance as EC2 shows it.
async fn launched(world: &World, request_id: &str, instance_type: &str, spec: pb::LaunchSpec) -> String {
    let mut request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, instance_type, request_id);
    let least = request.spec.take().unwrap();
    request.spec = Some(pb::LaunchSpec { image: least.image, instance_types: least.instance_types, ..spec });
    let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
    let [only] = &launch.instances[..] else { panic!("{launch:?}") };
    ec2(world, &format!("Action=DescribeInstances&InstanceId.1={}", only.instance_id))
}

/// Holds what an element says against what was asked.
fn assert_says(seen: &str, expected: &[(&str, &str)]) {
    for (element, text) in expected {
        assert!(texts(seen, element).contains(text), "{element} is {:?}, not {text}", texts(seen, element));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_reaches_the_instance() {
    let world = World::start().await;
    let groups = ec2(&world, "Action=DescribeSecurityGroups");
    let group = texts(&groups, "groupId")[0].to_owned();
    let subnets = ec2(&world, "Action=DescribeSubnets");
    let subnet = texts(&subnets, "subnetId")[1].to_owned();
    let zone = texts(&subnets, "availabilityZone")[1].to_owned();
    let user_data = vec![b'#'; 16_384];
    let spot = pb::market::Market::Spot(pb::SpotMarket { max_price_usd: Some("0.5".to_owned()) });
    let spec = pb::LaunchSpec {
        placements: vec![place(pb::placement::Location::SubnetId(subnet.clone()), Some("dedicated"))],
        market: Some(pb::Market { market: Some(spot) }),
        key_name: "sandbox".to_owned(),
        security_group_ids: vec![group.clone()],
        iam_instance_profile: Some(pb::IamInstanceProfile {
            profile: Some(pb::iam_instance_profile::Profile::Name("web".to_owned())),
        }),
        user_data: user_data.clone(),
        block_device_mappings: vec![
            device(
                "/dev/xvda",
                pb::EbsSpec {
                    volume_size_gib: Some(30),
                    encrypted: Some(true),
                    delete_on_termination: Some(false),
                    ..Default::default()
                },
            ),
            device(
                "/dev/sdf",
                pb::EbsSpec {
                    volume_size_gib: Some(50),
                    volume_type: Some("gp3".to_owned()),
                    iops: Some(4000),
                    throughput_mib_per_second: Some(250),
                    ..Default::default()
                },
            ),
        ],
        metadata_options: Some(pb::MetadataOptions {
            http_tokens: Some("optional".to_owned()),
            http_put_response_hop_limit: Some(5),
            http_endpoint: Some("enabled".to_owned()),
            instance_metadata_tags: Some("enabled".to_owned()),
        }),
        cpu_options: Some(pb::CpuOptions { core_count: Some(1), threads_per_core: Some(1), ..Default::default() }),
        tags: [("team".to_owned(), "web".to_owned())].into(),
        volume_tags: [("keep".to_owned(), "volume".to_owned())].into(),
        ready_timeout: Some(prost_types::Duration { seconds: 900, nanos: 0 }),
        expire_time: Some(prost_types::Timestamp { seconds: 1_795_000_600, nanos: 0 }),
        ..Default::default()
    };
    let seen = launched(&world, "r-1", "m7i.large", spec).await;
    assert_says(
        &seen,
        &[
            ("availabilityZone", &zone),
            ("subnetId", &subnet),
            ("tenancy", "dedicated"),
            ("instanceLifecycle", "spot"),
            ("keyName", "sandbox"),
            ("groupId", &group),
            ("coreCount", "1"),
            ("threadsPerCore", "1"),
            ("httpTokens", "optional"),
            ("httpPutResponseHopLimit", "5"),
            ("httpEndpoint", "enabled"),
            ("instanceMetadataTags", "enabled"),
        ],
    );
    assert!(texts(&seen, "arn").iter().any(|arn| arn.ends_with(":instance-profile/web")), "{seen}");
    assert!(texts(&seen, "key").contains(&"team") && texts(&seen, "key").contains(&"gantry:attempt-id"), "{seen}");
    let instance_id = texts(&seen, "instanceId")[0];
    let attribute = format!("Action=DescribeInstanceAttribute&InstanceId={instance_id}&Attribute=userData");
    assert!(ec2(&world, &attribute).contains(&BASE64_STANDARD.encode(&user_data)));
    let volumes: Vec<String> = texts(&seen, "volumeId")
        .into_iter()
        .map(|id| ec2(&world, &format!("Action=DescribeVolumes&VolumeId.1={id}")))
        .collect();
    let [root, data] = &volumes[..] else { panic!("{seen}") };
    assert_says(root, &[("size", "30"), ("encrypted", "true"), ("deleteOnTermination", "false"), ("value", "volume")]);
    assert_says(data, &[("size", "50"), ("volumeType", "gp3"), ("iops", "4000"), ("throughput", "250")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn interfaces_credits_hibernation_and_enclaves_reach_the_instance() {
    let world = World::start().await;
    let subnets = ec2(&world, "Action=DescribeSubnets");
    let subnet = texts(&subnets, "subnetId")[0].to_owned();
    let group = texts(&ec2(&world, "Action=DescribeSecurityGroups"), "groupId")[0].to_owned();
    let interface = |device_index, delete| pb::NetworkInterface {
        device_index,
        subnet_id: Some(subnet.clone()),
        security_group_ids: vec![group.clone()],
        delete_on_termination: Some(delete),
        ..Default::default()
    };
    let two = pb::LaunchSpec {
        network_interfaces: vec![interface(0, true), interface(1, false)],
        cpu_credits: Some("standard".to_owned()),
        ..Default::default()
    };
    let seen = launched(&world, "r-1", "t3.micro", two).await;
    assert_eq!(texts(&seen, "deviceIndex"), ["0", "1"]);
    assert_says(&seen, &[("subnetId", &subnet), ("groupId", &group), ("deleteOnTermination", "false")]);
    let instance_id = texts(&seen, "instanceId")[0];
    let credits = ec2(&world, &format!("Action=DescribeInstanceCreditSpecifications&InstanceId.1={instance_id}"));
    assert_says(&credits, &[("cpuCredits", "standard")]);

    let public = pb::LaunchSpec {
        network_interfaces: vec![pb::NetworkInterface {
            associate_public_ip_address: Some(false),
            ..interface(0, true)
        }],
        enclave: Some(true),
        ..Default::default()
    };
    let seen = launched(&world, "r-2", "m7i.xlarge", public).await;
    assert!(texts(&seen, "ipAddress").is_empty(), "{seen}");
    assert!(seen.contains("<enclaveOptions><enabled>true</enabled></enclaveOptions>"), "{seen}");

    let root = pb::EbsSpec { volume_size_gib: Some(40), encrypted: Some(true), ..Default::default() };
    let asleep = pb::LaunchSpec {
        hibernation: Some(true),
        block_device_mappings: vec![device("/dev/xvda", root)],
        ..Default::default()
    };
    let seen = launched(&world, "r-3", "m7i.large", asleep).await;
    assert!(seen.contains("<hibernationOptions><configured>true</configured></hibernationOptions>"), "{seen}");
}
