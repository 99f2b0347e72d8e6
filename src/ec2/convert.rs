//! From the SDK's shapes to our facts, and from our RunInstances to the SDK's.
//!
//! Nothing is judged and nothing is made up here. Enumerations pass through as EC2's own words, so
//! that a value younger than the SDK survives. An absent list and an empty one are the same, as
//! they are on the wire.

mod allowed_images;
mod image;
mod instance;
mod instance_type;
mod place;
mod run;
mod status;
mod template;

use std::collections::BTreeMap;

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::Tag;
use jiff::Timestamp;

use super::facts::StateReason;

pub(super) use allowed_images::allowed_images;
pub(super) use image::{image, launch_permissions};
pub(super) use instance::instance;
pub(super) use instance_type::{instance_type, offering};
pub(super) use place::{availability_zone, subnet};
pub(super) use run::{run_instances, sdk_tags};
pub(super) use status::{console_text, instance_status};
pub(super) use template::launch_template;

/// EC2's word for an enumeration's value.
fn word<E: AsRef<str>>(value: Option<E>) -> Option<String> {
    value.map(|value| value.as_ref().to_owned())
}

/// EC2's words for a list of them.
fn words<E: AsRef<str>>(values: Option<Vec<E>>) -> Vec<String> {
    values.unwrap_or_default().iter().map(|value| value.as_ref().to_owned()).collect()
}

/// A date that EC2 sends as text, in ISO 8601 with a time zone. One that cannot be parsed, such as
/// the empty ones of 2008, is absent.
fn date(text: Option<&str>) -> Option<Timestamp> {
    text?.trim().parse().ok()
}

/// The SDK's time in ours, to the microsecond.
pub(super) fn timestamp(time: DateTime) -> Option<Timestamp> {
    let micros = i64::try_from(time.as_nanos() / 1_000).ok()?;
    Timestamp::from_microsecond(micros).ok()
}

fn tags(tags: Option<Vec<Tag>>) -> BTreeMap<String, String> {
    tags.unwrap_or_default().into_iter().filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}

fn state_reason(reason: Option<aws_sdk_ec2::types::StateReason>) -> Option<StateReason> {
    reason.map(|reason| StateReason { code: reason.code, message: reason.message })
}

#[cfg(test)]
mod tests;
