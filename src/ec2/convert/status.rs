//! Status checks and console output.

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types as sdk;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;

use super::instance::state;
use super::{timestamp, word};
use crate::ec2::facts::{InstanceStatus, ScheduledEvent, StatusSummary};

/// The most of a console that is kept, its end; EC2 itself keeps 64 KiB.
const CONSOLE_BYTES_MAX: usize = 1024 * 1024;

/// Tools between here and EC2 have been seen to drop the padding.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The status, or none if it has no readable instance id.
pub(in crate::ec2) fn instance_status(from: sdk::InstanceStatus) -> Option<InstanceStatus> {
    Some(InstanceStatus {
        instance_id: from.instance_id.as_deref()?.parse().ok()?,
        state: from.instance_state.and_then(state),
        availability_zone: from.availability_zone,
        system: from.system_status.and_then(checks),
        instance: from.instance_status.and_then(checks),
        attached_ebs: from.attached_ebs_status.and_then(ebs_checks),
        application: from.application_status.and_then(|status| plain(word(status.status)?, status.impaired_since)),
        performance: from.performance_status.and_then(|status| plain(word(status.status)?, status.impaired_since)),
        events: from.events.unwrap_or_default().into_iter().map(event).collect(),
    })
}

fn checks(from: sdk::InstanceStatusSummary) -> Option<StatusSummary> {
    let details = from.details.unwrap_or_default();
    let details = details.into_iter().map(|detail| (word(detail.name), word(detail.status), detail.impaired_since));
    summary(word(from.status)?, details)
}

fn ebs_checks(from: sdk::EbsStatusSummary) -> Option<StatusSummary> {
    let details = from.details.unwrap_or_default();
    let details = details.into_iter().map(|detail| (word(detail.name), word(detail.status), detail.impaired_since));
    summary(word(from.status)?, details)
}

fn plain(status: String, impaired_since: Option<DateTime>) -> Option<StatusSummary> {
    Some(StatusSummary { status, details: Vec::new(), impaired_since: impaired_since.and_then(timestamp) })
}

/// A summary has no time of its own; it has been impaired since its first detail was.
fn summary(
    status: String,
    details: impl Iterator<Item = (Option<String>, Option<String>, Option<DateTime>)>,
) -> Option<StatusSummary> {
    let mut impaired_since: Option<Timestamp> = None;
    let mut named = Vec::new();
    for (name, status, since) in details {
        if let Some(since) = since.and_then(timestamp) {
            impaired_since = Some(impaired_since.map_or(since, |first| first.min(since)));
        }
        if let (Some(name), Some(status)) = (name, status) {
            named.push((name, status));
        }
    }
    Some(StatusSummary { status, details: named, impaired_since })
}

fn event(from: sdk::InstanceStatusEvent) -> ScheduledEvent {
    ScheduledEvent {
        id: from.instance_event_id,
        code: word(from.code),
        description: from.description,
        not_before: from.not_before.and_then(timestamp),
        not_after: from.not_after.and_then(timestamp),
    }
}

/// The console's text from EC2's base64, which the SDK passes on as it is. None if it is no base64.
pub(in crate::ec2) fn console_text(base64: &str) -> Option<String> {
    let base64: Vec<u8> = base64.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = LENIENT_BASE64.decode(base64).ok()?;
    let end = &bytes[bytes.len().saturating_sub(CONSOLE_BYTES_MAX)..];
    Some(String::from_utf8_lossy(end).into_owned())
}
