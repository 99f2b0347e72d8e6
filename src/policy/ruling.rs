//! What a policy says to a question.

use std::sync::Arc;

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
    /// The policies that decided, in the order of the text: all that forbid, or all that permit if none forbids.
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

/// A policy that applies to a question, or that could not be evaluated.
#[derive(Debug, Clone)]
pub(super) struct Applied {
    /// Where it stands in the text.
    position: usize,
    /// Why it could not be evaluated.
    failure: Option<String>,
}

impl Policy {
    /// Answers a question: denied if any policy forbids or cannot be evaluated, else permitted if any permits, else
    /// denied.
    pub fn rule(&self, question: &Question) -> Ruling {
        if let Err(why) = question.parts() {
            return Ruling::unaskable(why);
        }
        let fixed = question.remembered(self.hash(), || Arc::new(self.applied(question, false)));
        let mut applied: Vec<Applied> = fixed.iter().cloned().chain(self.applied(question, true)).collect();
        applied.sort_by_key(|applied| applied.position);
        let statements = self.statements();
        let against = |applied: &&Applied| applied.failure.is_some() || statements[applied.position].forbids;
        let denials: Vec<Denial> = applied.iter().filter(against).map(|applied| self.denial(applied)).collect();
        if !denials.is_empty() {
            let determining = denials.iter().map(|denial| denial.policy_id.clone()).collect();
            return Ruling { permitted: false, determining, denials };
        }
        if applied.is_empty() {
            return Ruling { permitted: false, determining: Vec::new(), denials: vec![Denial::no_permit()] };
        }
        let determining = applied.iter().map(|applied| statements[applied.position].id.clone()).collect();
        Ruling { permitted: true, determining, denials: Vec::new() }
    }

    /// Which policies apply, of those that vary between the types of a launch or of those that do not.
    fn applied(&self, question: &Question, varies: bool) -> Vec<Applied> {
        let Ok((request, entities)) = question.parts() else { return Vec::new() };
        let mut applied = Vec::new();
        for (position, statement) in self.statements().iter().enumerate() {
            if statement.varies != varies || !statement.is_about(question.action()) {
                continue;
            }
            match statement.applies(request, entities) {
                Ok(false) => {}
                Ok(true) => applied.push(Applied { position, failure: None }),
                Err(why) => applied.push(Applied { position, failure: Some(why) }),
            }
        }
        applied
    }

    fn denial(&self, applied: &Applied) -> Denial {
        let statement = &self.statements()[applied.position];
        let policy_id = statement.id.clone();
        match &applied.failure {
            None => Denial { policy_id, reason: statement.reason.clone(), remedy: statement.remedy.clone() },
            Some(why) => Denial {
                policy_id,
                reason: format!("The policy could not be evaluated, which denies: {why}."),
                remedy: "Have the policy corrected.".to_owned(),
            },
        }
    }
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
