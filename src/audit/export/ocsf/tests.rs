//! That events keep to the schema of OCSF, and what a SIEM finds in them.

use std::collections::BTreeMap;

use boon::{Compiler, SchemaIndex, Schemas};

use super::*;
use crate::audit::export::tests::{exported, golden};
use crate::record::{
    AttemptFailed, AttemptIntended, EntryKind, InstancePhase, LaunchEnded, LaunchState, Phase, Reason, Termination,
    TerminationStage, Verdict,
};

const LOG: LogOrigin<'_> =
    LogOrigin { log_id: "0199a1b2", origin: "gantry.example/audit", version: "0.1.0", sandbox: false };

/// OCSF's own schema.
struct Ocsf {
    schemas: Schemas,
    event: SchemaIndex,
}

fn schema() -> Ocsf {
    const NAME: &str = "file:///api_activity-1.8.0.json";
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ocsf/api_activity-1.8.0.json"));
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    compiler.add_resource(NAME, serde_json::from_str(text).unwrap()).unwrap();
    let event = compiler.compile(NAME, &mut schemas).unwrap();
    Ocsf { schemas, event }
}

/// What is wrong with an event.
fn errors(schema: &Ocsf, event: &Value) -> Vec<String> {
    match schema.schemas.validate(event, schema.event) {
        Ok(()) => Vec::new(),
        Err(error) => format!("{error:#}").lines().skip(1).map(str::to_owned).collect(),
    }
}

/// The golden entries, and those that the ways through the mapping need besides.
fn entries() -> BTreeMap<String, Entry> {
    let mut entries: BTreeMap<String, Entry> =
        golden().into_iter().map(|golden| (golden.name.to_owned(), golden.entry)).collect();
    let mut more = |of: &str, name: &str, change: &dyn Fn(&mut Entry)| {
        let mut entry = entries[of].clone();
        change(&mut entry);
        entries.insert(name.to_owned(), entry);
    };
    more("decision.least", "preview refused", &|entry| {
        entry.launch_id = None;
        decision(entry).preview = true;
    });
    more("decision.least", "refused without a finding", &|entry| decision(entry).findings.clear());
    more("attempt_failed", "unauthorized", &|entry| {
        let Event::AttemptFailed(AttemptFailed { error, .. }) = &mut entry.event else { panic!() };
        (error.code, error.class, error.retryable) = ("UnauthorizedOperation".into(), "permission".into(), false);
        (error.ec2_request_id, error.http_status) = (None, None);
    });
    more("launch_ended", "cancelled", &|entry| {
        let reason = Reason { code: "CANCELLED".into(), message: "the caller asked".into() };
        entry.event = Event::LaunchEnded(LaunchEnded { state: LaunchState::Cancelled, reason });
    });
    for phase in [
        Phase::Requested,
        Phase::Pending,
        Phase::Running,
        Phase::Checking,
        Phase::Ready,
        Phase::Impaired,
        Phase::Stopped,
        Phase::Failed,
        Phase::Terminated,
    ] {
        more("instance_phase", &format!("{phase:?}"), &|entry| {
            let Event::InstancePhase(seen) = &mut entry.event else { panic!() };
            let bare = InstancePhase { place: None, failure: None, state_reason: None, ..seen.clone() };
            *seen = InstancePhase { phase, ..bare };
            // As of an instance that Gantry did not launch.
            (entry.launch_id, entry.principal) = (None, None);
        });
    }
    for (name, stage) in [("accepted", TerminationStage::Accepted), ("not ended", TerminationStage::Failed)] {
        more("termination", name, &|entry| {
            let Event::Termination(termination) = &mut entry.event else { panic!() };
            let error = termination.error.take().filter(|_| stage == TerminationStage::Failed);
            let bare = Termination { request_id: None, body_sha256: None, ..termination.clone() };
            *termination = Termination { stage, error, ..bare };
        });
    }
    entries
}

fn decision(entry: &mut Entry) -> &mut crate::record::Decision {
    match &mut entry.event {
        Event::Decision(decision) => decision,
        _ => panic!("no decision"),
    }
}

fn told(entry: &Entry) -> Value {
    let leaf = entry.to_leaf();
    event(&Exported { index: 41, leaf: &leaf, leaf_hash: tlog_tiles::record_hash(&leaf).0, entry }, &LOG)
}

#[test]
fn every_kind_of_record_is_a_valid_event() {
    let schema = schema();
    let mut kinds = std::collections::BTreeSet::new();
    for (name, entry) in entries() {
        kinds.insert(entry.kind());
        let event = told(&entry);
        assert_eq!(errors(&schema, &event), Vec::<String>::new(), "{name}: {event:#}");
    }
    let all: Vec<EntryKind> = serde_json::from_value(serde_json::json!(WORDS["kind"].as_array().unwrap())).unwrap();
    assert!(all.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
}

/// The words of the log, as version 1 has them.
static WORDS: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| {
    serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v1/words.json"))).unwrap()
});

#[test]
fn the_schema_finds_what_is_broken() {
    let schema = schema();
    let good = told(&entries()["decision"]);
    type Break = fn(&mut Value);
    let breaks: [(&str, Break); 7] = [
        ("nobody did it", |event| event["actor"].as_object_mut().unwrap().clear()),
        ("no source", |event| drop(event.as_object_mut().unwrap().remove("src_endpoint"))),
        ("no account of a cloud", |event| drop(event["cloud"].as_object_mut().unwrap().remove("provider"))),
        ("a word of its own", |event| event["verdict"] = "admitted".into()),
        ("a word of its own inside", |event| event["resources"][0]["launch"] = "x".into()),
        ("a type of another class", |event| event["type_uid"] = 300_401.into()),
        ("time as text", |event| event["time"] = event["time_dt"].clone()),
    ];
    for (name, broken) in breaks {
        let mut event = good.clone();
        broken(&mut event);
        assert!(!errors(&schema, &event).is_empty(), "{name}");
    }
}

