//! What can come back from EC2 instead of a result, by what the caller would do about it.
//!
//! A failed call is one of seven things, and only the first is EC2's own word: it answered; there
//! was no answer; there was one that cannot be read; there was too much; nobody could sign the
//! request; the account's role could not be assumed; or the request was never fit to be sent. What EC2's codes mean stands in one place,
//! `errors::table`. This module decides nothing about attempts: it says what one call is known to have
//! done, and the caller knows what the calls before it may have done.

mod judge;
mod remedy;
mod table;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(super) use judge::{Transmission, code_in};
pub use table::{Meaning, meaning_of};

/// What kind of thing an error is. EC2 has hundreds of codes; a program that acts on them needs
/// these twelve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// Too many requests; EC2 did nothing. Slow down and repeat.
    Throttled,
    /// EC2 or the way to it failed; what was done is not known. Repeat under the same token.
    Transient,
    /// There is no room in this place; EC2 did nothing. Go elsewhere or wait.
    Capacity,
    /// A limit of the account is reached. A person must raise it, or something must go.
    Quota,
    /// The caller may not, or is not who it claims to be.
    Permission,
    /// The account has not subscribed to, or not enabled, what it asks for.
    OptIn,
    /// Something named in the request does not exist, or is not visible yet.
    NotFound,
    /// The request is wrong in itself.
    Invalid,
    /// Each part of the request is right and they do not go together.
    Incompatible,
    /// The client token was used before, for something else or for something that is gone.
    Idempotency,
    /// A dry run: the call would have been permitted. It says nothing about capacity.
    DryRunOk,
    /// A code this version does not know.
    Unknown,
}

impl ErrorClass {
    /// The class in snake case, as the audit log and the metrics write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Transient => "transient",
            Self::Capacity => "capacity",
            Self::Quota => "quota",
            Self::Permission => "permission",
            Self::OptIn => "opt_in",
            Self::NotFound => "not_found",
            Self::Invalid => "invalid",
            Self::Incompatible => "incompatible",
            Self::Idempotency => "idempotency",
            Self::DryRunOk => "dry_run_ok",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error that EC2 itself answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// EC2's code, such as `InsufficientInstanceCapacity`.
    pub code: String,
    /// EC2's message. An encoded authorization failure stays encoded: reading it takes a
    /// permission of its own, because its content is privileged.
    pub message: String,
    /// What kind of error the code is.
    pub class: ErrorClass,
    /// The HTTP status.
    pub http_status: u16,
    /// EC2's id of the request, for support cases and for CloudTrail.
    pub request_id: Option<String>,
    /// What to do about it.
    pub remedy: &'static str,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Silence {
    /// A time limit passed.
    TimedOut,
    /// The connection could not be made, or broke.
    ConnectionFailed,
}

/// A failed call to EC2. The texts hold the SDK's whole chain of causes, so there is no `source`
/// beside them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ec2Error {
    /// EC2 answered with an error.
    #[error("{0}")]
    Answered(Answer),
    /// There was no answer.
    #[error("no answer from EC2: {detail}")]
    NoAnswer {
        /// Why not.
        silence: Silence,
        /// The chain of causes.
        detail: String,
        /// Whether EC2 may have received the request, and so may have acted on it. False only
        /// where it surely never left, such as when the connection was refused.
        may_have_happened: bool,
    },
    /// There was an answer that is not EC2's XML, such as a proxy's page of HTML, or one that
    /// broke off. EC2 may have acted.
    #[error("answer with HTTP status {http_status} is not EC2's: {detail}")]
    Unreadable {
        /// The HTTP status.
        http_status: u16,
        /// What was wrong, and the first words of the body.
        detail: String,
        /// EC2's id of the request, where a header held one.
        request_id: Option<String>,
    },
    /// The question has more results than the caller wants to hold.
    #[error("more than {limit} results")]
    TooMany {
        /// The bound that was passed.
        limit: usize,
    },
    /// No credentials could be had, so the request was never sent.
    #[error("no usable AWS credentials: {0}")]
    Credentials(String),
    /// The role of the account could not be assumed, so the request was never sent. What STS said, or why it said
    /// nothing, is inside.
    #[error("the account's role could not be assumed: {0}")]
    NotAssumed(Box<Ec2Error>),
    /// The request was not fit to be sent, and was not.
    #[error("request not sent: {0}")]
    NotSent(String),
    /// Gantry's share of the account's request rate is used up, and the request was not sent.
    #[error("the share of EC2's request rate that this server takes is used up")]
    HeldBack,
}

