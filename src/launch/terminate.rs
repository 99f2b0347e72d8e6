//! Terminating what a launch made: the request is durable before EC2 is called, its answer after.

mod late;
mod others;

use std::time::Duration;

use super::Launcher;
use super::drive::{PAUSE_FIRST, PAUSE_LONGEST, attempt_error};
use crate::audit::{AppendError, Once, Operation, PrunedLaunch, ReadError, RequestKey, Topic};
use crate::crash;
use crate::ec2::{Ec2Error, ErrorClass};
use crate::ids::{AccountId, InstanceId, LaunchId, Principal, Region, RequestId, RoleSessionName, Sha256Digest};
use crate::record::{ENTRY_VERSION, Entry, Event, Launch, LaunchState, Phase, Termination, TerminationStage};

/// How long [`Launcher::terminate`] waits for EC2's answer.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// How often a launch is looked at again that has changed before a termination was recorded.
const CONFLICTS_MAX: u32 = 3;

/// One request to terminate.
#[derive(Debug, Clone)]
pub struct TerminateRequest {
    /// Which launch.
    pub launch_id: LaunchId,
    /// Why.
    pub reason: String,
    /// Instances that no launch made, to be terminated with it.
    pub others: Vec<InstanceId>,
    /// Whether the others may be instances that this Gantry did not launch.
    pub include_not_launched: bool,
    /// The caller's idempotency key.
    pub request_id: RequestId,
    /// Who asks.
    pub principal: Principal,
}

