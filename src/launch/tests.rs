//! What an attempt asks for, and the smallest launch there is.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::ids::{AttemptId, Sha256Digest};
use crate::record::{
    BlockDeviceSpec, CpuOptions, EbsSpec, IamInstanceProfile, ImageChoice, Market, MetadataOptions, NetworkInterface,
    OnBootFailure, Placement, PlacementStrategy,
};

/// A request for it.
pub(crate) fn request_of(spec: Spec) -> LaunchRequest {
    LaunchRequest {
        spec,
        user_data: None,
        reason: "test".to_owned(),
        break_glass: false,
        request_id: Some("r-1".parse().unwrap()),
        validate_only: false,
        wait: Duration::from_secs(30),
        principal: "local".parse().unwrap(),
    }
}

/// The smallest launch there is.
pub(crate) fn least_spec() -> Spec {
    Spec {
        account_id: "000000000000".parse().unwrap(),
        region: "sandbox-1".parse().unwrap(),
        image: ImageChoice::ImageId("ami-05a4db0c500000001".parse().unwrap()),
        instance_types: vec!["m7i.large".parse().unwrap()],
        placements: Vec::new(),
        strategy: PlacementStrategy::InOrder,
        min_count: 1,
        max_count: 1,
        market: Market::OnDemand,
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
        on_boot_failure: OnBootFailure::Keep,
        expire_time: None,
    }
}

#[test]
fn the_frozen_input_asks_for_imdsv2_unless_told_otherwise() {
    let attempt_id = AttemptId::new(Timestamp::UNIX_EPOCH);
    let candidate = crate::record::Candidate {
        instance_type: "m7i.large".parse().unwrap(),
        placement: crate::record::Placement::default(),
        zone: None,
    };
    let image = "ami-05a4db0c500000001".parse().unwrap();
    let frozen = freeze::freeze(&least_spec(), &image, &candidate, ("00c0ffee00c0ffee", attempt_id));
    assert_eq!(frozen.metadata_options.http_tokens.as_deref(), Some("required"));
    assert_eq!(frozen.client_token, attempt_id.client_token());
    assert_eq!(frozen.instance_tags["gantry:attempt-id"], attempt_id.to_string());
    let allowed = MetadataOptions { tokens_required: false, ..MetadataOptions::default() };
    let spec = Spec { metadata_options: allowed, ..least_spec() };
    assert_eq!(
        freeze::freeze(&spec, &image, &candidate, ("00c0ffee00c0ffee", attempt_id))
            .metadata_options
            .http_tokens
            .as_deref(),
        Some("optional")
    );
}

#[test]
fn every_field_of_a_spec_reaches_the_frozen_input() {
    let text = |text: &str| Some(text.to_owned());
    let attempt_id = AttemptId::new(Timestamp::UNIX_EPOCH);
    let candidate = crate::record::Candidate {
        instance_type: "m7i.large".parse().unwrap(),
        placement: Placement {
            subnet_id: None,
            availability_zone: "sandbox-1a".parse().ok(),
            tenancy: text("host"),
            host_id: text("h-00000001"),
            placement_group: text("near"),
            capacity_reservation_id: text("cr-00000001"),
        },
        zone: None,
    };
    let ebs = EbsSpec {
        volume_size_gib: Some(100),
        volume_type: text("gp3"),
        iops: Some(4000),
        throughput_mibps: Some(250),
        snapshot_id: text("snap-00000001"),
        encrypted: Some(true),
        kms_key_id: text("alias/web"),
        delete_on_termination: Some(false),
    };
    let spec = Spec {
        min_count: 1,
        max_count: 2,
        market: Market::Spot { max_price_usd: text("0.05") },
        key_name: text("ops"),
        security_group_ids: vec!["sg-00000001".parse().unwrap()],
        network_interfaces: vec![NetworkInterface {
            device_index: 1,
            network_interface_id: text("eni-00000001"),
            subnet_id: "subnet-00000001".parse().ok(),
            security_group_ids: vec!["sg-00000002".parse().unwrap()],
            associate_public_ip_address: Some(true),
            delete_on_termination: Some(true),
        }],
        iam_instance_profile: Some(IamInstanceProfile::Name("web".to_owned())),
        user_data_sha256: Some(Sha256Digest::of(b"data")),
        block_device_mappings: vec![BlockDeviceSpec {
            device_name: "/dev/sdf".to_owned(),
            virtual_name: text("ephemeral0"),
            no_device: true,
            ebs: Some(ebs),
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
            core_count: Some(1),
            threads_per_core: Some(2),
            amd_sev_snp: Some(true),
            nested_virtualization: Some(false),
        },
        tags: [("team".to_owned(), "web".to_owned())].into(),
        volume_tags: [("keep".to_owned(), "yes".to_owned())].into(),
        ..least_spec()
    };
    let image = "ami-05a4db0c500000001".parse().unwrap();
    let frozen =
        serde_json::to_value(freeze::freeze(&spec, &image, &candidate, ("00c0ffee00c0ffee", attempt_id))).unwrap();
    let expected = serde_json::json!({
        "client_token": attempt_id.client_token(),
        "image_id": "ami-05a4db0c500000001",
        "instance_type": "m7i.large",
        "min_count": 1,
        "max_count": 2,
        "placement": {
            "availability_zone": "sandbox-1a", "tenancy": "host", "host_id": "h-00000001", "group_name": "near"
        },
        "capacity_reservation_id": "cr-00000001",
        "market": { "market_type": "spot", "max_price": "0.05" },
        "key_name": "ops",
        "security_group_ids": ["sg-00000001"],
        "network_interfaces": [{
            "device_index": 1,
            "network_interface_id": "eni-00000001",
            "subnet_id": "subnet-00000001",
            "security_group_ids": ["sg-00000002"],
            "associate_public_ip_address": true,
            "delete_on_termination": true
        }],
        "iam_instance_profile": { "name": "web" },
        "user_data_sha256": Sha256Digest::of(b"data"),
        "block_device_mappings": [{
            "device_name": "/dev/sdf",
            "virtual_name": "ephemeral0",
            "no_device": true,
            "ebs": {
                "volume_size_gib": 100, "volume_type": "gp3", "iops": 4000, "throughput_mibps": 250,
                "snapshot_id": "snap-00000001", "encrypted": true, "kms_key_id": "alias/web",
                "delete_on_termination": false
            }
        }],
        "metadata_options": {
            "http_tokens": "optional", "http_put_response_hop_limit": 2, "http_endpoint": "enabled",
            "instance_metadata_tags": "disabled"
        },
        "hibernation": true,
        "enclave": true,
        "cpu_credits": "unlimited",
        "cpu_options": {
            "core_count": 1, "threads_per_core": 2, "amd_sev_snp": "enabled", "nested_virtualization": "disabled"
        },
        "instance_tags": { "gantry:attempt-id": attempt_id, "gantry:log-id": "00c0ffee00c0ffee", "team": "web" },
        "volume_tags": { "keep": "yes" }
    });
    assert_eq!(frozen, expected);
}
