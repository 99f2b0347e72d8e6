//! What is recorded replays, to the byte; what is damaged is named.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};

use super::*;
use crate::clock::SimClock;
use crate::sandbox::actions::Answer;
use crate::sandbox::{IMAGES_MIN, Options, Plan, control};

const RUN: &str = "Action=RunInstances&ImageId=ami-05a4db0c500000001&InstanceType=t3.micro&MinCount=1&MaxCount=2";
/// Fails, holds back, hides and throttles some, as the seed and the clock have it.
const PLAN: &str = r#"
[[fault]]
kind = "error"
code = "InternalError"
message = "no"
status = 500
probability = 0.33
actions = ["RunInstances"]
[[fault]]
kind = "slow"
delay = "2s"
probability = 0.2
[[fault]]
kind = "connection-reset"
after_bytes = 10
probability = 0.2
[[fault]]
kind = "invisible"
least = "1s"
most = "10s"
[throttle]
scale = 0.5
"#;

fn clock() -> SimClock {
    SimClock::new(Timestamp::from_second(1_800_000_000).unwrap())
}

fn ask(sandbox: &Sandbox, form: &str, id: &str) -> String {
    let credential = "AWS4-HMAC-SHA256 Credential=AKID/20261001/sandbox-1/ec2/aws4_request, SignedHeaders=host;x-secret, \
                      Signature=s3cret";
    let headers = HeaderMap::from_iter([(AUTHORIZATION, credential.parse().unwrap())]);
    match sandbox.ask(&headers, form.as_bytes(), id).answer {
        Answer::Xml(_, body) => body,
        other => format!("{other:?}"),
    }
}

/// Records a sandbox that several callers use at once, that was restarted, and that was disturbed.
fn record(directory: &Path) -> PathBuf {
    let (clock, file) = (clock(), directory.join("run.jsonl"));
    let options = |record| Options {
        images: IMAGES_MIN,
        state_dir: Some(directory.join("state")),
        faults: Some(Plan::parse(PLAN).unwrap()),
        record,
        ..Options::default()
    };
    let before = Sandbox::open(options(None), Arc::new(clock.clone())).unwrap();
    for nth in 0..4 {
        ask(&before, &format!("{RUN}&ClientToken=before-{nth}"), "before");
    }
    drop(before);
    let sandbox = Sandbox::open(options(Some(file.clone())), Arc::new(clock.clone())).unwrap();
    std::thread::scope(|scope| {
        let (sandbox, clock) = (&sandbox, &clock);
        scope.spawn(move || {
            for nth in 0..100 {
                sandbox.plan_faults(Plan::parse(if nth % 2 == 0 { PLAN } else { "[account]\ninstances = 1" }).unwrap());
            }
        });
        for caller in 0..4 {
            scope.spawn(move || {
                for nth in 0..8 {
                    ask(sandbox, &format!("{RUN}&ClientToken=t-{}", nth / 2), &format!("{caller}-{nth}"));
                    clock.advance(Duration::from_millis(1500));
                    ask(sandbox, "Action=DescribeInstances", &format!("d-{caller}-{nth}"));
                }
            });
        }
    });
    sandbox.plan_faults(Plan::default());
    let jump = br#"{"advance_seconds": 7200}"#;
    assert_eq!(control::answer(&sandbox, &Method::POST, "/sandbox/clock", jump).status, 200);
    for form in [
        "Action=DescribeInstances&X-Amz-Signature=s3cret&X-Amz-Security-Token=s3cret",
        "Action=DescribeInstances&Signature=s3cret",
        "Action=DescribeImages&MaxResults=100",
        "Action=Nothing",
        "%ff=%fe",
        RUN,
    ] {
        ask(&sandbox, form, "after");
    }
    sandbox.ask(&HeaderMap::new(), b"Action=DescribeRegions\xff", "after");
    let presigned = b"Action=DescribeRegions&X-Amz-Credential=AKID%2F20261001%2Fsandbox-1%2Fec2%2Faws4_request";
    sandbox.ask(&HeaderMap::new(), presigned, "after");
    file
}

#[test]
fn a_busy_recording_replays_to_the_byte_and_holds_no_signature() {
    let directory = tempfile::tempdir().unwrap();
    let file = record(directory.path());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("s3cret"));
    let report = replay(&file).unwrap();
    assert_eq!((report.calls, report.first_difference), (4 * 16 + 8, None));
    // A recording is not written over.
    let again = Options { images: IMAGES_MIN, record: Some(file.clone()), ..Options::default() };
    assert!(Sandbox::open(again, Arc::new(clock())).is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn what_differs_or_is_damaged_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = record(directory.path());
    let text = std::fs::read_to_string(&file).unwrap();
    let replay_of = |text: &str| {
        std::fs::write(&file, text).unwrap();
        replay(&file)
    };
    let torn = replay_of(&text[..text.len() - 5]).unwrap();
    assert_eq!((torn.torn, torn.calls, torn.equal), (true, 4 * 16 + 7, 4 * 16 + 7));

    let changed = replay_of(&text.replacen("The action Nothing is not valid", "Nothing is valid", 1)).unwrap();
    let difference = changed.first_difference.unwrap();
    assert_eq!(
        (changed.calls - changed.equal, difference.call, difference.asked.as_str()),
        (1, 4 * 16 + 4, "Action=Nothing")
    );
    assert!(difference.recorded.contains("Nothing is valid") && difference.answered.contains("is not valid"));

    let mut lines: Vec<&str> = text.lines().collect();
    lines[3] = "{\"entry\": \"call\"}";
    assert!(matches!(replay_of(&(lines.join("\n") + "\n")), Err(ReplayError::Damaged(4, _))));
    assert!(matches!(replay_of(&text.replacen("\"version\":2", "\"version\":3", 1)), Err(ReplayError::Version(3))));
    for none in ["", "{}\n", &text[..20], "not JSON\n"] {
        assert!(matches!(replay_of(none), Err(ReplayError::NotARecording(_))), "{none}");
    }
}
