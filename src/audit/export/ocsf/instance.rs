//! How instances are told: the phases that were seen, and terminations.

use serde_json::{Value, json};

use super::words::{self, Activity, Control, Fields, Role, Severity, Status, Told, as_json};
use crate::record::{Entry, InstancePhase, Phase, Termination, TerminationStage};

/// An instance reached a phase.
pub(super) fn phase(entry: &Entry, seen: &InstancePhase) -> Told {
    let word = phase_word(seen.phase);
    let data = Fields::default()
        .set("phase", word)
        .some("system_status", seen.system_status.as_deref())
        .some("instance_status", seen.instance_status.as_deref())
        .some("ebs_status", seen.ebs_status.as_deref())
        .some("state_reason", seen.state_reason.as_ref().map(as_json))
        .some("failure", seen.failure.as_ref().map(as_json));
    let api = words::ec2_api("DescribeInstanceStatus").set("response", Fields::default().set("data", data));
    let (status, severity) = match seen.phase {
        Phase::Impaired | Phase::Failed | Phase::TimedOut => (Status::Failure, Severity::Medium),
        Phase::Requested
        | Phase::Pending
        | Phase::Running
        | Phase::Checking
        | Phase::Ready
        | Phase::Stopped
        | Phase::Terminated => (Status::Success, Severity::Informational),
    };
    let message = format!("{} was seen {}", seen.instance_id, word.replace('_', " "));
    let mut told = Told::new(Activity::Read, status, api, message);
    told.severity = severity;
    told.stage = Some(word);
    told.status_code = seen.state_reason.as_ref().map(|reason| reason.code.clone());
    let reason = seen.state_reason.as_ref().map(|reason| &reason.message);
    told.status_detail = seen.failure.as_ref().map(|failure| &failure.cause).or(reason).cloned();
    told.duration_ms = u64::try_from(seen.elapsed.as_millis()).ok();
    told.resources.extend(words::launch(entry, Role::Related));
    told.resources.push(match &seen.place {
        Some(place) => words::placed_instance(entry, place),
        None => words::instance(entry, &seen.instance_id),
    });
    told
}

fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Requested => "requested",
        Phase::Pending => "pending",
        Phase::Running => "running",
        Phase::Checking => "checking",
        Phase::Ready => "ready",
        Phase::Impaired => "impaired",
        Phase::Stopped => "stopped",
        Phase::Failed => "failed",
        Phase::Terminated => "terminated",
        Phase::TimedOut => "timed_out",
    }
}

/// A termination was asked for, accepted or failed.
pub(super) fn termination(entry: &Entry, termination: &Termination) -> Told {
    let all = || termination.instance_ids.iter().chain(&termination.others);
    let ids: Vec<&str> = all().map(|id| id.as_str()).collect();
    let named = if ids.is_empty() { "all instances of the launch".to_owned() } else { ids.join(", ") };
    let (operation, status, stage, message) = match termination.stage {
        // Nobody called Gantry for it: the launch asks for it.
        TerminationStage::Requested if termination.boot_failure => {
            let api = words::ec2_api("TerminateInstances");
            let message = format!("Termination of {named} was requested, for not being ready in time");
            (api, Status::Other("Requested"), "requested", message)
        }
        TerminationStage::Requested => {
            let api = words::gantry_api("TerminateLaunch");
            (api, Status::Other("Requested"), "requested", format!("Termination of {named} was requested"))
        }
        TerminationStage::Accepted => {
            let api = words::ec2_api("TerminateInstances");
            (api, Status::Success, "accepted", format!("EC2 accepted to terminate {named}"))
        }
        TerminationStage::Failed => {
            let api = words::ec2_api("TerminateInstances");
            (api, Status::Failure, "failed", format!("EC2 did not terminate {named}"))
        }
    };
    let error = termination.error.as_ref();
    let api = operation.some("request", request(termination, &ids)).some("response", error.map(words::error_response));
    let mut told = Told::new(Activity::Delete, status, api, message);
    told.stage = Some(stage);
    told.resources.extend(words::launch(entry, Role::Related));
    told.resources.extend(all().map(|id| words::instance(entry, id)));
    if let Some(error) = error {
        told = told.because(error.code.as_str(), error.message.as_str());
        told.control = Control::of(error);
    }
    if termination.boot_failure && termination.stage == TerminationStage::Requested {
        told.status_detail = Some(termination.reason.clone());
    }
    if termination.stage == TerminationStage::Failed {
        told.severity = Severity::High;
    }
    told
}

/// What was asked. OCSF wants an id of a request: EC2's, the caller's, or else the body's digest;
/// without any of them there is no request to tell of.
fn request(termination: &Termination, ids: &[&str]) -> Option<Fields> {
    let ec2 = termination.error.as_ref().and_then(|error| error.ec2_request_id.clone());
    let caller = termination.request_id.as_ref().map(|id| id.as_str().to_owned());
    let digest = termination.body_sha256.map(|digest| digest.to_string());
    let data: Value = json!({ "reason": termination.reason, "instance_ids": ids });
    Some(Fields::default().set("uid", ec2.or(caller).or(digest)?).set("data", data))
}
