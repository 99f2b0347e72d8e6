//! An AMI as DescribeImages describes it: all 41 members of EC2's `Image` shape (API version
//! 2016-11-15).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::ImageId;

/// One AMI. Field names are EC2's in snake case; a `None` is a field EC2 did not send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The AMI's id.
    pub image_id: ImageId,
    /// The AMI's name, unique per owner and Region. Early S3-backed images have none.
    pub name: Option<String>,
    /// The owner's description, at most 255 characters.
    pub description: Option<String>,
    /// `owner/name`, or the S3 manifest path of an instance-store-backed AMI.
    pub image_location: Option<String>,
    /// The owner's account id.
    pub owner_id: Option<String>,
    /// `amazon`, `aws-backup-vault` or `aws-marketplace`, from a list that Amazon keeps.
    pub image_owner_alias: Option<String>,
    /// `i386`, `x86_64`, `arm64`, `x86_64_mac` or `arm64_mac`.
    pub architecture: Option<String>,
    /// `machine`, `kernel` or `ramdisk`.
    pub image_type: Option<String>,
    /// `available` and seven others; only `available` can be launched.
    pub state: Option<String>,
    /// Why the AMI is in its state, when EC2 says.
    pub state_reason: Option<StateReason>,
    /// When the AMI was made; a few images of 2008 have an empty date.
    pub creation_date: Option<Timestamp>,
    /// When the AMI is or was deprecated, to the minute.
    pub deprecation_time: Option<Timestamp>,
    /// Last launch known to EC2, up to 24 hours late, known since April 2017; the owner sees it.
    pub last_launched_time: Option<Timestamp>,
    /// `ebs` or `instance-store`.
    pub root_device_type: Option<String>,
    /// The device name of the root, such as `/dev/xvda`; may match no mapping.
    pub root_device_name: Option<String>,
    /// `hvm` or `paravirtual`; records before 2010 lack it.
    pub virtualization_type: Option<String>,
    /// `xen` in practice, also for Nitro AMIs; useless for compatibility.
    pub hypervisor: Option<String>,
    /// `legacy-bios`, `uefi`, `uefi-preferred`, or absent: the type's default applies.
    pub boot_mode: Option<String>,
    /// `v2.0` or absent.
    pub tpm_support: Option<String>,
    /// `v2.0` or absent; `v2.0` makes launches require IMDSv2.
    pub imds_support: Option<String>,
    /// Whether ENA is enabled; EC2 omits it where it is not set, and that means no.
    pub ena_support: Option<bool>,
    /// `simple` where the Intel 82599 VF interface is enabled, otherwise absent.
    pub sriov_net_support: Option<String>,
    /// The AKI (`aki-…`) that starts a paravirtual AMI.
    pub kernel_id: Option<String>,
    /// The ARI (`ari-…`) beside it.
    pub ramdisk_id: Option<String>,
    /// `windows` or absent; its case differs between the documentation and the wire.
    pub platform: Option<String>,
    /// The billing platform, such as `Linux/UNIX`.
    pub platform_details: Option<String>,
    /// The billing operation, such as `RunInstances:0010`.
    pub usage_operation: Option<String>,
    /// Whether everybody may launch it.
    pub public: Option<bool>,
    /// Marketplace and DevPay product codes.
    #[serde(default)]
    pub product_codes: Vec<ProductCode>,
    /// The volumes a launch begins with.
    #[serde(default)]
    pub block_device_mappings: Vec<BlockDevice>,
    /// The instance it was made from, by CreateImage only.
    pub source_instance_id: Option<String>,
    /// The AMI it was made or copied from.
    pub source_image_id: Option<String>,
    /// That AMI's Region.
    pub source_image_region: Option<String>,
    /// Whether deregistration is protected, in EC2's words.
    pub deregistration_protection: Option<String>,
    /// Whether the AMI meets the account's Allowed AMIs criteria; absent when they are off.
    pub image_allowed: Option<bool>,
    /// Whether the AMI is eligible for the free tier.
    pub free_tier_eligible: Option<bool>,
    /// The public SSM parameter that names this AMI, under `aws/service/`.
    pub public_ssm_parameter_name: Option<String>,
    /// Watermarks of this image and those it was made from.
    #[serde(default)]
    pub image_watermarks: Vec<ImageWatermark>,
    /// What Amazon Inspector found; absent when never scanned.
    pub scan_result: Option<ScanResult>,
    /// The owner's list of instance types; absent means every type.
    pub instance_type_specification: Option<InstanceTypeSpecification>,
    /// The caller's own tags; tags of other accounts are not shared.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Image {
    /// An image of which only the id is known; for building examples in tests and defaults.
    pub fn unknown(image_id: ImageId) -> Self {
        Self {
            image_id,
            name: None,
            description: None,
            image_location: None,
            owner_id: None,
            image_owner_alias: None,
            architecture: None,
            image_type: None,
            state: None,
            state_reason: None,
            creation_date: None,
            deprecation_time: None,
            last_launched_time: None,
            root_device_type: None,
            root_device_name: None,
            virtualization_type: None,
            hypervisor: None,
            boot_mode: None,
            tpm_support: None,
            imds_support: None,
            ena_support: None,
            sriov_net_support: None,
            kernel_id: None,
            ramdisk_id: None,
            platform: None,
            platform_details: None,
            usage_operation: None,
            public: None,
            product_codes: Vec::new(),
            block_device_mappings: Vec::new(),
            source_instance_id: None,
            source_image_id: None,
            source_image_region: None,
            deregistration_protection: None,
            image_allowed: None,
            free_tier_eligible: None,
            public_ssm_parameter_name: None,
            image_watermarks: Vec::new(),
            scan_result: None,
            instance_type_specification: None,
            tags: BTreeMap::new(),
        }
    }
}

