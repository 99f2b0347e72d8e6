//! What governs launches beside their own decisions: the policy in force, the switch that stops new
//! launches, and requests to make no further attempt.

use serde::{Deserialize, Serialize};

use crate::ids::{RequestId, Sha256Digest};

/// A policy that is in force from this record on. Its text may be longer than a record, and then stands
/// in several, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyLoaded {
    /// SHA-256 of the whole text, by which decisions name it. None where there is no policy any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<Sha256Digest>,
    /// Where it was read from: a path, or the name of a policy that comes with the program.
    pub source: String,
    /// Which part of the text this is, from 1.
    pub part: u32,
    /// How many parts there are.
    pub parts: u32,
    /// The part, in Cedar.
    pub text: String,
}

/// New launches were stopped, or let go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchSwitch {
    /// Whether new launches are refused from here on.
    pub paused: bool,
    /// Why.
    pub reason: String,
}

/// Somebody asked for no further attempts of a launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// The caller's idempotency key.
    pub request_id: RequestId,
    /// SHA-256 over launch id and reason: what "the same body" means.
    pub body_sha256: Sha256Digest,
    /// Why.
    pub reason: String,
}
