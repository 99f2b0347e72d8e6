//! A receipt for an image: a digest of the facts that decide how it boots.
//!
//! Two readings of one image have the same digest exactly if it would boot in the same way and be
//! billed in the same way, so a launch can notice that an image is no longer what was chosen. Name, description, tags, times,
//! sharing and scan results are not in it. Lists are sorted first, because EC2 promises no order.

mod difference;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ec2::facts::{BlockDevice, Image};
use crate::ids::{ImageId, Sha256Digest};

pub use difference::{Difference, single_difference};

/// Version of the digest's input. Another choice of facts is another version, and receipts of the
/// one never equal receipts of the other.
pub const DIGEST_VERSION: u32 = 1;

/// What an image was at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The image.
    pub image_id: ImageId,
    /// SHA-256 over the facts that decide how it boots.
    pub digest: Sha256Digest,
    /// When EC2 was asked for them.
    pub observed_time: Timestamp,
}

/// The receipt for `image` as EC2 gave it at `observed_time`.
pub fn receipt(image: &Image, observed_time: Timestamp) -> Receipt {
    Receipt { image_id: image.image_id.clone(), digest: boot_digest(image), observed_time }
}

/// The facts, in the order of their digest. Every field is written, absent ones as `null`, so that
/// absence is part of the digest.
#[derive(Serialize)]
struct BootFacts<'a> {
    version: u32,
    image_id: &'a ImageId,
    owner_id: Option<&'a str>,
    state: Option<&'a str>,
    image_type: Option<&'a str>,
    architecture: Option<&'a str>,
    virtualization_type: Option<&'a str>,
    root_device_type: Option<&'a str>,
    root_device_name: Option<&'a str>,
    boot_mode: Option<&'a str>,
    tpm_support: Option<&'a str>,
    imds_support: Option<&'a str>,
    /// Absent is EC2's `false`.
    ena_support: bool,
    sriov_net_support: Option<&'a str>,
    kernel_id: Option<&'a str>,
    ramdisk_id: Option<&'a str>,
    /// In lower case, since the wire's case differs.
    platform: Option<String>,
    platform_details: Option<&'a str>,
    usage_operation: Option<&'a str>,
    product_codes: Vec<(Option<&'a str>, Option<&'a str>)>,
    block_device_mappings: Vec<DeviceFacts<'a>>,
    supported_instance_types: Vec<&'a str>,
    unsupported_instance_types: Vec<&'a str>,
}

/// One mapping. Written out, so that a fact that EC2 adds does not change digests unseen.
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct DeviceFacts<'a> {
    device_name: Option<&'a str>,
    virtual_name: Option<&'a str>,
    no_device: bool,
    ebs: Option<VolumeFacts<'a>>,
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct VolumeFacts<'a> {
    snapshot_id: Option<&'a str>,
    volume_size_gib: Option<i32>,
    volume_type: Option<&'a str>,
    iops: Option<i32>,
    throughput_mibps: Option<i32>,
    volume_initialization_rate_mibps: Option<i32>,
    encrypted: Option<bool>,
    kms_key_id: Option<&'a str>,
    delete_on_termination: Option<bool>,
}

impl<'a> DeviceFacts<'a> {
    fn of(mapping: &'a BlockDevice) -> Self {
        Self {
            device_name: mapping.device_name.as_deref(),
            virtual_name: mapping.virtual_name.as_deref(),
            no_device: mapping.no_device.is_some(),
            ebs: mapping.ebs.as_ref().map(|volume| VolumeFacts {
                snapshot_id: volume.snapshot_id.as_deref(),
                volume_size_gib: volume.volume_size_gib,
                volume_type: volume.volume_type.as_deref(),
                iops: volume.iops,
                throughput_mibps: volume.throughput_mibps,
                volume_initialization_rate_mibps: volume.volume_initialization_rate_mibps,
                encrypted: volume.encrypted,
                kms_key_id: volume.kms_key_id.as_deref(),
                delete_on_termination: volume.delete_on_termination,
            }),
        }
    }
}

/// SHA-256 over the compact JSON of the facts that decide how `image` boots.
pub fn boot_digest(image: &Image) -> Sha256Digest {
    let mut product_codes: Vec<_> =
        image.product_codes.iter().map(|code| (code.id.as_deref(), code.kind.as_deref())).collect();
    product_codes.sort_unstable();
    let mut block_device_mappings: Vec<_> = image.block_device_mappings.iter().map(DeviceFacts::of).collect();
    block_device_mappings.sort_unstable();
    let specification = image.instance_type_specification.as_ref();
    let supported = specification.map(|specification| specification.supported_instance_types.as_slice());
    let unsupported = specification.map(|specification| specification.unsupported_instance_types.as_slice());
    let facts = BootFacts {
        version: DIGEST_VERSION,
        image_id: &image.image_id,
        owner_id: image.owner_id.as_deref(),
        state: image.state.as_deref(),
        image_type: image.image_type.as_deref(),
        architecture: image.architecture.as_deref(),
        virtualization_type: image.virtualization_type.as_deref(),
        root_device_type: image.root_device_type.as_deref(),
        root_device_name: image.root_device_name.as_deref(),
        boot_mode: image.boot_mode.as_deref(),
        tpm_support: image.tpm_support.as_deref(),
        imds_support: image.imds_support.as_deref(),
        ena_support: image.ena_support == Some(true),
        sriov_net_support: image.sriov_net_support.as_deref(),
        kernel_id: image.kernel_id.as_deref(),
        ramdisk_id: image.ramdisk_id.as_deref(),
        platform: image.platform.as_deref().map(str::to_ascii_lowercase),
        platform_details: image.platform_details.as_deref(),
        usage_operation: image.usage_operation.as_deref(),
        product_codes,
        block_device_mappings,
        supported_instance_types: sorted(supported.unwrap_or_default()),
        unsupported_instance_types: sorted(unsupported.unwrap_or_default()),
    };
    let json = serde_json::to_vec(&facts).expect("plain data with string keys always serialises");
    Sha256Digest::of(&json)
}

