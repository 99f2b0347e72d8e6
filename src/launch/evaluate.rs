//! What a launch would get, without a record of it.

use std::sync::Arc;

use super::decide::{Decision, Facts, Governed, Governing, decide_governed};
use super::entry::decision_entry;
use super::gather::Gathered;
use super::{LaunchError, LaunchRequest, Launcher, Shared};
use crate::clock::Timestamp;
use crate::policy::Policy;
use crate::record::Entry;

/// A launch with all that it would be decided by.
#[derive(Debug)]
pub struct Evaluation {
    shared: Arc<Shared>,
    /// As it was asked.
    asked: LaunchRequest,
    /// With its launch template merged into it, if it names one.
    request: LaunchRequest,
    facts: Facts,
    policy: Option<Policy>,
    now: Timestamp,
}

impl Launcher {
    /// Asks EC2 for the facts of a launch, as if it were to happen, to decide it under `candidate`, or under the policy
    /// in force if there is no candidate.
    ///
    /// # Errors
    /// [`LaunchError::UnknownRegion`] and [`LaunchError::Facts`].
    pub async fn evaluate(&self, request: LaunchRequest, candidate: Option<Policy>) -> Result<Evaluation, LaunchError> {
        let gathered = self.shared.gather(&request, &self.shared.redaction.prepare(&request)).await?;
        let Gathered { request: whole, facts, .. } = gathered;
        let (shared, now) = (Arc::clone(&self.shared), self.shared.clock.now());
        let policy = candidate.or_else(|| shared.policy.policy());
        Ok(Evaluation { shared, asked: request, request: whole, facts, policy, now })
    }
}

impl Evaluation {
    /// The decision, as the entry of a preview would have it. Nothing is launched, and nothing is recorded. It may take
    /// a while under a large policy.
    pub fn decide(&self) -> Entry {
        let Self { shared, asked, request, facts, policy, now } = self;
        let governed = governed(policy.as_ref(), request, facts, *now);
        let prepared = shared.redaction.prepare(asked);
        let prepared = if asked.spec == request.spec { prepared } else { prepared.merged(request) };
        decision_entry(request, &prepared, &governed, facts, *now, None)
    }
}

impl Shared {
    /// Decides a request by the policy that is in force now, and by no other. What EC2 lacked a moment ago
    /// comes last in the plan.
    pub(super) fn decide(&self, request: &LaunchRequest, facts: &Facts, now: Timestamp) -> Governed {
        let mut governed = governed(self.policy.policy().as_ref(), request, facts, now);
        if let Decision::Admit(plan) = &mut governed.decision {
            if let Err(error) = self.spread(request, facts, plan) {
                // The order is a wish, and the log says by itself that it cannot be read.
                tracing::warn!(%error, "places are taken in their order, not spread");
            }
            self.capacity.defer(&request.spec, plan, self.clock.uptime());
        }
        governed
    }
}

fn governed(policy: Option<&Policy>, request: &LaunchRequest, facts: &Facts, now: Timestamp) -> Governed {
    let LaunchRequest { spec, principal, reason, break_glass, .. } = request;
    decide_governed(spec, facts, &Governing { policy, principal, reason, break_glass: *break_glass }, now)
}
