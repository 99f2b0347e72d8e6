//! Whether a launch may happen: a pure function from the request and the facts to a decision.
//!
//! Every rule runs and every finding is kept. `Admit` is the only way to come by a [`Plan`], and
//! only a `Plan` can be executed. Nothing here asks EC2 or reads a clock.

mod findings;
mod govern;
mod image;
mod options;
mod place;
mod template;
mod volumes;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::template::TemplateFacts;
use crate::ami::compatibility::{Offered, Offerings, Wish, check_compatibility, verdict};
use crate::ec2::facts::{AvailabilityZoneFacts, Image, InstanceTypeFacts, Offering, SubnetFacts};
use crate::record::{Candidate, Finding, Launch, LaunchState, Market, Outcome, Placement, Spec, Verdict};

pub use findings::LAUNCH_FINDINGS;
pub(super) use findings::{CAPACITY_NOT_PROMISED, DRY_RUN_FAILED, LAUNCHES_PAUSED, QUOTA_EXCEEDED};
pub use govern::{Governed, Governing, decide_governed, denying_policies, findings_of_denials};
pub use image::Selection;

/// How long after the decision the last attempt may begin, unless `expire_time` says less.
pub const LAUNCH_DEADLINE: Duration = Duration::from_secs(15 * 60);

/// What EC2 said about everything the request names. A list that was not asked for is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// What was found out about the launch template, if the request names one.
    pub template: Option<TemplateFacts>,
    /// The image, or none if EC2 does not know it or does not show it to this account.
    pub image: Option<Image>,
    /// How it was come by.
    pub selection: Selection,
    /// The types of the request that exist in the Region.
    pub types: Vec<InstanceTypeFacts>,
    /// Where those types are offered, by zone name; none if EC2 does not say.
    pub offerings: Option<Vec<Offering>>,
    /// The subnets of the request that exist.
    pub subnets: Vec<SubnetFacts>,
    /// The zones of the Region.
    pub zones: Vec<AvailabilityZoneFacts>,
    /// When EC2 was asked.
    pub time: Timestamp,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// It may happen, like this.
    Admit(Plan),
    /// It may not; at least one finding is a FAIL.
    Refuse(Vec<Finding>),
}

/// What an admitted launch will try, in order. Only an admission yields one.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    candidates: Vec<Candidate>,
    findings: Vec<Finding>,
    deadline: Timestamp,
}

