//! What an attempt asks for, and the smallest launch there is.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::ids::AttemptId;
use crate::record::{CpuOptions, ImageChoice, Market, MetadataOptions, OnBootFailure, PlacementStrategy};

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
    let frozen = freeze::freeze(&least_spec(), &image, &candidate, attempt_id);
    assert_eq!(frozen.metadata_options.http_tokens.as_deref(), Some("required"));
    assert_eq!(frozen.client_token, attempt_id.client_token());
    assert_eq!(frozen.instance_tags["gantry:attempt-id"], attempt_id.to_string());
    let allowed = MetadataOptions { tokens_required: false, ..MetadataOptions::default() };
    let spec = Spec { metadata_options: allowed, ..least_spec() };
    assert_eq!(
        freeze::freeze(&spec, &image, &candidate, attempt_id).metadata_options.http_tokens.as_deref(),
        Some("optional")
    );
}
