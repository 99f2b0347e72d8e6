//! What would happen: the decision, and EC2's own word by a dry run.

use jiff::Timestamp;

use super::decide::{Decision, Plan};
use super::entry::decision_entry;
use super::gather::Gathered;
use super::redact::Prepared;
use super::{LaunchError, LaunchRequest, Launcher, freeze};
use crate::ec2::{Ec2Error, ErrorClass};
use crate::ids::{AttemptId, ImageId};
use crate::record::{Entry, Finding, Outcome};

impl Launcher {
    /// Decides, asks EC2 whether it would permit it (DryRun), and records a preview.
    pub(super) async fn preview(&self, request: &LaunchRequest, prepared: &Prepared<'_>) -> Result<Entry, LaunchError> {
        let Gathered { request, prepared, facts } = self.shared.gather(request, prepared).await?;
        let (request, prepared) = (&request, &prepared);
        let now = self.shared.clock.now();
        let mut governed = self.shared.decide(request, &facts, now);
        if let (Decision::Admit(plan), Some(image)) = (&mut governed.decision, &facts.image)
            && let Some(finding) = self.dry_run(request, prepared, &image.image_id, plan, now).await
        {
            let refused = finding.outcome == Outcome::Fail;
            plan.note(finding);
            if refused {
                governed.decision = Decision::Refuse(plan.findings().to_vec());
            }
        }
        let entry = decision_entry(request, prepared, &governed, &facts, now, None);
        self.shared.log.append(vec![entry.clone()]).await?;
        match governed.decision {
            Decision::Admit(_) => Ok(entry),
            Decision::Refuse(findings) => Err(LaunchError::refused(None, findings)),
        }
    }

    /// Asks EC2 whether it would permit the first candidate; the finding, if not. A dry run says
    /// nothing about capacity, and an error that is not about permission is a finding as well: the
    /// same call would fail the same way.
    async fn dry_run(
        &self,
        request: &LaunchRequest,
        prepared: &Prepared<'_>,
        image: &ImageId,
        plan: &Plan,
        now: Timestamp,
    ) -> Option<Finding> {
        let candidate = plan.candidates().first()?;
        let client = self.shared.client(&request.spec.region).ok()?;
        let input = freeze::freeze(&request.spec, image, candidate, AttemptId::new(now));
        let error = client.run_instances(&input, request.user_data.as_deref(), true).await.err()?;
        let error = prepared.withheld.scrub_error(error);
        if error.class() == ErrorClass::DryRunOk {
            return None;
        }
        let certain = matches!(error, Ec2Error::Answered(_)) && !error.retryable();
        Some(Finding {
            code: "DRY_RUN_FAILED".into(),
            outcome: if certain { Outcome::Fail } else { Outcome::Unknown },
            field: "spec".to_owned(),
            observed: error.code().to_owned(),
            expected: "DryRunOperation".to_owned(),
            message: error.message(),
            remedy: error.remedy().to_owned(),
            ec2_error_code: None,
        })
    }
}