impl Ec2Error {
    /// The class, on which the caller's next step depends.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Answered(answer) => answer.class,
            Self::HeldBack => ErrorClass::Throttled,
            Self::NoAnswer { .. } | Self::Unreadable { .. } => ErrorClass::Transient,
            Self::TooMany { .. } | Self::NotSent(_) => ErrorClass::Invalid,
            Self::Credentials(_) => ErrorClass::Permission,
            Self::NotAssumed(why) => why.class(),
        }
    }

    /// Whether the same request may work later, with nobody changing anything. For a mutating call
    /// that may have happened, "the same" includes its client token.
    pub fn retryable(&self) -> bool {
        matches!(self.class(), ErrorClass::Throttled | ErrorClass::Transient | ErrorClass::Capacity)
    }

    /// Whether this call surely changed nothing, so that another may be made in its place.
    ///
    /// It speaks of this one call: if an earlier call under the same token had no answer, that one
    /// stays open. For the same reason a token that was used before is not "nothing happened",
    /// although it comes as a 4xx: it is the proof that an earlier call did happen.
    pub fn definitely_nothing_happened(&self) -> bool {
        match self {
            Self::Answered(answer) => answer.definitely_nothing_happened(),
            Self::NoAnswer { may_have_happened, .. } => !may_have_happened,
            Self::Unreadable { .. } => false,
            Self::TooMany { .. } | Self::Credentials(_) | Self::NotAssumed(_) | Self::NotSent(_) | Self::HeldBack => {
                true
            }
        }
    }

    /// EC2's code, or Gantry's own in UPPER_SNAKE where EC2 gave none.
    pub fn code(&self) -> &str {
        match self {
            Self::Answered(answer) => &answer.code,
            Self::NoAnswer { silence: Silence::TimedOut, .. } => "EC2_TIMEOUT",
            Self::NoAnswer { silence: Silence::ConnectionFailed, .. } => "EC2_UNREACHABLE",
            Self::Unreadable { .. } => "EC2_ANSWER_UNREADABLE",
            Self::TooMany { .. } => "EC2_TOO_MANY_RESULTS",
            Self::Credentials(_) => "EC2_CREDENTIALS",
            Self::NotAssumed(why) => match &**why {
                Self::NoAnswer { silence: Silence::TimedOut, .. } => "STS_TIMEOUT",
                Self::NoAnswer { silence: Silence::ConnectionFailed, .. } => "STS_UNREACHABLE",
                Self::Unreadable { .. } => "STS_ANSWER_UNREADABLE",
                answered => answered.code(),
            },
            Self::NotSent(_) => "EC2_REQUEST_NOT_SENT",
            Self::HeldBack => "EC2_RATE_USED_UP",
        }
    }

    /// EC2's message, or this error's own sentence.
    pub fn message(&self) -> String {
        match self {
            Self::Answered(answer) => answer.message.clone(),
            Self::NoAnswer { .. }
            | Self::Unreadable { .. }
            | Self::TooMany { .. }
            | Self::Credentials(_)
            | Self::NotAssumed(_)
            | Self::NotSent(_)
            | Self::HeldBack => self.to_string(),
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Answered(answer) => answer.remedy,
            Self::NoAnswer { .. } => remedy::NO_ANSWER,
            Self::Unreadable { .. } => remedy::UNREADABLE,
            Self::TooMany { .. } => remedy::TOO_MANY,
            Self::Credentials(_) => remedy::CREDENTIALS,
            Self::NotAssumed(why) => match &**why {
                Self::Answered(Answer { class: ErrorClass::Permission, .. }) => remedy::TRUST,
                Self::NoAnswer { .. } | Self::Unreadable { .. } => remedy::NO_STS,
                other => other.remedy(),
            },
            Self::NotSent(_) => remedy::NOT_SENT,
            Self::HeldBack => remedy::HELD_BACK,
        }
    }

    /// The HTTP status, where there was an answer.
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::Answered(Answer { http_status, .. }) | Self::Unreadable { http_status, .. } => Some(*http_status),
            Self::NotAssumed(why) => why.http_status(),
            Self::NoAnswer { .. } | Self::TooMany { .. } | Self::Credentials(_) | Self::NotSent(_) | Self::HeldBack => {
                None
            }
        }
    }

    /// EC2's id of the request, where there was one.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Answered(Answer { request_id, .. }) | Self::Unreadable { request_id, .. } => request_id.as_deref(),
            Self::NotAssumed(why) => why.request_id(),
            Self::NoAnswer { .. } | Self::TooMany { .. } | Self::Credentials(_) | Self::NotSent(_) | Self::HeldBack => {
                None
            }
        }
    }
}

/// HTTP status of an answer that arrived as a success.
const HTTP_OK: u16 = 200;

/// A success that does not say what a success must say. What it did say may have happened.
pub(super) fn incomplete(what: &str, request_id: Option<&str>) -> Ec2Error {
    Ec2Error::Unreadable { http_status: HTTP_OK, detail: what.to_owned(), request_id: request_id.map(str::to_owned) }
}

/// Paging that would not end.
pub(super) fn page_token_repeated() -> Ec2Error {
    incomplete("a page has the token of the page before", None)
}

impl Answer {
    fn definitely_nothing_happened(&self) -> bool {
        match self.class {
            // Throttling and missing capacity are refusals, although EC2 sends them as 503 and 500.
            ErrorClass::Throttled | ErrorClass::Capacity => true,
            ErrorClass::Transient => false,
            // A malformed token is a plain refusal; the other two codes say that the token is taken.
            ErrorClass::Idempotency => self.code == "InvalidClientToken",
            ErrorClass::Quota
            | ErrorClass::Permission
            | ErrorClass::OptIn
            | ErrorClass::NotFound
            | ErrorClass::Invalid
            | ErrorClass::Incompatible
            | ErrorClass::DryRunOk
            | ErrorClass::Unknown => (400..500).contains(&self.http_status),
        }
    }
}

#[cfg(test)]
mod tests;
