//! Every class of image against every type: counts written down by hand from EC2's documentation,
//! and a second opinion that reads the data by itself and shares nothing with the rules.

use serde_json::Value;

use super::types::{instance_types, raw_types};
use super::{changed, text};
use crate::ami::compatibility::{Verdict, Wish, can_boot, check_compatibility, judge, types_for, verdict};
use crate::ec2::facts::Image;
use crate::record::Outcome;

/// What makes a class.
#[derive(Debug, Clone, Copy)]
struct Class {
    architecture: &'static str,
    virtualization: &'static str,
    root: &'static str,
    boot_mode: Option<&'static str>,
    ena: Option<bool>,
    tpm: bool,
}

/// An HVM, EBS-backed image of today without a boot mode.
const PLAIN: Class =
    Class { architecture: "x86_64", virtualization: "hvm", root: "ebs", boot_mode: None, ena: Some(true), tpm: false };
/// A paravirtual one.
const PARAVIRTUAL: Class = Class { virtualization: "paravirtual", ena: None, ..PLAIN };

impl Class {
    fn image(self) -> Image {
        changed(|image| {
            image.architecture = text(self.architecture);
            image.virtualization_type = text(self.virtualization);
            image.root_device_type = text(self.root);
            image.boot_mode = self.boot_mode.map(str::to_owned);
            image.ena_support = self.ena;
            image.tpm_support = self.tpm.then(|| "v2.0".to_owned());
        })
    }

    /// Whether the data says that a type boots it: the rules once more, out of EC2's own JSON.
    fn boots_on(self, json: &Value) -> bool {
        let lists = |path: &str, word: &str| {
            json.pointer(path).unwrap().as_array().unwrap().iter().any(|known| known.as_str() == Some(word))
        };
        let mac = self.architecture.ends_with("_mac");
        let pv = self.virtualization == "paravirtual";
        let graviton = lists("/ProcessorInfo/SupportedArchitectures", "arm64");
        let uefi = match self.boot_mode {
            _ if pv => false,
            Some("uefi") => true,
            Some("uefi-preferred") => lists("/SupportedBootModes", "uefi"),
            None => graviton,
            Some(_) => false,
        };
        let mode = mac || pv || lists("/SupportedBootModes", if uefi { "uefi" } else { "legacy-bios" });
        lists("/ProcessorInfo/SupportedArchitectures", self.architecture)
            && lists("/SupportedVirtualizationTypes", self.virtualization)
            && lists("/SupportedRootDeviceTypes", self.root)
            && mode
            && (self.ena == Some(true) || json["NetworkInfo"]["EnaSupport"] != "required")
            && (!self.tpm || uefi && json["NitroTpmSupport"] == "supported")
    }

    /// Whether EC2 can hold such an image: paravirtual ones are Intel and AMD, macOS is HVM on EBS,
    /// and NitroTPM is registered with UEFI only.
    fn can_exist(self) -> bool {
        let pv = self.virtualization == "paravirtual";
        let mac = self.architecture.ends_with("_mac");
        (!pv || matches!(self.architecture, "i386" | "x86_64"))
            && (!mac || !pv && self.root == "ebs")
            && (self.root == "ebs" || matches!(self.architecture, "i386" | "x86_64"))
            && (!self.tpm || !pv && self.boot_mode == Some("uefi"))
    }
}

fn classes() -> Vec<Class> {
    let mut all = Vec::new();
    for architecture in ["i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac"] {
        for virtualization in ["hvm", "paravirtual"] {
            for root in ["ebs", "instance-store"] {
                for boot_mode in [None, Some("legacy-bios"), Some("uefi"), Some("uefi-preferred")] {
                    for ena in [None, Some(false), Some(true)] {
                        for tpm in [false, true] {
                            all.push(Class { architecture, virtualization, root, boot_mode, ena, tpm });
                        }
                    }
                }
            }
        }
    }
    all
}

