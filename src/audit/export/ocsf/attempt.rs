//! How attempts are told, and the end of a launch that has no instances.

use serde_json::{Value, json};

use super::words::{self, Activity, Control, Fields, Role, Severity, Status, Told, as_json};
use crate::ids::{AttemptId, ImageId};
use crate::record::{
    AttemptError, AttemptFailed, AttemptIntended, AttemptSucceeded, AttemptUnknown, Entry, LaunchEnded, LaunchState,
};

/// RunInstances is about to be called.
pub(super) fn intended(entry: &Entry, intended: &AttemptIntended) -> Told {
    let input = without_user_data(&intended.input);
    let image: Option<ImageId> = input.get("image_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let data = attempt(intended.attempt_id)
        .set("instance_type", intended.instance_type.as_str())
        .set("placement", as_json(&intended.placement))
        .some("role_session", intended.role_session.as_ref().map(as_json))
        .set("input", input);
    let request = Fields::default().set("uid", intended.client_token.as_str()).set("data", data);
    let api = words::ec2_api("RunInstances").set("request", request);
    let message = format!("RunInstances is about to be called for {}", intended.instance_type);
    let mut told = Told::new(Activity::Create, Status::Other("Intended"), api, message);
    told.resources.extend(words::launch(entry, Role::Related));
    told.resources.extend(image.map(|id| words::image(entry, &id)));
    told
}

/// EC2 launched instances.
pub(super) fn succeeded(entry: &Entry, succeeded: &AttemptSucceeded) -> Told {
    let ids: Vec<&str> = succeeded.instances.iter().map(|place| place.instance_id.as_str()).collect();
    let data =
        Fields::default().some("reservation_id", succeeded.reservation_id.as_deref()).set("instance_ids", json!(ids));
    let request = request(succeeded.attempt_id, succeeded.ec2_request_id.as_deref());
    let api =
        words::ec2_api("RunInstances").set("request", request).set("response", Fields::default().set("data", data));
    let message = format!("EC2 launched {}", ids.join(", "));
    let mut told = Told::new(Activity::Create, Status::Success, api, message);
    told.resources.extend(words::launch(entry, Role::Related));
    told.resources.extend(succeeded.instances.iter().map(|place| words::placed_instance(entry, place)));
    told
}

/// EC2 launched nothing.
pub(super) fn failed(entry: &Entry, failed: &AttemptFailed) -> Told {
    let error = &failed.error;
    let message = format!("EC2 launched nothing: {}", error.code);
    let mut told = not_answered_well(entry, failed.attempt_id, error, Status::Failure, message);
    told.severity = if error.retryable { Severity::Low } else { Severity::Medium };
    told.control = Control::of(error);
    told
}

/// Whether EC2 launched anything is not known.
pub(super) fn unknown(entry: &Entry, unknown: &AttemptUnknown) -> Told {
    let error = &unknown.error;
    let message = format!("Whether EC2 launched anything is not known: {}", error.code);
    let mut told = not_answered_well(entry, unknown.attempt_id, error, Status::Unknown, message);
    told.severity = Severity::High;
    told
}

/// No further attempt will be made.
pub(super) fn launch_ended(entry: &Entry, ended: &LaunchEnded) -> Told {
    let cancelled = ended.state == LaunchState::Cancelled;
    let response = json!({ "error": ended.reason.code, "message": ended.reason.message });
    let api = words::gantry_api("LaunchInstances").set("response", response);
    let status = if cancelled { Status::Other("Cancelled") } else { Status::Failure };
    let message = if cancelled { "The launch was cancelled" } else { "The launch failed" };
    let mut told = Told::new(Activity::Create, status, api, format!("{message}: {}", ended.reason.message))
        .because(ended.reason.code.as_str(), ended.reason.message.as_str());
    told.severity = if cancelled { Severity::Informational } else { Severity::Medium };
    told.stage = Some(if cancelled { "cancelled" } else { "failed" });
    told.resources.extend(words::launch(entry, Role::Target));
    told
}

fn not_answered_well(
    entry: &Entry,
    attempt_id: AttemptId,
    error: &AttemptError,
    status: Status,
    message: String,
) -> Told {
    let api = words::ec2_api("RunInstances")
        .set("request", request(attempt_id, error.ec2_request_id.as_deref()))
        .set("response", words::error_response(error));
    let mut told =
        Told::new(Activity::Create, status, api, message).because(error.code.as_str(), error.message.as_str());
    told.resources.extend(words::launch(entry, Role::Related));
    told
}

/// The request of an attempt, under EC2's id of it where it is known: CloudTrail has the same.
fn request(attempt_id: AttemptId, ec2_request_id: Option<&str>) -> Fields {
    let token = attempt_id.client_token();
    Fields::default().set("uid", ec2_request_id.unwrap_or(token.as_str())).set("data", attempt(attempt_id))
}

fn attempt(id: AttemptId) -> Fields {
    Fields::default().set("attempt_id", id.to_string()).set("client_token", id.client_token().as_str())
}

/// The input without user data. The log has none; this holds should it ever have some by mistake.
fn without_user_data(input: &Value) -> Value {
    match input {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "user_data" | "UserData" | "userData"))
            .map(|(name, value)| (name.clone(), without_user_data(value)))
            .collect(),
        Value::Array(values) => values.iter().map(without_user_data).collect(),
        other => other.clone(),
    }
}
