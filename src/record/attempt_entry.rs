//! The entries of an attempt: what is asked, and what came of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entry::InstancePlace;
use super::spec::Placement;
use crate::ids::{AttemptId, ClientToken, InstanceType, LaunchId, RoleSession};

/// An attempt, frozen before the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptIntended {
    /// The attempt.
    pub attempt_id: AttemptId,
    /// The type it asks for.
    pub instance_type: InstanceType,
    /// The place it asks for.
    pub placement: Placement,
    /// EC2's idempotency token; never used with any other input.
    pub client_token: ClientToken,
    /// The whole RunInstances input as `ec2` writes it, user data as its hash only. Null where the attempt
    /// serves several launches and the record of another one has it.
    pub input: Value,
    /// Whom the attempt serves, if that is more than this launch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<AttemptShare>,
    /// In which session of the account's role the call is made, as CloudTrail shows it; none with the server's own
    /// credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_session: Option<RoleSession>,
}

/// Launches that one attempt serves. Their records are written together, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptShare {
    /// The launch whose record has the input.
    pub leader: LaunchId,
    /// How many launches it serves.
    pub launches: u32,
    /// All of them, the leader first, in the order in which they get instances; in the leader's record only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serves: Vec<LaunchId>,
}

/// EC2's answer to an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptSucceeded {
    /// The attempt.
    pub attempt_id: AttemptId,
    /// EC2's id of the request; none when the instances were found by looking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ec2_request_id: Option<String>,
    /// The reservation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<String>,
    /// The instances this launch got.
    pub instances: Vec<InstancePlace>,
}

/// What EC2 said against an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptError {
    /// EC2's code, or Gantry's where there was no answer.
    pub code: String,
    /// The class, in snake case: `capacity`, `quota`, ….
    pub class: String,
    /// EC2's message. An encoded authorization message stays encoded.
    pub message: String,
    /// Whether the same request may work later.
    pub retryable: bool,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
    /// The HTTP status, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// EC2's id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ec2_request_id: Option<String>,
}

/// An attempt that definitely launched nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFailed {
    /// The attempt.
    pub attempt_id: AttemptId,
    /// Why.
    pub error: AttemptError,
}

/// An attempt whose outcome is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptUnknown {
    /// The attempt.
    pub attempt_id: AttemptId,
    /// What was seen instead of an answer.
    pub error: AttemptError,
}
