//! Whether an image can be launched as far as its state goes, and how long it will stay in use.
//!
//! Deprecation stands beside the state: a deprecated image is `available` and can be launched by
//! its id (EC2 User Guide, "Deprecate an Amazon EC2 AMI", 2026-04).

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::basis::{Conclusion, Note, Notes, observed, observed_flag};
use crate::ec2::facts::Image;
use crate::record::Outcome;

/// How long before its deprecation an image is said to be about to be deprecated.
pub const DEPRECATION_NOTICE_DAYS: i64 = 90;

/// How long an image may go without a launch before that is said. After deprecation and half a
/// year without launches AWS takes the public permission away.
pub const UNUSED_DAYS: i64 = 180;

/// Whether an image can be launched, as far as its state goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// `available`: it can.
    Current,
    /// `pending` or `transient`: it is being made.
    Pending,
    /// `disabled` by its owner.
    Disabled,
    /// `failed` or `error`: it could not be made.
    Failed,
    /// `deregistered`: it is gone.
    Deregistered,
    /// `invalid`.
    Invalid,
    /// EC2 does not say, or says something new.
    Unknown,
}

impl Lifecycle {
    /// Every value.
    pub const ALL: [Self; 7] =
        [Self::Current, Self::Pending, Self::Disabled, Self::Failed, Self::Deregistered, Self::Invalid, Self::Unknown];

    /// The word that the filter `gantry:lifecycle` knows it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Pending => "pending",
            Self::Disabled => "disabled",
            Self::Failed => "failed",
            Self::Deregistered => "deregistered",
            Self::Invalid => "invalid",
            Self::Unknown => "unknown",
        }
    }

    /// The lifecycle that EC2's state means.
    pub fn of_state(state: Option<&str>) -> Self {
        match state {
            Some("available") => Self::Current,
            Some("pending" | "transient") => Self::Pending,
            Some("disabled") => Self::Disabled,
            Some("failed" | "error") => Self::Failed,
            Some("deregistered") => Self::Deregistered,
            Some("invalid") => Self::Invalid,
            Some(_) | None => Self::Unknown,
        }
    }
}

const STATE: &str = "image.state";

/// Whether the deprecation time has come.
pub(super) fn is_deprecated(image: &Image, now: Timestamp) -> bool {
    image.deprecation_time.is_some_and(|time| time <= now)
}

pub(super) fn conclude(image: &Image, now: Timestamp, notes: &mut Notes) -> Lifecycle {
    let lifecycle = Lifecycle::of_state(image.state.as_deref());
    let seen = observed(image.state.as_deref());
    let meaning = match lifecycle {
        Lifecycle::Current => "It can be launched.",
        Lifecycle::Pending => "It is being made and cannot be launched yet.",
        Lifecycle::Disabled => "Its owner disabled it: it cannot be launched, and sharing ended with that.",
        Lifecycle::Failed => "It could not be made and cannot be launched.",
        Lifecycle::Deregistered => "It is gone and cannot be launched; instances made from it go on.",
        Lifecycle::Invalid => "EC2 holds it for invalid; it cannot be launched.",
        Lifecycle::Unknown => "EC2 does not give a state that says whether it can be launched.",
    };
    if lifecycle == Lifecycle::Unknown {
        notes.unknown(Conclusion::Lifecycle, STATE, seen, meaning);
    } else {
        notes.known(Conclusion::Lifecycle, STATE, seen.clone(), meaning);
        if lifecycle != Lifecycle::Current {
            let message = match image.state_reason.as_ref().and_then(|reason| reason.message.as_deref()) {
                Some(reason) => format!("{meaning} EC2's reason: {reason}").into(),
                None => meaning.into(),
            };
            notes.find(Note {
                code: "NOT_AVAILABLE",
                outcome: Outcome::Fail,
                field: STATE,
                observed: seen,
                expected: "available",
                message,
                remedy: match lifecycle {
                    Lifecycle::Pending => "Wait until it is available.",
                    Lifecycle::Disabled => "Ask its owner to enable it, or choose another image.",
                    _ => "Choose another image.",
                },
            });
        }
    }
    deprecation(image, now, notes);
    unused(image, now, notes);
    not_allowed(image, notes);
    lifecycle
}

fn deprecation(image: &Image, now: Timestamp, notes: &mut Notes) {
    let Some(time) = image.deprecation_time else { return };
    let deprecated = time <= now;
    if deprecated || time.duration_since(now) <= SignedDuration::from_hours(24 * DEPRECATION_NOTICE_DAYS) {
        notes.find(Note {
            code: if deprecated { "DEPRECATED" } else { "DEPRECATION_NEAR" },
            outcome: Outcome::Warn,
            field: "image.deprecation_time",
            observed: time.to_string().into(),
            expected: "",
            message: if deprecated {
                "Its owner deprecated it: it can still be launched by its id, is hidden from lists, and gets no \
                 updates. A deprecated public image that nobody launches for six months stops being public."
            } else {
                "It will be deprecated within 90 days."
            }
            .into(),
            remedy: "Move to the image that follows it.",
        });
    }
}

fn unused(image: &Image, now: Timestamp, notes: &mut Notes) {
    let Some(time) = image.last_launched_time else { return };
    if now.duration_since(time) > SignedDuration::from_hours(24 * UNUSED_DAYS) {
        notes.find(Note {
            code: "NOT_LAUNCHED_FOR_LONG",
            outcome: Outcome::Warn,
            field: "image.last_launched_time",
            observed: time.to_string().into(),
            expected: "",
            message: "Nobody has launched it for 180 days, and its snapshots are billed all the same.".into(),
            remedy: "Deregister it and delete its snapshots if it is no longer needed.",
        });
    }
}

fn not_allowed(image: &Image, notes: &mut Notes) {
    if image.image_allowed == Some(false) {
        notes.find(Note {
            code: "NOT_ALLOWED",
            outcome: Outcome::Warn,
            field: "image.image_allowed",
            observed: observed_flag(image.image_allowed),
            expected: "true",
            message: "It does not meet the account's Allowed AMIs criteria. EC2 shows it only because they are in \
                      audit mode; once they are enforced, it can neither be seen nor launched."
                .into(),
            remedy: "Choose an allowed image, or have the criteria changed.",
        });
    }
}
