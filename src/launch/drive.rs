//! Driving an admitted launch to its end: begin an attempt, call, record, and again.
//!
//! The state is the log's, never this task's: every turn of the loop reads the launch and does the
//! one thing that follows. So the loop that runs in normal life is also the one that takes up a
//! launch after a crash.

use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::Launcher;
use super::attempt::Begun;
use super::claims::Claim;
use super::driven::Driving;
use super::expected::OnItsWay;
use super::resolve::Outcome;
use super::step::{Step, next_step, without_calls};
use crate::audit::{AppendError, Topic};
use crate::crash;
use crate::ec2::Ec2Error;
use crate::ids::{AttemptId, LaunchId};
use crate::record::{AttemptError, Candidate, ENTRY_VERSION, Entry, Event, Launch, LaunchEnded, LaunchState, Reason};

/// First and longest pause before something is tried again: EC2's own guidance for eventual
/// consistency (Developer Guide, "Eventual consistency").
pub(super) const PAUSE_FIRST: Duration = Duration::from_secs(2);
pub(super) const PAUSE_LONGEST: Duration = Duration::from_secs(5 * 60);

/// A pause that is cut short by a deadline is not shorter than this.
const PAUSE_SHORTEST: Duration = Duration::from_millis(10);

/// While launches are paused an attempt is looked at this often: the end of any of its launches may be asked for.
const HELD_LOOK: Duration = Duration::from_secs(5);

/// Why the loop stops before the launch has ended.
pub(super) enum Stop {
    /// The server is shutting down; the next start goes on.
    Shutdown,
    /// The log has lost records, which may say what became of the launch.
    Behind,
    /// The log takes nothing more; nothing may be done.
    Log(AppendError),
    /// The log cannot be read.
    Read(crate::audit::ReadError),
}

impl From<AppendError> for Stop {
    fn from(error: AppendError) -> Self {
        Self::Log(error)
    }
}

impl From<crate::audit::ReadError> for Stop {
    fn from(error: crate::audit::ReadError) -> Self {
        Self::Read(error)
    }
}

/// What one task knows beside the record.
pub(super) struct Drive {
    launch_id: LaunchId,
    /// Told when the first step is done.
    pub(super) first_step: Option<oneshot::Sender<()>>,
    /// The attempt that this task deals with, for all the launches that it serves.
    pub(super) claim: Option<Claim>,
    /// Its place among those that are being decided, if this process has decided it.
    pub(super) on_its_way: Option<OnItsWay>,
    /// The attempt that this task began itself, and that therefore was never called before.
    begun: Option<Begun>,
    pause: Duration,
    /// Whether there are later records of the launch than were read.
    pub(super) changes: watch::Receiver<u64>,
    doubtful: bool,
    looks: u32,
}

impl Drive {
    fn stepped(&mut self) {
        if let Some(told) = self.first_step.take() {
            let _ = told.send(());
        }
    }
}

impl Launcher {
    /// Drives a launch in a task of its own. The receiver is told when the first step is done.
    /// It is no longer on its way once it waits for its turn.
    pub(super) fn spawn_drive(&self, driving: Driving, on_its_way: Option<OnItsWay>) -> oneshot::Receiver<()> {
        let (first_step, stepped) = oneshot::channel();
        let launcher = self.clone();
        self.shared.tasks.spawn(async move {
            let launch_id = driving.launch_id();
            match launcher.drive(launch_id, first_step, on_its_way).await {
                Ok(()) => {}
                Err(Stop::Shutdown) => tracing::info!(%launch_id, "launch left open for the next start"),
                Err(Stop::Behind) => tracing::warn!(%launch_id, "launch left open: the audit log is behind"),
                Err(Stop::Log(error)) => tracing::error!(%launch_id, %error, "launch stopped: log takes no records"),
                Err(Stop::Read(error)) => tracing::error!(%launch_id, %error, "launch stopped: log cannot be read"),
            }
            drop(driving);
        });
        stepped
    }

