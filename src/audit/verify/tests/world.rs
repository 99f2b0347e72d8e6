//! A small world to write logs about, and a server that signs whatever it has.
//!
//! Launches and attempts are numbers, instances letters.

use std::time::Duration;

use base64::Engine as _;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use signed_note::{Note, StandardSigner};
use tlog_tiles::{Checkpoint, Hash, record_hash};

use crate::audit::verify::{Code, Leaf, Leaves, Report, SourceFault, Trust, verify};
use crate::clock::Timestamp;
use crate::ids::{AttemptId, InstanceId, LaunchId, Sha256Digest};
use crate::record::{
    AttemptError, AttemptFailed, AttemptIntended, AttemptShare, AttemptSucceeded, AttemptUnknown, Cancellation,
    Candidate, Decision, ENTRY_VERSION, Entry, Event, InstancePhase, InstancePlace, LaunchEnded, LaunchState,
    LaunchSwitch, Phase, Placement, PolicyStamp, Reason, ServiceStarted, Termination, TerminationStage, Verdict,
};

pub(super) const ORIGIN: &str = "audit.example.com/gantry";

/// A key pair under `name`: what signs, and the verifier key.
pub(super) fn key(name: &str, seed: u8) -> (StandardSigner, String) {
    let text = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode([&[1], bytes].concat());
    let secret = [seed; 32];
    let public = SigningKey::from_bytes(&secret).verifying_key().to_bytes();
    let id = Sha256::digest([name.as_bytes(), b"\n\x01", &public].concat());
    let id = hex::encode(&id[..4]);
    let signer = StandardSigner::new(&format!("PRIVATE+KEY+{name}+{id}+{}", text(&secret))).unwrap();
    (signer, format!("{name}+{id}+{}", text(&public)))
}

pub(super) fn signed(size: u64, root: [u8; 32], signers: &[&StandardSigner]) -> Vec<u8> {
    signed_for(ORIGIN, size, root, signers)
}

pub(super) fn signed_for(origin: &str, size: u64, root: [u8; 32], signers: &[&StandardSigner]) -> Vec<u8> {
    let text = Checkpoint::new(origin, size, Hash(root), "").unwrap().to_bytes();
    let mut note = Note::new(&text, &[]).unwrap();
    note.add_sigs(&signers.iter().map(|signer| *signer as &dyn signed_note::Signer).collect::<Vec<_>>()).unwrap();
    note.to_bytes()
}

/// The root over the leaves, by another implementation than the one under test.
pub(super) fn root(leaves: &[Vec<u8>]) -> [u8; 32] {
    let mut tree = ct_merkle::mem_backed_tree::MemoryBackedTree::<Sha256, &[u8]>::new();
    leaves.iter().for_each(|leaf| tree.push(leaf));
    (*tree.root().as_bytes()).into()
}

/// The checkpoint that a server signs for these leaves.
pub(super) fn checkpoint(leaves: &[Vec<u8>]) -> Vec<u8> {
    signed(leaves.len() as u64, root(leaves), &[&key(ORIGIN, 1).0])
}

pub(super) fn trust() -> Trust {
    Trust::new(&[key(ORIGIN, 1).1], None).unwrap()
}

/// Leaves in batches of a few.
pub(super) struct Batches {
    pub(super) leaves: std::vec::IntoIter<Leaf>,
    pub(super) fault: Option<SourceFault>,
}

impl Batches {
    pub(super) fn of(leaves: impl IntoIterator<Item = Leaf>) -> Self {
        Self { leaves: leaves.into_iter().collect::<Vec<_>>().into_iter(), fault: None }
    }
}

impl Leaves for Batches {
    fn next_batch(&mut self) -> Result<Vec<Leaf>, SourceFault> {
        let batch: Vec<Leaf> = self.leaves.by_ref().take(3).collect();
        if batch.is_empty() { self.fault.take().map_or(Ok(batch), Err) } else { Ok(batch) }
    }
}

pub(super) fn kept(leaves: &[Vec<u8>]) -> Batches {
    Batches::of(leaves.iter().cloned().map(Leaf::Kept))
}

/// What is found of leaves under a checkpoint, given checkpoints that were kept.
pub(super) fn verify_with(leaves: &[Vec<u8>], checkpoint: &[u8], kept_notes: &[Vec<u8>]) -> Report {
    verify(&mut kept(leaves), checkpoint, kept_notes, &trust())
}

/// What is found of entries by whose server the tree and the checkpoint were made for them.
pub(super) fn verify_entries(entries: &[Entry]) -> Report {
    let leaves: Vec<_> = entries.iter().map(Entry::to_leaf).collect();
    verify_with(&leaves, &checkpoint(&leaves), &[])
}

/// Code and record of everything found.
pub(super) fn found(report: &Report) -> Vec<(Code, Option<u64>)> {
    report.failures.iter().map(|failure| (failure.code, failure.index)).collect()
}

