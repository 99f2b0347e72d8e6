//! `GET /sandbox/state`: what exists, which tokens were used, which calls were made.
//!
//! It tells the truth and not what EC2 would show: instances that no call finds yet are in it, and
//! so are terminated ones until they are forgotten.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Reply;
use crate::clock::{Clock as _, Timestamp};
use crate::sandbox::cloud::{Cloud, Instance, LaunchTemplate, State};
use crate::sandbox::{ACCOUNT_ID, Sandbox};

/// The state of the whole sandbox. Each Region is read at one moment, one after the other.
pub(super) fn get(sandbox: &Sandbox) -> Reply {
    let shared = &sandbox.shared;
    let now = shared.clock.now();
    let mut regions = Map::new();
    let mut accounts: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for ((account_id, name), cloud) in &shared.clouds {
        let of_account = match account_id.as_str() {
            ACCOUNT_ID => &mut regions,
            other => accounts.entry(other).or_default(),
        };
        of_account.insert(name.to_string(), region(cloud, now));
    }
    Reply::json(
        200,
        &json!({
            "time": now,
            "seed": shared.seed,
            "speed": shared.speed,
            "calls": shared.calls.counts(),
            "answers": shared.calls.answers(),
            "regions": regions,
            "accounts": accounts,
            "faults": sandbox.faults().counts(),
            "recent_calls": shared.calls.recent(),
        }),
    )
}

fn region(cloud: &Cloud, now: Timestamp) -> Value {
    let state = cloud.state();
    let instances: Vec<Value> =
        state.remembered().filter(|i| !i.is_gone(now)).map(|found| instance(found, &state, now)).collect();
    let mut tokens: Vec<_> = state.tokens().collect();
    tokens.sort_by_key(|(key, token)| (token.used, &key.token, &key.zone));
    let tokens: Vec<Value> = tokens
        .into_iter()
        .map(|(key, token)| {
            json!({
                "token": key.token,
                "zone": key.zone,
                "instance_ids": token.instance_ids,
                "used": token.used,
            })
        })
        .collect();
    json!({
        "images": cloud.catalog.all().len(),
        "instances": instances,
        "client_tokens": tokens,
        "launch_templates": state.templates().map(template).collect::<Vec<_>>(),
        "allowed_images": state.allowed_images(),
    })
}

fn template(template: &LaunchTemplate) -> Value {
    json!({
        "launch_template_id": template.id,
        "launch_template_name": template.name,
        "default_version": template.default_version,
        "versions": template.versions.values().collect::<Vec<_>>(),
    })
}

fn instance(instance: &Instance, state: &State, now: Timestamp) -> Value {
    let standing = instance.standing(now);
    let reason = standing.reason.as_ref().map(|(code, message)| json!({ "code": code, "message": message }));
    json!({
        "instance_id": instance.id,
        "image_id": instance.launch.image_id,
        "instance_type": instance.launch.instance_type,
        "zone": instance.zone,
        "state": standing.state.as_str(),
        "state_reason": reason,
        "client_token": instance.launch.client_token,
        "reservation_id": instance.reservation_id,
        "launch_time": instance.launched,
        "checks": {
            "system": standing.system.summary(),
            "instance": standing.instance.summary(),
            "attached_ebs": standing.ebs.summary(),
        },
        "tags": state.tags(&instance.id).unwrap_or(&BTreeMap::new()),
    })
}
