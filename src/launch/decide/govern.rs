//! What policy leaves of what the facts permit.
//!
//! Policy is asked about each type that the facts leave, by itself, and strikes those that it denies. It is not asked
//! where the facts refuse a launch: nothing that it could say would change that. Whoever may break the glass gets what
//! policy denies, and the record says so.

use super::findings::{BREAK_GLASS_DENIED, POLICY_DENIED, POLICY_OVERRIDDEN};
use super::{Decision, Facts, STRUCK_PREFIX, decide};
use crate::clock::Timestamp;
use crate::ids::{InstanceType, Principal};
use crate::policy::{Denial, LaunchCase, LaunchFacts, Policy, Ruling};
use crate::record::{Finding, Outcome, PolicyStamp, Spec};

/// The field of findings of policy about all types of a launch.
const POLICY_FIELD: &str = "policy";

/// What policy is asked with, beside the request and the facts.
#[derive(Debug, Clone, Copy)]
pub struct Governing<'a> {
    /// The one policy that decides; none where facts alone do.
    pub policy: Option<&'a Policy>,
    /// Who asks.
    pub principal: &'a Principal,
    /// Why.
    pub reason: &'a str,
    /// Whether what policy denies is to be let pass, if policy permits that.
    pub break_glass: bool,
}

/// A decision of facts and policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Governed {
    /// What is decided.
    pub decision: Decision,
    /// By which policies.
    pub stamp: PolicyStamp,
    /// The types that nothing but policy could strike; empty where the facts refuse the launch.
    pub types: Vec<InstanceType>,
}

/// Decides whether `spec` may be launched, by the facts and then by policy.
pub fn decide_governed(spec: &Spec, facts: &Facts, governing: &Governing<'_>, now: Timestamp) -> Governed {
    let mut stamp = PolicyStamp { hash: governing.policy.map(Policy::hash), ..PolicyStamp::default() };
    let mut plan = match decide(spec, facts, now) {
        Decision::Admit(plan) => plan,
        refused @ Decision::Refuse(_) => return Governed { decision: refused, stamp, types: Vec::new() },
    };
    let mut types: Vec<InstanceType> = Vec::new();
    for candidate in &plan.candidates {
        if !types.contains(&candidate.instance_type) {
            types.push(candidate.instance_type.clone());
        }
    }
    if let (Some(policy), Some(image)) = (governing.policy, &facts.image) {
        let Governing { policy: _, principal, reason, break_glass } = *governing;
        let about = LaunchFacts { principal, spec, reason, image, types: &facts.types, time: now };
        let asked = ask(policy, &LaunchCase::new(&about), &types, break_glass);
        plan.candidates.retain(|candidate| !asked.struck.contains(&candidate.instance_type));
        plan.findings.extend(asked.findings);
        stamp.determining_policy_ids = asked.determining;
        stamp.overridden = asked.overridden;
    }
    let decision = if plan.candidates.is_empty() { Decision::Refuse(plan.findings) } else { Decision::Admit(plan) };
    Governed { decision, stamp, types }
}

/// The policies for which a launch was refused, if it was for policy and not for its facts: by the findings of the
/// refusal, which are on record.
pub fn denying_policies(findings: &[Finding]) -> Option<Vec<String>> {
    let of_policy = |finding: &Finding| [POLICY_DENIED.code, BREAK_GLASS_DENIED.code].contains(&finding.code.as_ref());
    let failed = || findings.iter().filter(|finding| finding.outcome == Outcome::Fail);
    // What strikes a type leaves the launch to the others; anything else that fails refuses it by itself.
    if failed().any(|finding| !finding.field.starts_with(STRUCK_PREFIX) && !of_policy(finding)) {
        return None;
    }
    let mut ids: Vec<String> = Vec::new();
    for finding in failed().filter(|finding| finding.code == POLICY_DENIED.code) {
        if !ids.contains(&finding.observed) {
            ids.push(finding.observed.clone());
        }
    }
    (!ids.is_empty()).then_some(ids)
}

#[derive(Default)]
struct Asked {
    struck: Vec<InstanceType>,
    findings: Vec<Finding>,
    determining: Vec<String>,
    overridden: bool,
}

fn ask(policy: &Policy, case: &LaunchCase, types: &[InstanceType], break_glass: bool) -> Asked {
    let mut asked = Asked::default();
    let mut by_type: Vec<(&InstanceType, Vec<Finding>)> = Vec::new();
    for instance_type in types {
        let ruling = policy.rule(&case.launch(instance_type));
        asked.determined_by(&ruling);
        if ruling.permitted {
            continue;
        }
        let broken = break_glass.then(|| policy.rule(&case.break_glass(instance_type)));
        let overridden = broken.as_ref().is_some_and(|broken| broken.permitted);
        let word = if overridden { let_pass } else { denied };
        let mut findings: Vec<Finding> = ruling.denials.iter().map(word).collect();
        if let Some(broken) = broken {
            asked.determined_by(&broken);
            findings.extend(broken.denials.into_iter().map(|denial| Finding {
                message: format!("{} {}", BREAK_GLASS_DENIED.means, denial.reason),
                ..BREAK_GLASS_DENIED.finding(denial.policy_id)
            }));
        }
        asked.overridden |= overridden;
        if !overridden {
            asked.struck.push(instance_type.clone());
        }
        by_type.push((instance_type, findings));
    }
    asked.findings = together(&by_type, types.len());
    asked
}

/// What is found where policy denies some types of a launch, of as many as it was asked about.
pub fn findings_of_denials(denials: &[(InstanceType, Vec<Denial>)], types: usize) -> Vec<Finding> {
    let found: Vec<(&InstanceType, Vec<Finding>)> =
        denials.iter().map(|(instance_type, denials)| (instance_type, denials.iter().map(denied).collect())).collect();
    together(&found, types)
}

fn denied(denial: &Denial) -> Finding {
    let Denial { policy_id, reason, remedy } = denial;
    Finding { message: reason.clone(), remedy: remedy.clone(), ..POLICY_DENIED.finding(policy_id.as_str()) }
}

fn let_pass(denial: &Denial) -> Finding {
    Finding { message: denial.reason.clone(), ..POLICY_OVERRIDDEN.finding(denial.policy_id.as_str()) }
}

impl Asked {
    fn determined_by(&mut self, ruling: &Ruling) {
        for id in &ruling.determining {
            if !self.determining.contains(id) {
                self.determining.push(id.clone());
            }
        }
    }
}

/// What is found of each type, and once only what is found of all.
fn together(by_type: &[(&InstanceType, Vec<Finding>)], types: usize) -> Vec<Finding> {
    let of_all =
        |finding: &Finding| by_type.len() == types && by_type.iter().all(|(_, findings)| findings.contains(finding));
    let mut together: Vec<Finding> = Vec::new();
    for (instance_type, findings) in by_type {
        for finding in findings {
            let field = if of_all(finding) {
                POLICY_FIELD.to_owned()
            } else {
                format!("{STRUCK_PREFIX}{instance_type}].{POLICY_FIELD}")
            };
            let finding = Finding { field, ..finding.clone() };
            if !together.contains(&finding) {
                together.push(finding);
            }
        }
    }
    together
}

#[cfg(test)]
mod tests;
