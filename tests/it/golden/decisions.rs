//! Decisions of every shape.

use gantry::ids::Sha256Digest;
use gantry::record::{Candidate, Decision, ImageReceipt, Outcome, PolicyStamp, Spec, Verdict};
use serde_json::json;

use super::spec::{full_spec, least_spec};
use super::{candidate, finding, time};

/// A decision with every field set.
pub(super) fn full_decision() -> Decision {
    Decision {
        request_id: Some("3f0c6f1e-9a52-4f0e-8a55-5b2f6f1d7c10".parse().unwrap()),
        body_sha256: Sha256Digest::of(b"body"),
        preview: true,
        break_glass: false,
        reason: "nightly \"build\" farm, \u{e9}tage 2".to_owned(),
        spec: full_spec(),
        verdict: Verdict::Admitted,
        findings: vec![finding(Outcome::Warn), finding(Outcome::Unknown)],
        candidates: vec![candidate()],
        deadline: Some(time("2026-11-20T09:00:00Z")),
        policy: PolicyStamp {
            hash: Some(Sha256Digest::of(b"policy")),
            determining_policy_ids: vec!["only-current-images".to_owned()],
            overridden: false,
        },
        image_receipt: Some(ImageReceipt {
            image_id: "ami-0abcdef1234567890".parse().unwrap(),
            digest: Sha256Digest::of(b"boot facts"),
            observed_time: time("2026-11-20T07:59:59.123456Z"),
        }),
        image_facts: Some(json!({ "image_id": "ami-0abcdef1234567890", "root_device_type": "ebs", "size_gib": 8 })),
        type_facts: vec![json!({ "instance_type": "m7i.large", "vcpus": 2 })],
        governed_types: Vec::new(),
        launch_template: None,
        facts_time: time("2026-11-20T07:59:59.123456Z"),
    }
}

/// A refusal with nothing set that may be left out.
pub(super) fn least_decision() -> Decision {
    Decision {
        request_id: None,
        body_sha256: Sha256Digest::of(b"body"),
        preview: false,
        break_glass: false,
        reason: String::new(),
        spec: least_spec(),
        verdict: Verdict::Refused,
        findings: vec![finding(Outcome::Fail)],
        candidates: Vec::new(),
        deadline: None,
        policy: PolicyStamp::default(),
        image_receipt: None,
        image_facts: None,
        type_facts: Vec::new(),
        governed_types: Vec::new(),
        launch_template: None,
        facts_time: time("2026-11-20T07:59:59Z"),
    }
}

/// A decision that policy was overridden for.
pub(super) fn overridden_decision() -> Decision {
    let full = full_decision();
    Decision {
        preview: false,
        break_glass: true,
        candidates: vec![Candidate { zone: Some("us-east-1a".parse().unwrap()), ..candidate() }],
        policy: PolicyStamp { overridden: true, ..full.policy.clone() },
        governed_types: vec![candidate().instance_type],
        ..full
    }
}

/// An admission of another spec.
pub(super) fn decision_of(spec: Spec) -> Decision {
    Decision { spec, preview: false, ..full_decision() }
}
