//! Decisions as the audit log holds them.

use jiff::Timestamp;
use serde::Serialize;

use super::LaunchRequest;
use super::decide::{Decision, Facts, Governed};
use super::redact::Prepared;
use super::template::source;
use crate::ami::receipt::{Receipt, receipt};
use crate::ids::LaunchId;
use crate::record::{Decision as DecisionEntry, ENTRY_VERSION, Entry, Event, ImageReceipt, Verdict};

/// The entry of a decision and everything it was made from, but for what the log must not have; a
/// preview has no launch id.
pub(super) fn decision_entry(
    request: &LaunchRequest,
    prepared: &Prepared<'_>,
    governed: &Governed,
    facts: &Facts,
    now: Timestamp,
    launch_id: Option<LaunchId>,
) -> Entry {
    let (verdict, mut findings, candidates, deadline) = match &governed.decision {
        Decision::Admit(plan) => {
            (Verdict::Admitted, plan.findings().to_vec(), plan.candidates().to_vec(), Some(plan.deadline()))
        }
        Decision::Refuse(findings) => (Verdict::Refused, findings.clone(), Vec::new(), None),
    };
    findings.iter_mut().for_each(|finding| prepared.withheld.scrub_finding(finding));
    Entry {
        v: ENTRY_VERSION,
        time: now,
        launch_id,
        account_id: Some(request.spec.account_id.clone()),
        region: Some(request.spec.region.clone()),
        principal: Some(request.principal.clone()),
        event: Event::Decision(Box::new(DecisionEntry {
            request_id: launch_id.and(request.request_id.clone()),
            body_sha256: prepared.bodies.recorded(),
            preview: launch_id.is_none(),
            break_glass: request.break_glass,
            reason: request.reason.clone(),
            spec: prepared.spec.clone(),
            launch_template: prepared.asked.clone().map(|asked| source(asked, facts.template.as_ref())),
            verdict,
            findings,
            candidates,
            deadline,
            policy: governed.stamp.clone(),
            image_receipt: facts.image.as_ref().map(|image| {
                let Receipt { image_id, digest, observed_time } = receipt(image, facts.time);
                ImageReceipt { image_id, digest, observed_time }
            }),
            image_facts: facts.image.as_ref().map(|image| prepared.image_facts(image)),
            type_facts: facts.types.iter().map(to_json).collect(),
            governed_types: governed.types.clone(),
            facts_time: facts.time,
        })),
    }
}

/// Facts as the log holds them.
pub(super) fn to_json(facts: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(facts).expect("facts have string keys and finite numbers")
}