impl Plan {
    /// What will be tried, type-major in the caller's order.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// What the rules found, PASS left out; FAIL findings are those of candidates struck.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Adds what was found out after the decision and does not change it.
    pub(super) fn note(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Puts the candidates last of which `lacking` knows for how many instances there was no capacity a moment
    /// ago, and says so. Where that is all of them, they are tried in their order.
    pub(super) fn defer(&mut self, lacking: impl Fn(&Candidate) -> Option<u32>) {
        let (first, last): (Vec<_>, Vec<_>) =
            self.candidates.drain(..).map(|it| (lacking(&it), it)).partition(|(count, _)| count.is_none());
        let is_all = first.is_empty();
        for (count, candidate) in &last {
            let Some(count) = count else { continue };
            let zone = candidate.zone.as_ref().map_or("the Region", |zone| zone.as_str());
            let then = if is_all { "It is tried, because nothing else is left." } else { "It is tried last." };
            self.findings.push(Finding {
                field: format!("{STRUCK_PREFIX}{}].capacity", candidate.instance_type),
                message: format!(
                    "A moment ago EC2 had no capacity for {count} of {} in {zone}. {then}",
                    candidate.instance_type
                ),
                ..findings::CAPACITY_LACKED_RECENTLY.finding(format!("none for {count} in {zone}"))
            });
        }
        self.candidates.extend(first.into_iter().chain(last).map(|(_, candidate)| candidate));
    }

    /// Puts the candidates of each type in the order of `count`, and leaves the types in theirs.
    pub(super) fn order_within_types(&mut self, count: impl Fn(&Candidate) -> u32) {
        for of_type in self.candidates.chunk_by_mut(|one, other| one.instance_type == other.instance_type) {
            of_type.sort_by_cached_key(&count);
        }
    }

    /// Leaves a candidate out, because of what was found out about it after the decision.
    pub(super) fn strike(&mut self, candidate: &Candidate) {
        self.candidates.retain(|known| known != candidate);
    }

    /// No attempt begins after this.
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// The plan of a launch that the log says was admitted and is still launching.
    pub fn of(launch: &Launch) -> Option<Self> {
        let open = launch.verdict == Verdict::Admitted && launch.state == LaunchState::Launching;
        Some(Self {
            candidates: launch.candidates.clone(),
            findings: launch.findings.clone(),
            deadline: launch.deadline.filter(|_| open)?,
        })
    }
}

/// Decides whether the facts permit that `spec` is launched.
pub fn decide(spec: &Spec, facts: &Facts, now: Timestamp) -> Decision {
    let mut findings = Vec::new();
    let mut refused = false;
    let deadline = spec.expire_time.unwrap_or(Timestamp::MAX).min(now + LAUNCH_DEADLINE);
    if spec.expire_time.is_some_and(|expire| expire <= now) {
        refused = true;
        findings.push(expired(spec, now));
    }
    findings.extend(template::about_template(facts));
    findings.extend(template::not_named(spec, facts));
    findings.extend(whole::contradictions(spec, facts));
    findings.extend(image::about_image(spec, facts));
    let Some(image) = &facts.image else {
        return Decision::Refuse(findings);
    };
    findings.extend(place::subnet_findings(spec, facts));
    let launched = volumes::launched(spec, image);
    let mut candidates = Vec::new();
    let offered = facts.offerings.as_ref().map_or(Offered::Unknown, |rows| {
        let zones = facts.zones.iter().map(|zone| zone.zone_name.clone());
        Offered::Known(Arc::new(Offerings::in_zones(rows.iter().cloned(), zones)))
    });
    for instance_type in &spec.instance_types {
        let Some(type_facts) = facts.types.iter().find(|known| known.instance_type == *instance_type) else {
            findings.push(type_not_found(spec, instance_type.as_str()));
            continue;
        };
        for placement in placements(spec) {
            let zone = place::zone_of(&placement, spec, facts);
            let offered = if zone.is_some() { offered.clone() } else { Offered::NotAsked };
            let wish =
                Wish { offered, availability_zone: zone.map(str::to_owned), ..wish(spec, &launched, &placement) };
            let mut about = check_compatibility(&launched, type_facts, &wish);
            about.extend(options::about_type(spec, &launched, type_facts));
            let struck = verdict(&about) == crate::ami::compatibility::Verdict::Incompatible;
            if !struck {
                let zone = zone.and_then(|zone| zone.parse().ok());
                let instance_type = instance_type.clone();
                candidates.push(Candidate { instance_type, placement: placement.clone(), zone });
            }
            keep(&mut findings, about, instance_type.as_str());
        }
    }
    findings.extend(volumes::volume_findings(spec, image));
    refused |=
        findings.iter().any(|finding| finding.outcome == Outcome::Fail && !finding.field.starts_with(STRUCK_PREFIX));
    if refused || candidates.is_empty() {
        return Decision::Refuse(findings);
    }
    Decision::Admit(Plan { candidates, findings, deadline })
}

/// Findings about one candidate type carry this before their field; they strike the candidate
/// and do not refuse the launch while another candidate is left.
const STRUCK_PREFIX: &str = "instance_types[";

/// Adds what is worth keeping of the findings about one candidate: no PASS, nothing twice.
fn keep(findings: &mut Vec<Finding>, about: Vec<Finding>, instance_type: &str) {
    for mut finding in about.into_iter().filter(|finding| finding.outcome != Outcome::Pass) {
        finding.field = format!("{STRUCK_PREFIX}{instance_type}].{}", finding.field);
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
}

fn placements(spec: &Spec) -> Vec<Placement> {
    if spec.placements.is_empty() { vec![Placement::default()] } else { spec.placements.clone() }
}

fn wish(spec: &Spec, launched: &Image, placement: &Placement) -> Wish {
    Wish {
        market: Some(
            match spec.market {
                Market::OnDemand => "on-demand",
                Market::Spot { .. } => "spot",
                Market::CapacityBlock => "capacity-block",
            }
            .to_owned(),
        ),
        // Absent is `default` for EC2, which no Mac runs with.
        tenancy: Some(placement.tenancy.clone().unwrap_or_else(|| "default".to_owned())),
        hibernation: spec.hibernation,
        enclave: spec.enclave,
        ebs_volumes: Some(volumes::count(launched)),
        network_interfaces: Some(spec.network_interfaces.len().max(1)),
        ..Wish::default()
    }
}

fn expired(spec: &Spec, now: Timestamp) -> Finding {
    let observed = spec.expire_time.map(|time| time.to_string()).unwrap_or_default();
    Finding { expected: format!("later than {now}"), ..findings::LAUNCH_EXPIRED.finding(observed) }
}

fn type_not_found(spec: &Spec, instance_type: &str) -> Finding {
    Finding {
        field: format!("{STRUCK_PREFIX}{instance_type}]"),
        expected: format!("an instance type of {}", spec.region),
        message: format!("{} has no instance type {instance_type}.", spec.region),
        ..findings::INSTANCE_TYPE_NOT_FOUND.finding(instance_type)
    }
}

#[cfg(test)]
mod tests;
