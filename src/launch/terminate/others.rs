//! Instances that no launch made, terminated on record with one that did not make them.
//!
//! The log says which instances are a launch's. What it does not say is not terminated by mistake: whoever wants it
//! names it, and says so once more where this Gantry did not even launch it.

use std::collections::BTreeMap;

use super::{TerminateError, TerminateRequest};
use crate::crash;
use crate::ec2::facts::InstanceState;
use crate::ec2::{Ec2Error, ErrorClass};
use crate::ids::{InstanceId, LaunchId, RoleSessionName};
use crate::launch::drive::{PAUSE_FIRST, PAUSE_LONGEST, attempt_error};
use crate::launch::tag::LOG_TAG;
use crate::launch::{LaunchError, Launcher};
use crate::record::{Launch, Termination, TerminationStage};

/// How often EC2 is asked to terminate what it has shown and then says that it does not know, before its answer is
/// taken for one. With doubling pauses that is twenty minutes.
const TRIES_MAX: u32 = 10;

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
            match self.shared.log.launch_of_instance(instance_id)? {
                Some(owner) if owner == launch.launch_id => {}
                Some(owner) => {
                    return Err(TerminateError::OfOtherLaunch { instance_id: instance_id.clone(), launch_id: owner });
                }
                None if others.contains(instance_id) => {}
                None => others.push(instance_id.clone()),
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
        let is_ours = |id: &InstanceId| {
            let tag = shown.get(id).and_then(|instance| instance.tags.get(LOG_TAG));
            tag.is_some_and(|log_id| log_id == self.shared.log.log_id())
        };
        let foreign: Vec<_> = others.iter().filter(|id| !is_ours(id)).cloned().collect();
        if !foreign.is_empty() && !request.include_not_launched {
            return Err(TerminateError::NotLaunched(foreign));
        }
        let is_there = |id: &InstanceId| shown.get(id).and_then(|it| it.state) != Some(InstanceState::Terminated);
        others.retain(is_there);
        Ok(others)
    }

    /// Carries out what was recorded, in normal life and after a crash.
    pub(super) async fn carry_out_others(&self, launch_id: LaunchId) -> Result<(), TerminateError> {
        let launch = self.launch_or_missing(launch_id)?;
        let Some(pending) = launch.pending_others.clone() else { return Ok(()) };
        let Ok(client) = self.shared.client(&launch.account_id, &launch.region) else {
            tracing::error!(%launch_id, region = %launch.region, "not terminated: the Region is not served");
            return Ok(());
        };
        let session = client.session(RoleSessionName::of_launch(launch_id), &self.who_asked(&launch)?);
        let client = client.acting_in(session);
        let (mut pause, mut tries) = (PAUSE_FIRST, 0);
        let error = loop {
            crash::point("launch.before_terminate_instances");
            let answer = client.terminate_instances(&pending.instance_ids).await;
            crash::point("launch.after_terminate_instances");
            tries += 1;
            match answer {
                Ok(()) => break None,
                Err(error) if is_worth_a_repeat(&error, tries) => {
                    tokio::select! {
                        () = self.shared.clock.sleep(pause) => {}
                        () = self.shared.shutdown.cancelled() => return Ok(()),
                    }
                    pause = (pause * 2).min(PAUSE_LONGEST);
                }
                Err(error) => break Some(attempt_error(&error)),
            }
        };
        let stage = if error.is_none() { TerminationStage::Accepted } else { TerminationStage::Failed };
        let answered = Termination {
            stage,
            request_id: None,
            body_sha256: None,
            reason: pending.reason,
            instance_ids: Vec::new(),
            others: pending.instance_ids,
            error,
        };
        self.record_answer(&launch, answered).await
    }
}

fn is_worth_a_repeat(error: &Ec2Error, tries: u32) -> bool {
    match error.class() {
        ErrorClass::Throttled | ErrorClass::Transient => true,
        // What was shown a moment ago may not be known to every part of EC2.
        ErrorClass::NotFound => tries < TRIES_MAX,
        _ => false,
    }
}

fn not_served(error: LaunchError) -> TerminateError {
    TerminateError::Ec2(Ec2Error::NotSent(error.to_string()))
}

/// Ids on one line.
pub(super) fn words(ids: &[InstanceId]) -> String {
    ids.iter().map(InstanceId::as_str).collect::<Vec<_>>().join(", ")
}
