//! Golden files: what this program writes to the audit log, byte for byte.
//!
//! An auditor reads entries years after they were written, and a data directory outlives the
//! program that made it. So each file under `tests/golden/v1` is kept for ever: it must stay
//! readable, and the value beside it in this test must still be written as exactly those bytes. A
//! name may be added to the format; none may change. Where an addition changes what is written,
//! the old file stays as `<kind>.until-<version>.json`, and is then only read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gantry::ids::{LaunchId, RoleSession, RoleSessionName, Sha256Digest, SourceIdentity};
use gantry::record::{
    Acceptance, AttemptError, AttemptFailed, AttemptIntended, AttemptShare, AttemptSucceeded, AttemptUnknown,
    BootFailure, BootStage, Cancellation, Candidate, ENTRY_VERSION, Entry, EntryKind, Event, Finding, GivenField,
    IamInstanceProfile, ImageChoice, ImageReceipt, InstancePhase, InstancePlace, LaunchEnded, LaunchState,
    LaunchSwitch, Market, MetadataOptions, OnBootFailure, Outcome, Phase, Placement, PlacementStrategy, PolicyLoaded,
    Reason, RecordsPruned, ServiceStarted, Spec, Termination, TerminationStage, Verdict,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::json;

mod decisions;
mod spec;

use decisions::{decision_of, full_decision, least_decision, overridden_decision};
use spec::{receipt_spec, selector_spec, template_decision};

fn golden_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("v{ENTRY_VERSION}"))
}

/// Golden files that hold parts of entries.
const NOT_ENTRIES: [&str; 6] = [
    "body.full.json",
    "body.least.json",
    "body.receipt.json",
    "body.selector.json",
    "body.template.json",
    "words.json",
];

