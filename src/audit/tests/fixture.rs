//! A small world to write entries about: launches and attempts are numbers, instances letters.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::audit::{AuditLog, LogSettings, OpenReport, Operation, Owner, RequestKey};
use crate::ids::{AttemptId, InstanceId, LaunchId, RequestId, Sha256Digest};
use crate::record::{
    AttemptError, AttemptFailed, AttemptIntended, AttemptSucceeded, Cancellation, Decision, ENTRY_VERSION, Entry,
    Event, InstancePhase, InstancePlace, LaunchEnded, LaunchState, Phase, Placement, PolicyStamp, Reason,
    ServiceStarted, Termination, TerminationStage, Verdict,
};

const ACCOUNT: &str = "123456789012";

pub(super) fn owner() -> Owner {
    Owner { sandbox: true, accounts: vec![ACCOUNT.parse().unwrap()] }
}

pub(super) fn open(dir: &Path) -> (AuditLog, OpenReport) {
    AuditLog::open(dir, owner(), LogSettings::default()).unwrap()
}

/// Opens it with segments of a few records.
pub(super) fn open_with_short_segments(dir: &Path) -> (AuditLog, OpenReport) {
    AuditLog::open(dir, owner(), LogSettings { segment_bytes: 3000, ..LogSettings::default() }).unwrap()
}

/// The directory as a crash would leave it: a copy made while the log is open.
pub(super) fn crash_image(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir, copy.path());
    copy
}

pub(super) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let path = item.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &target);
        } else if path.exists() {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// The `seconds`-th second of the test's time.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(super) fn launch_id(number: u8) -> LaunchId {
    let millis = u64::try_from(at(i64::from(number)).as_millisecond()).unwrap();
    let mut bytes = [number; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    LaunchId::from_bytes(bytes)
}

pub(super) fn attempt_id(launch: u8, number: u8) -> AttemptId {
    let mut bytes = [number; 16];
    bytes[0] = launch;
    AttemptId::from_bytes(bytes)
}

pub(super) fn instance_id(launch: u8, number: u8) -> InstanceId {
    format!("i-{:08x}", u32::from(launch) << 8 | u32::from(number)).parse().unwrap()
}

pub(super) fn request_id(number: u8) -> RequestId {
    format!("request-{number}").parse().unwrap()
}

pub(super) fn request_key(operation: Operation, number: u8) -> RequestKey {
    let (principal, account_id) = ("local".parse().unwrap(), ACCOUNT.parse().unwrap());
    RequestKey { operation, principal, account_id, request_id: request_id(number) }
}

pub(super) fn entry(seconds: i64, launch: Option<u8>, event: Event) -> Entry {
    Entry {
        v: ENTRY_VERSION,
        time: at(seconds),
        launch_id: launch.map(launch_id),
        account_id: Some(ACCOUNT.parse().unwrap()),
        region: Some(
            if launch.is_some_and(|launch| launch % 2 == 0) { "us-east-1" } else { "eu-west-1" }.parse().unwrap(),
        ),
        principal: Some("local".parse().unwrap()),
        event,
    }
}

pub(super) fn image_of(launch: u8) -> &'static str {
    if launch.is_multiple_of(3) { "ami-00000003" } else { "ami-00000001" }
}

pub(super) fn decision(seconds: i64, launch: u8, request: Option<u8>, verdict: Verdict) -> Entry {
    let spec = json!({
        "account_id": ACCOUNT,
        "region": "us-east-1",
        "image": { "image_id": image_of(launch) },
        "instance_types": ["m7i.large"],
        "min_count": 1,
        "max_count": 2,
        "ready_timeout": { "secs": 600, "nanos": 0 },
    });
    let decision = Decision {
        request_id: request.map(request_id),
        body_sha256: Sha256Digest::of(&[launch]),
        preview: false,
        break_glass: false,
        reason: format!("launch {launch}"),
        spec: serde_json::from_value(spec).unwrap(),
        verdict,
        findings: Vec::new(),
        candidates: Vec::new(),
        deadline: Some(at(3600)),
        policy: PolicyStamp::default(),
        image_receipt: None,
        image_facts: Some(json!({ "root_device_type": "ebs" })),
        type_facts: Vec::new(),
        governed_types: Vec::new(),
        launch_template: None,
        facts_time: at(seconds),
    };
    entry(seconds, Some(launch), Event::Decision(Box::new(decision)))
}

