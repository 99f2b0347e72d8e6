//! Each field of a criterion: met, not met, not known.

use super::*;
use crate::ec2::facts::{ImageWatermark, ImageWatermarkCriterion, ProductCode, ScanResult, ScanResultCriterion};

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn time(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

/// A Marketplace image of May, deprecated ten days ago, marked, and scanned.
fn image() -> Image {
    let mut image = Image::unknown("ami-00000001".parse().unwrap());
    image.name = text("golden-1");
    image.owner_id = text("444455556666");
    image.image_owner_alias = text("aws-marketplace");
    image.creation_date = time("2026-05-02T00:00:00Z");
    image.deprecation_time = time("2026-05-22T00:00:00Z");
    image.product_codes = vec![ProductCode { id: text("abc"), kind: text("marketplace") }];
    image.image_watermarks = vec![ImageWatermark {
        watermark_key: text("444455556666:golden"),
        source_image_region: text("eu-west-1"),
        source_image_id: None,
        source_image_creation_time: time("2026-05-01T00:00:00Z"),
        watermark_creation_time: None,
    }];
    image.scan_result = Some(ScanResult {
        highest_finding_severity_label: text("medium"),
        finding_scan_date: time("2026-05-30T00:00:00Z"),
        medium_fix_available_since: time("2026-05-12T00:00:00Z"),
        ..ScanResult::default()
    });
    image
}

#[test]
fn each_field_of_a_criterion_is_held_against_its_fact() {
    type Case = (fn(&mut ImageCriterion), Option<bool>);
    fn mark(criterion: &mut ImageCriterion, change: fn(&mut ImageWatermarkCriterion)) {
        let mut wanted = ImageWatermarkCriterion::default();
        change(&mut wanted);
        criterion.image_watermarks.push(wanted);
    }
    fn scan(criterion: &mut ImageCriterion, change: fn(&mut ScanResultCriterion)) {
        change(criterion.scan_result.get_or_insert_default());
    }
    let cases: [Case; 27] = [
        (|_| {}, Some(true)),
        (|of| of.image_providers = texts(&["amazon", "aws-marketplace"]), Some(true)),
        (|of| of.image_providers = texts(&["444455556666"]), Some(true)),
        (|of| of.image_providers = texts(&["amazon", "111122223333"]), Some(false)),
        (|of| of.image_providers = texts(&["none"]), Some(false)),
        (|of| of.image_names = texts(&["silver-*", "golden-?"]), Some(true)),
        (|of| of.image_names = texts(&["Golden-*"]), Some(false)),
        (|of| of.marketplace_product_codes = texts(&["abc"]), Some(true)),
        (|of| of.marketplace_product_codes = texts(&["abd"]), Some(false)),
        (|of| of.maximum_days_since_created = Some(30), Some(true)),
        (|of| of.maximum_days_since_created = Some(29), Some(false)),
        (|of| of.maximum_days_since_deprecated = Some(10), Some(true)),
        (|of| of.maximum_days_since_deprecated = Some(9), Some(false)),
        (|of| of.maximum_days_since_deprecated = Some(0), Some(false)),
        (|of| mark(of, |wanted| wanted.watermark_key = text("*:golden")), Some(true)),
        (|of| mark(of, |wanted| wanted.source_image_region = text("us-*")), Some(false)),
        (|of| mark(of, |wanted| wanted.maximum_days_since_source_image_created = Some(31)), Some(true)),
        (|of| mark(of, |wanted| wanted.maximum_days_since_source_image_created = Some(30)), Some(false)),
        (|of| mark(of, |wanted| wanted.maximum_days_since_watermark_created = Some(30)), None),
        (|of| scan(of, |wanted| wanted.maximum_severity_label = text("medium")), Some(true)),
        (|of| scan(of, |wanted| wanted.maximum_severity_label = text("low")), Some(false)),
        (|of| scan(of, |wanted| wanted.maximum_severity_label = text("new")), None),
        (|of| scan(of, |wanted| wanted.max_days_since_last_finding_scan = Some(1)), Some(false)),
        (|of| scan(of, |wanted| wanted.max_days_since_medium_fix_available = Some(20)), Some(true)),
        (|of| scan(of, |wanted| wanted.max_days_since_medium_fix_available = Some(19)), Some(false)),
        (|of| scan(of, |wanted| wanted.max_days_since_critical_fix_available = Some(0)), Some(true)),
        // What is not met settles it, whatever is not known beside it.
        (
            |of| {
                mark(of, |wanted| wanted.maximum_days_since_watermark_created = Some(30));
                of.maximum_days_since_created = Some(1);
            },
            Some(false),
        ),
    ];
    for (at, (change, met)) in cases.into_iter().enumerate() {
        let mut criterion = ImageCriterion::default();
        change(&mut criterion);
        let fit = judge(&image(), &criterion, now());
        assert_eq!(fit.met(), met, "case {at}: {criterion:?} {fit:?}");
    }
}

#[test]
fn a_missing_fact_leaves_it_open_but_what_is_empty_is_a_fact() {
    let bare = Image::unknown("ami-00000001".parse().unwrap());
    let criterion = |change: fn(&mut ImageCriterion)| {
        let mut criterion = ImageCriterion::default();
        change(&mut criterion);
        judge(&bare, &criterion, now()).met()
    };
    assert_eq!(criterion(|of| of.image_names = texts(&["*"])), None);
    assert_eq!(criterion(|of| of.maximum_days_since_created = Some(1)), None);
    assert_eq!(criterion(|of| of.image_providers = texts(&["111122223333"])), None);
    assert_eq!(criterion(|of| of.image_providers = texts(&["amazon"])), Some(false), "no alias is no alias");
    assert_eq!(criterion(|of| of.maximum_days_since_deprecated = Some(0)), Some(true), "not deprecated");
    assert_eq!(criterion(|of| of.scan_result = Some(ScanResultCriterion::default())), Some(false), "never scanned");
}

#[test]
fn the_reasons_name_state_criteria_and_only_the_first_values() {
    let providers: Vec<String> = (0..8).map(|n| format!("{n:012}")).collect();
    let settings = AllowedImages {
        state: text("audit-mode"),
        managed_by: text("declarative-policy"),
        criteria: vec![
            ImageCriterion {
                image_providers: providers,
                maximum_days_since_created: Some(1),
                ..ImageCriterion::default()
            },
            ImageCriterion { scan_result: Some(ScanResultCriterion::default()), ..ImageCriterion::default() },
        ],
    };
    let mut unscanned = image();
    unscanned.scan_result = None;
    assert_eq!(
        why_not(&unscanned, &settings, now()),
        "Allowed AMIs are in state audit-mode, managed by declarative-policy; criterion 1 is not met: provider \
         aws-marketplace is none of [000000000000 000000000001 000000000002 000000000003 000000000004 and 3 more], \
         image.creation_date is 2026-05-02T00:00:00Z, more than 1 days ago; criterion 2 is not met: it was never scanned"
    );
    let none = why_not(&image(), &AllowedImages::default(), now());
    assert!(none.contains("state of Allowed AMIs is not known") && none.contains("no criterion"), "{none}");
}
