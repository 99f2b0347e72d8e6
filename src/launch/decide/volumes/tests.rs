//! Mappings over the image's, and what is wrong with them.

use super::*;
use crate::launch::decide::tests::{image, spec};

fn device(name: &str, ebs: Option<EbsSpec>) -> BlockDeviceSpec {
    let no_device = ebs.is_none();
    BlockDeviceSpec { device_name: name.to_owned(), virtual_name: None, no_device, ebs }
}

fn found(change: BlockDeviceSpec) -> Vec<String> {
    let spec = Spec { block_device_mappings: vec![change], ..spec(&["m7i.large"]) };
    let findings = volume_findings(&spec, &image()).into_iter();
    findings.map(|finding| format!("{} {}", finding.code, finding.field)).collect()
}

#[test]
fn every_rule_has_its_code_and_field() {
    let kind = |kind: &str| EbsSpec { volume_type: Some(kind.to_owned()), ..EbsSpec::default() };
    let sized = |ebs: EbsSpec| EbsSpec { volume_size_gib: Some(9), ..ebs };
    let at = |name: &str| format!("spec.block_device_mappings[0].ebs.{name}");
    let nothing: [String; 0] = [];
    assert_eq!(found(device("/dev/xvda", None)), ["ROOT_VOLUME_LEFT_OUT spec.block_device_mappings[0]"]);
    assert_eq!(found(device("/dev/sdf", None)), nothing);
    assert_eq!(found(device("/dev/xvda", Some(kind("st1")))), [format!("ROOT_VOLUME_TYPE {}", at("volume_type"))]);
    assert_eq!(found(device("/dev/sdf", Some(sized(kind("st1"))))), nothing);
    let small = EbsSpec { volume_size_gib: Some(7), ..EbsSpec::default() };
    assert_eq!(
        found(device("/dev/xvda", Some(small))),
        [format!("VOLUME_SMALLER_THAN_SNAPSHOT {}", at("volume_size_gib"))]
    );
    assert_eq!(found(device("/dev/xvda", Some(EbsSpec::default()))), nothing);
    assert_eq!(
        found(device("/dev/sdf", Some(EbsSpec::default()))),
        [format!("VOLUME_INCOMPLETE {}", at("volume_size_gib"))]
    );
    assert_eq!(found(device("/dev/sdf", Some(sized(kind("io2"))))), [format!("VOLUME_INCOMPLETE {}", at("iops"))]);
    let keyed = EbsSpec { kms_key_id: Some("k".to_owned()), ..sized(EbsSpec::default()) };
    assert_eq!(found(device("/dev/sdf", Some(keyed))), [format!("VOLUME_INCOMPLETE {}", at("encrypted"))]);
}

#[test]
fn the_launch_has_the_images_volumes_as_changed() {
    let changes = vec![
        device("/dev/xvda", Some(EbsSpec { encrypted: Some(true), ..EbsSpec::default() })),
        device("/dev/sdf", Some(EbsSpec { volume_size_gib: Some(9), ..EbsSpec::default() })),
        device("/dev/sdg", None),
    ];
    let spec = Spec { block_device_mappings: changes, ..spec(&["m7i.large"]) };
    let launched = launched(&spec, &image());
    let root = launched.block_device_mappings[0].ebs.as_ref().unwrap();
    assert_eq!((root.volume_size_gib, root.encrypted), (Some(8), Some(true)));
    assert_eq!((count(&launched), launched.block_device_mappings.len()), (2, 2));
}
