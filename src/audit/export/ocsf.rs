//! Records as events of the Open Cybersecurity Schema Framework 1.8.0, for a SIEM: each one event
//! of class API Activity (6003) with the profiles cloud, datetime and security_control.
//!
//! How a record is told:
//!
//! | record | activity | API | status |
//! |---|---|---|---|
//! | decision | Create | Gantry's LaunchInstances | Success, or Failure when refused |
//! | attempt_… | Create | EC2's RunInstances | Intended, Success, Failure or Unknown |
//! | launch_ended | Create | Gantry's LaunchInstances | Failure or Cancelled |
//! | instance_phase | Read | EC2's DescribeInstanceStatus | Success, or Failure when it will not come up |
//! | termination | Delete | Gantry's TerminateLaunch, then EC2's TerminateInstances | Requested, Success or Failure |
//! | termination for a boot failure | Delete | EC2's TerminateInstances | Requested, Success or Failure |
//! | service_started | Other | Start | Success |
//! | records_pruned | Delete | PruneRecords | Success |
//!
//! A launch is put together by `metadata.correlation_uid`, its id. A call to EC2 is found again in
//! CloudTrail by `api.request.uid`, where EC2 gave its request an id. What a decision allowed or
//! denied is in `action_id` and `disposition_id`. Where the record is in the transparency log
//! stands in `unmapped.tlog`, so that it can be proved.

use serde_json::{Value, json};

use self::words::{Fields, Told};
use super::Exported;
use crate::record::{Entry, Event, RecordsPruned, ServiceStarted};

mod attempt;
mod decision;
mod governing;
mod instance;
mod words;

/// The version of the schema that the events follow.
const SCHEMA_VERSION: &str = "1.8.0";

/// The class API Activity, in the category Application Activity.
const CLASS_UID: u64 = 6003;

/// The name of the program, as actor, as source and as product.
const PRODUCT: &str = "Gantry";

/// The log that records come from.
#[derive(Debug, Clone, Copy)]
pub struct LogOrigin<'a> {
    /// The log's id, unique to its data directory.
    pub log_id: &'a str,
    /// The log's origin, as in its checkpoints.
    pub origin: &'a str,
    /// The version of the program that exports.
    pub version: &'a str,
    /// Whether the log's EC2 is the sandbox. Nothing in it happened in AWS then.
    pub sandbox: bool,
}

/// The event that tells one record. User data is not in it; tags are, where the record has them.
pub fn event(record: &Exported<'_>, log: &LogOrigin<'_>) -> Value {
    let entry = record.entry;
    let told = match &entry.event {
        Event::Decision(decision) => decision::decided(entry, decision),
        Event::AttemptIntended(intended) => attempt::intended(entry, intended),
        Event::AttemptSucceeded(succeeded) => attempt::succeeded(entry, succeeded),
        Event::AttemptFailed(failed) => attempt::failed(entry, failed),
        Event::AttemptUnknown(unknown) => attempt::unknown(entry, unknown),
        Event::LaunchEnded(ended) => attempt::launch_ended(entry, ended),
        Event::InstancePhase(phase) => instance::phase(entry, phase),
        Event::Termination(termination) => instance::termination(entry, termination),
        Event::ServiceStarted(started) => service_started(started),
        Event::RecordsPruned(pruned) => records_pruned(pruned),
        Event::PolicyLoaded(loaded) => governing::policy_loaded(loaded),
        Event::LaunchSwitch(switch) => governing::launch_switch(switch),
        Event::Cancellation(cancellation) => governing::cancellation(entry, cancellation),
    };
    let activity_id = told.activity.id();
    let activity_name = told.activity.caption();
    let status = told.status;
    let control = told.control;
    Fields::default()
        .set("category_uid", 6)
        .set("category_name", "Application Activity")
        .set("class_uid", CLASS_UID)
        .set("class_name", "API Activity")
        .set("activity_id", activity_id)
        .set("activity_name", activity_name)
        .set("type_uid", CLASS_UID * 100 + activity_id)
        .set("type_name", format!("API Activity: {activity_name}"))
        .set("time", entry.time.as_millisecond())
        .set("time_dt", entry.time.to_string())
        .some("duration", told.duration_ms)
        .set("severity_id", told.severity.id())
        .set("severity", told.severity.caption())
        .set("status_id", status.id())
        .set("status", status.caption())
        .some("status_code", told.status_code)
        .some("status_detail", told.status_detail)
        .some("action_id", control.map(|control| control.action().0))
        .some("action", control.map(|control| control.action().1))
        .some("disposition_id", control.map(|control| control.disposition().0))
        .some("disposition", control.map(|control| control.disposition().1))
        .filled("authorizations", told.authorizations)
        .some("policy", told.policy)
        .set("message", told.message)
        .set("api", told.api)
        .set("actor", actor(entry, log))
        .set("src_endpoint", json!({ "svc_name": PRODUCT, "uid": log.log_id }))
        .set("cloud", cloud(entry, log))
        .filled("resources", told.resources)
        .set("metadata", metadata(record, log, told.stage))
        .set("unmapped", unmapped(record, log))
        .into()
}

