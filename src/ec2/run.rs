//! The whole input of RunInstances, in our own type.
//!
//! An attempt freezes this before the call, and the audit log keeps its JSON for ever: fields may
//! be added and must be left out while absent, and none may be renamed or change its meaning. Names
//! and values are EC2's own in snake case, so that the record reads as what was sent. User data is
//! here as its hash only; the bytes are handed in beside it and are checked against the hash. The
//! client token is no option: without it the SDK would make one up, and a repeat could launch again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{AvailabilityZone, ClientToken, ImageId, InstanceType, SecurityGroupId, Sha256Digest, SubnetId};

/// What RunInstances is asked, whole and frozen. An absent field is left to EC2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInstances {
    /// The token under which this input may be sent any number of times, and no other ever.
    pub client_token: ClientToken,
    /// The AMI.
    pub image_id: ImageId,
    /// The type.
    pub instance_type: InstanceType,
    /// With fewer than this many EC2 launches nothing.
    pub min_count: u32,
    /// The most instances wanted.
    pub max_count: u32,
    /// The subnet, which implies the zone. With network interfaces it stands there instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<SubnetId>,
    /// Zone, tenancy, host and placement group.
    #[serde(default, skip_serializing_if = "is_default")]
    pub placement: RunPlacement,
    /// A capacity reservation to launch into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_reservation_id: Option<String>,
    /// How the capacity is bought; absent means On-Demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<RunMarket>,
    /// A key pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    /// Security groups. With network interfaces they stand there instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_group_ids: Vec<SecurityGroupId>,
    /// Network interfaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub network_interfaces: Vec<RunNetworkInterface>,
    /// The instance profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam_instance_profile: Option<RunInstanceProfile>,
    /// SHA-256 of the user data before its encoding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data_sha256: Option<Sha256Digest>,
    /// Changes to the AMI's volumes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub block_device_mappings: Vec<RunBlockDevice>,
    /// Instance metadata service.
    #[serde(default, skip_serializing_if = "is_default")]
    pub metadata_options: RunMetadataOptions,
    /// Whether the instance shall be able to hibernate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hibernation: Option<bool>,
    /// Whether Nitro Enclaves are enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enclave: Option<bool>,
    /// `standard` or `unlimited`; burstable types only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_credits: Option<String>,
    /// CPU options.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cpu_options: RunCpuOptions,
    /// Tags of the instances.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub instance_tags: BTreeMap<String, String>,
    /// Tags of the volumes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub volume_tags: BTreeMap<String, String>,
}

impl RunInstances {
    /// The smallest input: everything that may be absent is.
    pub fn new(client_token: ClientToken, image_id: ImageId, instance_type: InstanceType, count: u32) -> Self {
        Self {
            client_token,
            image_id,
            instance_type,
            min_count: count,
            max_count: count,
            subnet_id: None,
            placement: RunPlacement::default(),
            capacity_reservation_id: None,
            market: None,
            key_name: None,
            security_group_ids: Vec::new(),
            network_interfaces: Vec::new(),
            iam_instance_profile: None,
            user_data_sha256: None,
            block_device_mappings: Vec::new(),
            metadata_options: RunMetadataOptions::default(),
            hibernation: None,
            enclave: None,
            cpu_credits: None,
            cpu_options: RunCpuOptions::default(),
            instance_tags: BTreeMap::new(),
            volume_tags: BTreeMap::new(),
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// EC2's `Placement`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPlacement {
    /// The zone. A zone here or a subnet makes the client token zonal: in another zone the same
    /// token would launch again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<AvailabilityZone>,
    /// `default`, `dedicated` or `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenancy: Option<String>,
    /// A Dedicated Host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// A placement group, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
}

/// EC2's `InstanceMarketOptions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunMarket {
    /// `spot` or `capacity-block`.
    pub market_type: String,
    /// The highest Spot price in USD per hour; absent means the On-Demand price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_price: Option<String>,
}

/// An instance profile, by one of its two names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunInstanceProfile {
    /// By name.
    Name(String),
    /// By ARN.
    Arn(String),
}

/// One network interface to make or attach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunNetworkInterface {
    /// Position; 0 is the primary one.
    pub device_index: u32,
    /// An existing interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_interface_id: Option<String>,
    /// The subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<SubnetId>,
    /// Security groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_group_ids: Vec<SecurityGroupId>,
    /// Whether it gets a public IPv4 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub associate_public_ip_address: Option<bool>,
    /// Whether it goes with the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_on_termination: Option<bool>,
}

/// One change to the AMI's block device mappings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunBlockDevice {
    /// The device name, such as `/dev/xvda`.
    pub device_name: String,
    /// `ephemeralN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_name: Option<String>,
    /// Leaves this device of the AMI out. EC2 wants an empty string for it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub no_device: bool,
    /// An EBS volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ebs: Option<RunEbsVolume>,
}

/// An EBS volume to make; an absent field keeps what the AMI says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEbsVolume {
    /// Size in GiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_size_gib: Option<u32>,
    /// `gp3`, `gp2`, `io1`, `io2`, `st1`, `sc1`, `standard`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<String>,
    /// Provisioned I/O operations a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<u32>,
    /// Throughput in MiB/s; gp3 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput_mibps: Option<u32>,
    /// A snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// Whether to encrypt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    /// The KMS key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// Whether it goes with the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_on_termination: Option<bool>,
}

/// EC2's `MetadataOptions`; an absent field is left to the account's default and the AMI.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunMetadataOptions {
    /// `required` (IMDSv2 only) or `optional`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_tokens: Option<String>,
    /// How many hops an answer may take, 1 to 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_put_response_hop_limit: Option<u32>,
    /// `enabled` or `disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_endpoint: Option<String>,
    /// `enabled` or `disabled`: whether the instance can read its tags there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_metadata_tags: Option<String>,
}

/// EC2's `CpuOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCpuOptions {
    /// Number of cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_count: Option<u32>,
    /// 1 or 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads_per_core: Option<u32>,
    /// `enabled` or `disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amd_sev_snp: Option<String>,
    /// `enabled` or `disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested_virtualization: Option<String>,
}

#[cfg(test)]
pub(in crate::ec2) mod tests;