#[test]
fn a_siem_tells_records_apart() {
    /// Name; activity, status and severity; action and disposition; event code; operation.
    type Row = (&'static str, [u64; 3], Option<[u64; 2]>, &'static str, &'static str);
    let expected: [Row; 16] = [
        ("decision", [1, 1, 1], Some([3, 16]), "decision.preview_admitted", "LaunchInstances"),
        ("decision.least", [1, 2, 3], Some([2, 2]), "decision.refused", "LaunchInstances"),
        ("decision.receipt", [1, 1, 1], Some([1, 1]), "decision.admitted", "LaunchInstances"),
        ("preview refused", [1, 2, 2], Some([2, 2]), "decision.preview_refused", "LaunchInstances"),
        ("attempt_intended", [1, 99, 1], None, "attempt_intended", "RunInstances"),
        ("attempt_succeeded", [1, 1, 1], None, "attempt_succeeded", "RunInstances"),
        ("attempt_failed", [1, 2, 2], None, "attempt_failed", "RunInstances"),
        ("unauthorized", [1, 2, 3], Some([2, 26]), "attempt_failed", "RunInstances"),
        ("attempt_unknown", [1, 0, 4], None, "attempt_unknown", "RunInstances"),
        ("launch_ended", [1, 2, 3], None, "launch_ended.failed", "LaunchInstances"),
        ("instance_phase", [2, 2, 3], None, "instance_phase.timed_out", "DescribeInstanceStatus"),
        ("Ready", [2, 1, 1], None, "instance_phase.ready", "DescribeInstanceStatus"),
        ("accepted", [4, 1, 1], None, "termination.accepted", "TerminateInstances"),
        ("not ended", [4, 2, 4], Some([2, 26]), "termination.failed", "TerminateInstances"),
        ("service_started", [99, 1, 1], None, "service_started", "Start"),
        ("records_pruned", [4, 1, 1], None, "records_pruned", "PruneRecords"),
    ];
    let entries = entries();
    for (name, [activity, status, severity], control, code, operation) in expected {
        let event = told(&entries[name]);
        assert_eq!(event["activity_id"], activity, "{name}");
        assert_eq!(event["type_uid"], 600_300 + activity, "{name}");
        assert_eq!(event["status_id"], status, "{name}");
        assert_eq!(event["severity_id"], severity, "{name}");
        let seen = event["action_id"].as_u64().zip(event["disposition_id"].as_u64());
        assert_eq!(seen.map(|(action, disposition)| [action, disposition]), control, "{name}");
        assert_eq!(event["metadata"]["event_code"], code, "{name}");
        assert_eq!(event["api"]["operation"], operation, "{name}");
    }
    for (name, entry) in &entries {
        if let Event::InstancePhase(seen) = &entry.event {
            let word = words::as_json(&seen.phase);
            let code = format!("instance_phase.{}", word.as_str().unwrap());
            assert_eq!(told(entry)["metadata"]["event_code"], code, "{name}");
        }
    }
}

#[test]
fn an_event_says_who_where_what_and_how_to_prove_it() {
    let golden = golden();
    let find = |name| exported(&golden).into_iter().find(|record| golden[record.index as usize].name == name).unwrap();
    let record = find("attempt_failed");
    let told = event(&record, &LOG);
    assert_eq!(told["metadata"]["uid"], format!("0199a1b2/{}", record.index));
    assert_eq!(told["metadata"]["correlation_uid"], "0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b");
    assert_eq!(told["unmapped"]["tlog"]["leaf_hash"], hex::encode(tlog_tiles::record_hash(record.leaf).0));
    assert_eq!(told["actor"]["user"]["name"], "local");
    assert_eq!(told["cloud"]["account"]["uid"], "123456789012");
    assert_eq!(told["time"], 1_795_161_602_000_u64);
    assert_eq!(told["api"]["request"]["uid"], "59dbff89-35bd-4eac-99ed-be587EXAMPLE");
    assert_eq!(told["api"]["response"]["error"], "InsufficientInstanceCapacity");
    assert_eq!(told["api"]["response"]["code"], 500);
    let told = event(&find("attempt_succeeded"), &LOG);
    assert_eq!(told["resources"][1]["uid"], "i-0abcdef1234567890");
    let told = event(&find("decision.least"), &LOG);
    assert_eq!(told["status_code"], "ENA_REQUIRED");
    assert_eq!(told["resources"][1]["uid"], "ami-f8e54081");
    assert_eq!(Verdict::Refused, serde_json::from_value(told["api"]["response"]["data"]["verdict"].clone()).unwrap());
    let sandbox = LogOrigin { sandbox: true, ..LOG };
    assert_eq!(event(&find("decision"), &sandbox)["cloud"]["provider"], "Gantry sandbox");
}

#[test]
fn user_data_never_appears() {
    let secret = "IyEvYmluL3NoCg==";
    let mut entry = entries().remove("attempt_intended").unwrap();
    let Event::AttemptIntended(intended) = &mut entry.event else { panic!() };
    let AttemptIntended { input, .. } = &mut **intended;
    input["user_data"] = secret.into();
    input["specs"] = serde_json::json!([{ "UserData": secret, "user_data_sha256": "88c9" }]);
    let told = told(&entry).to_string();
    assert!(!told.contains(secret), "{told}");
    assert!(told.contains("88c9"), "{told}");
}
