//! Every field of a criterion, met and not met.

use super::super::facts::*;
use super::super::generate::{Mill, at_second, days_after};
use super::super::names;
use super::*;

const NOW: i64 = 1_800_000_000;

/// An image of the sister account, made 100 days ago, deprecated 10 days ago, sold, marked and scanned.
fn image() -> Image {
    let now = at_second(NOW);
    let mut image = Mill::new("allowed").machine(
        names::SISTER,
        "base-1.2".to_owned(),
        String::new(),
        Architecture::X86_64,
        days_after(now, -100),
    );
    image.deprecated = Some(days_after(now, -10));
    let extras = image.extras_mut();
    extras.product_codes.push(("abc123".to_owned(), ProductCodeType::Marketplace));
    extras.product_codes.push(("pay".to_owned(), ProductCodeType::Devpay));
    extras.watermarks.push(Watermark {
        key: "000000000100:golden".to_owned(),
        source_region: "sandbox-1".to_owned(),
        source_image: "ami-00000000000000001".to_owned(),
        source_created: days_after(now, -50),
        marked: days_after(now, -40),
    });
    let fixes = vec![(Severity::Low, days_after(now, -20)), (Severity::Medium, days_after(now, -30))];
    extras.scan = Some(ScanResults { scanned: days_after(now, -5), fixes });
    image
}

fn allows(settings: &AllowedImages, image: &Image) -> bool {
    settings.judge(&crate::sandbox::callers::home(), at_second(NOW)).allows(image)
}

#[test]
fn a_criterion_is_met_field_by_field() {
    for (criterion, expected) in [
        (r#"{"providers": ["amazon", "000000000100"]}"#, true),
        (r#"{"providers": ["amazon", "aws-marketplace"]}"#, false),
        (r#"{"providers": ["none"]}"#, false),
        (r#"{"names": ["other", "base-?.*"]}"#, true),
        (r#"{"names": ["Base-*"]}"#, false),
        (r#"{"product_codes": ["zzz", "abc123"]}"#, true),
        // Not a Marketplace code.
        (r#"{"product_codes": ["pay"]}"#, false),
        (r#"{"days_since_created": 101}"#, true),
        (r#"{"days_since_created": 99}"#, false),
        (r#"{"days_since_deprecated": 11}"#, true),
        (r#"{"days_since_deprecated": 9}"#, false),
        (r#"{"days_since_deprecated": 0}"#, false),
        (r#"{"watermarks": [{"key": "*:silver"}, {"key": "*:golden", "source_region": "sandbox-?"}]}"#, true),
        // All fields of one watermark filter, on one watermark.
        (r#"{"watermarks": [{"key": "*:golden", "source_region": "eu-*"}]}"#, false),
        (r#"{"watermarks": [{"days_since_source_created": 51, "days_since_marked": 41}]}"#, true),
        (r#"{"watermarks": [{"days_since_source_created": 49}]}"#, false),
        (r#"{"watermarks": [{"days_since_marked": 39}]}"#, false),
        (r#"{"scan": {"days_since_scan": 6, "worst": "medium"}}"#, true),
        (r#"{"scan": {"days_since_scan": 4}}"#, false),
        (r#"{"scan": {"worst": "low"}}"#, false),
        (r#"{"scan": {"days_since_fix": [0, 21, 31, 0, 0]}}"#, true),
        (r#"{"scan": {"days_since_fix": [null, 19, null, null, null]}}"#, false),
        // All fields of a criterion.
        (r#"{"names": ["base-*"], "providers": ["amazon"]}"#, false),
    ] {
        let criteria = vec![serde_json::from_str(criterion).unwrap()];
        let settings = AllowedImages { state: AllowedState::Enabled, criteria };
        assert_eq!(allows(&settings, &image()), expected, "{criterion}");
        assert_eq!(settings.judge(&crate::sandbox::callers::home(), at_second(NOW)).hides(&image()), !expected);
    }
}

#[test]
fn the_state_decides_what_a_verdict_does() {
    let criteria = vec![Criterion { providers: vec!["none".to_owned()], ..Criterion::default() }];
    let mut settings = AllowedImages { state: AllowedState::AuditMode, criteria };
    assert!(
        !allows(&settings, &image())
            && !settings.judge(&crate::sandbox::callers::home(), at_second(NOW)).hides(&image())
    );
    let mut own = image();
    own.set_owner(names::SELF);
    assert!(allows(&settings, &own), "own images are never restricted");
    let unscanned = {
        let mut image = image();
        image.extras_mut().scan = None;
        image
    };
    settings.criteria.push(Criterion { scan: Some(ScanCriterion::default()), ..Criterion::default() });
    assert!(allows(&settings, &image()), "one criterion is enough");
    assert!(!allows(&settings, &unscanned));
    settings.state = AllowedState::Disabled;
    assert!(allows(&settings, &unscanned));
    settings = AllowedImages { state: AllowedState::Enabled, criteria: Vec::new() };
    assert!(!allows(&settings, &image()) && allows(&settings, &own), "without a criterion nothing meets one");
}
