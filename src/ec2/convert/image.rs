//! Images and their launch permissions.

use aws_sdk_ec2::types as sdk;

use super::{date, state_reason, tags, timestamp, word};
use crate::ec2::facts::{
    BlockDevice, EbsVolume, Image, ImageWatermark, InstanceTypeSpecification, LaunchPermission, ProductCode, ScanResult,
};

/// The AMI, or none if the id is not an AMI's: to EC2, kernels (`aki-`) and RAM disks (`ari-`) are
/// images too.
pub(in crate::ec2) fn image(from: sdk::Image) -> Option<Image> {
    Some(Image {
        image_id: from.image_id.as_deref()?.parse().ok()?,
        name: from.name,
        description: from.description,
        image_location: from.image_location,
        owner_id: from.owner_id,
        image_owner_alias: from.image_owner_alias,
        architecture: word(from.architecture),
        image_type: word(from.image_type),
        state: word(from.state),
        state_reason: state_reason(from.state_reason),
        creation_date: date(from.creation_date.as_deref()),
        deprecation_time: date(from.deprecation_time.as_deref()),
        last_launched_time: date(from.last_launched_time.as_deref()),
        root_device_type: word(from.root_device_type),
        root_device_name: from.root_device_name,
        virtualization_type: word(from.virtualization_type),
        hypervisor: word(from.hypervisor),
        boot_mode: word(from.boot_mode),
        tpm_support: word(from.tpm_support),
        imds_support: word(from.imds_support),
        ena_support: from.ena_support,
        sriov_net_support: from.sriov_net_support,
        kernel_id: from.kernel_id,
        ramdisk_id: from.ramdisk_id,
        // The model says `Windows`, the wire says `windows`.
        platform: from.platform.map(|platform| platform.as_str().to_ascii_lowercase()),
        platform_details: from.platform_details,
        usage_operation: from.usage_operation,
        public: from.public,
        product_codes: from.product_codes.unwrap_or_default().into_iter().map(product_code).collect(),
        block_device_mappings: from.block_device_mappings.unwrap_or_default().into_iter().map(block_device).collect(),
        source_instance_id: from.source_instance_id,
        source_image_id: from.source_image_id,
        source_image_region: from.source_image_region,
        deregistration_protection: from.deregistration_protection,
        image_allowed: from.image_allowed,
        free_tier_eligible: from.free_tier_eligible,
        public_ssm_parameter_name: from.public_ssm_parameter_name,
        image_watermarks: from.image_watermarks.unwrap_or_default().into_iter().map(watermark).collect(),
        scan_result: from.scan_results.map(scan_result),
        instance_type_specification: from.instance_type_specification.map(specification),
        tags: tags(from.tags),
    })
}

fn product_code(from: sdk::ProductCode) -> ProductCode {
    ProductCode { id: from.product_code_id, kind: word(from.product_code_type) }
}

fn block_device(from: sdk::BlockDeviceMapping) -> BlockDevice {
    BlockDevice {
        device_name: from.device_name,
        virtual_name: from.virtual_name,
        no_device: from.no_device,
        ebs: from.ebs.map(|ebs| EbsVolume {
            delete_on_termination: ebs.delete_on_termination,
            iops: ebs.iops,
            snapshot_id: ebs.snapshot_id,
            volume_size_gib: ebs.volume_size,
            volume_type: word(ebs.volume_type),
            kms_key_id: ebs.kms_key_id,
            throughput_mibps: ebs.throughput,
            outpost_arn: ebs.outpost_arn,
            encrypted: ebs.encrypted,
            volume_initialization_rate_mibps: ebs.volume_initialization_rate,
            ebs_card_index: ebs.ebs_card_index,
            availability_zone: ebs.availability_zone,
        }),
    }
}

fn watermark(from: sdk::ImageWatermark) -> ImageWatermark {
    ImageWatermark {
        watermark_key: from.watermark_key,
        source_image_region: from.source_image_region,
        source_image_id: from.source_image_id,
        source_image_creation_time: from.source_image_creation_time.and_then(timestamp),
        watermark_creation_time: from.watermark_creation_time.and_then(timestamp),
    }
}

fn scan_result(from: sdk::ScanResults) -> ScanResult {
    ScanResult {
        highest_finding_severity_label: word(from.highest_finding_severity_label),
        finding_scan_date: from.finding_scan_date.and_then(timestamp),
        informational_fix_available_since: from.informational_fix_available_since.and_then(timestamp),
        low_fix_available_since: from.low_fix_available_since.and_then(timestamp),
        medium_fix_available_since: from.medium_fix_available_since.and_then(timestamp),
        high_fix_available_since: from.high_fix_available_since.and_then(timestamp),
        critical_fix_available_since: from.critical_fix_available_since.and_then(timestamp),
    }
}

fn specification(from: sdk::InstanceTypeSpecification) -> InstanceTypeSpecification {
    let patterns = |items: Option<Vec<sdk::InstanceTypeItem>>| {
        items.unwrap_or_default().into_iter().filter_map(|item| item.instance_type).collect()
    };
    InstanceTypeSpecification {
        supported_instance_types: patterns(from.supported_instance_types),
        unsupported_instance_types: patterns(from.unsupported_instance_types),
    }
}

/// The launch permissions. An entry names one of four things; one that names none of them is of a
/// kind this version does not know, and is left out.
pub(in crate::ec2) fn launch_permissions(from: Vec<sdk::LaunchPermission>) -> Vec<LaunchPermission> {
    from.into_iter()
        .filter_map(|permission| {
            if permission.group == Some(sdk::PermissionGroup::All) {
                return Some(LaunchPermission::Public);
            }
            permission
                .user_id
                .map(LaunchPermission::Account)
                .or_else(|| permission.organization_arn.map(LaunchPermission::Organization))
                .or_else(|| permission.organizational_unit_arn.map(LaunchPermission::OrganizationalUnit))
        })
        .collect()
}
