//! What a caller asked to launch.
//!
//! The body hash of a request is taken over this type's JSON. A field added later must therefore
//! be left out of the JSON while it has its default, or every request id in an existing data
//! directory would seem to have been reused; `skip_serializing_if` is on every such field.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::image_choice::ImageChoice;
use super::template::TemplateChoice;
use crate::ids::{AccountId, AvailabilityZone, InstanceType, Region, SecurityGroupId, Sha256Digest, SubnetId};

/// A launch specification, checked at the edge: what it names is well formed, and counts, sizes
/// and exclusions hold. User data is present only as its hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// The account to launch in.
    pub account_id: AccountId,
    /// The Region to launch in.
    pub region: Region,
    /// Which AMI.
    pub image: ImageChoice,
    /// Types in order of preference; at least one, unless a launch template is to name it.
    pub instance_types: Vec<InstanceType>,
    /// Places in order; empty leaves the place to EC2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub placements: Vec<Placement>,
    /// How the places are gone through.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strategy: PlacementStrategy,
    /// The fewest instances worth having; at least 1.
    pub min_count: u32,
    /// The most instances wanted.
    pub max_count: u32,
    /// How the capacity is bought.
    #[serde(default, skip_serializing_if = "is_default")]
    pub market: Market,
    /// An EC2 key pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    /// Security groups; excludes `network_interfaces`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_group_ids: Vec<SecurityGroupId>,
    /// Network interfaces; excludes `security_group_ids`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub network_interfaces: Vec<NetworkInterface>,
    /// The instance profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam_instance_profile: Option<IamInstanceProfile>,
    /// SHA-256 of the user data; the bytes are never in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data_sha256: Option<Sha256Digest>,
    /// Changes to the AMI's volumes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub block_device_mappings: Vec<BlockDeviceSpec>,
    /// Instance metadata service. IMDSv2 is required unless said otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub metadata_options: MetadataOptions,
    /// Whether the instance must be able to hibernate.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hibernation: bool,
    /// Whether Nitro Enclaves are wanted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub enclave: bool,
    /// `standard` or `unlimited`, burstable types only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_credits: Option<String>,
    /// CPU options.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cpu_options: CpuOptions,
    /// The launch template that it starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_template: Option<TemplateChoice>,
    /// Tags of the instances.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Tags of the volumes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub volume_tags: BTreeMap<String, String>,
    /// How long an instance may take to become ready before watching gives up.
    pub ready_timeout: Duration,
    /// What happens to an instance that fails to boot.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_boot_failure: OnBootFailure,
    /// After this no further attempt is begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_time: Option<Timestamp>,
}

/// What stands in a record in place of a value that is redacted.
pub const REDACTED: &str = "[redacted]";

impl Spec {
    /// Whether something in it reads as redacted. It may be a value that somebody gave, so what it hides is
    /// asked of the body's hash.
    pub fn is_redacted(&self) -> bool {
        let in_tags = self.tags.values().chain(self.volume_tags.values()).any(|value| value == REDACTED);
        let in_filters = match &self.image {
            ImageChoice::Selector(selector) => {
                selector.filters.iter().any(|filter| filter.values.iter().any(|value| value == REDACTED))
            }
            ImageChoice::ImageId(_) | ImageChoice::Receipt(_) | ImageChoice::LaunchTemplate => false,
        };
        in_tags || in_filters
    }

    /// What "the same body" means for a request id that overrides nothing: SHA-256 over this spec and the reason. User
    /// data counts by its own hash. Of a request with redacted values a keyed hash over the same bytes
    /// is recorded instead.
    pub fn body_hash(&self, reason: &str) -> Sha256Digest {
        Sha256Digest::of(&self.body(reason, false))
    }

    /// The bytes that [`Spec::body_hash`] is made of; whether policy is to be overridden counts as well.
    pub fn body(&self, reason: &str, break_glass: bool) -> Vec<u8> {
        #[derive(Serialize)]
        struct Body<'a> {
            spec: &'a Spec,
            reason: &'a str,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            break_glass: bool,
        }
        let json = serde_json::to_vec(&Body { spec: self, reason, break_glass });
        json.expect("a spec has string keys and no failing serialiser")
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Where instances go. All fields empty means wherever EC2 puts them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Placement {
    /// A subnet, which implies its zone; excludes `availability_zone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<SubnetId>,
    /// A zone, whose default subnet is used; excludes `subnet_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<AvailabilityZone>,
    /// `default`, `dedicated` or `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenancy: Option<String>,
    /// A Dedicated Host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// A placement group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement_group: Option<String>,
    /// A capacity reservation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_reservation_id: Option<String>,
}

/// How several placements are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementStrategy {
    /// The first that works.
    #[default]
    InOrder,
    /// Spread evenly.
    Spread,
}

/// How capacity is bought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Market {
    /// On-Demand.
    #[default]
    OnDemand,
    /// Spot, with an optional highest price in USD per hour.
    Spot {
        /// Absent means the On-Demand price.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_price_usd: Option<String>,
    },
    /// A Capacity Block; the reservation is in the placement.
    CapacityBlock,
}

/// An instance profile, by one of its two names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IamInstanceProfile {
    /// By name.
    Name(String),
    /// By ARN.
    Arn(String),
}

/// One network interface to make or attach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetworkInterface {
    /// Position; 0 is the primary one.
    pub device_index: u32,
    /// An existing interface; then the rest stays empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_interface_id: Option<String>,
    /// The subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<SubnetId>,
    /// Security groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_group_ids: Vec<SecurityGroupId>,
    /// Whether it gets a public IPv4 address; absent leaves it to the subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub associate_public_ip_address: Option<bool>,
    /// Whether it goes with the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_on_termination: Option<bool>,
}

/// One change to the AMI's block device mappings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockDeviceSpec {
    /// The device name, such as `/dev/xvda`.
    pub device_name: String,
    /// `ephemeralN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_name: Option<String>,
    /// Leaves this device of the AMI out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub no_device: bool,
    /// An EBS volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ebs: Option<EbsSpec>,
}

/// An EBS volume to make at launch; an absent field keeps what the AMI says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EbsSpec {
    /// Size in GiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_size_gib: Option<u32>,
    /// `gp3`, `gp2`, `io1`, `io2`, `st1`, `sc1`, `standard`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<String>,
    /// Provisioned I/O operations a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<u32>,
    /// Throughput in MiB/s, gp3 only.
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

/// Instance metadata service options.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MetadataOptions {
    /// Whether IMDSv2 tokens are required (`HttpTokens`).
    pub tokens_required: bool,
    /// How many hops an answer may take, 1 to 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hop_limit: Option<u32>,
    /// Whether the endpoint is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_enabled: Option<bool>,
    /// Whether instance tags can be read there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_tags: Option<bool>,
}

impl Default for MetadataOptions {
    /// IMDSv2 required, everything else as the account has it.
    fn default() -> Self {
        Self { tokens_required: true, hop_limit: None, endpoint_enabled: None, instance_tags: None }
    }
}

/// CPU options.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CpuOptions {
    /// Number of cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_count: Option<u32>,
    /// 1 or 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads_per_core: Option<u32>,
    /// Whether AMD SEV-SNP is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amd_sev_snp: Option<bool>,
    /// Whether nested virtualization is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested_virtualization: Option<bool>,
}

/// What happens to an instance that fails to boot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBootFailure {
    /// It stays, to be looked at.
    #[default]
    Keep,
    /// It is terminated.
    Terminate,
}
