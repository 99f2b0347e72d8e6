//! EventBridge's envelope, and the events in it that are about an instance. Pure.
//!
//! Source: EventBridge User Guide, "AWS service events"; EC2 User Guide, "State change events for Amazon EC2" and
//! "Spot Instance interruption notices".

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::ids::{AccountId, InstanceId, Region};

const STATE_CHANGE: &str = "EC2 Instance State-change Notification";
const INTERRUPTION: &str = "EC2 Spot Instance Interruption Warning";

/// How long after its warning EC2 takes a Spot Instance back (EC2 User Guide, "Spot Instance interruption notices").
const INTERRUPTION_AFTER: Duration = Duration::from_secs(120);

/// How far from now an interruption may be, before or after, whose warning is believed. EC2 warns two minutes ahead and
/// clocks differ by less than the rest; a queue keeps messages for days, and what was to happen then is told by the
/// instance's state by now.
const INTERRUPTION_NEAR: Duration = Duration::from_secs(5 * 60);

/// Something happened to an instance, or is going to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The instance's account.
    pub account_id: AccountId,
    /// Its Region.
    pub region: Region,
    /// The instance.
    pub instance_id: InstanceId,
    /// What EC2 is going to do to a Spot Instance, and when; absent where the state changed.
    pub interruption: Option<Interruption>,
}

/// EC2 takes a Spot Instance back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interruption {
    /// `terminate`, `stop` or `hibernate`.
    pub action: String,
    /// When.
    pub time: Timestamp,
}

impl Interruption {
    /// Whether it is about now, so that the warning of it is one. Not if the message was held up, or is dated ahead.
    pub fn is_near(&self, now: Timestamp) -> bool {
        self.time.duration_since(now).unsigned_abs() <= INTERRUPTION_NEAR
    }
}

/// Why a message is no notice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// It is not what EventBridge sends; the first words of why, which may quote it, without control characters.
    #[error("not an event of EventBridge: {0}")]
    Malformed(String),
    /// It is another event, which the queue's rule need not let through.
    #[error("an event of another kind: {source_name:?}, {detail_type:?}")]
    OfOtherKind {
        /// Its source, such as `aws.ec2`.
        source_name: String,
        /// Its detail type.
        detail_type: String,
    },
}

/// Characters of an action; EC2's are `terminate`, `stop` and `hibernate`. It becomes part of records.
const ACTION_CHARS_MAX: usize = 32;

/// Characters that are kept of why a message cannot be read. Whoever can send to the queue chooses them, and they get
/// into the process's log.
const WHY_CHARS_MAX: usize = 100;

#[derive(Deserialize)]
struct Envelope {
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    account: String,
    region: String,
    time: Timestamp,
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "instance-id", default)]
    instance_id: String,
    #[serde(rename = "instance-action", default)]
    action: String,
}

