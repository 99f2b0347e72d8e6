//! An image on the wire: the shape `Image` of the service model.

use crate::ids::AccountId;
use crate::sandbox::cloud::Tags;
use crate::sandbox::images::facts::{
    Extras, Image, Mapping, ProductCodeType, ScanResults, Severity, Target, Watermark,
};
use crate::sandbox::wire::time::millis;
use crate::sandbox::wire::xml::Xml;

/// Writes one image as an account sees it, with its tags, and whether its settings allow it.
pub(super) fn write(xml: &mut Xml, image: &Image, account_id: &AccountId, tags: Option<&Tags>, allowed: bool) {
    xml.text("imageId", &image.id);
    xml.text("imageLocation", &image.location());
    xml.optional("imageState", image.state.map(|state| state.as_str()));
    xml.text("imageOwnerId", &image.owner);
    // The first images have no date, and EC2 then writes an empty one.
    xml.text("creationDate", &image.created.map(millis).unwrap_or_default());
    xml.value("isPublic", image.public);
    xml.text("architecture", image.architecture.as_str());
    xml.text("imageType", image.image_type.as_str());
    xml.optional("kernelId", image.kernel);
    xml.optional("ramdiskId", image.ramdisk);
    xml.optional("platform", image.platform());
    xml.optional("sriovNetSupport", image.sriov.then_some("simple"));
    xml.optional("imageOwnerAlias", image.alias.map(|alias| alias.as_str()));
    xml.optional("name", image.name.as_deref());
    xml.optional("description", image.description.as_deref());
    xml.text("rootDeviceType", image.root_device_type.as_str());
    xml.optional("rootDeviceName", image.root_device_name);
    xml.list("blockDeviceMapping", &image.mappings, write_mapping);
    xml.optional("virtualizationType", image.virtualization.map(|kind| kind.as_str()));
    xml.tags(tags.into_iter().flatten());
    xml.text("hypervisor", image.hypervisor.as_str());
    if let Some(ena) = image.ena {
        xml.value("enaSupport", ena);
    }
    if let Some(billing) = image.billing {
        xml.text("platformDetails", billing.platform_details());
        xml.text("usageOperation", billing.as_str());
    }
    xml.optional("bootMode", image.boot_mode.map(|mode| mode.as_str()));
    xml.optional("tpmSupport", image.tpm.then_some("v2.0"));
    xml.optional("deprecationTime", image.deprecated.map(millis).as_deref());
    xml.optional("imdsSupport", image.imds_v2.then_some("v2.0"));
    xml.value("imageAllowed", allowed);
    xml.value("freeTierEligible", image.free_tier);
    if let Some(extras) = &image.extras {
        write_extras(xml, extras, image.is_owned_by(account_id.as_str()));
    }
}

fn write_extras(xml: &mut Xml, extras: &Extras, own: bool) {
    if !extras.product_codes.is_empty() {
        write_product_codes(xml, &extras.product_codes);
    }
    if let Some((code, message)) = extras.state_reason {
        xml.element("stateReason", |xml| {
            xml.text("code", code);
            xml.text("message", message);
        });
    }
    xml.optional("sourceInstanceId", extras.source_instance.as_deref());
    xml.optional("sourceImageId", extras.source_image.as_deref());
    xml.optional("sourceImageRegion", extras.source_region.as_deref());
    xml.optional("publicSsmParameterName", extras.ssm_parameter.as_deref());
    if own {
        xml.optional("deregistrationProtection", extras.deregistration_protection);
        xml.optional("lastLaunchedTime", extras.last_launched.map(millis).as_deref());
    }
    if !extras.watermarks.is_empty() {
        xml.list("imageWatermarkSet", &extras.watermarks, write_watermark);
    }
    if let Some(scan) = &extras.scan {
        xml.element("scanResults", |xml| write_scan(xml, scan));
    }
    if !extras.supported_types.is_empty() || !extras.unsupported_types.is_empty() {
        xml.element("instanceTypeSpecification", |xml| {
            let pattern = |xml: &mut Xml, pattern: &String| xml.text("instanceType", pattern);
            xml.list("supportedInstanceTypeSet", &extras.supported_types, pattern);
            xml.list("unsupportedInstanceTypeSet", &extras.unsupported_types, pattern);
        });
    }
}

/// Writes the list `productCodes`.
pub(in crate::sandbox::actions) fn write_product_codes(xml: &mut Xml, codes: &[(String, ProductCodeType)]) {
    xml.list("productCodes", codes, |xml, (code, kind)| {
        xml.text("productCode", code);
        xml.text("type", kind.as_str());
    });
}

fn write_mapping(xml: &mut Xml, mapping: &Mapping) {
    xml.text("deviceName", mapping.device);
    match &mapping.target {
        Target::Ephemeral(number) => xml.text("virtualName", &format!("ephemeral{number}")),
        Target::Nothing => xml.text("noDevice", ""),
        Target::Ebs(volume) => xml.element("ebs", |xml| {
            xml.optional("snapshotId", volume.snapshot_id().as_deref());
            xml.value("volumeSize", volume.size_gib);
            xml.value("deleteOnTermination", volume.delete_on_termination);
            xml.text("volumeType", volume.volume_type.as_str());
            if let Some(iops) = volume.iops {
                xml.value("iops", iops);
            }
            if let Some(throughput) = volume.throughput_mibps {
                xml.value("throughput", throughput);
            }
            xml.value("encrypted", volume.encrypted);
        }),
    }
}

fn write_watermark(xml: &mut Xml, watermark: &Watermark) {
    xml.text("watermarkKey", &watermark.key);
    xml.text("sourceImageRegion", &watermark.source_region);
    xml.text("sourceImageId", &watermark.source_image);
    xml.text("sourceImageCreationTime", &millis(watermark.source_created));
    xml.text("watermarkCreationTime", &millis(watermark.marked));
}

fn write_scan(xml: &mut Xml, scan: &ScanResults) {
    xml.optional("highestFindingSeverityLabel", scan.highest().map(Severity::as_str));
    xml.text("findingScanDate", &millis(scan.scanned));
    for (severity, since) in &scan.fixes {
        let name = match severity {
            Severity::Informational => "informationalFixAvailableSince",
            Severity::Low => "lowFixAvailableSince",
            Severity::Medium => "mediumFixAvailableSince",
            Severity::High => "highFixAvailableSince",
            Severity::Critical => "criticalFixAvailableSince",
        };
        xml.text(name, &millis(*since));
    }
}
