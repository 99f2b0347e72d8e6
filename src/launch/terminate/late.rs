//! Instances that were not ready in time, terminated because their launch asks for it (`on_boot_failure`).
//!
//! The log decides: an instance is taken up once TIMED_OUT is on record, by when the boot tracker has looked at its
//! console. That it is to be terminated is on record before EC2 is asked, and EC2's answer after. One that is up by
//! then is let live: the record is read again before each call, and EC2 is asked how its checks are, since it may have
//! come up while nobody looked. What is left is the moment between EC2's word on the checks and the call.
//!
//! It is done on behalf of whoever asked for the launch, and no pause of launches holds it up: it launches nothing.

use std::time::Duration;

use super::TerminateError;
use crate::audit::{AppendError, ReadError, Topic};
use crate::clock::Timestamp;
use crate::crash;
use crate::ec2::budget::Priority;
use crate::ec2::facts::InstanceState;
use crate::ec2::{Client, Ec2Error, ErrorClass};
use crate::ids::{InstanceId, LaunchId, RoleSessionName};
use crate::launch::Launcher;
use crate::launch::drive::{PAUSE_FIRST, PAUSE_LONGEST, attempt_error};
use crate::record::{AttemptError, Launch, LaunchInstance, OnBootFailure, Termination, TerminationStage};

/// The clock may be set while an instance has its time to boot, so it is looked at this often.
const CLOCK_LOOK: Duration = Duration::from_secs(60);

/// What follows from the record of a launch.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Every instance was ready in time, is gone, or was seen to.
    Over,
    /// None counts as late before this.
    Until(Timestamp),
    /// One may be late any moment, or the whole launch is being ended.
    Wait,
    /// These are late, and their end is to be put on record.
    Request(Vec<InstanceId>),
    /// Their end is on record, and EC2's answer is not.
    Call(Vec<InstanceId>),
}

impl Launcher {
    /// Sees to the instances of a launch that are not ready in time, in a task of its own, if the launch asks for it:
    /// once it has instances, and again after a restart.
    pub(in crate::launch) fn spawn_late(&self, launch: &Launch) {
        if launch.spec.on_boot_failure == OnBootFailure::Keep {
            return;
        }
        let (launcher, launch_id) = (self.clone(), launch.launch_id);
        self.shared.tasks.spawn(async move {
            if let Err(error) = launcher.see_to_late(launch_id).await {
                tracing::error!(%launch_id, %error, "instances that are not ready in time are not terminated");
            }
        });
    }

