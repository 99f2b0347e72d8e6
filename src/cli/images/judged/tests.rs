//! What a person is shown of classifications.

use super::*;

const PLAIN: Screen = Screen { width: None, colours: false };

fn finding(outcome: pb::Outcome, code: &str, field: &str) -> pb::Finding {
    pb::Finding { code: code.to_owned(), outcome: outcome.into(), field: field.to_owned(), ..Default::default() }
}

fn answer(
    image_id: &str,
    recommendation: pb::Recommendation,
    findings: Vec<pb::Finding>,
) -> pb::ClassifyImagesResponse {
    let judged = pb::Classification {
        root_device: pb::RootDevice::EbsBacked.into(),
        virtualization: pb::Virtualization::Hvm.into(),
        boot_path: pb::BootPath::BiosMbr.into(),
        source: pb::ImageSource::Community.into(),
        lifecycle: pb::ImageLifecycle::Current.into(),
        boot_speed: pb::BootSpeed::Fast.into(),
        deprecated: true,
        recommendation: recommendation.into(),
        findings,
        ..Default::default()
    };
    pb::ClassifyImagesResponse {
        image_id: image_id.to_owned(),
        result: Some(Answer::Classification(judged)),
        ..Default::default()
    }
}

fn answers() -> [pb::ClassifyImagesResponse; 3] {
    let ena = pb::Finding {
        observed: "absent".to_owned(),
        expected: "true".to_owned(),
        message: "Current types need ENA.".to_owned(),
        remedy: "Enable it and register the image again.".to_owned(),
        ec2_error_code: "InvalidParameterCombination".to_owned(),
        ..finding(pb::Outcome::Fail, "ENA_MISSING", "image.ena_support")
    };
    let findings = vec![
        ena,
        pb::Finding {
            message: "It was deprecated in May.".to_owned(),
            ..finding(pb::Outcome::Warn, "DEPRECATED", "image.deprecation_time")
        },
        finding(pb::Outcome::Pass, "ROOT_DEVICE", "image.root_device_type"),
        finding(pb::Outcome::Unknown, "OPERATING_SYSTEM", "image.platform_details"),
        finding(pb::Outcome::Unknown, "LAUNCH_PERMISSIONS", "image.launch_permissions"),
    ];
    [
        answer("ami-00000001", pb::Recommendation::Discouraged, findings),
        answer("ami-00000002", pb::Recommendation::Recommended, vec![finding(pb::Outcome::Warn, "DEPRECATED", "x")]),
        pb::ClassifyImagesResponse { image_id: "ami-00000003".to_owned(), ..Default::default() },
    ]
}

#[test]
fn an_image_is_its_line_and_what_needs_attention() {
    let text: Vec<String> = answers().iter().map(|answer| shown(answer, false, PLAIN)).collect();
    insta::assert_snapshot!(text.join("\n"));
    assert!(answers().iter().all(|answer| shown(answer, true, PLAIN).lines().count() == 1));
}

#[test]
fn the_summary_counts_recommendations_and_findings() {
    let mut judged = Judged::default();
    answers().iter().for_each(|answer| judged.add(answer));
    assert_eq!(
        judged.summary(),
        "3 images: 1 recommended, 1 discouraged, 1 not classified\n  \
         2  WARN     DEPRECATED\n  1  FAIL     ENA_MISSING\n  1  UNKNOWN  LAUNCH_PERMISSIONS\n  \
         1  UNKNOWN  OPERATING_SYSTEM"
    );
    assert_eq!((judged.count(), judged.failed), (3, 1));
}

#[test]
fn the_freshness_is_that_of_the_oldest_facts() {
    let answer = |second: i64, from: pb::AnsweredFrom| pb::ClassifyImagesResponse {
        observed_time: Some(crate::client::timestamp(at(second))),
        answered_from: from.into(),
        ..answers()[0].clone()
    };
    let freshness = |answers: &[pb::ClassifyImagesResponse]| {
        let mut judged = Judged::default();
        answers.iter().for_each(|answer| judged.add(answer));
        judged.freshness(at(100))
    };
    let (new, old) = (answer(90, pb::AnsweredFrom::Ec2), answer(45, pb::AnsweredFrom::Catalogue));
    assert_eq!(
        freshness(&[new.clone(), old]).unwrap(),
        "as of 1970-01-01 00:00:45Z (55 s ago; 1 from catalogue, 1 from EC2)"
    );
    assert_eq!(freshness(&[new]).unwrap(), "as of 1970-01-01 00:01:30Z (10 s ago; from EC2)");
    assert_eq!(freshness(&[]), None, "a file does not say");
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}
