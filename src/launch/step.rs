//! What follows from the record of a launch: the one thing to do next. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::decide::Plan;
use super::fallback::{Next, next_candidate};
use crate::ids::{AttemptId, ImageId};
use crate::record::{Attempt, AttemptError, Candidate, Launch, Reason};

/// How long the outcome of an attempt is looked for before it is recorded as not to be known.
pub(super) const UNKNOWN_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// What to do next, from the record alone.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
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

/// What follows from the record of a launch at `now`. `lacks` says for which candidates there was no
/// capacity a moment ago.
pub(super) fn next_step(launch: &Launch, now: Timestamp, lacks: &dyn Fn(&Candidate) -> bool) -> Step {
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
        None => match &launch.cancelled {
            Some(reason) => Step::Cancel(Reason { code: "CANCELLED".to_owned(), message: cancelled(reason) }),
            None => next_attempt(launch, &plan, now, lacks),
        },
    }
}

fn cancelled(reason: &str) -> String {
    let why = if reason.is_empty() { "no reason was given".to_owned() } else { reason.to_owned() };
    format!("Its cancellation was asked for, and nothing was launched: {why}")
}

/// The step of a launch of which records may have been lost: an attempt that is on record is looked for,
/// and ends that rest on nothing having happened since do not hold.
pub(super) fn without_calls(step: Step) -> Step {
    match step {
        Step::Begin(..) | Step::Cancel(_) | Step::Lost => Step::Lost,
        Step::End(reason) if matches!(&*reason.code, "OUTCOME_UNKNOWN" | "DEADLINE_PASSED") => Step::Lost,
        Step::End(reason) => Step::End(reason),
        Step::Resolve(attempt_id) => Step::Resolve(attempt_id),
        Step::Done => Step::Done,
    }
}

fn next_attempt(launch: &Launch, plan: &Plan, now: Timestamp, lacks: &dyn Fn(&Candidate) -> bool) -> Step {
    let last = launch.attempts.last().and_then(|attempt| attempt.error.as_ref());
    let failed = |error: &AttemptError| Step::End(Reason { code: error.code.clone(), message: with_remedy(error) });
    let candidate = match (next_candidate(plan.candidates(), &launch.attempts, lacks), last) {
        (Next::Try(candidate), _) => candidate,
        (Next::Skipped(skipped), Some(error)) => {
            let message = format!("{} {}", with_remedy(error), skipped_words(&skipped));
            return Step::End(Reason { code: error.code.clone(), message });
        }
        (_, Some(error)) => return failed(error),
        (_, None) => {
            let message = "No candidate was left.".to_owned();
            return Step::End(Reason { code: "NOTHING_TO_TRY".to_owned(), message });
        }
    };
    if now >= plan.deadline() {
        let message = match last {
            Some(error) => {
                format!("The deadline passed; the last attempt failed with {}: {}", error.code, error.message)
            }
            None => "The deadline passed before an attempt could be made.".to_owned(),
        };
        return Step::End(Reason { code: "DEADLINE_PASSED".to_owned(), message });
    }
    match launch.image_id() {
        Some(image_id) => Step::Begin(candidate, image_id.clone()),
        // No decision of ours admits a launch whose image it does not say.
        None => Step::End(Reason {
            code: "IMAGE_NOT_RECORDED".to_owned(),
            message: "The decision does not say which image its selector came to.".to_owned(),
        }),
    }
}

fn skipped_words(skipped: &[Candidate]) -> String {
    let name = |candidate: &Candidate| match &candidate.zone {
        Some(zone) => format!("{} in {zone}", candidate.instance_type),
        None => candidate.instance_type.to_string(),
    };
    let names: Vec<String> = skipped.iter().map(name).collect();
    format!("Not tried, because other launches found no capacity there a moment ago: {}.", names.join(", "))
}

pub(super) fn with_remedy(error: &AttemptError) -> String {
    if error.remedy.is_empty() { error.message.clone() } else { format!("{} {}", error.message, error.remedy) }
}

/// Whether an attempt was intended at least `limit` before `now`.
pub(super) fn is_older(attempt: &Attempt, limit: Duration, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(attempt.intend_time)).is_ok_and(|age| age >= limit)
}

#[cfg(test)]
pub(super) mod tests;
