//! Recorded failures, each with what becomes of it.

mod cases;

use super::*;
use crate::clock::Timestamp;
use crate::ec2::facts::{ConsoleOutput, StatusSummary};

fn reason(code: &str, message: &str) -> StateReason {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    StateReason { code: text(code), message: text(message) }
}

fn boot(boot_mode: &str, current: &str, root_device_type: &str) -> BootFacts {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    BootFacts { boot_mode: text(boot_mode), current_boot_mode: text(current), root_device_type: text(root_device_type) }
}

fn console(text: &str) -> ConsoleTail {
    ConsoleTail::of(&ConsoleOutput { taken: None, text: text.to_owned() }).unwrap()
}

fn summary(status: &str) -> Option<StatusSummary> {
    Some(StatusSummary { status: status.to_owned(), details: Vec::new(), impaired_since: None })
}

/// Words for the checks of system, instance, EBS, application and performance.
fn status([system, instance, ebs, application, performance]: [&str; 5]) -> InstanceStatus {
    InstanceStatus {
        instance_id: "i-00000000".parse().unwrap(),
        state: None,
        availability_zone: None,
        system: summary(system),
        instance: summary(instance),
        attached_ebs: summary(ebs),
        application: summary(application),
        performance: summary(performance),
        events: Vec::new(),
    }
}

#[test]
fn terminations_are_explained_by_message_before_code() {
    let cases = [
        ("Server.InternalError", "Client.VolumeLimitExceeded: Volume limit exceeded", BootStage::Volume),
        ("Server.InternalError", "Client.InternalError: Client error on launch", BootStage::Kms),
        ("Client.VolumeLimitExceeded", "Server.InternalError: Internal error on launch", BootStage::Volume),
        ("Client.InternalError", "Server.InternalError: Internal error on launch", BootStage::System),
        ("Server.BrandNew", "something: else", BootStage::Unknown),
        ("", "", BootStage::Unknown),
    ];
    for (code, message, stage) in cases {
        let failure = terminated(Some(&reason(code, message)), &BootFacts::default(), None);
        assert_eq!(failure.stage, stage, "{code} {message}");
        assert!(!failure.cause.is_empty() && !failure.remedy.is_empty(), "{code}");
    }
    let unknown = terminated(Some(&reason("Server.BrandNew", "odd")), &BootFacts::default(), None);
    assert!(unknown.cause.contains("Server.BrandNew: odd"), "an unknown reason is quoted: {}", unknown.cause);
}

#[test]
fn a_check_says_what_ec2_says_of_it() {
    let mut status = status(["ok", "impaired", "ok", "not-applicable", "ok"]);
    let since = Timestamp::from_second(1_795_000_000).unwrap();
    status.instance = Some(StatusSummary {
        status: "impaired".to_owned(),
        details: vec![("reachability".to_owned(), "failed".to_owned()), ("other".to_owned(), "passed".to_owned())],
        impaired_since: Some(since),
    });
    let failure = impaired(&status, &BootFacts::default(), None);
    assert!(failure.cause.contains("failed (reachability: failed):"), "{}", failure.cause);
    let found = console("Kernel panic - not syncing: Fatal exception");
    let with_console = impaired(&status, &BootFacts::default(), Some(&found));
    assert!(
        with_console.cause.contains("(reachability: failed)") && with_console.cause.contains("panicked"),
        "{with_console:?}"
    );
    let later = Timestamp::from_second(1_795_000_060).unwrap();
    status.instance = Some(StatusSummary { impaired_since: Some(later), ..status.instance.unwrap() });
    let of_another = impaired(&status, &BootFacts::default(), None);
    assert_eq!(of_another.cause, failure.cause, "equal failures of many instances have one cause, whenever they began");
    status.instance = Some(StatusSummary { details: Vec::new(), ..status.instance.unwrap() });
    assert!(impaired(&status, &BootFacts::default(), None).cause.contains("check failed:"));
}

/// The log gets a digest and this program's words, and nothing of what the console says.
#[test]
fn no_text_of_a_console_gets_into_a_failure() {
    const MIXED: &str = "canary0Canary1canary2Canary3canary4Canary5";
    // Like the name of a module or of a host.
    const SMALL: &str = "canary-of-some.owner_0";
    let texts = |canary: &str| {
        [
            format!("password={canary}\nKernel panic - not syncing: {canary}"),
            format!("ALERT! {canary} does not exist."),
            format!("ALERT! /dev/{canary} does not exist."),
            format!("ALERT! LABEL={canary} does not exist."),
            format!("VFS: Cannot open root device \"{canary}\" or unknown-block(0,0)"),
            format!("Timed out waiting for device {canary}\nYou are in emergency mode."),
            format!("Failed to mount /{canary}.\nYou are in emergency mode."),
            format!("Failed to run module {canary} (x)"),
            format!("Running module {canary} (x) failed"),
            format!("Failed running /var/lib/cloud/instance/scripts/{canary} [1]"),
            format!("/dev/{canary}: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY."),
        ]
    };
    for console_text in texts(MIXED).into_iter().chain(texts(SMALL)) {
        let tail = console(&console_text);
        assert!(tail.found.is_some(), "{console_text}");
        let checks = status(["ok", "impaired", "ok", "ok", "ok"]);
        for failure in [
            impaired(&checks, &BootFacts::default(), Some(&tail)),
            timed_out(Late { last: Some(Phase::Checking), ..Late::default() }, &BootFacts::default(), Some(&tail)),
            terminated(None, &BootFacts::default(), Some(&tail)),
        ] {
            let record = serde_json::to_string(&failure).unwrap();
            assert!(!record.contains(MIXED) && !record.contains(SMALL), "{record}");
            assert_eq!(failure.console.as_ref(), Some(&tail.digest));
        }
    }
}