/// The `seconds`-th second of the test's time.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(super) fn launch_id(number: u8) -> LaunchId {
    let mut bytes = [number; 16];
    bytes[..6].copy_from_slice(&at(0).as_millisecond().to_be_bytes()[2..]);
    LaunchId::from_bytes(bytes)
}

pub(super) fn attempt_id(number: u8) -> AttemptId {
    AttemptId::from_bytes([number; 16])
}

pub(super) fn instance_id(letter: char) -> InstanceId {
    format!("i-{:08x}", u32::from(letter)).parse().unwrap()
}

pub(super) fn entry(launch: u8, event: Event) -> Entry {
    Entry {
        v: ENTRY_VERSION,
        time: at(0),
        launch_id: Some(launch_id(launch)),
        account_id: Some("123456789012".parse().unwrap()),
        region: Some("us-east-1".parse().unwrap()),
        principal: Some("local".parse().unwrap()),
        event,
    }
}

fn candidate(instance_type: &str) -> Candidate {
    Candidate { instance_type: instance_type.parse().unwrap(), placement: Placement::default(), zone: None }
}

/// What each launch is decided to try, in order.
const TYPES: [&str; 3] = ["m7i.large", "m6i.large", "c7i.large"];

pub(super) fn decision(verdict: Verdict, request: &str) -> Decision {
    let spec = json!({
        "account_id": "123456789012",
        "region": "us-east-1",
        "image": { "image_id": "ami-f8e54081" },
        "instance_types": TYPES,
        "min_count": 1,
        "max_count": 3,
        "ready_timeout": { "secs": 600, "nanos": 0 },
        "on_boot_failure": "terminate",
    });
    Decision {
        request_id: Some(request.parse().unwrap()),
        body_sha256: Sha256Digest::of(b"body"),
        preview: false,
        break_glass: false,
        reason: "nightly".to_owned(),
        spec: serde_json::from_value(spec).unwrap(),
        verdict,
        findings: Vec::new(),
        candidates: TYPES.map(candidate).to_vec(),
        deadline: Some(at(3600)),
        policy: PolicyStamp::default(),
        image_receipt: None,
        image_facts: Some(json!({ "root_device_type": "ebs", "size_gib": 8.5 })),
        type_facts: Vec::new(),
        governed_types: Vec::new(),
        launch_template: None,
        facts_time: at(0),
    }
}

pub(super) fn decided(launch: u8, verdict: Verdict) -> Entry {
    entry(launch, Event::Decision(Box::new(decision(verdict, &format!("request-{launch}")))))
}

pub(super) fn admitted(launch: u8) -> Entry {
    decided(launch, Verdict::Admitted)
}

pub(super) fn preview() -> Entry {
    let decision = Decision { request_id: None, preview: true, ..decision(Verdict::Admitted, "none") };
    Entry { launch_id: None, ..entry(0, Event::Decision(Box::new(decision))) }
}

pub(super) fn intention(attempt: u8, instance_type: &str) -> AttemptIntended {
    AttemptIntended {
        attempt_id: attempt_id(attempt),
        instance_type: instance_type.parse().unwrap(),
        placement: Placement::default(),
        client_token: attempt_id(attempt).client_token(),
        input: Value::Null,
        share: None,
        role_session: None,
    }
}

/// Attempt `attempt` of `launch`, which is the `nth` that it begins.
pub(super) fn intended(launch: u8, attempt: u8, nth: usize) -> Entry {
    entry(launch, Event::AttemptIntended(Box::new(intention(attempt, TYPES[nth]))))
}

/// The first candidate's attempt of `launch`, shared: the leader's record names all whom it serves.
pub(super) fn sharing(launch: u8, attempt: u8, leader: u8, serves: &[u8]) -> Entry {
    let serves = serves.iter().map(|launch| launch_id(*launch)).collect();
    let share = Some(AttemptShare { leader: launch_id(leader), launches: 3, serves });
    entry(launch, Event::AttemptIntended(Box::new(AttemptIntended { share, ..intention(attempt, TYPES[0]) })))
}

fn place(letter: char) -> InstancePlace {
    serde_json::from_value(json!({ "instance_id": instance_id(letter), "availability_zone": "us-east-1a" })).unwrap()
}

pub(super) fn succeeded(launch: u8, attempt: u8, letters: &str) -> Entry {
    let succeeded = AttemptSucceeded {
        attempt_id: attempt_id(attempt),
        ec2_request_id: Some("req-2".to_owned()),
        reservation_id: None,
        instances: letters.chars().map(place).collect(),
    };
    entry(launch, Event::AttemptSucceeded(succeeded))
}

fn error() -> AttemptError {
    AttemptError {
        code: "InsufficientInstanceCapacity".to_owned(),
        class: "capacity".to_owned(),
        message: "there is none".to_owned(),
        retryable: true,
        remedy: String::new(),
        http_status: Some(500),
        ec2_request_id: None,
    }
}

