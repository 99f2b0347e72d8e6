//! Facts for the tests of policies: good ones, and some with every field set.

use jiff::Timestamp;
use serde_json::json;

use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::policy::{LaunchCase, LaunchFacts, Question};
use crate::record::{Launch, Spec};

/// A Wednesday.
pub(super) const NOON: Timestamp = Timestamp::constant(1_782_907_200, 123_456_789);

/// One launch as one type.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) spec: Spec,
    pub(super) image: Image,
    pub(super) instance_type: InstanceTypeFacts,
    pub(super) reason: String,
    pub(super) time: Timestamp,
}

impl Case {
    /// One that the default policy permits.
    pub(super) fn good() -> Self {
        Self {
            spec: least_spec(),
            image: good_image(),
            instance_type: good_type(),
            reason: "test".to_owned(),
            time: NOON,
        }
    }

    fn case(&self) -> LaunchCase {
        LaunchCase::new(&LaunchFacts {
            principal: &"local".parse().unwrap(),
            spec: &self.spec,
            reason: &self.reason,
            image: &self.image,
            types: std::slice::from_ref(&self.instance_type),
            time: self.time,
        })
    }

    pub(super) fn launch(&self) -> Question {
        self.case().launch(&self.instance_type.instance_type)
    }

    pub(super) fn break_glass(&self) -> Question {
        self.case().break_glass(&self.instance_type.instance_type)
    }
}

pub(super) fn least_spec() -> Spec {
    let spec = json!({
        "account_id": "111111111111",
        "region": "sandbox-1",
        "image": {"image_id": "ami-00000001"},
        "instance_types": ["m7i.large"],
        "min_count": 1,
        "max_count": 1,
        "ready_timeout": {"secs": 600, "nanos": 0},
    });
    serde_json::from_value(spec).unwrap()
}

pub(super) fn full_spec() -> Spec {
    let mut spec = serde_json::to_value(least_spec()).unwrap();
    let more = json!({
        "placements": [
            {"availability_zone": "sandbox-1a", "tenancy": "dedicated"},
            {"subnet_id": "subnet-00000001"},
        ],
        "market": {"spot": {}},
        "key_name": "k",
        "network_interfaces": [{
            "device_index": 0,
            "subnet_id": "subnet-00000002",
            "security_group_ids": ["sg-00000001"],
            "associate_public_ip_address": true,
        }],
        "iam_instance_profile": {"name": "p"},
        "user_data_sha256": "00".repeat(32),
        "block_device_mappings": [{"device_name": "/dev/xvda", "ebs": {"volume_size_gib": 100, "encrypted": true}}],
        "metadata_options": {"tokens_required": true, "hop_limit": 2, "endpoint_enabled": true},
        "hibernation": true,
        "enclave": true,
        "tags": {"team": "web", "": "\u{e9}\""},
        "on_boot_failure": "terminate",
    });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

pub(super) fn good_image() -> Image {
    let image = json!({
        "image_id": "ami-00000001",
        "name": "web",
        "owner_id": "111111111111",
        "state": "available",
        "architecture": "x86_64",
        "creation_date": "2026-06-01T00:00:00Z",
        "root_device_type": "ebs",
        "root_device_name": "/dev/xvda",
        "virtualization_type": "hvm",
        "boot_mode": "uefi-preferred",
        "ena_support": true,
        "public": false,
        "block_device_mappings": [{"device_name": "/dev/xvda", "ebs": {"volume_size_gib": 8, "encrypted": true}}],
    });
    serde_json::from_value(image).unwrap()
}

pub(super) fn full_image() -> Image {
    let mut image = serde_json::to_value(good_image()).unwrap();
    let more = json!({
        "description": "Amazon Linux 2023",
        "name": "al2023-ami-2023.1-x86_64",
        "image_owner_alias": "amazon",
        "deprecation_time": "2026-01-01T00:00:00Z",
        "tpm_support": "v2.0",
        "imds_support": "v2.0",
        "platform_details": "Linux/UNIX",
        "usage_operation": "RunInstances",
        "image_allowed": true,
        "free_tier_eligible": true,
        "source_image_id": "ami-00000002",
        "public_ssm_parameter_name": "aws/service/x",
        "scan_result": {"highest_finding_severity_label": "high"},
        "product_codes": [{"id": "abc", "kind": "marketplace"}],
        "tags": {"team": "web"},
    });
    image.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(image).unwrap()
}

pub(super) fn good_type() -> InstanceTypeFacts {
    let facts = json!({
        "instance_type": "m7i.large",
        "current_generation": true,
        "bare_metal": false,
        "vcpus": 2,
        "memory_mib": 8192,
        "processor": {"supported_architectures": ["x86_64"]},
    });
    serde_json::from_value(facts).unwrap()
}

pub(super) fn full_type() -> InstanceTypeFacts {
    let mut facts = serde_json::to_value(good_type()).unwrap();
    let more = json!({
        "hypervisor": "nitro",
        "processor": {"supported_architectures": ["x86_64"], "manufacturer": "Intel"},
        "gpus": [{"name": "T4", "count": 4}],
        "accelerators": [{"kind": "neuron", "count": 2}],
        "instance_storage_supported": true,
        "burstable_performance_supported": false,
        "free_tier_eligible": false,
        "nitro_enclaves_support": "supported",
        "nitro_tpm_support": "unsupported",
        "supported_usage_classes": ["on-demand", "spot"],
        "network": {"encryption_in_transit_supported": true},
    });
    facts.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(facts).unwrap()
}

/// A launch of somebody else's.
pub(super) fn launch() -> Launch {
    let entry = json!({
        "v": 1,
        "time": "2026-07-01T11:00:00Z",
        "launch_id": "01980000-0000-7000-8000-000000000001",
        "account_id": "111111111111",
        "region": "sandbox-1",
        "principal": "someone",
        "kind": "decision",
        "body_sha256": "00".repeat(32),
        "reason": "r",
        "spec": serde_json::to_value(full_spec()).unwrap(),
        "verdict": "admitted",
        "findings": [],
        "policy": {},
        "facts_time": "2026-07-01T11:00:00Z",
    });
    let entry = serde_json::from_value(entry).unwrap();
    Launch::begin(&entry).unwrap().0
}
