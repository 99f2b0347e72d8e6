//! EC2's 52 image filters, evaluated on facts.
//!
//! Each name yields the texts that EC2 compares; the image passes if any of them is accepted.
//! Flags are `true` and `false`, numbers are decimal, and times have EC2's form with milliseconds.

use jiff::Timestamp;

use super::Ec2FilterName as Name;
use crate::ec2::facts::{BlockDevice, EbsVolume, Image, ImageWatermark, ScanResult};

/// Says whether a text is wanted; once it does, no more texts are shown.
pub(super) type Accept<'a> = &'a mut dyn FnMut(&str) -> bool;

/// Shows every text that `name` looks at.
pub(in crate::ami) fn values(name: Name, image: &Image, each: &mut dyn FnMut(&str)) {
    any_value(name, image, &mut |value| {
        each(value);
        false
    });
}

/// Shows every time that `name` looks at; none where it does not look at times.
pub(in crate::ami) fn times(name: Name, image: &Image, each: &mut dyn FnMut(Timestamp)) {
    let marks = || image.image_watermarks.iter();
    match name {
        Name::CreationDate => image.creation_date.into_iter().for_each(each),
        Name::WatermarkSourceImageCreationTime => {
            marks().filter_map(|mark| mark.source_image_creation_time).for_each(each);
        }
        Name::WatermarkCreationTime => marks().filter_map(|mark| mark.watermark_creation_time).for_each(each),
        _ => image.scan_result.iter().filter_map(|scan| scan_time(name, scan)).for_each(each),
    }
}

/// Whether any text that `name` looks at is accepted.
pub(super) fn any_value(name: Name, image: &Image, accept: Accept<'_>) -> bool {
    let mut text = |value: &Option<String>| value.as_deref().is_some_and(&mut *accept);
    match name {
        Name::Architecture => text(&image.architecture),
        Name::BlockDeviceName => devices(image).any(|device| text(&device.device_name)),
        Name::BlockDeviceDeleteOnTermination
        | Name::BlockDeviceSnapshotId
        | Name::BlockDeviceVolumeSize
        | Name::BlockDeviceVolumeType
        | Name::BlockDeviceEncrypted => {
            devices(image).filter_map(|device| device.ebs.as_ref()).any(|volume| of_volume(name, volume, accept))
        }
        Name::BootMode => text(&image.boot_mode),
        Name::CreationDate => time(image.creation_date, accept),
        Name::Description => text(&image.description),
        Name::EnaSupport => flag(image.ena_support, accept),
        Name::FreeTierEligible => flag(image.free_tier_eligible, accept),
        Name::Hypervisor => text(&image.hypervisor),
        Name::ImageAllowed => flag(image.image_allowed, accept),
        Name::ImageId => accept(image.image_id.as_str()),
        Name::WatermarkSourceImageCreationTime
        | Name::WatermarkSourceImageId
        | Name::WatermarkSourceImageRegion
        | Name::WatermarkCreationTime
        | Name::WatermarkKey => image.image_watermarks.iter().any(|mark| of_watermark(name, mark, accept)),
        Name::ImageType => text(&image.image_type),
        Name::SupportedInstanceType => image
            .instance_type_specification
            .iter()
            .flat_map(|specification| &specification.supported_instance_types)
            .any(|pattern| accept(pattern)),
        Name::UnsupportedInstanceType => image
            .instance_type_specification
            .iter()
            .flat_map(|specification| &specification.unsupported_instance_types)
            .any(|pattern| accept(pattern)),
        Name::IsPublic => flag(image.public, accept),
        Name::KernelId => text(&image.kernel_id),
        Name::ManifestLocation => text(&image.image_location),
        Name::Name => text(&image.name),
        Name::OwnerAlias => text(&image.image_owner_alias),
        Name::OwnerId => text(&image.owner_id),
        // The documented value is `windows`, whatever case the wire has.
        Name::Platform => image.platform.as_deref().is_some_and(|platform| accept(&platform.to_ascii_lowercase())),
        Name::ProductCode => image.product_codes.iter().any(|code| text(&code.id)),
        Name::ProductCodeType => image.product_codes.iter().any(|code| text(&code.kind)),
        Name::PublicSsmParameterName => text(&image.public_ssm_parameter_name),
        Name::RamdiskId => text(&image.ramdisk_id),
        Name::RootDeviceName => text(&image.root_device_name),
        Name::RootDeviceType => text(&image.root_device_type),
        Name::ScanHighestSeverity
        | Name::ScanDate
        | Name::ScanInformationalFix
        | Name::ScanLowFix
        | Name::ScanMediumFix
        | Name::ScanHighFix
        | Name::ScanCriticalFix => image.scan_result.as_ref().is_some_and(|scan| of_scan(name, scan, accept)),
        Name::SourceImageId => text(&image.source_image_id),
        Name::SourceImageRegion => text(&image.source_image_region),
        Name::SourceInstanceId => text(&image.source_instance_id),
        Name::State => text(&image.state),
        Name::StateReasonCode => image.state_reason.as_ref().is_some_and(|reason| text(&reason.code)),
        Name::StateReasonMessage => image.state_reason.as_ref().is_some_and(|reason| text(&reason.message)),
        Name::SriovNetSupport => text(&image.sriov_net_support),
        Name::TagKey => image.tags.keys().any(|key| accept(key)),
        Name::VirtualizationType => text(&image.virtualization_type),
    }
}