    async fn drive(
        &self,
        launch_id: LaunchId,
        first_step: oneshot::Sender<()>,
        on_its_way: Option<OnItsWay>,
    ) -> Result<(), Stop> {
        let mut drive = Drive {
            launch_id,
            first_step: Some(first_step),
            claim: None,
            on_its_way,
            begun: None,
            pause: PAUSE_FIRST,
            changes: self.shared.log.subscribe(Topic::Launch(launch_id)),
            doubtful: self.is_doubtful(launch_id)?,
            looks: 0,
        };
        loop {
            drive.changes.mark_unchanged();
            let Some(launch) = self.shared.log.launch(launch_id)? else { return Ok(()) };
            let step = self.step_of(&launch);
            if step != Step::Done && self.shared.log.behind().is_some() {
                return Err(Stop::Behind);
            }
            let step = if drive.doubtful { without_calls(step) } else { step };
            match step {
                Step::Done => {
                    self.finish(&launch).await;
                    return Ok(());
                }
                Step::End(reason) => self.end(&launch, LaunchState::Failed, reason).await?,
                Step::Cancel(reason) => self.end(&launch, LaunchState::Cancelled, reason).await?,
                Step::Lost => match self.reason_if_lost(&launch, drive.looks).await {
                    Some(reason) => self.end(&launch, LaunchState::Failed, reason).await?,
                    None => {
                        drive.looks += 1;
                        // A start does not wait for an EC2 that is not there.
                        drop(drive.first_step.take());
                        self.pause(&mut drive.pause).await?;
                    }
                },
                Step::Begin(candidate, image_id) => {
                    if self.shared.shutdown.is_cancelled() {
                        return Err(Stop::Shutdown);
                    }
                    if self.shared.switch.is_paused() {
                        self.wait_for_switch(self.time_left(&launch), &mut drive).await?;
                        continue;
                    }
                    drive.begun = self.begin(&launch, &image_id, &candidate, &mut drive).await?;
                    drive.pause = PAUSE_FIRST;
                }
                Step::Resolve(attempt_id) => self.settle(&mut drive, attempt_id).await?,
            }
        }
    }

    /// What follows from the record of a launch now.
    pub(super) fn step_of(&self, launch: &Launch) -> Step {
        let uptime = self.shared.clock.uptime();
        let lacks = |candidate: &Candidate| self.shared.capacity.lacks(&launch.spec, candidate, uptime).is_some();
        next_step(launch, self.shared.clock.now(), &lacks)
    }

    /// One call or look for an attempt without an outcome, for all the launches that it serves; or the wait for
    /// the task that does it.
    async fn settle(&self, drive: &mut Drive, attempt_id: AttemptId) -> Result<(), Stop> {
        if drive.claim.as_ref().is_none_or(|claim| claim.attempt_id() != attempt_id) {
            drive.claim = None;
            match self.shared.claims.take(attempt_id) {
                Ok(claim) => drive.claim = Some(claim),
                Err(let_go) => {
                    drop(drive.first_step.take());
                    tokio::select! {
                        () = let_go.cancelled() => return Ok(()),
                        () = self.shared.shutdown.cancelled() => return Err(Stop::Shutdown),
                    }
                }
            }
        }
        // Under the claim: what the task before found out is seen.
        let Some(group) = self.group(drive.launch_id, attempt_id)? else {
            drive.claim = None;
            return Ok(());
        };
        let fresh = drive.begun.take_if(|begun| begun.attempt_id == attempt_id);
        let unwanted = group.launches.iter().all(|launch| launch.terminating || launch.cancelled.is_some());
        let now = self.shared.clock.now();
        let outcome = if fresh.is_some() && !group.may_be_called(now) {
            // Surely never called, and too late for it.
            Outcome::Nothing(Ec2Error::HeldBack)
        } else if unwanted && fresh.is_some() {
            // Surely nothing was launched, and nobody wants it any more.
            Outcome::Nothing(Ec2Error::NotSent("the launch's end was asked for before the call".to_owned()))
        } else if fresh.is_some() && self.shared.switch.is_paused() {
            // Surely nothing was launched for it so far, and nothing is to be.
            drive.begun = fresh;
            let left = Duration::try_from(group.deadline().duration_since(now)).unwrap_or_default();
            return self.wait_for_switch(left.min(HELD_LOOK), drive).await;
        } else {
            self.resolve(&group, fresh, drive.doubtful, now).await?
        };
        let again = self.record_outcome(&group, outcome, &mut drive.begun).await?;
        drive.stepped();
        if again {
            if drive.begun.is_some() {
                // The call may be made until the deadline, and not after it.
                let left = Duration::try_from(group.deadline().duration_since(self.shared.clock.now()));
                drive.pause = drive.pause.min(left.unwrap_or_default().max(PAUSE_SHORTEST));
            }
            return self.pause(&mut drive.pause).await;
        }
        drive.claim = None;
        Ok(())
    }

