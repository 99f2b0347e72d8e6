//! The sums against all 1,395 real types, judged one by one.

use super::*;
use crate::ami::compatibility::can_boot;
use crate::ami::compatibility::tests::instance_types;

#[test]
fn every_kind_of_image_boots_on_as_many_types_as_when_each_is_judged() {
    let types = instance_types();
    // Every seventh, because in a debug build half a million judgments take long; their kinds are
    // spread over the whole list.
    let types: Vec<InstanceTypeFacts> = types.iter().step_by(7).cloned().collect();
    let fleet = Fleet::new(&types);
    for (place, kind) in Kind::all().enumerate() {
        let image = kind.image();
        assert_eq!((kind.place(), Kind::of(&image)), (place, Some(kind)));
        let boot = || types.iter().filter(|facts| can_boot(&image, facts));
        let current = boot().filter(|facts| facts.current_generation == Some(true)).count();
        let expected = Bootable { types: boot().count() as u32, current_generation: current as u32, undecided: 0 };
        assert_eq!(fleet.bootable(&image), Some(expected), "{kind:?}");
    }
}

#[test]
fn known_counts_of_the_real_types() {
    let fleet = Fleet::new(instance_types());
    let image = |architecture: &str, virtualization: &str, root: &str, mode: Option<&str>, ena| {
        let mut image = Image::unknown("ami-00000001".parse().unwrap());
        image.architecture = Some(architecture.to_owned());
        image.virtualization_type = Some(virtualization.to_owned());
        image.root_device_type = Some(root.to_owned());
        image.boot_mode = mode.map(str::to_owned);
        image.ena_support = ena;
        image
    };
    let cases = [
        (image("x86_64", "hvm", "ebs", None, Some(true)), 968),
        (image("x86_64", "hvm", "ebs", Some("uefi"), Some(true)), 790),
        (image("x86_64", "hvm", "ebs", None, None), 74),
        (image("i386", "hvm", "ebs", None, None), 9),
    ];
    for (image, types) in cases {
        assert_eq!(fleet.bootable(&image).map(|bootable| bootable.types), Some(types), "{image:?}");
    }
    let paravirtual = fleet.bootable(&image("x86_64", "paravirtual", "ebs", None, None)).unwrap();
    assert_eq!((paravirtual.types, paravirtual.current_generation), (19, 0));
    assert_eq!(fleet.uefi_types(&image("x86_64", "hvm", "ebs", None, Some(true))), Some(790));
    // Every type with UEFI requires ENA.
    assert_eq!(fleet.uefi_types(&image("x86_64", "hvm", "ebs", None, None)), Some(0));
    assert_eq!(fleet.uefi_types(&image("i386", "hvm", "ebs", None, Some(true))), Some(0));
    // The owner's list counts too.
    let listed = |supported: &str| {
        let mut image = image("x86_64", "hvm", "ebs", None, Some(true));
        image.instance_type_specification = Some(crate::ec2::facts::InstanceTypeSpecification {
            supported_instance_types: vec![supported.to_owned()],
            unsupported_instance_types: vec!["*.metal*".to_owned()],
        });
        fleet.bootable(&image).map(|bootable| (bootable.types > 0, bootable.current_generation > 0))
    };
    assert_eq!(
        [listed("m7i.*"), listed("m4.*"), listed("m7g.*")],
        [(true, true), (true, false), (false, false)].map(Some)
    );
    for unknown in [
        image("riscv64", "hvm", "ebs", None, Some(true)),
        image("x86_64", "hvm", "tape", None, Some(true)),
        image("x86_64", "hvm", "ebs", Some("new"), Some(true)),
    ] {
        assert_eq!(fleet.bootable(&unknown), None, "a word that is new is not looked up");
    }
}

#[test]
fn a_type_of_which_a_fact_is_missing_leaves_it_undecided() {
    let mut one = instance_types().iter().find(|facts| facts.instance_type.as_str() == "m7i.large").unwrap().clone();
    let image = Kind { architecture: 0, virtualization: 0, root_device: 0, boot_mode: 0, ena: 1, tpm: 0 }.image();
    one.current_generation = None;
    let bootable = Fleet::new(std::slice::from_ref(&one)).bootable(&image);
    assert_eq!(bootable, Some(Bootable { types: 1, current_generation: 0, undecided: 1 }));
    one.supported_virtualization_types.clear();
    let bootable = Fleet::new(&[one]).bootable(&image);
    assert_eq!(bootable, Some(Bootable { types: 0, current_generation: 0, undecided: 1 }));
}
