//! The policies that come with the program.

use super::*;

/// What one example denies: its name, a change that breaks one rule, and the rule.
type Row = (&'static str, Change, &'static str);

/// What is done to a good launch.
type Change = fn(&mut Case);

#[test]
fn each_compiles_and_none_is_warned_about() {
    for (name, text) in EXAMPLES.into_iter().chain([(DEFAULT_NAME, DEFAULT_TEXT)]) {
        let policy = Policy::compile(text).unwrap_or_else(|errors| panic!("{name}: {errors}"));
        assert_eq!(policy.warnings(), [], "{name}");
    }
    assert_eq!(Policy::built_in().text(), DEFAULT_TEXT);
}

#[test]
fn the_default_permits_a_good_launch_and_names_the_one_rule_that_is_broken() {
    #[rustfmt::skip]
    let table: &[(Change, &[&str])] = &[
        (|_| {}, &[]),
        (|case| case.image.virtualization_type = Some("paravirtual".to_owned()), &["hvm"]),
        (|case| case.image.virtualization_type = None, &["hvm"]),
        (|case| case.image.root_device_type = Some("instance-store".to_owned()), &["ebs-root"]),
        (|case| case.image.root_device_type = None, &["ebs-root"]),
        (|case| case.image.deprecation_time = Some(facts::NOON), &["not-deprecated"]),
        (|case| case.image.deprecation_time = Some("2027-01-01T00:00:00Z".parse().unwrap()), &[]),
        (|case| { case.image.owner_id = Some("222222222222".to_owned()); case.image.public = Some(true) }, &["known-owner"]),
        (|case| case.image.owner_id = None, &["known-owner"]),
        (|case| { case.image.owner_id = Some("222222222222".to_owned()); case.image.public = Some(false) }, &[]),
        (|case| { case.image.owner_id = Some("222222222222".to_owned()); case.image.image_owner_alias = Some("amazon".to_owned()) }, &[]),
        (|case| case.spec.metadata_options.tokens_required = false, &["imdsv2"]),
        (|case| case.reason.clear(), &["reason-given"]),
        (|case| { case.reason.clear(); case.image.virtualization_type = None }, &["hvm", "reason-given"]),
    ];
    let policy = Policy::built_in();
    for (number, (change, broken)) in table.iter().enumerate() {
        let mut case = Case::good();
        change(&mut case);
        let ruling = policy.rule(&case.launch());
        assert_eq!(ruling.permitted, broken.is_empty(), "row {number}: {ruling:?}");
        let expected: &[&str] = if broken.is_empty() { &["permit-all"] } else { broken };
        assert_eq!(ruling.determining, expected, "row {number}");
        assert!(ruling.denials.iter().all(|denial| !denial.reason.is_empty() && !denial.remedy.is_empty()));
    }
    let ruling = policy.rule(&Case::good().break_glass());
    assert_eq!((ruling.permitted, ruling.denials[0].policy_id.as_str()), (false, NO_PERMIT), "nobody breaks the glass");
    let principal = "anybody".parse().unwrap();
    for (action, service) in
        [(Action::Query, "ImageService"), (Action::ReadAudit, "AuditService"), (Action::Administer, "PolicyService")]
    {
        assert!(policy.rule(&service_call(&principal, action, service, "Any", facts::NOON)).permitted);
    }
    let launch = facts::launch();
    assert!(policy.rule(&launch_call(&principal, Action::Terminate, &launch, "CancelLaunch", facts::NOON)).permitted);
}

#[test]
fn examples_deny_what_they_say() {
    let others: Change = |case| {
        case.image.owner_id = Some("222222222222".to_owned());
        case.image.image_owner_alias = Some("amazon".to_owned());
    };
    #[rustfmt::skip]
    let table: &[Row] = &[
        ("own-images-in-production", others, "own-images-in-production"),
        ("own-images-in-production", |case| case.image.scan_result = full_image().scan_result.map(|scan| {
            crate::ec2::facts::ScanResult { highest_finding_severity_label: Some("critical".to_owned()), ..scan }
        }), "inspected-in-production"),
        ("business-hours", |case| case.time = "2026-07-04T12:00:00Z".parse().unwrap(), "business-hours"),
        ("business-hours", |case| case.time = "2026-07-01T18:00:00Z".parse().unwrap(), "business-hours"),
        ("small-and-cheap", |case| case.spec.max_count = 11, "at-most-ten"),
        ("small-and-cheap", |case| case.instance_type.instance_type = "x2gd.metal".parse().unwrap(), "approved-families"),
        ("small-and-cheap", |case| case.instance_type.gpus = full_type().gpus, "no-accelerators"),
        ("small-and-cheap", |case| case.instance_type.bare_metal = Some(true), "no-bare-metal"),
        ("encrypted-and-tagged", |case| case.image.block_device_mappings.clear(), "encrypted-root"),
        ("encrypted-and-tagged", |case| case.spec.tags.clear(), "cost-centre"),
        ("break-glass", |case| case.image.creation_date = Some("2026-01-01T00:00:00Z".parse().unwrap()), "fresh-image"),
        ("who-may-what", |_| {}, NO_PERMIT),
    ];
    for (name, change, denied_by) in table {
        let (_, text) = EXAMPLES.iter().find(|(known, _)| known == name).unwrap();
        let policy = compile(text);
        let mut case = Case::good();
        case.spec.tags = [("cost-centre".to_owned(), "cc-1".to_owned())].into();
        if *denied_by != NO_PERMIT {
            assert!(policy.rule(&case.launch()).permitted, "{name} permits a good launch");
        }
        change(&mut case);
        let ruling = policy.rule(&case.launch());
        let denied: Vec<_> = ruling.denials.iter().map(|denial| denial.policy_id.as_str()).collect();
        assert_eq!((ruling.permitted, denied.as_slice()), (false, &[*denied_by][..]), "{name}");
    }
    let on_call = compile(EXAMPLES[1].1);
    let tags = [("on-call".to_owned(), "true".to_owned())].into();
    let sunday = Case { spec: crate::record::Spec { tags, ..least_spec() }, ..Case::good() };
    let sunday = Case { time: "2026-07-05T03:00:00Z".parse().unwrap(), ..sunday };
    assert!(on_call.rule(&sunday.launch()).permitted);
    let glass = compile(EXAMPLES[0].1);
    assert!(!glass.rule(&Case::good().break_glass()).permitted);
    assert!(glass.rule(&Case { reason: "INC-7: web is down".to_owned(), ..Case::good() }.break_glass()).permitted);
}