pub(super) fn failed(launch: u8, attempt: u8) -> Entry {
    entry(launch, Event::AttemptFailed(AttemptFailed { attempt_id: attempt_id(attempt), error: error() }))
}

pub(super) fn unknown(launch: u8, attempt: u8) -> Entry {
    entry(launch, Event::AttemptUnknown(AttemptUnknown { attempt_id: attempt_id(attempt), error: error() }))
}

pub(super) fn ended(launch: u8, state: LaunchState) -> Entry {
    let reason = Reason { code: "NOTHING_TO_TRY".to_owned(), message: "No candidate was left.".to_owned() };
    entry(launch, Event::LaunchEnded(LaunchEnded { state, reason }))
}

/// A request for no further attempts.
pub(super) fn cancelled(launch: u8) -> Entry {
    let cancellation = Cancellation {
        request_id: format!("c-{launch}").parse().unwrap(),
        body_sha256: Sha256Digest::of(&[launch]),
        reason: "done".to_owned(),
    };
    entry(launch, Event::Cancellation(cancellation))
}

/// `about` is what the place says that the phase brings.
pub(super) fn reached(launch: u8, letter: char, phase: Phase, about: Option<char>) -> Entry {
    let phase = InstancePhase {
        system_status: Some("ok".to_owned()),
        place: about.map(place),
        ..InstancePhase::new(instance_id(letter), phase, Duration::from_secs(9))
    };
    entry(launch, Event::InstancePhase(phase))
}

pub(super) fn termination(launch: u8, stage: TerminationStage, request: Option<&str>, letters: &str) -> Entry {
    let termination = Termination {
        stage,
        request_id: request.map(|request| request.parse().unwrap()),
        body_sha256: request.map(|_| Sha256Digest::of(b"body")),
        reason: "done".to_owned(),
        instance_ids: letters.chars().map(instance_id).collect(),
        others: Vec::new(),
        boot_failure: false,
        error: None,
    };
    entry(launch, Event::Termination(termination))
}

/// A termination of instances that were not ready in time.
pub(super) fn late_end(launch: u8, stage: TerminationStage, letters: &str) -> Entry {
    let mut entry = termination(launch, stage, None, letters);
    if let Event::Termination(termination) = &mut entry.event {
        termination.boot_failure = true;
    }
    entry
}

pub(super) fn started() -> Entry {
    let started = ServiceStarted {
        version: "0.1.0".to_owned(),
        sandbox: true,
        regions: Vec::new(),
        open_launches: 0,
        verifier_key: None,
        accepted: None,
    };
    Entry { launch_id: None, ..entry(0, Event::ServiceStarted(started)) }
}

pub(super) fn switched(paused: bool) -> Entry {
    let switch = LaunchSwitch { paused, reason: "test".to_owned() };
    Entry { launch_id: None, ..entry(0, Event::LaunchSwitch(switch)) }
}

/// One of everything that Gantry writes, over six launches.
pub(super) fn ordinary() -> Vec<Entry> {
    use TerminationStage::{Accepted, Failed, Requested};
    vec![
        started(),
        preview(),
        admitted(1),
        decided(2, Verdict::Refused),
        intended(1, 1, 0),
        admitted(3),
        unknown(1, 1),
        intended(3, 3, 0),
        failed(1, 1),
        intended(1, 2, 1),
        succeeded(1, 2, "ab"),
        reached(1, 'a', Phase::Pending, Some('a')),
        failed(3, 3),
        Entry { principal: None, ..reached(1, 'b', Phase::Ready, None) },
        ended(3, LaunchState::Failed),
        termination(1, Requested, Some("t-1"), "ab"),
        termination(1, Failed, None, "ab"),
        termination(1, Requested, Some("t-2"), "a"),
        termination(1, Accepted, None, "a"),
        reached(1, 'a', Phase::Terminated, None),
        admitted(4),
        termination(4, Requested, Some("request-4"), ""),
        ended(4, LaunchState::Cancelled),
        // A day later its outcome is not known; then the instances turn up after all.
        admitted(5),
        intended(5, 5, 0),
        unknown(5, 5),
        ended(5, LaunchState::Failed),
        succeeded(5, 5, "c"),
        // An instance that no launch made.
        Entry { launch_id: None, ..reached(0, 'z', Phase::Running, None) },
        started(),
        switched(true),
        decided(7, Verdict::Refused),
        reached(5, 'c', Phase::TimedOut, None),
        late_end(5, Requested, "c"),
        late_end(5, Failed, "c"),
        reached(5, 'c', Phase::Ready, None),
        switched(false),
        admitted(6),
    ]
}

pub(super) fn leaf_hash(leaf: &[u8]) -> [u8; 32] {
    record_hash(leaf).0
}
