//! The two actions of Systems Manager that whoever looks for a current AMI calls: GetParameter and
//! GetParameters, of the public parameters under `/aws/service/` that images are behind.
//!
//! They come and go as JSON on the same endpoint; by the time they are here, the request is a form
//! like any other (`wire::json`). There are no parameters but those that images name.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::sandbox::Sandbox;
use crate::sandbox::callers::Caller;
use crate::sandbox::cloud::{Cloud, State};
use crate::sandbox::images::facts;
use crate::sandbox::wire::auth::Scope;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::json;
use crate::sandbox::wire::query::Query;

/// The actions that are served.
pub(super) const ACTIONS: [&str; 2] = ["GetParameter", "GetParameters"];
/// Names in one GetParameters (Systems Manager API Reference).
const NAMES_MAX: usize = 10;
/// Characters of a name (Systems Manager API Reference, GetParameter).
const NAME_CHARS_MAX: usize = 2_048;

/// Answers one of them.
pub(super) fn answer(
    sandbox: &Sandbox,
    action: &str,
    query: &Query,
    scope: &Scope,
    caller: &Caller,
) -> Result<String, Ec2Error> {
    let cloud = sandbox.cloud(&caller.account_id, &scope.region)?;
    if scope.service != "ssm" {
        let message = "Credential should be scoped to correct service: 'ssm'. ";
        return Err(Ec2Error::with_status(403, "SignatureDoesNotMatch", message));
    }
    let root = query.root();
    let state = cloud.state();
    let now = sandbox.clock().now();
    let answer = if action == "GetParameter" {
        query.allow_only(&["Name", "WithDecryption"])?;
        let name = checked(root.text("Name").unwrap_or_default())?;
        match parameter(cloud, &state, now, name) {
            Some(parameter) => json!({ "Parameter": parameter }),
            None => return Err(Ec2Error::new("ParameterNotFound", "")),
        }
    } else {
        query.allow_only(&["Names", "WithDecryption"])?;
        let names = root.texts("Names");
        if names.is_empty() || names.len() > NAMES_MAX {
            return Err(json::validation(&format!(
                "Value at 'names' failed to satisfy constraint: Member must have length between 1 and {NAMES_MAX}"
            )));
        }
        let (mut found, mut invalid) = (Vec::new(), Vec::new());
        for name in names {
            match parameter(cloud, &state, now, checked(name)?) {
                Some(parameter) => found.push(parameter),
                None => invalid.push(name),
            }
        }
        json!({ "InvalidParameters": invalid, "Parameters": found })
    };
    Ok(answer.to_string())
}

/// A name as it must be. EC2's public parameters have no versions and labels worth asking for.
fn checked(name: &str) -> Result<&str, Ec2Error> {
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(json::validation(&format!(
            "Value at 'name' failed to satisfy constraint: Member must have length between 1 and {NAME_CHARS_MAX}"
        )));
    }
    if name.contains(':') {
        return Err(json::validation("The sandbox does not serve versions, labels and ARNs of parameters"));
    }
    Ok(name)
}

/// The parameter of this name, if images are or were behind it and one can be launched: its value
/// is the newest, and its version how many there have been.
fn parameter(cloud: &Cloud, state: &State, now: Timestamp, name: &str) -> Option<Value> {
    let behind = name.strip_prefix('/')?;
    let has_it = |image: &&facts::Image| {
        let parameter = image.extras.as_ref().and_then(|extras| extras.ssm_parameter.as_deref());
        parameter == Some(behind)
    };
    let images = cloud.catalog.all().iter().filter(has_it).map(|image| state.image(image));
    let usable = images
        .filter(|image| image.public && image.state == Some(facts::State::Available) && !image.is_deprecated(now));
    let mut behind: Vec<_> = usable.collect();
    behind.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    let newest = behind.last()?;
    let region = cloud.network.region.as_str();
    Some(json!({
        "ARN": format!("arn:aws:ssm:{region}::parameter{name}"),
        "DataType": "aws:ec2:image",
        // Seconds, as every time in this protocol.
        "LastModifiedDate": newest.created.unwrap_or_default().as_second(),
        "Name": name,
        "Type": "String",
        "Value": &*newest.id,
        "Version": behind.len(),
    }))
}

#[cfg(test)]
mod tests;
