//! What a policy says to a question.

use std::sync::LazyLock;

use cedar_policy::{AuthorizationError, Authorizer, Decision, PolicyId};

use super::compile::Policy;
use super::question::Question;

/// Stands for a policy's name where nothing permits; no policy can have it.
pub const NO_PERMIT: &str = "(no permit)";

/// Stands for a policy's name where the question could not be put; no policy can have it.
pub const UNASKABLE: &str = "(no question)";

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Whether it may be done.
    pub permitted: bool,
    /// The policies that decided, in the order of the text: all forbids that apply, or all permits if none does.
    pub determining: Vec<String>,
    /// Why not; empty if permitted.
    pub denials: Vec<Denial>,
}

/// One reason why something may not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The policy that says so; [`NO_PERMIT`] or [`UNASKABLE`] where it is none.
    pub policy_id: String,
    /// Its `@reason`.
    pub reason: String,
    /// Its `@remedy`.
    pub remedy: String,
}

impl Policy {
    /// Answers a question. A policy that cannot be evaluated denies.
    pub fn rule(&self, question: &Question) -> Ruling {
        static AUTHORIZER: LazyLock<Authorizer> = LazyLock::new(Authorizer::new);
        let (request, entities) = match question.parts() {
            Ok(parts) => parts,
            Err(why) => return Ruling::unaskable(why),
        };
        let response = AUTHORIZER.is_authorized(request, self.set(), entities);
        let diagnostics = response.diagnostics();
        let failed: Vec<(&PolicyId, Denial)> = diagnostics.errors().map(failure).collect();
        let permitted = response.decision() == Decision::Allow && failed.is_empty();
        let forbids = response.decision() == Decision::Deny;
        // Where a policy failed, permits do not decide.
        let mut deciding: Vec<&PolicyId> =
            if permitted || forbids { diagnostics.reason().collect() } else { Vec::new() };
        deciding.sort_by_cached_key(|id| self.named(id).position);
        let mut denials = Vec::new();
        if !permitted {
            denials.extend(deciding.iter().map(|id| self.denial(id)));
            deciding.extend(failed.iter().map(|(id, _)| *id));
            denials.extend(failed.iter().map(|(_, denial)| denial.clone()));
            if denials.is_empty() {
                denials.push(Denial::no_permit());
            }
        }
        Ruling { permitted, determining: deciding.into_iter().map(ToString::to_string).collect(), denials }
    }

    fn denial(&self, id: &PolicyId) -> Denial {
        let named = self.named(id);
        Denial { policy_id: id.to_string(), reason: named.reason, remedy: named.remedy }
    }
}

fn failure(error: &AuthorizationError) -> (&PolicyId, Denial) {
    let AuthorizationError::PolicyEvaluationError(error) = error;
    let denial = Denial {
        policy_id: error.policy_id().to_string(),
        reason: format!("The policy could not be evaluated, which denies: {}.", error.inner()),
        remedy: "Have the policy corrected.".to_owned(),
    };
    (error.policy_id(), denial)
}

impl Ruling {
    fn unaskable(why: &str) -> Self {
        let denial = Denial {
            policy_id: UNASKABLE.to_owned(),
            reason: format!("The question could not be put to the policy, which denies: {why}."),
            remedy: "This is a defect: tell the operators of the service.".to_owned(),
        };
        Self { permitted: false, determining: Vec::new(), denials: vec![denial] }
    }
}

impl Denial {
    fn no_permit() -> Self {
        Self {
            policy_id: NO_PERMIT.to_owned(),
            reason: "No policy permits it.".to_owned(),
            remedy: "Ask whoever writes the policy for a permit.".to_owned(),
        }
    }
}
