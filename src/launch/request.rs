//! The key under which a launch is asked for once, and what it has been used for.

use super::body::Bodies;
use super::{Answer, LaunchError, LaunchRequest, Launcher, Shared};
use crate::audit::{Operation, RequestKey, TakenBy};
use crate::ids::{LaunchId, RequestId};

pub(super) fn request_key(request: &LaunchRequest) -> Option<RequestKey> {
    Some(RequestKey {
        operation: Operation::Launch,
        principal: request.principal.clone(),
        account_id: request.spec.account_id.clone(),
        request_id: request.request_id.clone()?,
    })
}

impl Shared {
    /// The launch that a request id stands for, if it is the same request.
    pub(super) fn same_body(
        &self,
        request_id: &RequestId,
        taken: TakenBy,
        bodies: &Bodies,
    ) -> Result<LaunchId, LaunchError> {
        let launch_id = taken.launch_id;
        if bodies.are(taken.body_sha256) {
            return Ok(launch_id);
        }
        // Which of the two it is only says what to do: nothing is launched either way.
        let decided = match self.log.launch(launch_id)? {
            Some(launch) => launch.spec.is_redacted().then_some(launch.create_time),
            None => {
                let pruned = self.log.pruned_launch(launch_id)?;
                pruned.filter(|pruned| pruned.redacted).map(|pruned| pruned.create_time)
            }
        };
        if decided.is_some_and(|decided| self.redaction.has_lost_key_of(decided)) {
            return Err(LaunchError::RedactionKeyLost { request_id: request_id.clone(), launch_id });
        }
        Err(LaunchError::RequestIdReused { request_id: request_id.clone(), launch_id })
    }
}

impl Launcher {
    /// What to answer where the launch of a request could not be had: a launch that the log does not have
    /// any more may have been removed, also while it was waited for.
    pub(super) fn pruned_or(&self, error: LaunchError, key: RequestKey) -> Result<Answer, LaunchError> {
        let LaunchError::Lost(launch_id) = error else { return Err(error) };
        match self.shared.log.pruned_launch(launch_id)? {
            Some(pruned) => Err(LaunchError::AlreadyDecided { request_id: key.request_id, launch_id, pruned }),
            None => Err(LaunchError::Lost(launch_id)),
        }
    }
}