/// Who did it: Gantry, on behalf of the principal if there is one.
fn actor(entry: &Entry, log: &LogOrigin<'_>) -> Fields {
    let user = |principal| json!({ "name": principal, "uid": principal });
    Fields::default()
        .set("app_name", PRODUCT)
        .set("app_uid", log.log_id)
        .some("user", entry.principal.as_ref().map(|principal| user(principal.as_str())))
}

fn cloud(entry: &Entry, log: &LogOrigin<'_>) -> Fields {
    Fields::default()
        .set("provider", if log.sandbox { "Gantry sandbox" } else { "AWS" })
        .some("region", entry.region.as_ref().map(|region| region.as_str()))
        .some("account", entry.account_id.as_ref().map(|account| json!({ "uid": account.as_str() })))
}

/// Which event this is. Its uid is the same every time it is exported, so that a receiver can
/// leave out what it has.
fn metadata(record: &Exported<'_>, log: &LogOrigin<'_>, stage: Option<&str>) -> Fields {
    let kind = record.entry.kind().as_str();
    Fields::default()
        .set("version", SCHEMA_VERSION)
        .set("profiles", json!(["cloud", "datetime", "security_control"]))
        .set("product", json!({ "name": PRODUCT, "vendor_name": PRODUCT, "version": log.version }))
        .set("uid", format!("{}/{}", log.log_id, record.index))
        .set("sequence", record.index)
        .set("log_name", log.origin)
        .set("log_version", record.entry.v.to_string())
        .set("event_code", stage.map_or_else(|| kind.to_owned(), |stage| format!("{kind}.{stage}")))
        .some("correlation_uid", record.entry.launch_id.map(|id| id.to_string()))
}

/// Where the record is in the transparency log.
fn unmapped(record: &Exported<'_>, log: &LogOrigin<'_>) -> Value {
    json!({ "tlog": {
        "origin": log.origin,
        "index": record.index,
        "leaf_hash": hex::encode(record.leaf_hash),
    } })
}

fn service_started(started: &ServiceStarted) -> Told {
    let api = words::api("Start", PRODUCT).set(
        "response",
        json!({ "data": {
            "version": started.version,
            "sandbox": started.sandbox,
            "regions": started.regions,
            "open_launches": started.open_launches,
        } }),
    );
    let message =
        format!("Gantry {} opened the log and took up {} open launches", started.version, started.open_launches);
    Told::new(words::Activity::Other("Start"), words::Status::Success, api, message)
}

fn records_pruned(pruned: &RecordsPruned) -> Told {
    let api = words::api("PruneRecords", PRODUCT).set("response", json!({ "data": pruned }));
    let message = format!(
        "Retention removed {} records of the log below {} that were older than {}",
        pruned.removed, pruned.end, pruned.before
    );
    Told::new(words::Activity::Delete, words::Status::Success, api, message)
}

#[cfg(test)]
mod tests;