fn sorted(patterns: &[String]) -> Vec<&str> {
    let mut patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    patterns.sort_unstable();
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ec2::facts::{EbsVolume, InstanceTypeSpecification, ProductCode};

    fn image() -> Image {
        let mut image = Image::unknown("ami-0123456789abcdef0".parse().unwrap());
        image.state = Some("available".to_owned());
        image.architecture = Some("x86_64".to_owned());
        image.platform = Some("windows".to_owned());
        image.block_device_mappings = ["/dev/sda1", "/dev/sdb"]
            .map(|name| BlockDevice {
                device_name: Some(name.to_owned()),
                virtual_name: None,
                no_device: None,
                ebs: Some(EbsVolume { volume_size_gib: Some(8), ..EbsVolume::default() }),
            })
            .to_vec();
        image
    }

    #[test]
    fn the_digest_is_fixed_for_its_version() {
        // A receipt may be kept for months. A change here needs a new DIGEST_VERSION.
        assert_eq!(
            boot_digest(&image()).to_string(),
            "5213a57228dbf2d13074711cf64138946c6c8a754cd9ffb2c672bd8cca480162"
        );
    }

    #[test]
    fn what_decides_the_boot_changes_the_digest_and_the_rest_does_not() {
        let digest = boot_digest(&image());
        let same: [fn(&mut Image); 6] = [
            |image| image.name = Some("other".to_owned()),
            |image| image.deprecation_time = Some(Timestamp::UNIX_EPOCH),
            |image| image.block_device_mappings.reverse(),
            |image| image.ena_support = Some(false),
            |image| image.platform = Some("Windows".to_owned()),
            |image| drop(image.tags.insert("key".to_owned(), "value".to_owned())),
        ];
        for (position, change) in same.iter().enumerate() {
            let mut changed = image();
            change(&mut changed);
            assert_eq!(boot_digest(&changed), digest, "change {position}");
        }
        let different: [fn(&mut Image); 31] = [
            |image| image.image_id = "ami-0000000f".parse().unwrap(),
            |image| image.owner_id = text_of("444455556666"),
            |image| image.state = text_of("disabled"),
            |image| image.image_type = text_of("kernel"),
            |image| image.architecture = None,
            |image| image.virtualization_type = text_of("paravirtual"),
            |image| image.root_device_type = text_of("instance-store"),
            |image| image.root_device_name = text_of("/dev/other"),
            |image| image.boot_mode = text_of("other"),
            |image| image.tpm_support = text_of("other"),
            |image| image.imds_support = text_of("other"),
            |image| image.ena_support = Some(true),
            |image| image.sriov_net_support = text_of("other"),
            |image| image.kernel_id = text_of("aki-00000000"),
            |image| image.ramdisk_id = text_of("ari-00000000"),
            |image| image.platform = None,
            |image| image.platform_details = text_of("other"),
            |image| image.usage_operation = text_of("other"),
            |image| image.product_codes.push(ProductCode { id: text_of("other"), kind: None }),
            |image| image.instance_type_specification = types(&["m4.*"], &[]),
            |image| image.instance_type_specification = types(&[], &["m4.*"]),
            |image| drop(image.block_device_mappings.pop()),
            |image| image.block_device_mappings[1].device_name = text_of("/dev/other"),
            |image| image.block_device_mappings[1].no_device = Some(String::new()),
            |image| volume(image).snapshot_id = text_of("snap-1"),
            |image| volume(image).volume_size_gib = Some(999),
            |image| volume(image).volume_type = text_of("io2"),
            |image| volume(image).iops = Some(999),
            |image| volume(image).throughput_mibps = Some(999),
            |image| volume(image).encrypted = Some(true),
            |image| volume(image).delete_on_termination = Some(true),
        ];
        for (position, change) in different.iter().enumerate() {
            let mut changed = image();
            change(&mut changed);
            assert_ne!(boot_digest(&changed), digest, "change {position}");
        }
    }

    fn text_of(word: &str) -> Option<String> {
        Some(word.to_owned())
    }

    fn types(supported: &[&str], unsupported: &[&str]) -> Option<InstanceTypeSpecification> {
        let [supported_instance_types, unsupported_instance_types] =
            [supported, unsupported].map(|patterns| patterns.iter().map(|&pattern| pattern.to_owned()).collect());
        Some(InstanceTypeSpecification { supported_instance_types, unsupported_instance_types })
    }

    fn volume(image: &mut Image) -> &mut EbsVolume {
        image.block_device_mappings[1].ebs.as_mut().unwrap()
    }
}
