//! Which candidate is tried next: what EC2 said of the last ones, and what it is known to lack. Pure.
//!
//! A definite failure says something about more than its own candidate: a subnet that does not exist
//! does not exist for another type either, and a vCPU quota that is used up is used up in every zone.
//! What cannot work is not asked for again; a permanent error is never repeated.

use crate::ec2::ErrorClass;
use crate::record::{Attempt, AttemptError, AttemptState, Candidate};

/// For what a failure holds beside the candidate that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// For nothing else.
    Candidate,
    /// For every type in this place.
    Place,
    /// For this type in every place.
    Type,
    /// For the whole launch: no candidate can work.
    Launch,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Next {
    /// Try this one.
    Try(Candidate),
    /// Nothing was tried, and there is nothing to try.
    NoCandidate,
    /// The last failure is the end: it holds for all that are left, or none is left.
    Failed,
    /// All that are left lacked capacity within the last minutes, and were skipped.
    Skipped(Vec<Candidate>),
}

/// For what an error of EC2's holds. EC2's codes are taken as the API reference explains them ("Error codes
/// for the Amazon EC2 API"); one that does not say is taken to hold for its candidate alone where its
/// class leaves hope for another, and for the launch where it leaves none.
pub(super) fn reach(error: &AttemptError) -> Reach {
    match error.code.as_str() {
        "InsufficientFreeAddressesInSubnet" | "InvalidSubnet" | "InvalidAvailabilityZone" | "InvalidZone.NotFound" => {
            return Reach::Place;
        }
        // vCPUs are counted for a family of types over the whole Region.
        "VcpuLimitExceeded" | "InstanceLimitExceeded" | "MaxSpotInstanceCountExceeded" | "HostLimitExceeded" => {
            return Reach::Type;
        }
        "InvalidInstanceType"
        | "InvalidParameterCombination"
        | "UnsupportedHibernationConfiguration"
        | "InstanceCreditSpecification.NotSupported"
        | "InvalidCpuCredits"
        | "EncryptedVolumesNotSupported" => return Reach::Type,
        "InvalidAMIID.Unavailable" | "InvalidManifest" | "BootForVolumeTypeUnsupported" | "TagLimitExceeded" => {
            return Reach::Launch;
        }
        code if of_place(code) => return Reach::Place,
        _ => {}
    }
    let is = |class: ErrorClass| class.as_str() == error.class;
    let hopeful = [ErrorClass::Capacity, ErrorClass::Quota, ErrorClass::Incompatible, ErrorClass::Throttled];
    if hopeful.into_iter().any(is) { Reach::Candidate } else { Reach::Launch }
}

/// Whether a code is about something that only a place names.
fn of_place(code: &str) -> bool {
    [
        "InvalidSubnetID.",
        "InvalidSubnetId.",
        "InvalidPlacementGroup.",
        "InvalidHostID.",
        "InvalidCapacityReservationId.",
    ]
    .iter()
    .any(|prefix| code.starts_with(prefix))
}

/// What follows after `attempts`, all of which have definitely failed. `lacks` says of which candidates
/// it is known that there is no capacity; one of them is tried only if nothing has been tried.
pub(super) fn next_candidate(
    candidates: &[Candidate],
    attempts: &[Attempt],
    lacks: &dyn Fn(&Candidate) -> bool,
) -> Next {
    let left = untried(candidates, attempts);
    let Some(last) = attempts.last() else {
        return match left.iter().find(|candidate| !lacks(candidate)).or(left.first()) {
            Some(candidate) => Next::Try((*candidate).clone()),
            None => Next::NoCandidate,
        };
    };
    let mut hopeful: Vec<&Candidate> =
        left.into_iter().filter(|candidate| !attempts.iter().any(|attempt| rules_out(attempt, candidate))).collect();
    // EC2 says in which zones there is room; of the type that is being tried these come first.
    let named = last.error.as_ref().map(zones_with_capacity).unwrap_or_default();
    let first = hopeful.first().map(|candidate| candidate.instance_type.clone());
    hopeful.sort_by_key(|candidate| {
        let same_type =
            Some(&candidate.instance_type) == first.as_ref() && candidate.instance_type == last.instance_type;
        let has_room = candidate.zone.as_ref().is_some_and(|zone| named.contains(&zone.as_str()));
        !(same_type && has_room)
    });
    if hopeful.is_empty() {
        return Next::Failed;
    }
    match hopeful.iter().find(|candidate| !lacks(candidate)) {
        Some(candidate) => Next::Try((*candidate).clone()),
        None => Next::Skipped(hopeful.into_iter().cloned().collect()),
    }
}

/// The candidates for which no attempt was made. One that stands in the list twice may be tried twice.
fn untried<'a>(candidates: &'a [Candidate], attempts: &[Attempt]) -> Vec<&'a Candidate> {
    let mut left: Vec<&Candidate> = candidates.iter().collect();
    for attempt in attempts {
        let is_its = |candidate: &&Candidate| {
            candidate.instance_type == attempt.instance_type && candidate.placement == attempt.placement
        };
        if let Some(place) = left.iter().position(is_its) {
            left.remove(place);
        }
    }
    left
}

/// Whether the failure of an attempt holds for a candidate that was not tried.
fn rules_out(attempt: &Attempt, candidate: &Candidate) -> bool {
    let Some(error) = attempt.error.as_ref().filter(|_| attempt.state == AttemptState::Failed) else { return false };
    match reach(error) {
        Reach::Candidate => false,
        Reach::Place => candidate.placement == attempt.placement,
        Reach::Type => candidate.instance_type == attempt.instance_type,
        Reach::Launch => true,
    }
}

/// The zones that EC2's message says have capacity: "You can currently get … capacity by not specifying an
/// Availability Zone in your request or choosing us-east-1b, us-east-1c." A hint for the order alone: EC2
/// rewords its messages.
pub(super) fn zones_with_capacity(error: &AttemptError) -> Vec<&str> {
    if error.class != ErrorClass::Capacity.as_str() {
        return Vec::new();
    }
    let named = error.message.split_once("choosing ").map_or("", |(_, named)| named);
    named
        .split([',', ' '])
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| {
            word.contains('-') && word.ends_with(|last: char| last.is_ascii_lowercase() || last.is_ascii_digit())
        })
        .collect()
}

#[cfg(test)]
mod tests;