pub(super) fn preview(seconds: i64, image: u8) -> Entry {
    let mut entry = decision(seconds, image, None, Verdict::Admitted);
    entry.launch_id = None;
    if let Event::Decision(decision) = &mut entry.event {
        decision.preview = true;
    }
    entry
}

pub(super) fn intended(seconds: i64, launch: u8, attempt: u8) -> Entry {
    let attempt_id = attempt_id(launch, attempt);
    let intended = AttemptIntended {
        attempt_id,
        instance_type: "m7i.large".parse().unwrap(),
        placement: Placement::default(),
        client_token: attempt_id.client_token(),
        input: Value::Null,
        share: None,
        role_session: None,
    };
    entry(seconds, Some(launch), Event::AttemptIntended(Box::new(intended)))
}

pub(super) fn succeeded(seconds: i64, launch: u8, attempt: u8) -> Entry {
    let place = |number| -> InstancePlace {
        serde_json::from_value(json!({ "instance_id": instance_id(launch, number) })).unwrap()
    };
    let succeeded = AttemptSucceeded {
        attempt_id: attempt_id(launch, attempt),
        ec2_request_id: Some("req-1".to_owned()),
        reservation_id: Some("r-1".to_owned()),
        instances: vec![place(0), place(1)],
    };
    entry(seconds, Some(launch), Event::AttemptSucceeded(succeeded))
}

pub(super) fn failed(seconds: i64, launch: u8, attempt: u8) -> Entry {
    let error = AttemptError {
        code: "InsufficientInstanceCapacity".to_owned(),
        class: "capacity".to_owned(),
        message: "there is none".to_owned(),
        retryable: true,
        remedy: String::new(),
        http_status: Some(500),
        ec2_request_id: None,
    };
    let failed = AttemptFailed { attempt_id: attempt_id(launch, attempt), error };
    entry(seconds, Some(launch), Event::AttemptFailed(failed))
}

pub(super) fn ended(seconds: i64, launch: u8) -> Entry {
    let reason = Reason { code: "NO_CANDIDATE_LEFT".to_owned(), message: "none is left".to_owned() };
    entry(seconds, Some(launch), Event::LaunchEnded(LaunchEnded { state: LaunchState::Failed, reason }))
}

/// `launch` is what the entry belongs to, `of` what the instance is named after.
pub(super) fn reached(seconds: i64, launch: Option<u8>, of: u8, number: u8, phase: Phase) -> Entry {
    let phase = InstancePhase::new(instance_id(of, number), phase, std::time::Duration::from_secs(1));
    entry(seconds, launch, Event::InstancePhase(phase))
}

pub(super) fn termination(seconds: i64, launch: u8, request: Option<u8>) -> Entry {
    let termination = Termination {
        stage: TerminationStage::Requested,
        request_id: request.map(request_id),
        body_sha256: request.map(|_| Sha256Digest::of(&[launch])),
        reason: "done".to_owned(),
        instance_ids: vec![instance_id(launch, 0)],
        others: Vec::new(),
        boot_failure: false,
        error: None,
    };
    entry(seconds, Some(launch), Event::Termination(termination))
}

pub(super) fn cancellation(seconds: i64, launch: u8, request: u8) -> Entry {
    let cancellation = Cancellation {
        request_id: request_id(request),
        body_sha256: Sha256Digest::of(&[launch]),
        reason: "done".to_owned(),
    };
    entry(seconds, Some(launch), Event::Cancellation(cancellation))
}

pub(super) fn started(seconds: i64) -> Entry {
    let started = ServiceStarted {
        version: "0.1.0".to_owned(),
        sandbox: true,
        regions: Vec::new(),
        open_launches: 0,
        verifier_key: None,
        accepted: None,
    };
    entry(seconds, None, Event::ServiceStarted(started))
}

/// Five appends of a launch that comes up: six records, the last two in one append.
pub(super) fn whole_launch(launch: u8) -> Vec<Vec<Entry>> {
    let of = Some(launch);
    vec![
        vec![decision(10, launch, Some(launch), Verdict::Admitted)],
        vec![intended(11, launch, 1)],
        vec![succeeded(12, launch, 1)],
        vec![reached(13, of, launch, 0, Phase::Running)],
        vec![reached(14, of, launch, 0, Phase::Ready), reached(14, of, launch, 1, Phase::Ready)],
    ]
}
