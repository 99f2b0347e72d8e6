//! How a decision is told: who wanted what, and what the rules and the policy said.

use serde_json::{Value, json};

use super::words::{self, Activity, Control, Fields, Role, Severity, Status, Told, as_json};
use crate::record::{Decision, Entry, Finding, Outcome, PolicyStamp, Verdict};

pub(super) fn decided(entry: &Entry, decision: &Decision) -> Told {
    let refused = decision.verdict == Verdict::Refused;
    let first = |outcome| decision.findings.iter().find(|finding| finding.outcome == outcome);
    let ground = first(Outcome::Fail).or_else(|| first(Outcome::Unknown)).filter(|_| refused);
    let status = if refused { Status::Failure } else { Status::Success };
    let api = words::gantry_api("LaunchInstances")
        .set("request", request(decision))
        .set("response", response(decision, ground));
    let mut told = Told::new(Activity::Create, status, api, message(decision, ground));
    (told.control, told.severity, told.stage) = match (decision.verdict, decision.preview) {
        (Verdict::Admitted, false) => (Some(Control::Admitted), Severity::Informational, Some("admitted")),
        (Verdict::Refused, false) => (Some(Control::Refused), Severity::Medium, Some("refused")),
        (Verdict::Admitted, true) => (Some(Control::Previewed), Severity::Informational, Some("preview_admitted")),
        (Verdict::Refused, true) => (Some(Control::Refused), Severity::Low, Some("preview_refused")),
    };
    told.authorizations = authorizations(&decision.policy, decision.verdict);
    told.policy = decision.policy.hash.map(|hash| json!({ "uid": hash.to_string(), "type": "Launch policy" }));
    told.resources.extend(words::launch(entry, Role::Target));
    told.resources.extend(decision.image_id().map(|id| words::image(entry, id)));
    match ground {
        Some(ground) => told.because(ground.code.clone(), ground.message.as_str()),
        None => told,
    }
}

fn request(decision: &Decision) -> Fields {
    let digest = decision.body_sha256.to_string();
    // A preview uses up no key of the caller's; what was asked has a digest all the same.
    let uid = decision.request_id.as_ref().map_or(digest.as_str(), |id| id.as_str());
    let data = Fields::default()
        .set("spec", as_json(&decision.spec))
        .some("launch_template", decision.launch_template.as_ref().map(as_json))
        .set("reason", decision.reason.as_str())
        .set("body_sha256", digest.as_str());
    let flags = if decision.preview { vec![Value::from("validate_only")] } else { Vec::new() };
    Fields::default().set("uid", uid).filled("flags", flags).set("data", data)
}

fn response(decision: &Decision, ground: Option<&Finding>) -> Fields {
    let data = Fields::default()
        .set("verdict", as_json(&decision.verdict))
        .set("findings", as_json(&decision.findings))
        .filled("candidates", decision.candidates.iter().map(as_json).collect())
        .some("deadline", decision.deadline.map(|deadline| deadline.to_string()))
        .some("image_receipt", decision.image_receipt.as_ref().map(as_json))
        .set("facts_time", decision.facts_time.to_string());
    Fields::default()
        .some("error", ground.map(|finding| finding.code.clone()))
        .some("message", ground.map(|finding| finding.message.as_str()))
        .set("data", data)
}

/// One for each policy that determined the answer.
fn authorizations(stamp: &PolicyStamp, verdict: Verdict) -> Vec<Value> {
    let decision = match verdict {
        Verdict::Admitted => "allowed",
        Verdict::Refused => "denied",
    };
    let policy = |id: &String| {
        Fields::default().set("name", id.as_str()).some("version", stamp.hash.map(|hash| hash.to_string()))
    };
    let of_policy = |id| Fields::default().set("decision", decision).set("policy", policy(id)).into();
    stamp.determining_policy_ids.iter().map(of_policy).collect()
}

fn message(decision: &Decision, ground: Option<&Finding>) -> String {
    let asked = if decision.preview { "Preview of a launch" } else { "Launch" };
    let image = decision.image_id().map_or("an image that was not found", |id| id.as_str());
    match (decision.verdict, ground) {
        (Verdict::Admitted, _) => format!("{asked} of {image} was admitted"),
        (Verdict::Refused, Some(ground)) => format!("{asked} of {image} was refused: {}", ground.message),
        (Verdict::Refused, None) => format!("{asked} of {image} was refused"),
    }
}
