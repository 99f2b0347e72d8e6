//! Instances that no launch made, terminated on record with one that did not make them.
//!
//! The log says which instances are a launch's. What it does not say is not terminated by mistake: whoever wants it
//! names it, and says so once more where this Gantry did not even launch it.

use std::collections::BTreeMap;

use super::{TerminateError, TerminateRequest};
use crate::audit::ReadError;
use crate::crash;
use crate::ec2::facts::{Instance, InstanceState};
use crate::ec2::{Client, Ec2Error, ErrorClass};
use crate::ids::{InstanceId, LaunchId, RoleSessionName};
use crate::launch::drive::{PAUSE_FIRST, PAUSE_LONGEST, attempt_error};
use crate::launch::tag::LOG_TAG;
use crate::launch::{LaunchError, Launcher, orphans};
use crate::record::{AttemptError, Launch, Termination, TerminationStage};

/// How often EC2 says that it does not know an instance, and does not show it, before it counts as gone: once proves
/// nothing, for the parts of EC2 agree late. With doubling pauses that is over eight minutes.
const MISSES_MAX: u32 = 9;

impl Launcher {
    /// Those of the others that are to be terminated: ones that the launch made itself are among its own, and ones that
    /// EC2 shows as terminated need nothing.
    pub(super) async fn checked_others(
        &self,
        launch: &Launch,
        request: &TerminateRequest,
    ) -> Result<Vec<InstanceId>, TerminateError> {
        let mut others: Vec<InstanceId> = Vec::new();
        for instance_id in &request.others {
            if self.is_unowned(launch, instance_id)? && !others.contains(instance_id) {
                others.push(instance_id.clone());
            }
        }
        if others.is_empty() {
            return Ok(others);
        }
        let client = self.shared.client(&launch.account_id, &launch.region).map_err(not_served)?;
        let shown = client.instances(&others).await.map_err(TerminateError::Ec2)?;
        let shown: BTreeMap<_, _> = shown.into_iter().map(|shown| (shown.instance_id.clone(), shown)).collect();
        let missing: Vec<_> = others.iter().filter(|id| !shown.contains_key(*id)).cloned().collect();
        if !missing.is_empty() {
            return Err(TerminateError::NotShown(missing));
        }
        let is_ours =
            |instance: &Instance| instance.tags.get(LOG_TAG).is_some_and(|log_id| log_id == self.shared.log.log_id());
        let foreign: Vec<_> = shown.values().filter(|shown| !is_ours(shown)).map(|it| it.instance_id.clone()).collect();
        if !foreign.is_empty() && !request.include_not_launched {
            return Err(TerminateError::NotLaunched(foreign));
        }
        others.clear();
        for (instance_id, instance) in shown {
            let is_gone = instance.state == Some(InstanceState::Terminated);
            match self.under_way(is_ours(&instance).then_some(instance)).await? {
                // What its own attempt makes is terminated with it.
                Some(maker) if maker == launch.launch_id => {}
                Some(maker) => return Err(TerminateError::OfOtherLaunch { instance_id, launch_id: maker }),
                // Asked after the attempt: if that is over, what it made has its owner by now.
                None if !self.is_unowned(launch, &instance_id)? || is_gone => {}
                None => others.push(instance_id),
            }
        }
        Ok(others)
    }

    /// Whether no launch made an instance; false if this one did.
    fn is_unowned(&self, launch: &Launch, instance_id: &InstanceId) -> Result<bool, TerminateError> {
        match self.shared.log.launch_of_instance(instance_id)? {
            None => Ok(true),
            Some(owner) if owner == launch.launch_id => Ok(false),
            Some(owner) => Err(TerminateError::OfOtherLaunch { instance_id: instance_id.clone(), launch_id: owner }),
        }
    }

    /// The launch whose attempt may have made an instance, and is still being found out.
    async fn under_way(&self, instance: Option<Instance>) -> Result<Option<LaunchId>, TerminateError> {
        let Some(instance) = instance else { return Ok(None) };
        let log = self.shared.log.clone();
        let judging = tokio::task::spawn_blocking(move || orphans::maker_under_way(&log, &instance));
        Ok(judging.await.unwrap_or(Err(ReadError::Closed))?)
    }

    /// Carries out what was recorded, in normal life and after a crash: one request after the other.
    pub(super) async fn carry_out_others(&self, launch_id: LaunchId) -> Result<(), TerminateError> {
        loop {
            let launch = self.launch_or_missing(launch_id)?;
            let Some(pending) = launch.pending_others.first().cloned() else { return Ok(()) };
            let Ok(client) = self.shared.client(&launch.account_id, &launch.region) else {
                tracing::error!(%launch_id, region = %launch.region, "not terminated: the Region is not served");
                return Ok(());
            };
            let session = client.session(RoleSessionName::of_launch(launch_id), &self.who_asked(&launch)?);
            let Some(error) = self.terminate_all(&client.acting_in(session), &pending.instance_ids).await else {
                return Ok(());
            };
            let answered = Termination {
                stage: if error.is_none() { TerminationStage::Accepted } else { TerminationStage::Failed },
                request_id: None,
                body_sha256: None,
                reason: pending.reason,
                instance_ids: Vec::new(),
                others: pending.instance_ids,
                boot_failure: false,
                error,
            };
            self.record_answer(&launch, answered).await?;
        }
    }

    /// What EC2 says to the termination of instances that it has shown; none if the server stops first. One that it
    /// neither knows nor shows any more, however often it is asked, is gone.
    async fn terminate_all(&self, client: &Client, instance_ids: &[InstanceId]) -> Option<Option<AttemptError>> {
        let (mut pause, mut misses) = (PAUSE_FIRST, 0);
        let mut left = instance_ids.to_vec();
        loop {
            crash::point("launch.before_terminate_instances");
            let answer = client.terminate_instances(&left).await;
            crash::point("launch.after_terminate_instances");
            match answer {
                Ok(()) => return Some(None),
                // One that is unknown fails the call for all: the others do not wait for it.
                Err(error) if error.class() == ErrorClass::NotFound => {
                    misses += 1;
                    if let Ok(shown) = client.instances(&left).await {
                        let there: Vec<_> = shown.into_iter().map(|instance| instance.instance_id).collect();
                        if there.len() < left.len() && client.terminate_instances(&there).await.is_ok() {
                            left.retain(|id| !there.contains(id));
                        }
                        if MISSES_MAX <= misses {
                            left.retain(|id| there.contains(id));
                        }
                    }
                }
                Err(error) if matches!(error.class(), ErrorClass::Throttled | ErrorClass::Transient) => {}
                Err(error) => return Some(Some(attempt_error(&error))),
            }
            tokio::select! {
                () = self.shared.clock.sleep(pause) => {}
                () = self.shared.shutdown.cancelled() => return None,
            }
            pause = (pause * 2).min(PAUSE_LONGEST);
        }
    }
}

fn not_served(error: LaunchError) -> TerminateError {
    TerminateError::Ec2(Ec2Error::NotSent(error.to_string()))
}

/// Ids on one line.
pub(super) fn words(ids: &[InstanceId]) -> String {
    ids.iter().map(InstanceId::as_str).collect::<Vec<_>>().join(", ")
}
