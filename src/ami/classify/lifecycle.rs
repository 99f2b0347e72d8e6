//! Whether an image can be launched as far as its state goes, and how long it will stay in use.
//!
//! Deprecation stands beside the state: a deprecated image is `available` and can be launched by
//! its id (EC2 User Guide, "Deprecate an Amazon EC2 AMI", 2026-04).

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::basis::{Notes, known, unknown};
use super::findings;
use super::observed::{ABSENT, Observed, fixed, observed};
use crate::ec2::facts::Image;

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
    match lifecycle {
        Lifecycle::Current => known!(notes, Lifecycle, STATE, fixed("available"), "It can be launched."),
        Lifecycle::Pending => known!(notes, Lifecycle, STATE, seen, "It is being made and cannot be launched yet."),
        Lifecycle::Disabled => known!(
            notes,
            Lifecycle,
            STATE,
            seen,
            "Its owner disabled it: it cannot be launched, and sharing ended with that.",
        ),
        Lifecycle::Failed => known!(notes, Lifecycle, STATE, seen, "It could not be made and cannot be launched."),
        Lifecycle::Deregistered => {
            known!(notes, Lifecycle, STATE, seen, "It is gone and cannot be launched; instances made from it go on.")
        }
        Lifecycle::Invalid => {
            known!(notes, Lifecycle, STATE, seen, "EC2 holds it for invalid; it cannot be launched.")
        }
        Lifecycle::Unknown => {
            unknown!(notes, Lifecycle, STATE, seen, "EC2 does not give a state that says whether it can be launched.",)
        }
    }
    if !matches!(lifecycle, Lifecycle::Current | Lifecycle::Unknown) {
        notes.find(&findings::NOT_AVAILABLE, state_and_reason(image));
    }
    deprecation(image, now, notes);
    unused(image, now, notes);
    lifecycle
}

fn state_and_reason(image: &Image) -> Observed {
    match image.state_reason.as_ref().and_then(|reason| reason.message.as_deref()) {
        Some(reason) => {
            Observed::Text(format!("{}, because: {reason}", image.state.as_deref().unwrap_or(ABSENT)).into())
        }
        None => observed(image.state.as_deref()),
    }
}

fn deprecation(image: &Image, now: Timestamp, notes: &mut Notes) {
    let Some(time) = image.deprecation_time else { return };
    if time <= now {
        notes.find(&findings::DEPRECATED, Observed::Time(time));
    } else if time.duration_since(now) <= SignedDuration::from_hours(24 * DEPRECATION_NOTICE_DAYS) {
        notes.find(&findings::DEPRECATION_NEAR, Observed::Time(time));
    }
}

fn unused(image: &Image, now: Timestamp, notes: &mut Notes) {
    let Some(time) = image.last_launched_time else { return };
    if now.duration_since(time) > SignedDuration::from_hours(24 * UNUSED_DAYS) {
        notes.find(&findings::NOT_LAUNCHED_FOR_LONG, Observed::Time(time));
    }
}