/// What the body of a message says.
pub(super) fn read(body: &str) -> Result<Notice, NoticeError> {
    let malformed = |why: &dyn std::fmt::Display| {
        let why = why.to_string();
        NoticeError::Malformed(why.chars().flat_map(char::escape_debug).take(WHY_CHARS_MAX).collect())
    };
    let event: Envelope = serde_json::from_str(body).map_err(|error| malformed(&error))?;
    if event.source != "aws.ec2" || ![STATE_CHANGE, INTERRUPTION].contains(&event.detail_type.as_str()) {
        return Err(NoticeError::OfOtherKind { source_name: event.source, detail_type: event.detail_type });
    }
    let is_action =
        |action: &str| action.len() <= ACTION_CHARS_MAX && action.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    if !is_action(&event.detail.action) {
        return Err(malformed(&"the action is no word"));
    }
    let interruption = (event.detail_type == INTERRUPTION).then(|| Interruption {
        action: event.detail.action,
        time: event.time.checked_add(INTERRUPTION_AFTER).unwrap_or(event.time),
    });
    Ok(Notice {
        account_id: event.account.parse().map_err(|error| malformed(&error))?,
        region: event.region.parse().map_err(|error| malformed(&error))?,
        instance_id: event.detail.instance_id.parse().map_err(|error| malformed(&error))?,
        interruption,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the EC2 User Guide, "State change events for Amazon EC2".
    const PENDING: &str = r#"{
        "id": "7bf73129-1428-4cd3-a780-95db273d1602", "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2", "account": "123456789012", "time": "2021-11-11T21:29:54Z", "region": "us-east-1",
        "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"],
        "detail": {"instance-id": "i-abcd1111", "state": "pending"}
    }"#;

    /// That of "Spot Instance interruption notices".
    const WARNING: &str = r#"{
        "version": "0", "id": "12345678-1234-1234-1234-123456789012",
        "detail-type": "EC2 Spot Instance Interruption Warning", "source": "aws.ec2", "account": "123456789012",
        "time": "2025-01-01T00:00:00Z", "region": "us-east-2",
        "resources": ["arn:aws:ec2:us-east-2a:instance/i-1234567890abcdef0"],
        "detail": {"instance-id": "i-1234567890abcdef0", "instance-action": "terminate"}
    }"#;

    #[test]
    fn the_examples_of_the_user_guide_are_read() {
        let pending = read(PENDING).unwrap();
        assert_eq!((pending.instance_id.as_str(), pending.region.as_str()), ("i-abcd1111", "us-east-1"));
        assert_eq!(pending.interruption, None);
        let interruption = read(WARNING).unwrap().interruption.unwrap();
        assert_eq!(interruption.action, "terminate");
        assert_eq!(interruption.time, "2025-01-01T00:02:00Z".parse().unwrap());
        for (now, is_near) in [
            ("2024-12-31T23:56:59Z", false),
            ("2025-01-01T00:00:01Z", true),
            ("2025-01-01T00:07:00Z", true),
            ("2025-01-01T00:07:01Z", false),
            ("2025-01-03T00:00:00Z", false),
        ] {
            assert_eq!(interruption.is_near(now.parse().unwrap()), is_near, "{now}");
        }
    }

    #[test]
    fn whatever_else_comes_is_told_apart() {
        for (from, to) in [("aws.ec2", "aws.rds"), ("State-change Notification", "Rebalance Recommendation")] {
            assert!(matches!(read(&PENDING.replace(from, to)), Err(NoticeError::OfOtherKind { .. })), "{to}");
        }
        for (from, to) in [("i-abcd1111", "i-../etc"), ("123456789012", "12"), ("us-east-1", "?"), ("{", "")] {
            assert!(matches!(read(&PENDING.replace(from, to)), Err(NoticeError::Malformed(_))), "{to}");
        }
        let long = format!("\"instance-action\": \"{}\"", "x".repeat(33));
        for action in [long.as_str(), "\"instance-action\": \"\u{202e}stop\""] {
            let body = WARNING.replace("\"instance-action\": \"terminate\"", action);
            assert!(matches!(read(&body), Err(NoticeError::Malformed(_))), "{body}");
        }
        assert!(matches!(read(""), Err(NoticeError::Malformed(_))));
    }

    #[test]
    fn what_is_kept_of_a_malformed_message_is_short_and_no_control() {
        let text = "\\u001b[2J\\n\u{202e}".repeat(10_000);
        for (body, quoted) in
            [(PENDING.replace("2021-11-11T21:29:54Z", &text), "x1B"), (format!("\"{text}\""), "u{1b}[2J")]
        {
            let Err(NoticeError::Malformed(why)) = read(&body) else { panic!("it is read") };
            assert!(why.chars().count() <= WHY_CHARS_MAX, "{why}");
            assert!(!why.contains(|char: char| char.is_control() || char == '\u{202e}'), "{why}");
            assert!(why.contains(quoted), "{why}");
        }
    }
}
