//! Whatever EC2 sends or leaves out: each conclusion names its fact, and what is unknown says so.

use proptest::prelude::*;

use super::*;

fn maybe(words: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    proptest::option::weighted(0.8, proptest::sample::select(words).prop_map(str::to_owned))
}

fn images() -> impl Strategy<Value = Image> {
    let kinds = (
        maybe(&["ebs", "instance-store", "tape"]),
        maybe(&["hvm", "paravirtual", "new"]),
        maybe(&["i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac", "riscv64"]),
        maybe(&["uefi", "uefi-preferred", "legacy-bios", "new"]),
        maybe(&["available", "pending", "disabled", "failed", "deregistered", "invalid", "new"]),
    );
    let about = (
        maybe(&[OWN, OTHER]),
        maybe(&["amazon", "aws-marketplace", "aws-backup-vault", "new"]),
        proptest::option::of(any::<bool>()),
        proptest::option::of(any::<bool>()),
        maybe(&["v2.0", "v3.0"]),
        maybe(&["RunInstances", "RunInstances:0002", "RunInstances:zzzz"]),
    );
    (kinds, about).prop_map(|(kinds, about)| {
        let mut image = Image::unknown("ami-0123456789abcdef0".parse().unwrap());
        (image.root_device_type, image.virtualization_type, image.architecture, image.boot_mode, image.state) = kinds;
        (image.owner_id, image.image_owner_alias, image.public, image.ena_support, image.tpm_support, _) =
            about.clone();
        image.usage_operation = about.5;
        image
    })
}

proptest! {
    #[test]
    fn every_conclusion_names_its_fact_and_unknown_is_said(image in images()) {
        let seen = seen(&image);
        for conclusion in Conclusion::ALL {
            prop_assert!(seen.basis.iter().any(|basis| basis.conclusion() == conclusion), "{conclusion:?}");
        }
        let unknown = |conclusion| seen.basis.iter().any(|basis| basis.conclusion() == conclusion && !basis.known());
        prop_assert_eq!(seen.root_device == RootDevice::Unknown, unknown(Conclusion::RootDevice));
        prop_assert_eq!(seen.virtualization == Virtualization::Unknown, unknown(Conclusion::Virtualization));
        prop_assert_eq!(seen.source == Source::Unknown, unknown(Conclusion::Source));
        prop_assert_eq!(seen.boot_path == BootPath::Unknown, unknown(Conclusion::BootPath));
        prop_assert_eq!(seen.os.family == OsFamily::Unknown, unknown(Conclusion::Os));
        prop_assert_eq!(seen.lifecycle == Lifecycle::Unknown, unknown(Conclusion::Lifecycle));
        prop_assert_eq!(seen.licensing.billed.is_none(), unknown(Conclusion::Licensing));
        prop_assert_eq!(seen.boot_speed == BootSpeed::Unknown, unknown(Conclusion::BootSpeed));
        prop_assert_eq!(seen.recommendation == Recommendation::Unknown, unknown(Conclusion::Recommendation));
        for finding in seen.findings() {
            prop_assert!(finding.outcome != Outcome::Pass, "{}", finding.code);
            prop_assert!(!finding.field.is_empty() && !finding.observed.is_empty() && !finding.remedy.is_empty());
        }
    }
}