/// How many types boot an image of each class, from EC2's documentation and its data (2026-04): 968
/// types list x86_64, 9 of them i386 too, 418 arm64, 1 and 8 the two Macs; 74 are Xen; 790 have
/// both boot modes; 19 run paravirtual images, 33 boot from instance store.
#[test]
fn each_class_boots_on_as_many_types_as_there_are() {
    let cases: &[(&str, Class, usize)] = &[
        ("hvm x86_64 ebs", PLAIN, 968),
        ("without ENA: the Xen types", Class { ena: None, ..PLAIN }, 74),
        ("ENA false", Class { ena: Some(false), ..PLAIN }, 74),
        ("legacy-bios", Class { boot_mode: Some("legacy-bios"), ..PLAIN }, 968),
        ("uefi", Class { boot_mode: Some("uefi"), ..PLAIN }, 790),
        ("uefi without ENA: no Xen type has UEFI", Class { boot_mode: Some("uefi"), ena: None, ..PLAIN }, 0),
        ("uefi-preferred", Class { boot_mode: Some("uefi-preferred"), ..PLAIN }, 968),
        ("tpm", Class { boot_mode: Some("uefi"), tpm: true, ..PLAIN }, 783),
        ("arm64", Class { architecture: "arm64", ..PLAIN }, 418),
        ("arm64 without ENA", Class { architecture: "arm64", ena: None, ..PLAIN }, 0),
        ("arm64 uefi", Class { architecture: "arm64", boot_mode: Some("uefi"), ..PLAIN }, 418),
        ("arm64 legacy-bios", Class { architecture: "arm64", boot_mode: Some("legacy-bios"), ..PLAIN }, 0),
        ("arm64 tpm", Class { architecture: "arm64", boot_mode: Some("uefi"), tpm: true, ..PLAIN }, 333),
        ("hvm i386", Class { architecture: "i386", ..PLAIN }, 9),
        ("hvm i386 uefi", Class { architecture: "i386", boot_mode: Some("uefi"), ..PLAIN }, 0),
        (
            "hvm i386 instance-store: c1.medium c3.large m1.small m1.medium",
            Class { architecture: "i386", root: "instance-store", ..PLAIN },
            4,
        ),
        ("paravirtual", PARAVIRTUAL, 19),
        ("paravirtual, marked for UEFI", Class { boot_mode: Some("uefi"), ..PARAVIRTUAL }, 19),
        (
            "paravirtual i386: c1.medium c3.large m1.small m1.medium t1.micro",
            Class { architecture: "i386", ..PARAVIRTUAL },
            5,
        ),
        ("paravirtual instance-store: all but t1.micro", Class { root: "instance-store", ..PARAVIRTUAL }, 18),
        ("paravirtual i386 instance-store", Class { architecture: "i386", root: "instance-store", ..PARAVIRTUAL }, 4),
        ("paravirtual arm64", Class { architecture: "arm64", ..PARAVIRTUAL }, 0),
        ("hvm instance-store", Class { root: "instance-store", ..PLAIN }, 33),
        ("mac", Class { architecture: "x86_64_mac", ..PLAIN }, 1),
        ("mac arm64", Class { architecture: "arm64_mac", ..PLAIN }, 8),
    ];
    assert_eq!(instance_types().len(), 1395);
    for (name, class, expected) in cases {
        assert_eq!(types_for(&class.image(), instance_types(), &Wish::default()).count(), *expected, "{name}");
    }
    for spoilt in [changed(|image| image.state = text("disabled")), changed(|image| image.image_type = text("kernel"))]
    {
        assert_eq!(types_for(&spoilt, instance_types(), &Wish::default()).count(), 0, "{spoilt:?}");
    }
}

#[test]
fn every_class_boots_exactly_where_the_data_says() {
    let (types, raw) = (instance_types(), raw_types());
    let (mut existing, mut booting) = (0, 0);
    for class in classes() {
        let image = class.image();
        existing += usize::from(class.can_exist());
        for (facts, json) in types.iter().zip(&raw) {
            let boots = can_boot(&image, facts);
            // Classes that EC2 cannot hold are judged too: nothing must panic or come out as a pair.
            assert_eq!(boots, class.boots_on(json), "{class:?} on {}", facts.instance_type);
            booting += usize::from(boots);
        }
    }
    assert_eq!(classes().len(), 480);
    assert_eq!(existing, 153);
    assert_eq!(booting, 8_959, "the same count, made once outside this program");
}

/// The findings and the verdict alone are the same judgement, and so are both directions of it.
#[test]
fn findings_verdict_and_lists_agree() {
    for class in classes().into_iter().filter(|class| class.can_exist()).step_by(7) {
        let image = class.image();
        let wish = Wish::default();
        let mut listed = types_for(&image, instance_types(), &wish).peekable();
        for facts in instance_types() {
            let findings = check_compatibility(&image, facts, &Wish::default());
            let judged = judge(&image, facts, &Wish::default());
            assert_eq!(verdict(&findings), judged, "{class:?} on {}", facts.instance_type);
            assert_eq!(can_boot(&image, facts), judged == Verdict::Compatible);
            let is_listed = listed.next_if(|next| next.instance_type == facts.instance_type).is_some();
            assert_eq!(is_listed, judged != Verdict::Incompatible);
        }
    }
}

/// Types without UEFI boot a `uefi-preferred` image by legacy BIOS, and that is said: 178 of 968.
#[test]
fn what_is_lost_without_uefi_is_said() {
    let image = Class { boot_mode: Some("uefi-preferred"), ..PLAIN }.image();
    let warned = instance_types().iter().filter(|facts| {
        let findings = check_compatibility(&image, facts, &Wish::default());
        verdict(&findings) == Verdict::Compatible
            && findings.iter().any(|finding| finding.code == "BOOT_MODE_MISMATCH" && finding.outcome == Outcome::Warn)
    });
    assert_eq!(warned.count(), 178);
}