    async fn see_to_late(&self, launch_id: LaunchId) -> Result<(), TerminateError> {
        let mut changes = self.shared.log.subscribe(Topic::Launch(launch_id));
        let mut pause = PAUSE_FIRST;
        loop {
            changes.mark_unchanged();
            let read = self.shared.log.launch(launch_id).and_then(|launch| Ok((launch, self.is_doubtful(launch_id)?)));
            let (launch, is_doubtful) = match read {
                Ok((Some(launch), is_doubtful)) => (launch, is_doubtful),
                Ok((None, _)) => return Ok(()),
                // A disk that fails once must not keep what is to end.
                Err(error @ (ReadError::Io(_) | ReadError::Store(_))) => {
                    tracing::warn!(%launch_id, %error, "not read, and read again in a moment");
                    if self.is_closing_within(&mut pause).await {
                        return Ok(());
                    }
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            // That an instance came up may be among what was lost: it is for people to end.
            if is_doubtful {
                tracing::warn!(%launch_id, "instances that are not ready in time are kept: records may have been lost");
                return Ok(());
            }
            let step = next_step(&launch, self.shared.clock.now());
            if step != Step::Over && self.shared.log.behind().is_some() {
                tracing::warn!(%launch_id, "instances that are not ready in time are kept: the audit log is behind");
                return Ok(());
            }
            let is_done = match step {
                Step::Over => return Ok(()),
                Step::Until(time) => {
                    drop(launch);
                    if self.is_closing_before(time).await {
                        return Ok(());
                    }
                    continue;
                }
                Step::Wait => {
                    drop(launch);
                    tokio::select! {
                        changed = changes.changed() => match changed {
                            Ok(()) => continue,
                            Err(_) => return Ok(()),
                        },
                        () = self.shared.shutdown.cancelled() => return Ok(()),
                    }
                }
                Step::Request(instance_ids) => self.request_late(&launch, instance_ids).await?,
                Step::Call(instance_ids) => {
                    let Ok(client) = self.shared.client(&launch.account_id, &launch.region) else {
                        tracing::error!(%launch_id, region = %launch.region, "not terminated: the Region is not served");
                        return Ok(());
                    };
                    // Nobody waits for it, and a bad image may be in a thousand launches at once.
                    self.end_late(&launch, &client.at(Priority::Crawl), instance_ids).await?
                }
            };
            if is_done {
                pause = PAUSE_FIRST;
                continue;
            }
            drop(launch);
            if self.is_closing_within(&mut pause).await {
                return Ok(());
            }
        }
    }

    /// Waits before it is tried again, longer each time; true if the server stops first.
    async fn is_closing_within(&self, pause: &mut Duration) -> bool {
        let this = std::mem::replace(pause, (*pause * 2).min(PAUSE_LONGEST));
        tokio::select! {
            () = self.shared.clock.sleep(this) => false,
            () = self.shared.shutdown.cancelled() => true,
        }
    }

    /// Waits until `time`; true if the server stops first.
    async fn is_closing_before(&self, time: Timestamp) -> bool {
        loop {
            let left = Duration::try_from(time.duration_since(self.shared.clock.now())).unwrap_or_default();
            if left.is_zero() {
                return false;
            }
            tokio::select! {
                () = self.shared.clock.sleep(left.min(CLOCK_LOOK)) => {}
                () = self.shared.shutdown.cancelled() => return true,
            }
        }
    }

    /// Puts on record that these are to end; false if the log did not take it, and the launch is to be read again.
    async fn request_late(&self, launch: &Launch, instance_ids: Vec<InstanceId>) -> Result<bool, TerminateError> {
        let reason = format!(
            "Not ready within {} s of its launch, which asks for termination then.",
            launch.spec.ready_timeout.as_secs_f64()
        );
        let termination = late(TerminationStage::Requested, reason, instance_ids, None);
        match self.shared.log.append(vec![self.termination(launch, &launch.principal, termination)]).await {
            Ok(_) => Ok(true),
            // One of them came up or ended meanwhile, or the log has no room for now.
            Err(AppendError::Conflict(_) | AppendError::Full | AppendError::NoSpace) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks EC2 to terminate what is on record to end, and records its answers. False if some are still to be asked
    /// for.
    async fn end_late(
        &self,
        launch: &Launch,
        client: &Client,
        instance_ids: Vec<InstanceId>,
    ) -> Result<bool, TerminateError> {
        let Known { passing, unanswered } = match known(client, &instance_ids).await {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(launch_id = %launch.launch_id, %error, "status checks not seen, so nothing is ended");
                return Ok(false);
            }
        };
        let was_ready = launch.instances.iter().filter(|instance| instance.ready_time.is_some());
        let was_ready: Vec<&InstanceId> = was_ready.map(|instance| &instance.place.instance_id).collect();
        let (up, others): (Vec<_>, Vec<_>) =
            instance_ids.into_iter().partition(|id| was_ready.contains(&id) || passing.contains(id));
        // Of these it is not known that they are down: they are asked about again.
        let (open, down): (Vec<_>, Vec<_>) = others.into_iter().partition(|id| unanswered.contains(id));
        if !open.is_empty() {
            let (launch_id, instances) = (launch.launch_id, open.len());
            tracing::warn!(%launch_id, instances, "not ready in time, and EC2 does not say how their checks are");
        }
        if !up.is_empty() {
            let error = Ec2Error::NotSent("it came up before EC2 was asked to terminate it".to_owned());
            self.record_late(launch, up, Some(attempt_error(&error))).await?;
        }
        if down.is_empty() {
            return Ok(open.is_empty());
        }
        let session = client.session(RoleSessionName::of_launch(launch.launch_id), &launch.principal);
        let client = client.acting_in(session);
        crash::point("launch.before_terminate_late");
        let answer = client.terminate_instances(&down).await;
        crash::point("launch.after_terminate_late");
        match answer {
            Ok(()) => self.record_late(launch, down, None).await?,
            Err(error) if is_temporary(&error) => return Ok(false),
            Err(error) if down.len() == 1 && error.class() == ErrorClass::NotFound => return Ok(false),
            Err(error) if down.len() == 1 => self.record_late(launch, down, Some(attempt_error(&error))).await?,
            // One that is protected or not known fails the call for all: the others do not wait for it.
            Err(_) => return Ok(self.end_each(launch, &client, down).await? && open.is_empty()),
        }
        Ok(open.is_empty())
    }

    /// The same, one by one.
    async fn end_each(
        &self,
        launch: &Launch,
        client: &Client,
        instance_ids: Vec<InstanceId>,
    ) -> Result<bool, TerminateError> {
        let (mut accepted, mut are_all_answered) = (Vec::new(), true);
        for id in instance_ids {
            match client.terminate_instances(std::slice::from_ref(&id)).await {
                Ok(()) => accepted.push(id),
                Err(error) if is_temporary(&error) || error.class() == ErrorClass::NotFound => are_all_answered = false,
                Err(error) => self.record_late(launch, vec![id], Some(attempt_error(&error))).await?,
            }
        }
        if !accepted.is_empty() {
            self.record_late(launch, accepted, None).await?;
        }
        Ok(are_all_answered)
    }

    /// Records EC2's answer.
    async fn record_late(
        &self,
        launch: &Launch,
        instance_ids: Vec<InstanceId>,
        error: Option<AttemptError>,
    ) -> Result<(), TerminateError> {
        let (stage, reason) = match &error {
            None => (TerminationStage::Accepted, "Not ready in time."),
            Some(_) => (TerminationStage::Failed, "Not ready in time, and not terminated."),
        };
        self.record_answer(launch, late(stage, reason.to_owned(), instance_ids, error)).await
    }
}

fn late(
    stage: TerminationStage,
    reason: String,
    instance_ids: Vec<InstanceId>,
    error: Option<AttemptError>,
) -> Termination {
    Termination {
        stage,
        request_id: None,
        body_sha256: None,
        reason,
        instance_ids,
        others: Vec::new(),
        boot_failure: true,
        error,
    }
}

fn next_step(launch: &Launch, now: Timestamp) -> Step {
    let ids = |is_one: fn(&LaunchInstance) -> bool| -> Vec<InstanceId> {
        let those = launch.instances.iter().filter(|instance| is_one(instance));
        those.map(|instance| instance.place.instance_id.clone()).collect()
    };
    // Whoever ends the whole launch ends these, too, unless EC2 refuses. They wait for none whose call is still to be
    // answered.
    let late = ids(LaunchInstance::is_late);
    if !late.is_empty() && !launch.terminating {
        return Step::Request(late);
    }
    let asked = ids(LaunchInstance::awaits_late_end);
    if !asked.is_empty() {
        return Step::Call(asked);
    }
    let may_be_late = launch.instances.iter().filter(|it| !it.has_ended() && it.late_end.is_none());
    match may_be_late.filter_map(|instance| launch.ready_by(instance)).min() {
        None => Step::Over,
        Some(ready_by) if now < ready_by => Step::Until(ready_by),
        Some(_) => Step::Wait,
    }
}

/// Whether a call that failed for this is made again.
fn is_temporary(error: &Ec2Error) -> bool {
    matches!(error.class(), ErrorClass::Throttled | ErrorClass::Transient)
}

/// What EC2 says of instances that are to end, whatever the record says so far: the boot tracker looks now and then, and
/// not at all while the server is down.
#[derive(Debug)]
struct Known {
    /// Those that run and whose status checks have passed.
    passing: Vec<InstanceId>,
    /// Those that it shows running and of whose checks it does not speak: one part of EC2 may lag behind another.
    unanswered: Vec<InstanceId>,
}

async fn known(client: &Client, instance_ids: &[InstanceId]) -> Result<Known, Ec2Error> {
    let shown = client.instances(instance_ids).await?;
    // What is not shown may run all the same. Where its checks are not known either, the call will say that there is none.
    let is_over = |id: &&InstanceId| {
        let state = shown.iter().find(|instance| instance.instance_id == **id).map(|instance| instance.state);
        state.is_some_and(|state| state != Some(InstanceState::Running))
    };
    let asked: Vec<InstanceId> = instance_ids.iter().filter(|id| !is_over(id)).cloned().collect();
    // One that this call does not know yet is no reason to let the others run on.
    let statuses = client.instance_status_of_known(&asked).await?;
    let is_answered = |id: &InstanceId| statuses.iter().any(|status| status.instance_id == *id);
    let running = shown.iter().filter(|instance| instance.state == Some(InstanceState::Running));
    let unanswered = running.map(|instance| instance.instance_id.clone()).filter(|id| !is_answered(id)).collect();
    let passing =
        statuses.iter().filter(|status| status.has_passed()).map(|status| status.instance_id.clone()).collect();
    Ok(Known { passing, unanswered })
}

#[cfg(test)]
mod tests;
