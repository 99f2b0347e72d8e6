//! How that is told which governs launches: policies, the switch, cancellations.

use serde_json::json;

use super::PRODUCT;
use super::words::{self, Activity, Fields, Role, Severity, Status, Told};
use crate::record::{Cancellation, Entry, LaunchSwitch, PolicyLoaded};

/// Another policy is in force.
pub(super) fn policy_loaded(loaded: &PolicyLoaded) -> Told {
    let hash = loaded.hash.map(|hash| hash.to_string());
    let api = words::api("LoadPolicy", PRODUCT).set("response", json!({ "data": loaded }));
    let message = match &hash {
        Some(hash) if loaded.parts == 1 => format!("The policy {hash} of {} is in force", loaded.source),
        Some(hash) => {
            format!("The policy {hash} of {} is in force, part {} of {}", loaded.source, loaded.part, loaded.parts)
        }
        None => "No policy is in force any more".to_owned(),
    };
    let mut told = Told::new(Activity::Update, Status::Success, api, message);
    told.policy = hash.map(|hash| json!({ "uid": hash, "type": "Launch policy" }));
    told
}

/// New launches were stopped, or let go on.
pub(super) fn launch_switch(switch: &LaunchSwitch) -> Told {
    let (operation, done) = if switch.paused { ("PauseLaunches", "stopped") } else { ("ResumeLaunches", "let go on") };
    let api = words::gantry_api(operation);
    let message = format!("New launches were {done}: {}", switch.reason);
    let mut told = Told::new(Activity::Update, Status::Success, api, message);
    told.severity = Severity::Medium;
    told
}

/// Somebody asked for no further attempts.
pub(super) fn cancellation(entry: &Entry, cancellation: &Cancellation) -> Told {
    let request = Fields::default()
        .set("uid", cancellation.request_id.as_str())
        .set("data", json!({ "reason": cancellation.reason }));
    let api = words::gantry_api("CancelLaunch").set("request", request);
    let message = format!("The cancellation of the launch was requested: {}", cancellation.reason);
    let mut told = Told::new(Activity::Update, Status::Other("Requested"), api, message);
    told.resources.extend(words::launch(entry, Role::Target));
    told
}