/// Why nothing is terminated.
#[derive(Debug, thiserror::Error)]
pub enum TerminateError {
    /// There is no such launch.
    #[error("there is no launch {0}")]
    NotFound(LaunchId),
    /// Retention has removed the launch's records, so nothing is done for it any more.
    #[error("the records of launch {launch_id} were removed")]
    Pruned {
        /// The launch.
        launch_id: LaunchId,
        /// What stays of it.
        pruned: PrunedLaunch,
    },
    /// The launch has no instances that could be terminated.
    #[error("launch {launch_id} has no instances to terminate")]
    NoInstances {
        /// The launch.
        launch_id: LaunchId,
        /// How far it has come.
        state: LaunchState,
    },
    /// One of the others belongs to another launch.
    #[error("instance {instance_id} was made by launch {launch_id}: terminate that one")]
    OfOtherLaunch {
        /// The instance.
        instance_id: InstanceId,
        /// The launch that made it.
        launch_id: LaunchId,
    },
    /// Some of the others were not launched by this Gantry, and it was not said that they may be.
    #[error("not launched by this Gantry: {}", others::words(.0))]
    NotLaunched(Vec<InstanceId>),
    /// EC2 does not show some of the others.
    #[error("EC2 does not show {}", others::words(.0))]
    NotShown(Vec<InstanceId>),
    /// The server does not serve the launch's account, or its Region, so nothing could be done.
    #[error("this server does not serve {region} of account {account_id}")]
    NotServed {
        /// The account.
        account_id: AccountId,
        /// The Region.
        region: Region,
        /// Whether it serves other Regions of the account.
        account_served: bool,
    },
    /// EC2 could not be asked about the others; nothing was done.
    #[error("EC2 could not be asked about the instances")]
    Ec2(#[source] Ec2Error),
    /// The request id was used for another request.
    #[error("request id {request_id} was used for another request, about launch {launch_id}")]
    RequestIdReused {
        /// The key.
        request_id: RequestId,
        /// What it was used for.
        launch_id: LaunchId,
    },
    /// The record could not be made durable, so nothing was done.
    #[error("the audit log did not take the record")]
    Append(#[from] AppendError),
    /// The record could not be read.
    #[error("the audit log could not be read")]
    Read(#[from] ReadError),
}

impl Launcher {
    /// Terminates every instance of a launch, and makes no further attempt for it. Returns once the
    /// request is durable and EC2 has answered, or after [`ANSWER_LIMIT`]; the launch is TERMINATING
    /// then, and TERMINATED when EC2 says so. If EC2 refuses, the launch is what it was, and its
    /// reason is EC2's error. A launch that is still LAUNCHING is ended when the attempt under way
    /// is: what it made is terminated.
    ///
    /// # Errors
    /// See [`TerminateError`].
    pub async fn terminate(&self, request: TerminateRequest) -> Result<Launch, TerminateError> {
        let mut launch = self.launch_or_missing(request.launch_id)?;
        let key = RequestKey {
            operation: Operation::Terminate,
            principal: request.principal.clone(),
            account_id: launch.account_id.clone(),
            request_id: request.request_id.clone(),
        };
        let body = body(&request);
        let mut tries = 0;
        let taken = loop {
            if let Some(taken) = self.shared.log.request(&key)? {
                break Some(taken);
            }
            match self.request_termination(&launch, key.clone(), body, &request).await {
                // The launch has come to an end between the look at it and the record, which is refused then: what can
                // be terminated now is another question.
                Err(TerminateError::Append(AppendError::Conflict(_))) if tries < CONFLICTS_MAX => {
                    tries += 1;
                    launch = self.launch_or_missing(request.launch_id)?;
                }
                requested => break requested?,
            }
        };
        if let Some(taken) = taken.filter(|taken| taken.body_sha256 != body) {
            return Err(TerminateError::RequestIdReused { request_id: request.request_id, launch_id: taken.launch_id });
        }
        self.answered(request.launch_id).await
    }

    /// The launch once EC2 has answered its termination, or after [`ANSWER_LIMIT`].
    async fn answered(&self, launch_id: LaunchId) -> Result<Launch, TerminateError> {
        let mut changes = self.shared.log.subscribe(Topic::Launch(launch_id));
        let mut over = self.shared.clock.sleep(ANSWER_LIMIT);
        let mut waiting = true;
        loop {
            changes.mark_unchanged();
            let launch = self.launch_or_missing(launch_id)?;
            let own = launch.pending_termination.is_some() && launch.state == LaunchState::Terminating;
            let others = !launch.pending_others.is_empty();
            if !waiting || (!own && !others) {
                return Ok(launch);
            }
            tokio::select! {
                changed = changes.changed() => waiting = changed.is_ok(),
                () = &mut over => waiting = false,
            }
        }
    }

    pub(super) fn launch_or_missing(&self, launch_id: LaunchId) -> Result<Launch, TerminateError> {
        if let Some(launch) = self.shared.log.launch(launch_id)? {
            return Ok(launch);
        }
        Err(match self.shared.log.pruned_launch(launch_id)? {
            Some(pruned) => TerminateError::Pruned { launch_id, pruned },
            None => TerminateError::NotFound(launch_id),
        })
    }

    async fn request_termination(
        &self,
        launch: &Launch,
        key: RequestKey,
        body: Sha256Digest,
        request: &TerminateRequest,
    ) -> Result<Option<crate::audit::TakenBy>, TerminateError> {
        let instance_ids = living(launch);
        if self.shared.client(&launch.account_id, &launch.region).is_err() {
            return Err(TerminateError::NotServed {
                account_id: launch.account_id.clone(),
                region: launch.region.clone(),
                account_served: self.shared.clients.ids().any(|id| *id == launch.account_id),
            });
        }
        let refused = launch.state == LaunchState::Refused;
        let others = if refused { Vec::new() } else { self.checked_others(launch, request).await? };
        if instance_ids.is_empty() && others.is_empty() && launch.state != LaunchState::Launching {
            if launch.state == LaunchState::Terminated {
                return Ok(None);
            }
            return Err(TerminateError::NoInstances { launch_id: launch.launch_id, state: launch.state });
        }
        let entry = self.termination(
            launch,
            &request.principal,
            Termination {
                stage: TerminationStage::Requested,
                request_id: Some(request.request_id.clone()),
                body_sha256: Some(body),
                reason: request.reason.clone(),
                instance_ids,
                others,
                boot_failure: false,
                error: None,
            },
        );
        // Spawned, so that a caller who goes away after the durable request leaves a termination
        // under way and not one that waits for a restart.
        let (launcher, launch) = (self.clone(), launch.clone());
        let recorded = self.shared.tasks.spawn(async move {
            let once = launcher.shared.log.append_once(key, entry).await;
            if matches!(once, Ok(Once::Written { .. })) {
                launcher.spawn_termination(&launch);
            }
            once
        });
        match recorded.await.map_err(|_| AppendError::Unavailable)?? {
            Once::Written { .. } => Ok(None),
            Once::Taken(taken) => Ok(Some(taken)),
        }
    }

    /// Carries out a recorded termination: in normal life, and again after a crash, since
    /// TerminateInstances may be repeated.
    pub(super) fn spawn_termination(&self, launch: &Launch) {
        let (launcher, launch_id) = (self.clone(), launch.launch_id);
        self.shared.tasks.spawn(async move {
            // The boot tracker sees the instances go.
            let _ = launcher.shared.launched.send(launch_id).await;
            // Neither waits for the other.
            let (own, others) =
                tokio::join!(launcher.carry_out(launch_id), Box::pin(launcher.carry_out_others(launch_id)));
            for error in [own.err(), others.err()].into_iter().flatten() {
                tracing::error!(%launch_id, %error, "termination stopped");
            }
        });
    }

    async fn carry_out(&self, launch_id: LaunchId) -> Result<(), TerminateError> {
        let mut pause = PAUSE_FIRST;
        loop {
            let launch = self.launch_or_missing(launch_id)?;
            let Some(reason) = launch.pending_termination.clone() else { return Ok(()) };
            if launch.state == LaunchState::Launching {
                // What the attempt under way makes is terminated once it is known.
                let mut changes = self.shared.log.subscribe(Topic::Launch(launch_id));
                if self.launch_or_missing(launch_id)?.state == LaunchState::Launching {
                    tokio::select! {
                        _ = changes.changed() => {}
                        () = self.shared.shutdown.cancelled() => return Ok(()),
                    }
                }
                continue;
            }
            let instance_ids = living(&launch);
            if instance_ids.is_empty() {
                return Ok(());
            }
            let Ok(client) = self.shared.client(&launch.account_id, &launch.region) else {
                tracing::error!(%launch_id, region = %launch.region, "not terminated: the Region is not served");
                return Ok(());
            };
            crash::point("launch.before_terminate_instances");
            let session = client.session(RoleSessionName::of_launch(launch_id), &self.who_asked(&launch)?);
            let answer = client.acting_in(session).terminate_instances(&instance_ids).await;
            crash::point("launch.after_terminate_instances");
            let error = match answer {
                Ok(()) => None,
                // EC2 may not show a fresh instance yet; it may still run (Developer Guide,
                // "Eventual consistency"). It is asked again until it knows it, or the tracker has
                // seen it gone.
                Err(error)
                    if matches!(
                        error.class(),
                        ErrorClass::Throttled | ErrorClass::Transient | ErrorClass::NotFound
                    ) =>
                {
                    tokio::select! {
                        () = self.shared.clock.sleep(pause) => {}
                        () = self.shared.shutdown.cancelled() => return Ok(()),
                    }
                    pause = (pause * 2).min(PAUSE_LONGEST);
                    continue;
                }
                Err(error) => Some(attempt_error(&error)),
            };
            let stage = if error.is_none() { TerminationStage::Accepted } else { TerminationStage::Failed };
            let answered = Termination {
                stage,
                request_id: None,
                body_sha256: None,
                reason,
                instance_ids,
                others: Vec::new(),
                boot_failure: false,
                error,
            };
            let is_refused = stage == TerminationStage::Failed;
            self.record_answer(&launch, answered).await?;
            if is_refused {
                // It is what it was, and its boot is watched on.
                let _ = self.shared.launched.send(launch_id).await;
            }
            return Ok(());
        }
    }

    /// Records EC2's answer.
    async fn record_answer(&self, launch: &Launch, answered: Termination) -> Result<(), TerminateError> {
        let entry = self.termination(launch, &launch.principal, answered);
        loop {
            match self.shared.log.append(vec![entry.clone()]).await {
                // A full queue drains by itself and a full disk is seen to, and EC2's answer must be
                // recorded.
                Err(AppendError::Full | AppendError::NoSpace) => self.shared.clock.sleep(PAUSE_FIRST).await,
                other => return other.map(drop).map_err(TerminateError::from),
            }
        }
    }

    /// Who asked last for the termination.
    fn who_asked(&self, launch: &Launch) -> Result<Principal, ReadError> {
        let entries = self.shared.log.launch_entries(launch.launch_id, 0)?;
        let asked = entries.into_iter().rev().find_map(|indexed| match indexed.entry.event {
            Event::Termination(Termination { stage: TerminationStage::Requested, boot_failure: false, .. }) => {
                indexed.entry.principal
            }
            _ => None,
        });
        Ok(asked.unwrap_or_else(|| launch.principal.clone()))
    }

    fn termination(&self, launch: &Launch, principal: &Principal, termination: Termination) -> Entry {
        Entry {
            v: ENTRY_VERSION,
            time: self.shared.clock.now(),
            launch_id: Some(launch.launch_id),
            account_id: Some(launch.account_id.clone()),
            region: Some(launch.region.clone()),
            principal: Some(principal.clone()),
            event: Event::Termination(termination),
        }
    }
}

/// What "the same body" means.
fn body(request: &TerminateRequest) -> Sha256Digest {
    let TerminateRequest { launch_id, reason, others, include_not_launched, .. } = request;
    let mut text = format!("{launch_id}\n{reason}");
    if !others.is_empty() {
        text.push_str(&format!("\n{}\n{include_not_launched}", others::words(others)));
    }
    Sha256Digest::of(text.as_bytes())
}

/// The instances of a launch that are not known to be gone.
fn living(launch: &Launch) -> Vec<InstanceId> {
    launch
        .instances
        .iter()
        .filter(|instance| !matches!(instance.phase, Phase::Terminated | Phase::Failed))
        .map(|instance| instance.place.instance_id.clone())
        .collect()
}
