//! DescribeImages as its clients see it: limits, errors, and who sees what.

mod reference;

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use crate::clock::{SimClock, Timestamp};
use crate::sandbox::actions::{Answer, answer};
use crate::sandbox::wire::query::Query;
use crate::sandbox::{IMAGES_MIN, Options, Sandbox, landmarks::*};

/// A sandbox of `images` images in 2027.
pub(in crate::sandbox) fn open(seed: u64, images: usize, state_dir: Option<PathBuf>) -> Sandbox {
    let clock = SimClock::new(Timestamp::from_second(1_800_000_000).unwrap());
    Sandbox::open(Options { seed, images, state_dir, ..Options::default() }, Arc::new(clock)).unwrap()
}

/// The answer to a form.
pub(in crate::sandbox) fn ask(sandbox: &Sandbox, form: &str) -> (u16, String) {
    let mut headers = HeaderMap::new();
    let credential = "AWS4-HMAC-SHA256 Credential=A/20261001/sandbox-1/ec2/aws4_request, SignedHeaders=h, Signature=0";
    headers.insert(AUTHORIZATION, credential.parse().unwrap());
    match answer(sandbox, &headers, &Query::parse(form.as_bytes()).unwrap(), "r") {
        Answer::Xml(status, body) => (status, body),
        other => panic!("{form}: {other:?}"),
    }
}

/// The texts of all elements of one name.
pub(in crate::sandbox) fn texts(xml: &str, name: &str) -> Vec<String> {
    let open = format!("<{name}>");
    xml.split(&open).skip(1).map(|rest| rest.split('<').next().unwrap_or_default().to_owned()).collect()
}

/// The error code of an answer, or its status.
pub(in crate::sandbox) fn outcome(sandbox: &Sandbox, form: &str) -> String {
    let (status, body) = ask(sandbox, form);
    texts(&body, "Code").pop().unwrap_or_else(|| status.to_string())
}

fn images(sandbox: &Sandbox, question: &str) -> Vec<String> {
    let (status, body) = ask(sandbox, &format!("Action=DescribeImages{question}"));
    assert_eq!(status, 200, "{question}: {body}");
    texts(&body, "imageId")
}

#[test]
fn wrong_questions_have_ec2s_codes() {
    let sandbox = open(1, IMAGES_MIN, None);
    let filters = |count: usize| -> String {
        (1..=count).map(|n| format!("&Filter.{n}.Name=name&Filter.{n}.Value.1=*")).collect()
    };
    let values = |count: usize| {
        (1..=count).fold("&Filter.1.Name=name".to_owned(), |form, n| format!("{form}&Filter.1.Value.{n}=x"))
    };
    let id = format!("&ImageId.1={SELF_OWNED}");
    for (question, expected) in [
        (filters(50), "200"),
        (filters(51), "FilterLimitExceeded"),
        (values(200), "200"),
        (values(201), "FilterLimitExceeded"),
        (format!("&Filter.1.Name=name&Filter.1.Value.1={}", "é".repeat(255)), "200"),
        (format!("&Filter.1.Name=name&Filter.1.Value.1={}", "x".repeat(256)), "FilterLimitExceeded"),
        (format!("&Filter.1.Name=tag:{}&Filter.1.Value.1=x", "x".repeat(256)), "FilterLimitExceeded"),
        ("&Filter.1.Name=Architecture&Filter.1.Value.1=arm64".to_owned(), "InvalidParameterValue"),
        ("&Filter.1.Name=tpm-support&Filter.1.Value.1=v2.0".to_owned(), "InvalidParameterValue"),
        ("&Filter.1.Name=name".to_owned(), "MissingParameter"),
        ("&Filter.1.Value.1=x".to_owned(), "MissingParameter"),
        ("&Filter.1.Name=name&Filter.1.Values.1=x".to_owned(), "UnknownParameter"),
        ("&Owner.1=Amazon".to_owned(), "InvalidUserID.Malformed"),
        ("&Owner.1=all".to_owned(), "InvalidUserID.Malformed"),
        ("&ExecutableBy.1=amazon".to_owned(), "InvalidUserID.Malformed"),
        ("&ExecutableBy.1=12345678901".to_owned(), "InvalidUserID.Malformed"),
        ("&MaxResults=0".to_owned(), "InvalidParameterValue"),
        ("&MaxResults=1001".to_owned(), "InvalidParameterValue"),
        ("&MaxResults=5&NextToken=nonsense".to_owned(), "InvalidNextToken"),
        (format!("{id}&MaxResults=5"), "InvalidParameterCombination"),
        (format!("{id}&NextToken=x"), "InvalidParameterCombination"),
        (format!("{id}&ImageId.2=ami-xyz"), "InvalidAMIID.Malformed"),
        (format!("{id}&ImageId.2=ami-0000000000000000f"), "InvalidAMIID.NotFound"),
        (format!("{id}&ImageId.2={SELF_OWNED}"), "200"),
        (format!("{id}&DryRun=true"), "DryRunOperation"),
        ("&ImageId.1=ami-0000000000000000f&DryRun=true".to_owned(), "InvalidAMIID.NotFound"),
        ("&IncludeDeprecated=yes".to_owned(), "InvalidParameterValue"),
        ("&ImageName=x".to_owned(), "UnknownParameter"),
    ] {
        let shown: String = question.chars().take(80).collect();
        assert_eq!(outcome(&sandbox, &format!("Action=DescribeImages{question}")), expected, "{shown}");
    }
}

