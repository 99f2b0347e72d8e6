//! The JSON of a frozen input is for ever.

use serde_json::json;

use super::*;

fn smallest() -> RunInstances {
    RunInstances::new(
        "gantry-0199".parse().unwrap(),
        "ami-0abcdef1234567890".parse().unwrap(),
        "m7i.large".parse().unwrap(),
        1,
    )
}

/// An input with every field set; also used by the wire tests.
pub(in crate::ec2) fn whole() -> RunInstances {
    let text = |text: &str| Some(text.to_owned());
    RunInstances {
        min_count: 1,
        max_count: 3,
        subnet_id: Some("subnet-12345678".parse().unwrap()),
        placement: RunPlacement {
            availability_zone: Some("us-east-1a".parse().unwrap()),
            tenancy: text("host"),
            host_id: text("h-1"),
            group_name: text("group"),
        },
        capacity_reservation_id: text("cr-1"),
        market: Some(RunMarket { market_type: "spot".to_owned(), max_price: text("0.05") }),
        key_name: text("key"),
        security_group_ids: vec!["sg-12345678".parse().unwrap()],
        network_interfaces: vec![RunNetworkInterface {
            device_index: 0,
            network_interface_id: text("eni-1"),
            subnet_id: Some("subnet-12345678".parse().unwrap()),
            security_group_ids: vec!["sg-12345678".parse().unwrap()],
            associate_public_ip_address: Some(false),
            delete_on_termination: Some(true),
        }],
        iam_instance_profile: Some(RunInstanceProfile::Name("profile".to_owned())),
        user_data_sha256: Some(Sha256Digest::of(b"#!/bin/sh\n")),
        block_device_mappings: vec![
            RunBlockDevice {
                device_name: "/dev/xvda".to_owned(),
                virtual_name: None,
                no_device: false,
                ebs: Some(RunEbsVolume {
                    volume_size_gib: Some(20),
                    volume_type: text("gp3"),
                    iops: Some(3_000),
                    throughput_mibps: Some(125),
                    snapshot_id: text("snap-1"),
                    encrypted: Some(true),
                    kms_key_id: text("key"),
                    delete_on_termination: Some(true),
                }),
            },
            RunBlockDevice { device_name: "/dev/sdb".to_owned(), no_device: true, ..RunBlockDevice::default() },
            RunBlockDevice {
                device_name: "/dev/sdc".to_owned(),
                virtual_name: text("ephemeral0"),
                ..RunBlockDevice::default()
            },
        ],
        metadata_options: RunMetadataOptions {
            http_tokens: text("required"),
            http_put_response_hop_limit: Some(2),
            http_endpoint: text("enabled"),
            instance_metadata_tags: text("enabled"),
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
        instance_tags: [("gantry:launch-id".to_owned(), "0199".to_owned())].into(),
        volume_tags: [("owner".to_owned(), "web".to_owned())].into(),
        ..smallest()
    }
}

/// If one of these strings has to change, an audit log already written no longer reads as it was.
#[test]
fn the_json_is_frozen() {
    let golden_smallest = concat!(
        r#"{"client_token":"gantry-0199","image_id":"ami-0abcdef1234567890","instance_type":"m7i.large","#,
        r#""min_count":1,"max_count":1}"#,
    );
    let golden_whole = concat!(
        r#"{"client_token":"gantry-0199","image_id":"ami-0abcdef1234567890","instance_type":"m7i.large","#,
        r#""min_count":1,"max_count":3,"subnet_id":"subnet-12345678","#,
        r#""placement":{"availability_zone":"us-east-1a","tenancy":"host","host_id":"h-1","group_name":"group"},"#,
        r#""capacity_reservation_id":"cr-1","market":{"market_type":"spot","max_price":"0.05"},"key_name":"key","#,
        r#""security_group_ids":["sg-12345678"],"network_interfaces":[{"device_index":0,"#,
        r#""network_interface_id":"eni-1","subnet_id":"subnet-12345678","security_group_ids":["sg-12345678"],"#,
        r#""associate_public_ip_address":false,"delete_on_termination":true}],"#,
        r#""iam_instance_profile":{"name":"profile"},"#,
        r#""user_data_sha256":"a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf","#,
        r#""block_device_mappings":[{"device_name":"/dev/xvda","ebs":{"volume_size_gib":20,"volume_type":"gp3","#,
        r#""iops":3000,"throughput_mibps":125,"snapshot_id":"snap-1","encrypted":true,"kms_key_id":"key","#,
        r#""delete_on_termination":true}},{"device_name":"/dev/sdb","no_device":true},"#,
        r#"{"device_name":"/dev/sdc","virtual_name":"ephemeral0"}],"#,
        r#""metadata_options":{"http_tokens":"required","http_put_response_hop_limit":2,"#,
        r#""http_endpoint":"enabled","instance_metadata_tags":"enabled"},"hibernation":true,"enclave":false,"#,
        r#""cpu_credits":"unlimited","cpu_options":{"core_count":2,"threads_per_core":1,"amd_sev_snp":"enabled","#,
        r#""nested_virtualization":"disabled"},"instance_tags":{"gantry:launch-id":"0199"},"#,
        r#""volume_tags":{"owner":"web"}}"#,
    );
    for (input, golden) in [(smallest(), golden_smallest), (whole(), golden_whole)] {
        assert_eq!(serde_json::to_string(&input).unwrap(), golden);
        assert_eq!(serde_json::from_str::<RunInstances>(golden).unwrap(), input);
    }
}

#[test]
fn an_input_without_a_client_token_is_none() {
    let mut json = serde_json::to_value(smallest()).unwrap();
    json["client_token"] = json!(null);
    assert!(serde_json::from_value::<RunInstances>(json).is_err());
}
