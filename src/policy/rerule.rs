//! A recorded decision, decided again under another policy.
//!
//! Exact, because a record has all that a policy can ask about; where it does not, it says so and nothing is guessed.

use super::compile::Policy;
use super::launch_case::{LaunchCase, LaunchFacts};
use super::ruling::{Denial, Ruling};
use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::ids::{InstanceType, Principal};
use crate::record::{Decision, Entry, Event, REDACTED, Verdict};

/// What a policy makes of a recorded decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Rerun {
    /// It can be decided again.
    Decided(Rerule),
    /// It cannot.
    Skipped(Skipped),
}

/// A decision under another policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Rerule {
    /// What was decided.
    pub recorded: Verdict,
    /// What this policy decides.
    pub verdict: Verdict,
    /// The policies that decide; none where the facts refuse the launch by themselves.
    pub determining: Vec<String>,
    /// The types that it denies, and why.
    pub denied: Vec<(InstanceType, Vec<Denial>)>,
    /// How many types it was asked about.
    pub types: usize,
}

/// Why a decision cannot be decided again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skipped {
    /// It is a preview: nothing depended on it.
    Preview,
    /// The record lacks facts, or they cannot be read.
    Thin,
    /// A tag is redacted, and the policy reads values of tags.
    Redacted,
}

impl Policy {
    /// Decides a recorded decision again; none if the entry is no decision.
    pub fn rerule(&self, entry: &Entry) -> Option<Rerun> {
        let Event::Decision(decision) = &entry.event else { return None };
        if decision.preview {
            return Some(Rerun::Skipped(Skipped::Preview));
        }
        let governed = governed(decision);
        if governed.is_empty() {
            // The facts refuse it, whatever policy says.
            return Some(Rerun::Decided(Rerule {
                recorded: decision.verdict,
                verdict: decision.verdict,
                determining: Vec::new(),
                denied: Vec::new(),
                types: 0,
            }));
        }
        let facts = entry.principal.as_ref().zip(recorded_facts(decision, &governed));
        let Some((principal, (image, types))) = facts else { return Some(Rerun::Skipped(Skipped::Thin)) };
        let redacted = decision.spec.is_redacted() || image.tags.values().any(|value| value == REDACTED);
        if redacted && self.reads_tag_values() {
            return Some(Rerun::Skipped(Skipped::Redacted));
        }
        let case = case(entry, decision, principal, &image, &types);
        Some(Rerun::Decided(self.decide_again(decision, &governed, &case)))
    }

    fn decide_again(&self, decision: &Decision, governed: &[InstanceType], case: &LaunchCase) -> Rerule {
        let mut determining: Vec<String> = Vec::new();
        let mut denied = Vec::new();
        let mut decides = |ruling: &Ruling| {
            for id in &ruling.determining {
                if !determining.contains(id) {
                    determining.push(id.clone());
                }
            }
        };
        for instance_type in governed {
            let ruling = self.rule(&case.launch(instance_type));
            decides(&ruling);
            if ruling.permitted {
                continue;
            }
            if decision.break_glass {
                let broken = self.rule(&case.break_glass(instance_type));
                if broken.permitted {
                    decides(&broken);
                    continue;
                }
            }
            denied.push((instance_type.clone(), ruling.denials));
        }
        let verdict = if denied.len() < governed.len() { Verdict::Admitted } else { Verdict::Refused };
        Rerule { recorded: decision.verdict, verdict, determining, denied, types: governed.len() }
    }
}

/// The types that policy decides about. Records of versions that knew no policy have none: there all that was
/// admitted is what the facts left.
fn governed(decision: &Decision) -> Vec<InstanceType> {
    if !decision.governed_types.is_empty() || decision.policy.hash.is_some() {
        return decision.governed_types.clone();
    }
    let mut types: Vec<InstanceType> = Vec::new();
    for candidate in &decision.candidates {
        if !types.contains(&candidate.instance_type) {
            types.push(candidate.instance_type.clone());
        }
    }
    types
}

fn recorded_facts(decision: &Decision, governed: &[InstanceType]) -> Option<(Image, Vec<InstanceTypeFacts>)> {
    let image: Image = serde_json::from_value(decision.image_facts.clone()?).ok()?;
    let types: Vec<InstanceTypeFacts> =
        decision.type_facts.iter().map(|facts| serde_json::from_value(facts.clone())).collect::<Result<_, _>>().ok()?;
    let are_known = governed.iter().all(|wanted| types.iter().any(|known| known.instance_type == *wanted));
    are_known.then_some((image, types))
}

fn case(
    entry: &Entry,
    decision: &Decision,
    principal: &Principal,
    image: &Image,
    types: &[InstanceTypeFacts],
) -> LaunchCase {
    LaunchCase::new(&LaunchFacts {
        principal,
        spec: &decision.spec,
        reason: &decision.reason,
        image,
        types,
        time: entry.time,
    })
}
