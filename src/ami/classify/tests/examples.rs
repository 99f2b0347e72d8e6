//! An example of every finding. A rule without one fails the test, and so does an example that does
//! not show its rule; the image without the change shows none of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::ami::compatibility::tests::instance_types;
use crate::ami::fleet::Fleet;
use crate::ec2::facts::{AllowedImages, ImageCriterion, InstanceTypeSpecification, ScanResult, StateReason};

fn time(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

/// A private image of the account with all that can be wished for.
fn faultless() -> Image {
    let mut image = amazon_linux();
    image.owner_id = text(OWN);
    image.image_owner_alias = None;
    image.public = Some(false);
    image.boot_mode = text("uefi");
    image.tpm_support = text("v2.0");
    image.image_allowed = Some(true);
    image.block_device_mappings = vec![ebs("/dev/xvda", true, true)];
    image.deprecation_time = time("2027-06-01T00:00:00Z");
    image.last_launched_time = time("2026-05-31T00:00:00Z");
    image.scan_result = Some(ScanResult {
        highest_finding_severity_label: text("medium"),
        finding_scan_date: time("2026-05-31T00:00:00Z"),
        ..ScanResult::default()
    });
    image
}

fn everything_known() -> Viewer {
    let criterion = ImageCriterion { image_providers: vec!["amazon".to_owned()], ..ImageCriterion::default() };
    Viewer {
        account_id: Some(OWN.parse().unwrap()),
        allowed_images: Some(Arc::new(AllowedImages {
            state: text("audit-mode"),
            criteria: vec![criterion],
            managed_by: text("account"),
        })),
        fleet: Some(Arc::new(Fleet::new(instance_types()))),
    }
}

/// A code, what makes an image show it, and what is then observed.
type Example = (&'static str, fn(&mut Image), &'static str);

const EXAMPLES: [Example; 38] = [
    ("NOT_A_MACHINE_IMAGE", |image| image.image_type = text("kernel"), "kernel"),
    ("INSTANCE_STORE_ROOT", |image| image.root_device_type = text("instance-store"), "instance-store"),
    ("PARAVIRTUAL", |image| image.virtualization_type = text("paravirtual"), "paravirtual"),
    ("ARCHITECTURE_I386", |image| image.architecture = text("i386"), "i386"),
    ("ENA_MISSING", |image| image.ena_support = None, "absent"),
    ("ENA_MISSING", |image| image.ena_support = Some(false), "false"),
    (
        "PREVIOUS_GENERATION_ONLY",
        |image| {
            image.virtualization_type = text("paravirtual");
            image.tpm_support = None;
        },
        "19 types, 0 current generation",
    ),
    (
        "NO_TYPE_BOOTS",
        |image| {
            image.architecture = text("i386");
            image.tpm_support = text("v2.0");
        },
        "0 types",
    ),
    ("LEGACY_BIOS", |image| image.boot_mode = None, "absent"),
    ("LEGACY_BIOS", |image| image.boot_mode = text("legacy-bios"), "legacy-bios"),
    ("LEGACY_BIOS_ON_UEFI_FLEET", |image| image.boot_mode = None, "absent; 783 types have UEFI"),
    ("NO_TPM", |image| image.tpm_support = None, "absent"),
    (
        "INSTANCE_TYPES_LIMITED",
        |image| {
            image.instance_type_specification = Some(InstanceTypeSpecification {
                supported_instance_types: vec!["m7i.*".to_owned(), "c7i.*".to_owned()],
                unsupported_instance_types: vec!["*.metal".to_owned()],
            });
        },
        "supported [m7i.*, c7i.*], unsupported [*.metal]",
    ),
    (
        "LOOK_ALIKE_NAME",
        |image| {
            image.owner_id = text(OTHER);
            image.public = Some(true);
            image.name = text("amazn2-ami-hvm-2.0");
        },
        "amazn2-ami-hvm-2.0, of account 444455556666; like the names of Amazon Linux",
    ),
    (
        "LOOK_ALIKE_NAME",
        |image| {
            image.owner_id = text(OTHER);
            image.name = text("ubuntu/images-testing/noble");
        },
        "ubuntu/images-testing/noble, of account 444455556666; like the names of Ubuntu by Canonical",
    ),
    (
        "NOT_ALLOWED",
        |image| {
            image.owner_id = text(OTHER);
            image.image_allowed = Some(false);
        },
        "false; Allowed AMIs are in state audit-mode, managed by account; criterion 1 is not met: provider \
         444455556666 is none of [amazon]",
    ),
    (
        "MARKETPLACE_SUBSCRIPTION",
        |image| {
            let code = |id, kind| ProductCode { id: text(id), kind: text(kind) };
            image.product_codes = vec![code("abc", "marketplace"), code("old", "devpay"), code("def", "marketplace")];
        },
        "abc, def",
    ),
    (
        "PUBLIC_UNENCRYPTED",
        |image| {
            image.public = Some(true);
            image.block_device_mappings = vec![ebs("/dev/xvda", false, true)];
        },
        "false",
    ),
    ("NOT_AVAILABLE", |image| image.state = text("disabled"), "disabled"),
    ("NOT_AVAILABLE", |image| image.state = text("pending"), "pending"),
    (
        "NOT_AVAILABLE",
        |image| {
            image.state = text("failed");
            image.state_reason = Some(StateReason { code: None, message: text("The snapshot is gone") });
        },
        "failed, because: The snapshot is gone",
    ),
    ("DEPRECATED", |image| image.deprecation_time = Some(now()), "2026-06-01T00:00:00Z"),
    ("DEPRECATION_NEAR", |image| image.deprecation_time = time("2026-08-30T00:00:00Z"), "2026-08-30T00:00:00Z"),
    ("NOT_LAUNCHED_FOR_LONG", |image| image.last_launched_time = time("2025-12-02T00:00:00Z"), "2025-12-02T00:00:00Z"),
    ("IMDSV1_ALLOWED", |image| image.imds_support = None, "absent"),
    ("VULNERABILITIES_FOUND", |image| scanned(image, |scan| set(scan, "critical")), "critical"),
    ("VULNERABILITIES_FOUND", |image| scanned(image, |scan| set(scan, "high")), "high"),
    (
        "VULNERABILITY_FIX_AVAILABLE",
        |image| {
            scanned(image, |scan| {
                scan.low_fix_available_since = time("2026-01-01T00:00:00Z");
                scan.critical_fix_available_since = time("2026-04-01T00:00:00Z");
            });
        },
        "critical since 2026-04-01T00:00:00Z, low since 2026-01-01T00:00:00Z",
    ),
    (
        "SCAN_OUTDATED",
        |image| scanned(image, |scan| scan.finding_scan_date = time("2026-05-01T00:00:00Z")),
        "2026-05-01T00:00:00Z, 31 days ago",
    ),
    (
        "LICENCE_BILLED",
        |image| image.usage_operation = text("RunInstances:0010"),
        "RunInstances:0010: Red Hat Enterprise Linux is billed.",
    ),
    (
        "LICENCE_BILLED",
        |image| {
            image.usage_operation = None;
            image.platform_details = text("Windows");
        },
        "RunInstances:0002: Windows Server is billed.",
    ),
    ("BILLING_CODE_MISMATCH", |image| image.platform = text("windows"), "Linux/UNIX"),
    ("ROOT_KEPT_AFTER_TERMINATE", |image| image.block_device_mappings = vec![ebs("/dev/xvda", true, false)], "false"),
    // The same findings where less is known of the account and its Region.
    (
        "NOT_ALLOWED",
        |image| image.image_allowed = Some(false),
        "false; Allowed AMIs are in state audit-mode, managed \
      by account; criterion 1 is not met: provider 111122223333 is none of [amazon]",
    ),
    ("DEPRECATED", |image| image.deprecation_time = time("2020-01-01T00:00:00Z"), "2020-01-01T00:00:00Z"),
    ("IMDSV1_ALLOWED", |image| image.imds_support = text("v1.0"), "v1.0"),
    ("BILLING_CODE_MISMATCH", |image| image.platform = text("Windows"), "Linux/UNIX"),
    ("NOT_A_MACHINE_IMAGE", |image| image.image_type = text("ramdisk"), "ramdisk"),
];

fn scanned(image: &mut Image, change: fn(&mut ScanResult)) {
    change(image.scan_result.get_or_insert_default());
}

fn set(scan: &mut ScanResult, severity: &str) {
    scan.highest_finding_severity_label = text(severity);
}

#[test]
fn every_rule_has_an_image_that_shows_it_and_one_that_does_not() {
    let viewer = everything_known();
    let good = classify(&faultless(), &viewer, None, now());
    assert_eq!(codes(&good), Vec::<&str>::new(), "the image without any change has nothing to find");
    assert_eq!(good.recommendation, Recommendation::Recommended);

    let mut shown = BTreeSet::new();
    for (code, change, observed) in EXAMPLES {
        let mut image = faultless();
        change(&mut image);
        // A fleet says more of the same, so the plain word is there without one.
        let viewer = if code == "LEGACY_BIOS" { Viewer { fleet: None, ..viewer.clone() } } else { viewer.clone() };
        let seen = classify(&image, &viewer, None, now());
        let found: Vec<Finding> = seen.findings().filter(|finding| finding.code == code).collect();
        let [finding] = &found[..] else { panic!("{code} once, of {:?}", codes(&seen)) };
        assert_eq!(finding.observed, observed, "{code}");
        shown.insert(code);
    }
    let rules: BTreeSet<&str> = FINDING_GROUPS.iter().flat_map(|group| group.rules).map(|rule| rule.code).collect();
    assert_eq!(shown, rules, "every rule of the table has an example");
}

/// What is near a finding and is none.
#[test]
fn what_is_only_near_a_finding_is_not_found() {
    let viewer = everything_known();
    let cases: [Example; 9] = [
        ("DEPRECATION_NEAR", |image| image.deprecation_time = time("2026-08-30T00:00:01Z"), "90 days are the notice"),
        ("NOT_LAUNCHED_FOR_LONG", |image| image.last_launched_time = time("2025-12-03T00:00:00Z"), "180 days"),
        ("NOT_LAUNCHED_FOR_LONG", |image| image.last_launched_time = None, "others do not see it"),
        ("SCAN_OUTDATED", |image| scanned(image, |scan| scan.finding_scan_date = time("2026-05-02T00:00:00Z")), "30"),
        ("LOOK_ALIKE_NAME", |image| image.name = text("amzn2-ami-hvm"), "its own images may have any name"),
        (
            "PUBLIC_UNENCRYPTED",
            |image| {
                image.owner_id = text(OTHER);
                image.public = Some(true);
                image.block_device_mappings = vec![ebs("/dev/xvda", false, true)];
            },
            "public images of others are unencrypted",
        ),
        (
            "LEGACY_BIOS_ON_UEFI_FLEET",
            |image| {
                image.boot_mode = None;
                image.architecture = text("i386");
            },
            "no 32-bit type has UEFI",
        ),
        ("LICENCE_BILLED", |image| image.usage_operation = text("RunInstances:00g0"), "a subscription of one's own"),
        ("MARKETPLACE_SUBSCRIPTION", |image| image.product_codes[0].kind = text("devpay"), "no Marketplace code"),
    ];
    for (code, change, why) in cases {
        let mut image = faultless();
        image.product_codes = vec![ProductCode { id: text("abc"), kind: text("devpay") }];
        change(&mut image);
        let seen = classify(&image, &viewer, None, now());
        assert!(!codes(&seen).contains(&code), "{code}: {why}");
    }
}

#[test]
fn without_an_account_or_a_fleet_nothing_is_said_of_them() {
    let mut image = amazon_linux();
    image.image_owner_alias = None;
    image.boot_mode = None;
    let nobody = Viewer::default();
    for public in [true, false] {
        image.public = Some(public);
        let seen = classify(&image, &nobody, None, now());
        assert_eq!((seen.source, seen.launch_permissions.implicit), (Source::Unknown, None));
        assert_eq!(seen.launch_permissions.explicit, None, "owned or shared: not known");
        assert!(codes(&seen).contains(&"LOOK_ALIKE_NAME"), "its owner has no alias, whoever looks");
        for code in ["PREVIOUS_GENERATION_ONLY", "LEGACY_BIOS_ON_UEFI_FLEET", "PUBLIC_UNENCRYPTED"] {
            assert!(!codes(&seen).contains(&code), "{code}");
        }
        let unknown = seen.basis.iter().filter(|basis| !basis.known()).map(Basis::field);
        assert_eq!(unknown.filter(|field| *field == "account_id").count(), 2, "source and permissions name it");
    }
    let listed = classify(&image, &nobody, Some(&[LaunchPermission::Account(OWN.to_owned())]), now());
    assert_eq!(listed.launch_permissions.explicit, None);
    image.image_owner_alias = text("amazon");
    assert_eq!(classify(&image, &nobody, None, now()).source, Source::Amazon, "an alias speaks for itself");
}