/// The one line of a golden file, without its line end.
fn line_of(name: &str) -> String {
    let text = fs::read_to_string(golden_dir().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let line = text.strip_suffix('\n').unwrap_or_else(|| panic!("{name} does not end with a line end"));
    assert!(!line.contains('\n'), "{name}: a leaf is one line");
    line.to_owned()
}

/// Compares with the golden file. The message is made for whoever renamed something.
fn assert_golden(name: &str, written: &str) {
    let path = golden_dir().join(name);
    assert!(path.exists(), "{} is missing; if this is a new kind, its file is this line:\n{written}", path.display());
    let golden = line_of(name);
    if written != golden {
        let at = golden.bytes().zip(written.bytes()).take_while(|(a, b)| a == b).count();
        let around = |text: &str| {
            let bytes = &text.as_bytes()[at.saturating_sub(40).min(text.len())..(at + 60).min(text.len())];
            String::from_utf8_lossy(bytes).into_owned()
        };
        panic!(
            "{name}: this program no longer writes what the log holds.\n  golden, from byte {at}:  …{}…\n  \
             written, from byte {at}: …{}…\n\
             Names and meanings in the log are for ever. If a field was renamed, give it its old name (serde rename). \
             If one was added, leave it out while it has its default (skip_serializing_if). \
             A new word goes at the end of its list.",
            around(&golden),
            around(written),
        );
    }
}

/// The names of an enum's variants, taken from the type itself: serde lists them when it meets
/// another.
fn variants<T: DeserializeOwned>() -> Vec<String> {
    let error = serde_json::from_str::<T>("\"no such word\"").err().map(|error| error.to_string()).unwrap_or_default();
    error.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

fn word(kind: EntryKind) -> String {
    serde_json::to_value(kind).unwrap().as_str().unwrap().to_owned()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An entry of a launch.
fn of_launch(at: &str, event: Event) -> Entry {
    Entry {
        v: ENTRY_VERSION,
        time: time(at),
        launch_id: Some("0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b".parse::<LaunchId>().unwrap()),
        account_id: Some("123456789012".parse().unwrap()),
        region: Some("us-east-1".parse().unwrap()),
        principal: Some("local".parse().unwrap()),
        event,
    }
}

fn candidate() -> Candidate {
    Candidate {
        instance_type: "m7i.large".parse().unwrap(),
        placement: Placement { availability_zone: Some("us-east-1a".parse().unwrap()), ..Placement::default() },
        zone: None,
    }
}

fn error(code: &str, class: &str) -> AttemptError {
    AttemptError {
        code: code.to_owned(),
        class: class.to_owned(),
        message: "We currently do not have sufficient m7i.large capacity".to_owned(),
        retryable: true,
        remedy: "try another Availability Zone or instance type".to_owned(),
        http_status: Some(500),
        ec2_request_id: Some("59dbff89-35bd-4eac-99ed-be587EXAMPLE".to_owned()),
    }
}

fn place() -> InstancePlace {
    InstancePlace {
        instance_id: "i-0abcdef1234567890".parse().unwrap(),
        instance_type: Some("m7i.large".to_owned()),
        availability_zone: Some("us-east-1a".to_owned()),
        subnet_id: Some("subnet-0abcdef1234567890".to_owned()),
        private_ip: Some("10.0.0.7".to_owned()),
        private_dns_name: Some("ip-10-0-0-7.ec2.internal".to_owned()),
        public_dns_name: Some("ec2-203-0-113-7.compute-1.amazonaws.com".to_owned()),
        launch_time: Some(time("2026-11-20T08:00:02Z")),
    }
}

fn finding(outcome: Outcome) -> Finding {
    Finding {
        code: "ENA_REQUIRED".into(),
        outcome,
        field: "ena_support".to_owned(),
        observed: "absent".to_owned(),
        expected: "true".to_owned(),
        message: "m7i.large needs ENA and the image does not say that it has it".to_owned(),
        remedy: "register the image with EnaSupport, or choose a type that does not require it".to_owned(),
        ec2_error_code: None,
    }
}

/// Every golden entry by the name of its file. The file named after a kind has every field set;
/// `.least` has none that may be left out.
fn entries() -> BTreeMap<&'static str, Entry> {
    let attempt_id = "0199a1b2-c3d5-7000-8000-0123456789ab".parse().unwrap();
    let reason = || Reason { code: "InsufficientInstanceCapacity".to_owned(), message: "no capacity".to_owned() };
    let intended = AttemptIntended {
        attempt_id,
        instance_type: candidate().instance_type,
        placement: candidate().placement,
        client_token: attempt_id.client_token(),
        input: json!({ "image_id": "ami-0abcdef1234567890", "max_count": 2, "min_count": 1 }),
        share: None,
        role_session: None,
    };
    let in_session = AttemptIntended {
        role_session: Some(RoleSession {
            name: RoleSessionName::of_attempt(attempt_id),
            source_identity: Some(SourceIdentity::of(&"ada@example.com".parse().unwrap())),
        }),
        ..intended.clone()
    };
    let leader: LaunchId = "0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b".parse().unwrap();
    let follower: LaunchId = "0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c".parse().unwrap();
    let share = AttemptShare { leader, launches: 2, serves: vec![leader, follower] };
    let shared = AttemptIntended { share: Some(share.clone()), ..intended.clone() };
    let follows = AttemptShare { serves: Vec::new(), ..share };
    let following = AttemptIntended { share: Some(follows), input: serde_json::Value::Null, ..intended.clone() };
    let succeeded = AttemptSucceeded {
        attempt_id,
        ec2_request_id: Some("59dbff89-35bd-4eac-99ed-be587EXAMPLE".to_owned()),
        reservation_id: Some("r-0abcdef1234567890".to_owned()),
        instances: vec![place()],
    };
    let ended = LaunchEnded {
        state: LaunchState::Failed,
        reason: Reason { code: "NO_CANDIDATE_LEFT".to_owned(), message: "every candidate failed".to_owned() },
    };
    let phase = InstancePhase {
        instance_id: place().instance_id,
        phase: Phase::TimedOut,
        system_status: Some("ok".to_owned()),
        instance_status: Some("initializing".to_owned()),
        ebs_status: Some("not-applicable".to_owned()),
        application_status: None,
        performance_status: None,
        scheduled_events: Vec::new(),
        state_reason: Some(reason()),
        failure: Some(Box::new(BootFailure {
            cause: "it was not ready in time".to_owned(),
            stage: BootStage::BootMode,
            remedy: "read the console output".to_owned(),
            console: None,
        })),
        elapsed: Duration::new(600, 250_000_000),
        place: Some(place()),
    };
    let termination = Termination {
        stage: TerminationStage::Requested,
        request_id: Some("t-1".parse().unwrap()),
        body_sha256: Some(Sha256Digest::of(b"body")),
        reason: "no longer needed".to_owned(),
        instance_ids: vec![place().instance_id],
        others: Vec::new(),
        boot_failure: false,
        error: Some(error("UnauthorizedOperation", "permission")),
    };
    let boot_failure = Termination {
        request_id: None,
        body_sha256: None,
        reason: "Not ready within 600 s of its launch, which asks for termination then.".to_owned(),
        boot_failure: true,
        error: None,
        ..termination.clone()
    };
    let started = ServiceStarted {
        version: "0.1.0".to_owned(),
        sandbox: true,
        regions: vec!["sandbox-1".parse().unwrap()],
        open_launches: 3,
        verifier_key: None,
        accepted: None,
    };
    let acceptance = Acceptance { at_size: 1200, known_size: Some(1234), reason: "looked through EC2".to_owned() };
    let key = "gantry/audit/0123456789abcdef+1234abcd+Axyz".to_owned();
    let accepted =
        ServiceStarted { verifier_key: Some(key), accepted: Some(acceptance), open_launches: 0, ..started.clone() };
    let pruned = RecordsPruned {
        first: 0,
        end: 4096,
        before: "2026-08-22T07:00:00Z".parse().unwrap(),
        removed: 4000,
        kept: 96,
        snapshots: 570,
        snapshots_sha256: Sha256Digest::of(b"snapshots"),
    };
    let failed = AttemptFailed { attempt_id, error: error("InsufficientInstanceCapacity", "capacity") };
    let unknown = AttemptUnknown { attempt_id, error: error("TIMEOUT", "unknown") };
    let of_service = Entry {
        launch_id: None,
        account_id: None,
        region: None,
        principal: None,
        ..of_launch("2026-11-20T07:00:00Z", Event::ServiceStarted(started))
    };
    let of_acceptance = Entry { event: Event::ServiceStarted(accepted), ..of_service.clone() };
    let of_retention = Entry { event: Event::RecordsPruned(pruned), ..of_service.clone() };
    let loaded = PolicyLoaded {
        hash: Some(Sha256Digest::of(b"policy")),
        source: "/etc/gantry/policy.cedar".to_owned(),
        part: 1,
        parts: 1,
        text: "permit (principal, action, resource);\n".to_owned(),
    };
    let unloaded = PolicyLoaded { hash: None, source: "none".to_owned(), part: 1, parts: 1, text: String::new() };
    let switch = LaunchSwitch { paused: true, reason: "incident 42".to_owned() };
    let cancellation = Cancellation {
        request_id: "c-1".parse().unwrap(),
        body_sha256: Sha256Digest::of(b"body"),
        reason: "no longer needed".to_owned(),
    };
    let of_policy = Entry { event: Event::PolicyLoaded(loaded), ..of_service.clone() };
    let of_no_policy = Entry { event: Event::PolicyLoaded(unloaded), ..of_service.clone() };
    let of_switch =
        Entry { event: Event::LaunchSwitch(switch), principal: Some("local".parse().unwrap()), ..of_service.clone() };
    BTreeMap::from([
        ("decision.json", of_launch("2026-11-20T08:00:00.000001Z", Event::Decision(Box::new(full_decision())))),
        (
            "decision.overridden.json",
            of_launch("2026-11-20T08:00:00Z", Event::Decision(Box::new(overridden_decision()))),
        ),
        ("decision.least.json", of_launch("2026-11-20T08:00:00Z", Event::Decision(Box::new(least_decision())))),
        (
            "decision.receipt.json",
            of_launch("2026-11-20T08:00:00Z", Event::Decision(Box::new(decision_of(receipt_spec())))),
        ),
        (
            "decision.selector.json",
            of_launch("2026-11-20T08:00:00Z", Event::Decision(Box::new(decision_of(selector_spec())))),
        ),
        ("decision.template.json", of_launch("2026-11-20T08:00:00Z", Event::Decision(Box::new(template_decision())))),
        ("attempt_intended.json", of_launch("2026-11-20T08:00:01Z", Event::AttemptIntended(Box::new(intended)))),
        (
            "attempt_intended.session.json",
            of_launch("2026-11-20T08:00:01Z", Event::AttemptIntended(Box::new(in_session))),
        ),
        ("attempt_intended.shared.json", of_launch("2026-11-20T08:00:01Z", Event::AttemptIntended(Box::new(shared)))),
        (
            "attempt_intended.following.json",
            of_launch("2026-11-20T08:00:01Z", Event::AttemptIntended(Box::new(following))),
        ),
        ("attempt_succeeded.json", of_launch("2026-11-20T08:00:02Z", Event::AttemptSucceeded(succeeded))),
        ("attempt_failed.json", of_launch("2026-11-20T08:00:02Z", Event::AttemptFailed(failed))),
        ("attempt_unknown.json", of_launch("2026-11-20T08:00:02Z", Event::AttemptUnknown(unknown))),
        ("launch_ended.json", of_launch("2026-11-20T08:00:03Z", Event::LaunchEnded(ended))),
        ("instance_phase.json", of_launch("2026-11-20T08:10:00.25Z", Event::InstancePhase(phase))),
        ("termination.json", of_launch("2026-11-20T09:00:00Z", Event::Termination(termination))),
        ("termination.boot_failure.json", of_launch("2026-11-20T09:00:00Z", Event::Termination(boot_failure))),
        ("service_started.accepted.json", of_acceptance),
        ("service_started.json", of_service),
        ("records_pruned.json", of_retention),
        ("policy_loaded.json", of_policy),
        ("policy_loaded.none.json", of_no_policy),
        ("launch_switch.json", of_switch),
        ("cancellation.json", of_launch("2026-11-20T08:00:03Z", Event::Cancellation(cancellation))),
    ])
}

#[test]
fn every_kind_is_written_as_its_golden_file_says() {
    for (name, entry) in entries() {
        assert_golden(name, &String::from_utf8(entry.to_leaf()).unwrap());
    }
}

#[test]
fn every_golden_leaf_is_read_as_what_was_written() {
    for (name, entry) in entries() {
        let read = Entry::from_leaf(line_of(name).as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read, entry, "{name}");
        assert_eq!(word(read.kind()), name.split('.').next().unwrap(), "{name} holds another kind");
    }
}

#[test]
fn every_kind_has_a_golden_file_and_every_golden_file_a_kind() {
    let kinds = variants::<EntryKind>();
    assert!(kinds.contains(&"decision".to_owned()), "serde no longer lists the kinds: {kinds:?}");
    let entries = entries();
    for kind in &kinds {
        let name = format!("{kind}.json");
        assert!(entries.contains_key(name.as_str()), "kind {kind} has no golden file: add tests/golden/v1/{name}");
    }
    for file in fs::read_dir(golden_dir()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if NOT_ENTRIES.contains(&name.as_str()) {
            continue;
        }
        let kind = name.split('.').next().unwrap();
        assert!(kinds.iter().any(|known| known == kind), "{name} is named after no kind; is a kind gone?");
        let read = Entry::from_leaf(line_of(&name).as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(word(read.kind()), kind, "{name} holds another kind");
    }
}

#[test]
fn the_words_of_the_log_stay_the_same() {
    let words = json!({
        "boot_stage": variants::<BootStage>(),
        "given_field": variants::<GivenField>(),
        "iam_instance_profile": variants::<IamInstanceProfile>(),
        "image": variants::<ImageChoice>(),
        "kind": variants::<EntryKind>(),
        "launch_state": variants::<LaunchState>(),
        "market": variants::<Market>(),
        "on_boot_failure": variants::<OnBootFailure>(),
        "outcome": variants::<Outcome>(),
        "phase": variants::<Phase>(),
        "stage": variants::<TerminationStage>(),
        "strategy": variants::<PlacementStrategy>(),
        "verdict": variants::<Verdict>(),
    });
    assert_golden("words.json", &words.to_string());
}

#[test]
fn a_field_from_a_later_version_does_not_make_an_entry_unreadable() {
    let leaf = line_of("service_started.json");
    let later = leaf.replacen("\"sandbox\":true", "\"sandbox\":true,\"born_later\":{\"x\":1}", 1);
    assert_ne!(leaf, later);
    assert_eq!(Entry::from_leaf(later.as_bytes()).unwrap(), Entry::from_leaf(leaf.as_bytes()).unwrap());
}
