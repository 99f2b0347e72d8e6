//! Images, on their way out.

use jiff::Timestamp;

use super::time::to_timestamp;
use crate::ami::classify::Classification;
use crate::ami::snapshot::Observed;
use crate::api::pb;
use crate::ec2::facts::{
    BlockDevice, EbsVolume, Image, ImageWatermark, InstanceTypeSpecification, ProductCode, ScanResult, StateReason,
};
use crate::ids::{AccountId, Region};

/// An image as an account sees it in a Region, and what is concluded from it.
pub fn image(
    Observed { image, observed_time }: Observed,
    region: &Region,
    account_id: &AccountId,
    classification: &Classification,
) -> pb::Image {
    let Image {
        image_id,
        name,
        description,
        image_location,
        owner_id,
        image_owner_alias,
        architecture,
        image_type,
        state,
        state_reason,
        creation_date,
        deprecation_time,
        last_launched_time,
        root_device_type,
        root_device_name,
        virtualization_type,
        hypervisor,
        boot_mode,
        tpm_support,
        imds_support,
        ena_support,
        sriov_net_support,
        kernel_id,
        ramdisk_id,
        platform,
        platform_details,
        usage_operation,
        public,
        product_codes,
        block_device_mappings,
        source_instance_id,
        source_image_id,
        source_image_region,
        deregistration_protection,
        image_allowed,
        free_tier_eligible,
        public_ssm_parameter_name,
        image_watermarks,
        scan_result,
        instance_type_specification,
        tags,
    } = image;
    pb::Image {
        image_id: image_id.to_string(),
        region: region.to_string(),
        account_id: account_id.to_string(),
        name,
        description,
        image_location,
        owner_id,
        image_owner_alias,
        architecture,
        image_type,
        state,
        state_reason: state_reason.map(Into::into),
        creation_time: moment(creation_date),
        deprecation_time: moment(deprecation_time),
        last_launched_time: moment(last_launched_time),
        root_device_type,
        root_device_name,
        virtualization_type,
        hypervisor,
        boot_mode,
        tpm_support,
        imds_support,
        ena_support,
        sriov_net_support,
        kernel_id,
        ramdisk_id,
        platform,
        platform_details,
        usage_operation,
        public,
        product_codes: product_codes.into_iter().map(Into::into).collect(),
        block_device_mappings: block_device_mappings.into_iter().map(Into::into).collect(),
        source_instance_id,
        source_image_id,
        source_image_region,
        deregistration_protection,
        image_allowed,
        free_tier_eligible,
        public_ssm_parameter_name,
        image_watermarks: image_watermarks.into_iter().map(Into::into).collect(),
        scan_result: scan_result.map(Into::into),
        instance_type_specification: instance_type_specification.map(Into::into),
        tags,
        classification: Some(classification.into()),
        observed_time: Some(to_timestamp(observed_time)),
    }
}

fn moment(time: Option<Timestamp>) -> Option<prost_types::Timestamp> {
    time.map(to_timestamp)
}

impl From<StateReason> for pb::StateReason {
    fn from(reason: StateReason) -> Self {
        let StateReason { code, message } = reason;
        Self { code, message }
    }
}

impl From<ProductCode> for pb::ProductCode {
    fn from(product_code: ProductCode) -> Self {
        let ProductCode { id, kind } = product_code;
        Self { product_code_id: id, product_code_type: kind }
    }
}

impl From<BlockDevice> for pb::BlockDeviceMapping {
    fn from(device: BlockDevice) -> Self {
        let BlockDevice { device_name, virtual_name, no_device, ebs } = device;
        Self { device_name, virtual_name, no_device, ebs: ebs.map(Into::into) }
    }
}

impl From<EbsVolume> for pb::EbsVolume {
    fn from(volume: EbsVolume) -> Self {
        let EbsVolume {
            delete_on_termination,
            iops,
            snapshot_id,
            volume_size_gib,
            volume_type,
            kms_key_id,
            throughput_mibps,
            outpost_arn,
            encrypted,
            volume_initialization_rate_mibps,
            ebs_card_index,
            availability_zone,
        } = volume;
        Self {
            delete_on_termination,
            iops,
            snapshot_id,
            volume_size_gib,
            volume_type,
            kms_key_id,
            throughput_mib_per_second: throughput_mibps,
            outpost_arn,
            encrypted,
            volume_initialization_rate_mib_per_second: volume_initialization_rate_mibps,
            ebs_card_index,
            availability_zone,
        }
    }
}

impl From<ImageWatermark> for pb::ImageWatermark {
    fn from(watermark: ImageWatermark) -> Self {
        let ImageWatermark {
            watermark_key,
            source_image_region,
            source_image_id,
            source_image_creation_time,
            watermark_creation_time,
        } = watermark;
        Self {
            watermark_key,
            source_image_region,
            source_image_id,
            source_image_creation_time: moment(source_image_creation_time),
            watermark_creation_time: moment(watermark_creation_time),
        }
    }
}

impl From<ScanResult> for pb::ScanResult {
    fn from(result: ScanResult) -> Self {
        let ScanResult {
            highest_finding_severity_label,
            finding_scan_date,
            informational_fix_available_since,
            low_fix_available_since,
            medium_fix_available_since,
            high_fix_available_since,
            critical_fix_available_since,
        } = result;
        Self {
            highest_finding_severity_label,
            finding_scan_date: moment(finding_scan_date),
            informational_fix_available_since: moment(informational_fix_available_since),
            low_fix_available_since: moment(low_fix_available_since),
            medium_fix_available_since: moment(medium_fix_available_since),
            high_fix_available_since: moment(high_fix_available_since),
            critical_fix_available_since: moment(critical_fix_available_since),
        }
    }
}

impl From<InstanceTypeSpecification> for pb::InstanceTypeSpecification {
    fn from(specification: InstanceTypeSpecification) -> Self {
        let InstanceTypeSpecification { supported_instance_types, unsupported_instance_types } = specification;
        Self { supported_instance_types, unsupported_instance_types }
    }
}
