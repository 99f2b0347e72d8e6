//! Cancelling: no further attempt is made for a launch.

use super::Launcher;
use super::terminate::TerminateError;
use crate::audit::{AppendError, Once, Operation, RequestKey, Topic};
use crate::ids::{LaunchId, Principal, RequestId, Sha256Digest};
use crate::record::{ApplyError, Cancellation, ENTRY_VERSION, Entry, Event, Launch, LaunchState};

/// One request to cancel.
#[derive(Debug, Clone)]
pub struct CancelRequest {
    /// Which launch.
    pub launch_id: LaunchId,
    /// Why.
    pub reason: String,
    /// The caller's idempotency key.
    pub request_id: RequestId,
    /// Who asks.
    pub principal: Principal,
}

/// Why nothing is cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// The launch has left LAUNCHING: there is no attempt to come.
    #[error("launch {launch_id} can no longer be cancelled")]
    TooLate {
        /// The launch.
        launch_id: LaunchId,
        /// How far it has come.
        state: LaunchState,
    },
    /// What can also go wrong with a termination.
    #[error(transparent)]
    Request(#[from] TerminateError),
}

impl Launcher {
    /// Makes no further attempt for a launch. Returns once that is on record, and the launch has ended if no
    /// attempt is under way. One that is stays to be found out; what it made belongs to the launch.
    ///
    /// # Errors
    /// See [`CancelError`].
    pub async fn cancel(&self, request: CancelRequest) -> Result<Launch, CancelError> {
        let launch = self.launch_or_missing(request.launch_id)?;
        let key = RequestKey {
            operation: Operation::Cancel,
            principal: request.principal.clone(),
            account_id: launch.account_id.clone(),
            request_id: request.request_id.clone(),
        };
        let body = Sha256Digest::of(format!("{}\n{}", request.launch_id, request.reason).as_bytes());
        let taken = match self.shared.log.request(&key).map_err(TerminateError::from)? {
            Some(taken) => Some(taken),
            None if launch.state != LaunchState::Launching => return Err(too_late(&launch)),
            None => {
                let entry = Entry {
                    v: ENTRY_VERSION,
                    time: self.shared.clock.now(),
                    launch_id: Some(launch.launch_id),
                    account_id: Some(launch.account_id.clone()),
                    region: Some(launch.region.clone()),
                    principal: Some(request.principal.clone()),
                    event: Event::Cancellation(Cancellation {
                        request_id: request.request_id.clone(),
                        body_sha256: body,
                        reason: request.reason.clone(),
                    }),
                };
                match self.shared.log.append_once(key, entry).await {
                    Ok(Once::Written { .. }) => None,
                    Ok(Once::Taken(taken)) => Some(taken),
                    // It has left LAUNCHING meanwhile.
                    Err(AppendError::Conflict(ApplyError::Ended)) => {
                        return Err(too_late(&self.launch_or_missing(request.launch_id)?));
                    }
                    Err(error) => return Err(TerminateError::from(error).into()),
                }
            }
        };
        if let Some(taken) = taken.filter(|taken| taken.body_sha256 != body) {
            let reused = TerminateError::RequestIdReused { request_id: request.request_id, launch_id: taken.launch_id };
            return Err(reused.into());
        }
        self.cancelled(request.launch_id).await
    }

    /// The launch once its task has seen the cancellation: it has ended, or an attempt is under way.
    async fn cancelled(&self, launch_id: LaunchId) -> Result<Launch, CancelError> {
        let mut changes = self.shared.log.subscribe(Topic::Launch(launch_id));
        let left = self.shared.driven.until_left(launch_id);
        loop {
            changes.mark_unchanged();
            let is_driven = !left.is_cancelled();
            let launch = self.launch_or_missing(launch_id)?;
            if launch.state != LaunchState::Launching || launch.undecided_attempt().is_some() || !is_driven {
                return Ok(launch);
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = left.cancelled() => {}
            }
        }
    }
}

fn too_late(launch: &Launch) -> CancelError {
    CancelError::TooLate { launch_id: launch.launch_id, state: launch.state }
}
