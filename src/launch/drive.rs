//! Driving an admitted launch to its end: begin an attempt, call, record, and again.
//!
//! The state is the log's, never this task's: every turn of the loop reads the launch and does the
//! one thing that follows. So the loop that runs in normal life is also the one that takes up a
//! launch after a crash.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::Launcher;
use super::decide::Plan;
use super::driven::Driving;
use super::entry::to_json;
use super::freeze::freeze;
use super::resolve::Outcome;
use crate::audit::AppendError;
use crate::crash;
use crate::ec2::{Ec2Error, ErrorClass, RunInstances};
use crate::ids::{AttemptId, ImageId, LaunchId};
use crate::record::{
    Attempt, AttemptError, AttemptFailed, AttemptIntended, AttemptState, AttemptSucceeded, AttemptUnknown, Candidate,
    ENTRY_VERSION, Entry, Event, Launch, LaunchEnded, LaunchState, Reason,
};

/// First and longest pause before something is tried again: EC2's own guidance for eventual
/// consistency (Developer Guide, "Eventual consistency").
pub(super) const PAUSE_FIRST: Duration = Duration::from_secs(2);
pub(super) const PAUSE_LONGEST: Duration = Duration::from_secs(5 * 60);

/// How long the outcome of an attempt is looked for before it is recorded as not to be known.
pub(super) const UNKNOWN_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// What to do next, from the record alone.
#[derive(Debug, PartialEq)]
enum Step {
    /// Make the next attempt.
    Begin(Candidate, ImageId),
    /// Find out what became of this one.
    Resolve(AttemptId),
    /// Nothing is left to try.
    End(Reason),
    /// Somebody asked for its end before anything was launched.
    Cancel(Reason),
    /// It may have gone on in records that were lost: look for what it made, and end.
    Lost,
    /// The launch has left LAUNCHING.
    Done,
}