fn devices(image: &Image) -> impl Iterator<Item = &BlockDevice> {
    image.block_device_mappings.iter()
}

fn of_volume(name: Name, volume: &EbsVolume, accept: Accept<'_>) -> bool {
    match name {
        Name::BlockDeviceDeleteOnTermination => flag(volume.delete_on_termination, accept),
        Name::BlockDeviceSnapshotId => volume.snapshot_id.as_deref().is_some_and(accept),
        Name::BlockDeviceVolumeSize => volume.volume_size_gib.is_some_and(|gib| accept(&gib.to_string())),
        Name::BlockDeviceVolumeType => volume.volume_type.as_deref().is_some_and(accept),
        Name::BlockDeviceEncrypted => flag(volume.encrypted, accept),
        _ => false,
    }
}

fn of_watermark(name: Name, mark: &ImageWatermark, accept: Accept<'_>) -> bool {
    match name {
        Name::WatermarkSourceImageCreationTime => time(mark.source_image_creation_time, accept),
        Name::WatermarkSourceImageId => mark.source_image_id.as_deref().is_some_and(accept),
        Name::WatermarkSourceImageRegion => mark.source_image_region.as_deref().is_some_and(accept),
        Name::WatermarkCreationTime => time(mark.watermark_creation_time, accept),
        Name::WatermarkKey => mark.watermark_key.as_deref().is_some_and(accept),
        _ => false,
    }
}

fn of_scan(name: Name, scan: &ScanResult, accept: Accept<'_>) -> bool {
    match name {
        Name::ScanHighestSeverity => scan.highest_finding_severity_label.as_deref().is_some_and(accept),
        _ => time(scan_time(name, scan), accept),
    }
}

pub(super) fn bool_word(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn scan_time(name: Name, scan: &ScanResult) -> Option<Timestamp> {
    match name {
        Name::ScanDate => scan.finding_scan_date,
        Name::ScanInformationalFix => scan.informational_fix_available_since,
        Name::ScanLowFix => scan.low_fix_available_since,
        Name::ScanMediumFix => scan.medium_fix_available_since,
        Name::ScanHighFix => scan.high_fix_available_since,
        Name::ScanCriticalFix => scan.critical_fix_available_since,
        _ => None,
    }
}

fn flag(value: Option<bool>, accept: Accept<'_>) -> bool {
    value.is_some_and(|value| accept(bool_word(value)))
}

fn time(value: Option<Timestamp>, accept: Accept<'_>) -> bool {
    value.is_some_and(|time| accept(&time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()))
}
