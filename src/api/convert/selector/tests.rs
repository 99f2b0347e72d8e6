//! What a selector and a receipt may hold, and that what is right comes out as it went in.

use super::*;
use crate::api::convert::ViolationReason::{
    self, ConflictingFields, InvalidField, InvalidFilter, InvalidId, LimitExceeded, MissingField,
};

fn filter(name: &str, values: &[&str]) -> pb::Filter {
    pb::Filter { name: name.to_owned(), values: values.iter().map(|value| (*value).to_owned()).collect() }
}

fn right() -> pb::ImageSelector {
    pb::ImageSelector {
        owner: "amazon".to_owned(),
        name_pattern: "al2023-ami-2023.*-x86_64".to_owned(),
        architecture: "x86_64".to_owned(),
        filters: vec![filter("gantry:boot-path", &["uefi-preferred"])],
        ..Default::default()
    }
}

fn of_parameter() -> pb::ImageSelector {
    let ssm_parameter = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.12-x86_64".to_owned();
    pb::ImageSelector { ssm_parameter, architecture: "x86_64".to_owned(), ..Default::default() }
}

fn seen(violations: &Violations) -> Vec<(&str, ViolationReason)> {
    violations.kept().iter().map(|violation| (violation.field.as_str(), violation.reason)).collect()
}

#[test]
fn what_is_right_survives_the_way_in_and_out() {
    let any = pb::ImageSelector { owner: String::new(), any_owner: true, ..right() };
    for selector in [right(), of_parameter(), any, pb::ImageSelector { owner: "self".to_owned(), ..Default::default() }]
    {
        let mut violations = Violations::new();
        let read = image_selector("s", Some(selector.clone()), &mut violations).unwrap();
        assert_eq!(seen(&violations), []);
        assert_eq!(pb::ImageSelector::from(&read), selector);
    }
}

#[test]
fn what_is_wrong_is_named() {
    type Case = (pb::ImageSelector, &'static [(&'static str, ViolationReason)]);
    let table: [Case; 13] = [
        (Default::default(), &[("s", MissingField)]),
        (pb::ImageSelector { any_owner: true, ..Default::default() }, &[("s", MissingField)]),
        (pb::ImageSelector { owner: String::new(), ..right() }, &[("s.owner", MissingField)]),
        (pb::ImageSelector { architecture: "arm64".to_owned(), ..Default::default() }, &[("s.owner", MissingField)]),
        (pb::ImageSelector { owner: "all".to_owned(), ..right() }, &[("s.owner", InvalidField)]),
        (pb::ImageSelector { any_owner: true, ..right() }, &[("s.any_owner", ConflictingFields)]),
        (pb::ImageSelector { architecture: "amd64".to_owned(), ..right() }, &[("s.architecture", InvalidField)]),
        (pb::ImageSelector { name_pattern: "x".repeat(256), ..right() }, &[("s.name_pattern", LimitExceeded)]),
        (
            pb::ImageSelector { filters: vec![filter("nam", &["x"])], ..right() },
            &[("s.filters[0].name", InvalidFilter)],
        ),
        (
            pb::ImageSelector { filters: vec![filter("name", &["x".repeat(250).as_str(); 41])], ..right() },
            &[("s.filters", LimitExceeded)],
        ),
        (
            pb::ImageSelector {
                owner: "self".to_owned(),
                name_pattern: "x".to_owned(),
                any_owner: true,
                ..of_parameter()
            },
            &[
                ("s.any_owner", ConflictingFields),
                ("s.owner", ConflictingFields),
                ("s.name_pattern", ConflictingFields),
                ("s.any_owner", ConflictingFields),
            ],
        ),
        (
            pb::ImageSelector { ssm_parameter: "/my/secret".to_owned(), ..of_parameter() },
            &[("s.ssm_parameter", InvalidField)],
        ),
        (
            pb::ImageSelector { ssm_parameter: "/aws/service/x:1".to_owned(), ..of_parameter() },
            &[("s.ssm_parameter", InvalidField)],
        ),
    ];
    for (selector, expected) in table {
        let mut violations = Violations::new();
        image_selector("s", Some(selector.clone()), &mut violations);
        assert_eq!(seen(&violations), expected, "{selector:?}");
    }
    let mut violations = Violations::new();
    assert!(image_selector("s", None, &mut violations).is_none());
    assert_eq!(seen(&violations), [("s", MissingField)]);
    let mut violations = Violations::new();
    image_selector("s", Some(pb::ImageSelector { owner: String::new(), ..right() }), &mut violations);
    assert!(violations.kept()[0].description.contains("CVE-2018-15869"), "{violations}");
}

#[test]
fn a_receipt_is_whole_or_wrong() {
    let receipt = pb::ImageReceipt {
        image_id: "ami-0abcdef1234567890".to_owned(),
        digest: Sha256Digest::of(b"facts").to_string(),
        observed_time: Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 5 }),
    };
    let mut violations = Violations::new();
    let read = image_receipt("r", &receipt, &mut violations).unwrap();
    assert_eq!(pb::ImageReceipt::from(&read), receipt);
    assert!(image_receipt("r", &pb::ImageReceipt::default(), &mut violations).is_none());
    assert!(image_receipt("r", &pb::ImageReceipt { digest: "x".to_owned(), ..receipt }, &mut violations).is_none());
    let expected = [
        ("r.image_id", MissingField),
        ("r.digest", MissingField),
        ("r.observed_time", MissingField),
        ("r.digest", InvalidId),
    ];
    assert_eq!(seen(&violations), expected);
}