#[test]
fn who_asks_how_decides_what_is_seen() {
    let sandbox = open(1, IMAGES_MIN, None);
    let sees = |question: &str, id: &str| images(&sandbox, question).iter().any(|found| found == id);
    for (question, id, expected) in [
        ("", DEPRECATED_AMAZON_LINUX_2, false),
        ("&IncludeDeprecated=true", DEPRECATED_AMAZON_LINUX_2, true),
        (&format!("&ImageId.1={DEPRECATED_AMAZON_LINUX_2}"), DEPRECATED_AMAZON_LINUX_2, true),
        ("", DISABLED, false),
        ("&IncludeDisabled=true", DISABLED, true),
        (&format!("&ImageId.1={DISABLED}"), DISABLED, false),
        ("", SHARED, true),
        ("&Owner.1=self", SHARED, false),
        ("&Owner.1=self", SELF_OWNED, true),
        ("&Owner.1=000000000000", SELF_OWNED, true),
        ("&Owner.1=amazon", AMAZON_LINUX_2023_X86_64, true),
        ("&Owner.1=aws-marketplace", AMAZON_LINUX_2023_X86_64, false),
        ("&Owner.1=aws-marketplace&Owner.2=self", MARKETPLACE, true),
        ("&ExecutableBy.1=all", AMAZON_LINUX_2023_X86_64, true),
        ("&ExecutableBy.1=self", AMAZON_LINUX_2023_X86_64, false),
        ("&ExecutableBy.1=self", SHARED, true),
        ("&ExecutableBy.1=000000000000", SHARED, true),
        ("&ExecutableBy.1=self", SELF_OWNED, false),
        ("&ExecutableBy.1=000000000100", SELF_OWNED, true),
        ("&ExecutableBy.1=000000000201", AMAZON_LINUX_2023_X86_64, false),
        (&format!("&ImageId.1={SELF_OWNED}&Owner.1=amazon"), SELF_OWNED, false),
        ("&Filter.1.Name=tag:role&Filter.1.Value.1=we?b", SELF_OWNED, true),
        ("&Filter.1.Name=tag:role&Filter.1.Value.1=WEB", SELF_OWNED, false),
        ("&Filter.1.Name=tag-key&Filter.1.Value.1=r*", SELF_OWNED, true),
    ] {
        assert_eq!(sees(question, id), expected, "{question} {id}");
    }
    let once = images(&sandbox, &format!("&ImageId.1={SHARED}&ImageId.2={SELF_OWNED}&ImageId.3={SHARED}"));
    assert_eq!(once, [SHARED, SELF_OWNED]);
    assert_eq!(images(&sandbox, &format!("&ImageId={SHARED}")), [SHARED], "a list may come without a number");
}
