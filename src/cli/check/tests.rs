//! The matrix, its reasons and its summary.

use super::*;

const PLAIN: Screen = Screen { width: None, colours: false };

fn finding(code: &str, outcome: pb::Outcome, instance_type: &str) -> pb::Finding {
    let is_pass = outcome == pb::Outcome::Pass;
    let word = |text: &str| if is_pass { String::new() } else { text.to_owned() };
    pb::Finding {
        code: code.to_owned(),
        outcome: outcome.into(),
        field: "image.architecture".to_owned(),
        observed: "arm64".to_owned(),
        expected: word("x86_64"),
        message: format!("{instance_type} was looked at."),
        remedy: word("Choose another type."),
        ec2_error_code: if outcome == pb::Outcome::Fail { "InvalidParameterValue".to_owned() } else { String::new() },
    }
}

fn judged(instance_type: &str, outcomes: [pb::Outcome; 3]) -> pb::InstanceTypeVerdict {
    let codes = ["ARCHITECTURE_MISMATCH", "NITRO_TPM_REQUIRED", "ENA_REQUIRED"];
    let verdict = if outcomes.contains(&pb::Outcome::Fail) {
        pb::CompatibilityVerdict::Incompatible
    } else if outcomes.contains(&pb::Outcome::Unknown) {
        pb::CompatibilityVerdict::Unknown
    } else {
        pb::CompatibilityVerdict::Compatible
    };
    pb::InstanceTypeVerdict {
        instance_type: instance_type.to_owned(),
        verdict: verdict.into(),
        availability_zones: Vec::new(),
        findings: codes.iter().zip(outcomes).map(|(code, outcome)| finding(code, outcome, instance_type)).collect(),
    }
}

fn verdicts() -> Vec<pb::InstanceTypeVerdict> {
    use pb::Outcome::{Fail, Pass, Unknown, Warn};
    vec![
        judged("m6g.large", [Pass, Pass, Pass]),
        judged("m6g.metal", [Pass, Warn, Pass]),
        judged("m7i.large", [Fail, Pass, Pass]),
        judged("m7i.xlarge", [Fail, Unknown, Pass]),
        judged("m7i.2xlarge", [Fail, Pass, Pass]),
        judged("x9g.large", [Pass, Unknown, Pass]),
    ]
}

#[test]
fn named_types_are_rows() {
    let verdicts = verdicts();
    let text = [
        matrix::matrix(&verdicts, false, false, PLAIN),
        reasons::reasons(&verdicts, false, PLAIN),
        reasons::summary(&verdicts),
    ];
    insta::assert_snapshot!(text.join("\n\n"));
}

#[test]
fn all_types_are_rows_by_family() {
    insta::assert_snapshot!(matrix::matrix(&verdicts(), true, true, PLAIN));
}

#[test]
fn a_screen_of_100_columns_is_enough_for_the_matrix() {
    let table = matrix::matrix(&verdicts(), true, true, Screen { width: Some(100), colours: false });
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
}

#[test]
fn where_all_is_well_there_is_little_to_say() {
    use pb::Outcome::Pass;
    let verdicts = [judged("m6g.large", [Pass, Pass, Pass])];
    assert_eq!(
        matrix::matrix(&verdicts, false, false, PLAIN),
        "TYPE       VERDICT\nm6g.large  COMPATIBLE\n\nHolds for every type: architecture, nitro tpm, ena."
    );
    assert_eq!(reasons::reasons(&verdicts, false, PLAIN), "");
    assert_eq!(reasons::summary(&verdicts), "1 compatible, 0 incompatible, 0 unknown");
    assert_eq!(matrix::matrix(&[], true, false, PLAIN), "FAMILY  TYPES  COMPATIBLE");
}