/// A code and its explanation, as EC2 gives them for images and instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateReason {
    /// EC2's code, such as `Client.UserInitiatedShutdown`.
    pub code: Option<String>,
    /// EC2's message; it can disagree with the code.
    pub message: Option<String>,
}

/// A product code on an AMI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductCode {
    /// The code.
    pub id: Option<String>,
    /// `marketplace` or `devpay`.
    pub kind: Option<String>,
}

/// One block device mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockDevice {
    /// The device name the instance sees, such as `/dev/sdb`.
    pub device_name: Option<String>,
    /// `ephemeral0` to `ephemeral23` for an instance store volume.
    pub virtual_name: Option<String>,
    /// Present (and usually empty) when the mapping removes a device.
    pub no_device: Option<String>,
    /// The EBS volume, when the device is one.
    pub ebs: Option<EbsVolume>,
}

/// An EBS volume in a block device mapping.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EbsVolume {
    /// Whether the volume goes when the instance is terminated.
    pub delete_on_termination: Option<bool>,
    /// Provisioned I/O operations a second.
    pub iops: Option<i32>,
    /// The snapshot the volume is made from.
    pub snapshot_id: Option<String>,
    /// Size in GiB.
    pub volume_size_gib: Option<i32>,
    /// `gp3`, `gp2`, `io1`, `io2`, `st1`, `sc1` or `standard`.
    pub volume_type: Option<String>,
    /// The KMS key of an encrypted volume.
    pub kms_key_id: Option<String>,
    /// Throughput in MiB/s, gp3 only.
    pub throughput_mibps: Option<i32>,
    /// The Outpost of the snapshot.
    pub outpost_arn: Option<String>,
    /// Whether the volume is encrypted.
    pub encrypted: Option<bool>,
    /// Rate in MiB/s at which the volume is filled from its snapshot.
    pub volume_initialization_rate_mibps: Option<i32>,
    /// The EBS card the volume is attached to.
    pub ebs_card_index: Option<i32>,
    /// The zone, where EC2 says it.
    pub availability_zone: Option<String>,
}

/// A watermark, inherited through copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageWatermark {
    /// `accountId:name`.
    pub watermark_key: Option<String>,
    /// Region of the image that was marked first.
    pub source_image_region: Option<String>,
    /// That image.
    pub source_image_id: Option<String>,
    /// When that image was made.
    pub source_image_creation_time: Option<Timestamp>,
    /// When the mark was made.
    pub watermark_creation_time: Option<Timestamp>,
}

/// What Amazon Inspector found in an AMI.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScanResult {
    /// `informational`, `low`, `medium`, `high` or `critical`; absent without findings.
    pub highest_finding_severity_label: Option<String>,
    /// When it was scanned.
    pub finding_scan_date: Option<Timestamp>,
    /// Since when a fix for an informational finding has been there.
    pub informational_fix_available_since: Option<Timestamp>,
    /// The same for low findings.
    pub low_fix_available_since: Option<Timestamp>,
    /// The same for medium findings.
    pub medium_fix_available_since: Option<Timestamp>,
    /// The same for high findings.
    pub high_fix_available_since: Option<Timestamp>,
    /// The same for critical findings.
    pub critical_fix_available_since: Option<Timestamp>,
}

/// The instance types an AMI's owner allows, as patterns in which `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InstanceTypeSpecification {
    /// When not empty, the type must match one of these.
    #[serde(default)]
    pub supported_instance_types: Vec<String>,
    /// The type must match none of these.
    #[serde(default)]
    pub unsupported_instance_types: Vec<String>,
}

/// One launch permission, as DescribeImageAttribute shows it to the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LaunchPermission {
    /// Everybody (`group` = `all`).
    Public,
    /// One account.
    Account(String),
    /// An organization, by ARN.
    Organization(String),
    /// An organizational unit, by ARN.
    OrganizationalUnit(String),
}

/// A tag, as EC2 lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// At most 128 characters.
    pub key: String,
    /// At most 256 characters.
    pub value: String,
}
