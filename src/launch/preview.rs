//! What would happen: the decision, and EC2's own word by dry runs.
//!
//! Asked is what the first attempt of each type would ask. A dry run says that the caller may and that the
//! parameters go together; it looks at no capacity, and the answer says so.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::decide::{self, Decision, Plan};
use super::entry::decision_entry;
use super::gather::Gathered;
use super::redact::Prepared;
use super::{LaunchError, LaunchRequest, Launcher, freeze};
use crate::crash;
use crate::ec2::{Client, Ec2Error, ErrorClass};
use crate::ids::{AttemptId, ImageId, RoleSessionName};
use crate::record::{Candidate, Entry, Finding, Outcome};

/// Dry runs of one preview: they are RunInstances to EC2's throttle, of which launches live.
const DRY_RUNS_MAX: usize = 5;

impl Launcher {
    /// Decides, asks EC2 whether it would permit it (DryRun), and records a preview.
    pub(super) async fn preview(&self, request: &LaunchRequest, prepared: &Prepared<'_>) -> Result<Entry, LaunchError> {
        let Gathered { request, prepared, facts } = self.shared.gather(request, prepared).await?;
        let now = self.shared.clock.now();
        let mut governed = self.shared.decide(&request, &facts, now);
        if matches!(governed.decision, Decision::Admit(_))
            && let Some(barrier) = self.shared.barrier(&request, now).await?
        {
            barrier.refuse(&mut governed);
            let entry = decision_entry(&request, &prepared, &governed, &facts, now, None);
            self.shared.log.append(vec![entry]).await?;
            return Err(barrier.refusal(None, now));
        }
        if let (Decision::Admit(plan), Some(image)) = (&mut governed.decision, &facts.image)
            && let Ok(client) = self.shared.client(&request.spec.account_id, &request.spec.region)
        {
            crash::point("launch.before_dry_run");
            // In a session like that of a launch, so that a role that cannot be assumed shows.
            let session = client.session(RoleSessionName::of_reads(), &request.principal);
            let client = client.acting_in(session);
            let about = (&image.image_id, self.shared.log.log_id());
            let answers = dry_runs(&client, &request, &prepared, about, plan, now).await;
            crash::point("launch.after_dry_run");
            if conclude(plan, answers) {
                governed.decision = Decision::Refuse(plan.findings().to_vec());
            }
        }
        let entry = decision_entry(&request, &prepared, &governed, &facts, now, None);
        self.shared.log.append(vec![entry.clone()]).await?;
        match governed.decision {
            Decision::Admit(_) => Ok(entry),
            Decision::Refuse(findings) => Err(LaunchError::refused(None, findings)),
        }
    }
}

/// Asks EC2 about the first candidate of each type, all at once.
async fn dry_runs(
    client: &Client,
    request: &LaunchRequest,
    prepared: &Prepared<'_>,
    (image, log_id): (&ImageId, &str),
    plan: &Plan,
    now: Timestamp,
) -> Vec<(Candidate, Option<Finding>)> {
    let asking = first_of_each_type(plan.candidates()).into_iter().map(|candidate| async move {
        let input = freeze::freeze(&request.spec, image, candidate, (log_id, AttemptId::new(now)));
        let answer = client.run_instances(&input, request.user_data.as_deref(), true).await;
        let error = answer.err().map(|error| prepared.withheld.scrub_error(error));
        (candidate.clone(), error.and_then(|error| denied(candidate, &error)))
    });
    futures::future::join_all(asking).await
}

/// What is asked: of each type what its first attempt would be.
fn first_of_each_type(candidates: &[Candidate]) -> Vec<&Candidate> {
    let mut seen = BTreeSet::new();
    let firsts = candidates.iter().filter(|candidate| seen.insert(&candidate.instance_type));
    firsts.take(DRY_RUNS_MAX).collect()
}

/// The finding, if EC2 would not. An error that is not about permission is one as well: the same call would
/// fail the same way. EC2's words stay as they are, an encoded authorization failure among them.
fn denied(candidate: &Candidate, error: &Ec2Error) -> Option<Finding> {
    if error.class() == ErrorClass::DryRunOk {
        return None;
    }
    let answered = match error {
        Ec2Error::NotAssumed(why) => matches!(**why, Ec2Error::Answered(_)),
        error => matches!(error, Ec2Error::Answered(_)),
    };
    let certain = answered && !error.retryable();
    Some(Finding {
        outcome: if certain { Outcome::Fail } else { Outcome::Unknown },
        field: format!("instance_types[{}].dry_run", candidate.instance_type),
        message: error.message(),
        remedy: error.remedy().to_owned(),
        ..decide::DRY_RUN_FAILED.finding(error.code())
    })
}

/// Takes from the plan what EC2 denied, and says whether that was all that it was asked about.
fn conclude(plan: &mut Plan, answers: Vec<(Candidate, Option<Finding>)>) -> bool {
    let types: BTreeSet<_> = plan.candidates().iter().map(|candidate| &candidate.instance_type).collect();
    let (asked, of_types) = (answers.len(), types.len());
    let mut struck = 0;
    for (candidate, finding) in answers {
        let Some(finding) = finding else { continue };
        if finding.outcome == Outcome::Fail {
            plan.strike(&candidate);
            struck += 1;
        }
        plan.note(finding);
    }
    plan.note(Finding {
        message: format!(
            "EC2 was asked by dry run about {asked} of {of_types} types, each in its first place. A dry run checks \
             permissions and parameters; whether there is capacity shows only when instances are launched."
        ),
        ..decide::CAPACITY_NOT_PROMISED.finding(format!("{asked} dry runs"))
    });
    asked > 0 && struck == asked
}

#[cfg(test)]
mod tests;
