//! The doors, as a test uses them.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::*;
use crate::clock::{SimClock, Timestamp};
use crate::sandbox::{Fault, IMAGES_MIN, Options};

const RUN: &str = "Action=RunInstances&ImageId=ami-05a4db0c500000001&InstanceType=t3.micro&MinCount=1&MaxCount=2&ClientToken=t\
                   &TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v";

fn open(state_dir: Option<std::path::PathBuf>) -> Sandbox {
    let clock = SimClock::new(Timestamp::from_second(1_800_000_000).unwrap());
    Sandbox::open(Options { images: IMAGES_MIN, state_dir, ..Options::default() }, Arc::new(clock)).unwrap()
}

fn ask(sandbox: &Sandbox, form: &str) {
    let credential =
        "AWS4-HMAC-SHA256 Credential=AKID/20261001/sandbox-1/ec2/aws4_request, SignedHeaders=host, Signature=0";
    let headers = HeaderMap::from_iter([(AUTHORIZATION, credential.parse().unwrap())]);
    sandbox.ask(&headers, form.as_bytes(), "request");
}

fn door(sandbox: &Sandbox, method: &Method, path: &str, body: &str) -> (u16, Value) {
    let reply = answer(sandbox, method, path, body.as_bytes());
    (reply.status, serde_json::from_str(&reply.body).unwrap_or(Value::Null))
}

#[test]
fn the_state_says_what_exists_and_what_was_asked() {
    let sandbox = open(None);
    sandbox.faults().inject("RunInstances", 1, Fault::InsufficientInstanceCapacity { available: 0 });
    ask(&sandbox, RUN);
    sandbox.faults().inject("RunInstances", 1, Fault::ReplyLost);
    ask(&sandbox, RUN);
    ask(&sandbox, &RUN.replace("t3.micro", "t4g.micro"));
    ask(&sandbox, "Action=Nothing");
    let (status, state) = door(&sandbox, &Method::GET, "/sandbox/state", "");
    assert_eq!(status, 200);
    assert_eq!(state["calls"], json!({ "RunInstances": 3 }));
    let answers = json!({ "InsufficientInstanceCapacity": 1, "lost": 1, "IdempotentParameterMismatch": 1 });
    assert_eq!(state["answers"], json!({ "RunInstances": answers }));
    let region = &state["regions"]["sandbox-1"];
    let instance = &region["instances"][1];
    assert_eq!((&instance["state"], &instance["tags"]), (&json!("pending"), &json!({ "k": "v" })));
    assert_eq!(region["client_tokens"][0]["instance_ids"][1], instance["instance_id"]);
    let called = json!({
        "number": 2, "time": state["time"], "region": "sandbox-1", "action": "RunInstances", "answer": "lost",
        "client_token": "t", "account_id": "000000000000",
    });
    assert_eq!(state["recent_calls"][1], called);
    assert_eq!(state["recent_calls"][3]["answer"], "InvalidAction");
}

#[test]
fn the_clock_jumps_and_stays_there_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let sandbox = open(Some(directory.path().to_owned()));
    ask(&sandbox, RUN);
    let jump = |sandbox: &Sandbox, body: &str| door(sandbox, &Method::POST, "/sandbox/clock", body);
    for bad in
        ["", "{}", "{\"advance_seconds\": -1}", "{\"advance_seconds\": 1e9}", "{\"advance_seconds\": 1, \"x\": 1}"]
    {
        let (status, body) = jump(&sandbox, bad);
        assert!(status == 400 && body["errors"][0].is_string(), "{bad}");
    }
    assert_eq!(jump(&sandbox, "{\"advance_seconds\": 90.5}"), (200, json!({ "time": "2027-01-15T08:01:30.5Z" })));
    drop(sandbox);
    for _ in 0..2 {
        let (_, state) = door(&open(Some(directory.path().to_owned())), &Method::GET, "/sandbox/state", "");
        assert_eq!(state["time"], "2027-01-15T08:01:30.5Z");
        let instance = &state["regions"]["sandbox-1"]["instances"][0];
        assert_eq!((&instance["state"], &instance["checks"]["instance"]), (&json!("running"), &json!("ok")));
    }
    assert_eq!(door(&open(None), &Method::GET, "/sandbox/clock", "").0, 405);
}