    /// Waits while launches are paused, for so long at most, or until something else is to be done about the launch.
    async fn wait_for_switch(&self, most: Duration, drive: &mut Drive) -> Result<(), Stop> {
        // A start does not wait for somebody to resume launches.
        drop(drive.first_step.take());
        tokio::select! {
            () = self.shared.switch.resumed() => Ok(()),
            _ = drive.changes.changed() => Ok(()),
            () = self.shared.clock.sleep(most) => Ok(()),
            () = self.shared.shutdown.cancelled() => Err(Stop::Shutdown),
        }
    }

    pub(super) async fn end(&self, launch: &Launch, state: LaunchState, reason: Reason) -> Result<(), Stop> {
        let ended = LaunchEnded { state, reason };
        match self.append_all(vec![self.entry(launch, Event::LaunchEnded(ended))]).await {
            // Something else has come of it meanwhile; the record says what.
            Err(Stop::Log(AppendError::Conflict(error))) => {
                tracing::info!(launch_id = %launch.launch_id, %error, "launch not ended");
                self.shared.clock.sleep(PAUSE_FIRST).await;
                Ok(())
            }
            ended => ended,
        }
    }

    /// The launch needs what was kept for it no more, and what it launched needs watching.
    async fn finish(&self, launch: &Launch) {
        crash::point("launch.before_user_data_removal");
        self.shared.withheld.remove(launch.launch_id);
        crash::point("launch.after_user_data_removal");
        if !launch.instances.is_empty() {
            self.spawn_tagging(launch);
            // The receiver lives as long as the server; without it there is nothing to watch.
            let _ = self.shared.launched.send(launch.launch_id).await;
            self.spawn_late(launch);
        }
    }

    /// An entry of a launch, on behalf of whoever asked for it.
    pub(super) fn entry(&self, launch: &Launch, event: Event) -> Entry {
        Entry {
            v: ENTRY_VERSION,
            time: self.shared.clock.now(),
            launch_id: Some(launch.launch_id),
            account_id: Some(launch.account_id.clone()),
            region: Some(launch.region.clone()),
            principal: Some(launch.principal.clone()),
            event,
        }
    }

    /// Appends entries together, all or none; waits as long as the log has no room for them.
    pub(super) async fn append_all(&self, entries: Vec<Entry>) -> Result<(), Stop> {
        loop {
            match self.shared.log.append(entries.clone()).await {
                // A full queue drains by itself and a full disk is seen to; what is under way must be
                // recorded, so it waits.
                Err(AppendError::Full | AppendError::NoSpace) => self.shared.clock.sleep(PAUSE_FIRST).await,
                other => return Ok(other.map(drop)?),
            }
        }
    }

    /// Waits, and twice as long the next time.
    async fn pause(&self, pause: &mut Duration) -> Result<(), Stop> {
        let now = *pause;
        *pause = (now * 2).min(PAUSE_LONGEST);
        tokio::select! {
            () = self.shared.clock.sleep(now) => Ok(()),
            () = self.shared.shutdown.cancelled() => Err(Stop::Shutdown),
        }
    }
}

/// An EC2 error as the log holds it.
pub(super) fn attempt_error(error: &Ec2Error) -> AttemptError {
    AttemptError {
        code: error.code().to_owned(),
        class: error.class().as_str().to_owned(),
        message: error.message(),
        retryable: error.retryable(),
        remedy: error.remedy().to_owned(),
        http_status: error.http_status(),
        ec2_request_id: error.request_id().map(str::to_owned),
    }
}
