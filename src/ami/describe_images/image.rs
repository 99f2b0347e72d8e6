//! One image: all 41 members of EC2's `Image` shape, by botocore's names.
//!
//! What becomes of a member is what becomes of it when EC2 is asked (`ec2`, from the SDK's shapes),
//! so that an image has one classification and not two.

use serde_json::{Map, Value};

use super::members::{At, Members, Wrong};
use crate::ec2::facts::{
    BlockDevice, EbsVolume, Image, ImageWatermark, InstanceTypeSpecification, ProductCode, ScanResult, StateReason,
};

/// The image; none without a well-formed id. Everything else that is wrong is noted and absent.
pub(super) fn image(members: Map<String, Value>, wrong: &mut Wrong) -> Option<Image> {
    let mut from = Members::new(members, At::Image, wrong);
    let image_id = match from.text("ImageId") {
        Some(text) => text.parse().ok().or_else(|| {
            from.expected("ImageId", "ami- followed by 8 or 17 lower-case hexadecimal digits", &Value::from(text))
        }),
        None => from.expected("ImageId", "an image id", &Value::Null),
    };
    // The rest is read in any case: all that is wrong is said at once.
    let image_id = image_id.or_else(|| "ami-00000000".parse().ok())?;
    Some(Image {
        image_id,
        name: from.text("Name"),
        description: from.text("Description"),
        image_location: from.text("ImageLocation"),
        owner_id: from.text("OwnerId"),
        image_owner_alias: from.text("ImageOwnerAlias"),
        architecture: from.text("Architecture"),
        image_type: from.text("ImageType"),
        state: from.text("State"),
        state_reason: from
            .object("StateReason", |mut from| StateReason { code: from.text("Code"), message: from.text("Message") }),
        creation_date: from.time("CreationDate"),
        deprecation_time: from.time("DeprecationTime"),
        last_launched_time: from.time("LastLaunchedTime"),
        root_device_type: from.text("RootDeviceType"),
        root_device_name: from.text("RootDeviceName"),
        virtualization_type: from.text("VirtualizationType"),
        hypervisor: from.text("Hypervisor"),
        boot_mode: from.text("BootMode"),
        tpm_support: from.text("TpmSupport"),
        imds_support: from.text("ImdsSupport"),
        ena_support: from.flag("EnaSupport"),
        sriov_net_support: from.text("SriovNetSupport"),
        kernel_id: from.text("KernelId"),
        ramdisk_id: from.text("RamdiskId"),
        platform: from.text("Platform").map(|platform| platform.to_ascii_lowercase()),
        platform_details: from.text("PlatformDetails"),
        usage_operation: from.text("UsageOperation"),
        public: from.flag("Public"),
        product_codes: from.list("ProductCodes", |mut from| ProductCode {
            id: from.text("ProductCodeId"),
            kind: from.text("ProductCodeType"),
        }),
        block_device_mappings: from.list("BlockDeviceMappings", block_device),
        source_instance_id: from.text("SourceInstanceId"),
        source_image_id: from.text("SourceImageId"),
        source_image_region: from.text("SourceImageRegion"),
        deregistration_protection: from.text("DeregistrationProtection"),
        image_allowed: from.flag("ImageAllowed"),
        free_tier_eligible: from.flag("FreeTierEligible"),
        public_ssm_parameter_name: from.text("PublicSsmParameterName"),
        image_watermarks: from.list("ImageWatermarks", watermark),
        scan_result: from.object("ScanResults", scan_result),
        instance_type_specification: from.object("InstanceTypeSpecification", specification),
        tags: from
            .list("Tags", |mut from| Some((from.text("Key")?, from.text("Value").unwrap_or_default())))
            .into_iter()
            .flatten()
            .collect(),
    })
}

fn block_device(mut from: Members<'_>) -> BlockDevice {
    BlockDevice {
        device_name: from.text("DeviceName"),
        virtual_name: from.text("VirtualName"),
        no_device: from.text("NoDevice"),
        ebs: from.object("Ebs", |mut from| EbsVolume {
            delete_on_termination: from.flag("DeleteOnTermination"),
            iops: from.number("Iops"),
            snapshot_id: from.text("SnapshotId"),
            volume_size_gib: from.number("VolumeSize"),
            volume_type: from.text("VolumeType"),
            kms_key_id: from.text("KmsKeyId"),
            throughput_mibps: from.number("Throughput"),
            outpost_arn: from.text("OutpostArn"),
            encrypted: from.flag("Encrypted"),
            volume_initialization_rate_mibps: from.number("VolumeInitializationRate"),
            ebs_card_index: from.number("EbsCardIndex"),
            availability_zone: from.text("AvailabilityZone"),
        }),
    }
}

fn watermark(mut from: Members<'_>) -> ImageWatermark {
    ImageWatermark {
        watermark_key: from.text("WatermarkKey"),
        source_image_region: from.text("SourceImageRegion"),
        source_image_id: from.text("SourceImageId"),
        source_image_creation_time: from.time("SourceImageCreationTime"),
        watermark_creation_time: from.time("WatermarkCreationTime"),
    }
}

fn scan_result(mut from: Members<'_>) -> ScanResult {
    ScanResult {
        highest_finding_severity_label: from.text("HighestFindingSeverityLabel"),
        finding_scan_date: from.time("FindingScanDate"),
        informational_fix_available_since: from.time("InformationalFixAvailableSince"),
        low_fix_available_since: from.time("LowFixAvailableSince"),
        medium_fix_available_since: from.time("MediumFixAvailableSince"),
        high_fix_available_since: from.time("HighFixAvailableSince"),
        critical_fix_available_since: from.time("CriticalFixAvailableSince"),
    }
}

fn specification(mut from: Members<'_>) -> InstanceTypeSpecification {
    let mut patterns =
        |name| -> Vec<String> { from.list(name, |mut from| from.text("InstanceType")).into_iter().flatten().collect() };
    InstanceTypeSpecification {
        supported_instance_types: patterns("SupportedInstanceTypes"),
        unsupported_instance_types: patterns("UnsupportedInstanceTypes"),
    }
}