/// Why the loop stops before the launch has ended.
enum Stop {
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

impl Launcher {
    /// Drives a launch in a task of its own. The receiver is told when the first step is done.
    pub(super) fn spawn_drive(&self, driving: Driving) -> oneshot::Receiver<()> {
        let (first_step, stepped) = oneshot::channel();
        let launcher = self.clone();
        self.shared.tasks.spawn(async move {
            let launch_id = driving.launch_id();
            match launcher.drive(launch_id, first_step).await {
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

    async fn drive(&self, launch_id: LaunchId, first_step: oneshot::Sender<()>) -> Result<(), Stop> {
        let mut first_step = Some(first_step);
        // The attempt this task began itself, and that therefore was never called before.
        let mut begun: Option<(AttemptId, RunInstances)> = None;
        let mut pause = PAUSE_FIRST;
        let doubtful = self.is_doubtful(launch_id)?;
        let mut looks = 0;
        loop {
            let Some(launch) = self.shared.log.launch(launch_id)? else { return Ok(()) };
            let now = self.shared.clock.now();
            let step = next_step(&launch, now);
            if step != Step::Done && self.shared.log.behind().is_some() {
                return Err(Stop::Behind);
            }
            let step = if doubtful { without_calls(step) } else { step };
            match step {
                Step::Done => {
                    self.finish(&launch).await;
                    return Ok(());
                }
                Step::End(reason) => self.end(&launch, LaunchState::Failed, reason).await?,
                Step::Cancel(reason) => self.end(&launch, LaunchState::Cancelled, reason).await?,
                Step::Lost => match self.reason_if_lost(&launch, looks).await {
                    Some(reason) => self.end(&launch, LaunchState::Failed, reason).await?,
                    None => {
                        looks += 1;
                        // A start does not wait for an EC2 that is not there.
                        drop(first_step.take());
                        self.pause(pause).await?;
                        pause = (pause * 2).min(PAUSE_LONGEST);
                    }
                },
                Step::Begin(candidate, image_id) => {
                    if self.shared.shutdown.is_cancelled() {
                        return Err(Stop::Shutdown);
                    }
                    begun = Some(self.intend(&launch, &image_id, &candidate).await?);
                    pause = PAUSE_FIRST;
                }
                Step::Resolve(attempt_id) => {
                    let fresh = begun.take_if(|(id, _)| *id == attempt_id).map(|(_, input)| input);
                    let outcome = if launch.terminating && fresh.is_some() {
                        // Surely nothing was launched, and nobody wants it any more.
                        Outcome::Nothing(Ec2Error::NotSent("the launch's termination was asked for".to_owned()))
                    } else {
                        self.resolve(&launch, attempt_id, fresh, doubtful, now).await?
                    };
                    let again = self.record_outcome(&launch, attempt_id, outcome, &mut begun).await?;
                    if let Some(tx) = first_step.take() {
                        let _ = tx.send(());
                    }
                    if again {
                        self.pause(pause).await?;
                        pause = (pause * 2).min(PAUSE_LONGEST);
                    }
                }
            }
        }
    }

    /// Records what one look or call brought, and says whether to come back to the same attempt.
    async fn record_outcome(
        &self,
        launch: &Launch,
        attempt_id: AttemptId,
        outcome: Outcome,
        begun: &mut Option<(AttemptId, RunInstances)>,
    ) -> Result<bool, Stop> {
        let event = match outcome {
            Outcome::Launched { ec2_request_id, reservation_id, instances } => {
                Event::AttemptSucceeded(AttemptSucceeded { attempt_id, ec2_request_id, reservation_id, instances })
            }
            Outcome::Nothing(error) => Event::AttemptFailed(AttemptFailed { attempt_id, error: attempt_error(&error) }),
            Outcome::NotYet(input) => {
                // Nothing happened and the same call may work: the attempt is as good as new.
                *begun = input.map(|input| (attempt_id, *input));
                return Ok(true);
            }
            Outcome::Unknown(error) => {
                let known = launch
                    .attempts
                    .iter()
                    .any(|attempt| attempt.attempt_id == attempt_id && attempt.state == AttemptState::Unknown);
                if known {
                    return Ok(true);
                }
                Event::AttemptUnknown(AttemptUnknown { attempt_id, error })
            }
            Outcome::Gone(reason) => {
                self.end(launch, LaunchState::Failed, reason).await?;
                return Ok(false);
            }
        };
        let again = matches!(event, Event::AttemptUnknown(_));
        self.append(launch, event).await?;
        crash::point("launch.after_outcome");
        Ok(again)
    }

    /// Makes an attempt durable: what will be asked, under which token.
    async fn intend(
        &self,
        launch: &Launch,
        image_id: &ImageId,
        candidate: &Candidate,
    ) -> Result<(AttemptId, RunInstances), Stop> {
        let attempt_id = AttemptId::new(self.shared.clock.now());
        let input = freeze(&launch.spec, image_id, candidate, attempt_id);
        let intended = AttemptIntended {
            attempt_id,
            instance_type: candidate.instance_type.clone(),
            placement: candidate.placement.clone(),
            client_token: attempt_id.client_token(),
            input: to_json(&input),
        };
        // If we crash before this, no call was made: the next start begins an attempt. If we crash
        // after it, the next start repeats this input under this token.
        self.append(launch, Event::AttemptIntended(Box::new(intended))).await?;
        Ok((attempt_id, input))
    }

    async fn end(&self, launch: &Launch, state: LaunchState, reason: Reason) -> Result<(), Stop> {
        let ended = LaunchEnded { state, reason };
        self.append(launch, Event::LaunchEnded(ended)).await.map(drop)
    }

    /// The launch needs what was kept for it no more, and what it launched needs watching.
    async fn finish(&self, launch: &Launch) {
        crash::point("launch.before_user_data_removal");
        self.shared.withheld.remove(launch.launch_id);
        if !launch.instances.is_empty() {
            self.spawn_tagging(launch);
            // The receiver lives as long as the server; without it there is nothing to watch.
            let _ = self.shared.launched.send(launch.launch_id).await;
        }
    }

    async fn append(&self, launch: &Launch, event: Event) -> Result<u64, Stop> {
        let entry = Entry {
            v: ENTRY_VERSION,
            time: self.shared.clock.now(),
            launch_id: Some(launch.launch_id),
            account_id: Some(launch.account_id.clone()),
            region: Some(launch.region.clone()),
            principal: Some(launch.principal.clone()),
            event,
        };
        loop {
            match self.shared.log.append(vec![entry.clone()]).await {
                // A full queue drains by itself and a full disk is seen to; what is under way must be
                // recorded, so it waits.
                Err(AppendError::Full | AppendError::NoSpace) => self.shared.clock.sleep(PAUSE_FIRST).await,
                other => return Ok(other?),
            }
        }
    }

    async fn pause(&self, duration: Duration) -> Result<(), Stop> {
        tokio::select! {
            () = self.shared.clock.sleep(duration) => Ok(()),
            () = self.shared.shutdown.cancelled() => Err(Stop::Shutdown),
        }
    }
}

/// What follows from the record of a launch at `now`. Pure.
fn next_step(launch: &Launch, now: Timestamp) -> Step {
    let Some(plan) = Plan::of(launch) else { return Step::Done };
    match launch.undecided_attempt() {
        Some(attempt) if is_older(attempt, UNKNOWN_LIMIT, now) => Step::End(Reason {
            code: "OUTCOME_UNKNOWN".to_owned(),
            message: format!(
                "What became of attempt {} could not be found out in {} hours. Instances tagged gantry:attempt-id={} \
                 may exist; it is never run again.",
                attempt.attempt_id,
                UNKNOWN_LIMIT.as_secs() / 3600,
                attempt.attempt_id
            ),
        }),
        Some(attempt) => Step::Resolve(attempt.attempt_id),
        None if launch.terminating => Step::Cancel(Reason {
            code: "TERMINATED_BEFORE_LAUNCH".to_owned(),
            message: "Its termination was asked for before anything was launched.".to_owned(),
        }),
        None => next_attempt(launch, &plan, now),
    }
}

/// The step of a launch of which records may have been lost: an attempt that is on record is looked for,
/// and ends that rest on nothing having happened since do not hold.
fn without_calls(step: Step) -> Step {
    match step {
        Step::Begin(..) | Step::Cancel(_) | Step::Lost => Step::Lost,
        Step::End(reason) if matches!(&*reason.code, "OUTCOME_UNKNOWN" | "DEADLINE_PASSED") => Step::Lost,
        Step::End(reason) => Step::End(reason),
        Step::Resolve(attempt_id) => Step::Resolve(attempt_id),
        Step::Done => Step::Done,
    }
}

fn next_attempt(launch: &Launch, plan: &Plan, now: Timestamp) -> Step {
    let last = launch.attempts.last().and_then(|attempt| attempt.error.as_ref());
    if let Some(error) = last
        && !another_may_work(&error.class)
    {
        return Step::End(Reason { code: error.code.clone(), message: with_remedy(error) });
    }
    let candidate = plan.candidates().get(launch.attempts.len());
    match (candidate, last) {
        (None, Some(error)) => Step::End(Reason { code: error.code.clone(), message: with_remedy(error) }),
        (None, None) => {
            Step::End(Reason { code: "NOTHING_TO_TRY".to_owned(), message: "No candidate was left.".to_owned() })
        }
        (Some(_), _) if now >= plan.deadline() => Step::End(Reason {
            code: "DEADLINE_PASSED".to_owned(),
            message: match last {
                Some(error) => {
                    format!("The deadline passed; the last attempt failed with {}: {}", error.code, error.message)
                }
                None => "The deadline passed before an attempt could be made.".to_owned(),
            },
        }),
        (Some(candidate), _) => match launch.image_id() {
            Some(image_id) => Step::Begin(candidate.clone(), image_id.clone()),
            // No decision of ours admits a launch whose image it does not say.
            None => Step::End(Reason {
                code: "IMAGE_NOT_RECORDED".to_owned(),
                message: "The decision does not say which image its selector came to.".to_owned(),
            }),
        },
    }
}

fn with_remedy(error: &AttemptError) -> String {
    if error.remedy.is_empty() { error.message.clone() } else { format!("{} {}", error.message, error.remedy) }
}

/// Whether a definite failure of this class leaves hope for another type or place.
fn another_may_work(class: &str) -> bool {
    [ErrorClass::Capacity, ErrorClass::Quota, ErrorClass::Incompatible, ErrorClass::NotFound, ErrorClass::Throttled]
        .iter()
        .any(|hopeful| hopeful.as_str() == class)
}

pub(super) fn is_older(attempt: &Attempt, limit: Duration, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(attempt.intend_time)).is_ok_and(|age| age >= limit)
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

#[cfg(test)]
mod tests;
