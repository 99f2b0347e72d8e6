//! Decisions as the audit log holds them.

use jiff::Timestamp;
use serde::Serialize;

use super::LaunchRequest;
use super::decide::{Decision, Facts};
use crate::ami::receipt::{Receipt, receipt};
use crate::ids::{LaunchId, Sha256Digest};
use crate::record::{Decision as DecisionEntry, ENTRY_VERSION, Entry, Event, ImageReceipt, PolicyStamp, Verdict};

/// The entry of a decision and everything it was made from; a preview has no launch id.
pub(super) fn decision_entry(
    request: &LaunchRequest,
    body: Sha256Digest,
    decision: &Decision,
    facts: &Facts,
    now: Timestamp,
    launch_id: Option<LaunchId>,
) -> Entry {
    let (verdict, findings, candidates, deadline) = match decision {
        Decision::Admit(plan) => {
            (Verdict::Admitted, plan.findings().to_vec(), plan.candidates().to_vec(), Some(plan.deadline()))
        }
        Decision::Refuse(findings) => (Verdict::Refused, findings.clone(), Vec::new(), None),
    };
    Entry {
        v: ENTRY_VERSION,
        time: now,
        launch_id,
        account_id: Some(request.spec.account_id.clone()),
        region: Some(request.spec.region.clone()),
        principal: Some(request.principal.clone()),
        event: Event::Decision(Box::new(DecisionEntry {
            request_id: launch_id.and(request.request_id.clone()),
            body_sha256: body,
            preview: launch_id.is_none(),
            reason: request.reason.clone(),
            spec: request.spec.clone(),
            verdict,
            findings,
            candidates,
            deadline,
            policy: PolicyStamp::default(),
            image_receipt: facts.image.as_ref().map(|image| {
                let Receipt { image_id, digest, observed_time } = receipt(image, facts.time);
                ImageReceipt { image_id, digest, observed_time }
            }),
            image_facts: facts.image.as_ref().map(to_json),
            type_facts: facts.types.iter().map(to_json).collect(),
            facts_time: facts.time,
        })),
    }
}

/// Facts as the log holds them.
pub(super) fn to_json(facts: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(facts).expect("facts have string keys and finite numbers")
}
