//! Which of an image's mappings is its root volume.
//!
//! The root device name may match no mapping: records exist that name the root `/dev/sda1` and map
//! `/dev/sda`, or leave out `/dev/`. Those two spellings of one device are recognised; any other
//! mapping is not taken for the root.

use crate::ec2::facts::{BlockDevice, EbsVolume, Image};

/// The EBS volume that is mapped as the root, if one is.
pub fn root_volume(image: &Image) -> Option<&EbsVolume> {
    let root = image.root_device_name.as_deref()?;
    let with_name = |wanted: &dyn Fn(&str) -> bool| {
        image.block_device_mappings.iter().filter(|mapping| is_mapped(mapping)).find_map(|mapping| {
            let name = mapping.device_name.as_deref()?;
            wanted(name).then_some(mapping.ebs.as_ref()).flatten()
        })
    };
    with_name(&|name| name == root).or_else(|| with_name(&|name| device(name) == device(root)))
}

/// Whether a mapping adds a device; one with `NoDevice`, even empty, takes it away.
pub(super) fn is_mapped(mapping: &BlockDevice) -> bool {
    mapping.no_device.is_none()
}

/// The device without `/dev/` and without the number of its first partition.
fn device(name: &str) -> &str {
    let name = name.strip_prefix("/dev/").unwrap_or(name);
    name.strip_suffix('1').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ImageId;

    #[test]
    fn the_root_is_found_under_either_spelling_and_never_guessed() {
        let cases = [
            ("/dev/sda1", "/dev/sda1", true),
            ("/dev/sda1", "/dev/sda", true),
            ("/dev/xvda", "xvda", true),
            ("/dev/sda1", "/dev/sdb", false),
            ("/dev/sda1", "/dev/xvda", false),
        ];
        for (root, mapped, found) in cases {
            let mut image = Image::unknown("ami-00000001".parse::<ImageId>().unwrap());
            image.root_device_name = Some(root.to_owned());
            image.block_device_mappings = vec![BlockDevice {
                device_name: Some(mapped.to_owned()),
                virtual_name: None,
                no_device: None,
                ebs: Some(EbsVolume::default()),
            }];
            assert_eq!(root_volume(&image).is_some(), found, "{root} against {mapped}");
            image.block_device_mappings[0].no_device = Some(String::new());
            assert_eq!(root_volume(&image), None, "a removed device is no root");
        }
    }
}
