//! SPREAD: which place has the fewest instances of the image for the principal.

use super::decide::{Facts, Plan};
use super::{LaunchRequest, Shared};
use crate::audit::{LaunchQuery, ReadError};
use crate::record::{Candidate, Launch, LaunchState, Phase, Placement, PlacementStrategy};

/// How many launches are looked at, the newest first: older ones do not count.
const LAUNCHES_COUNTED_MAX: usize = 1_000;

impl Shared {
    /// Puts the places of each type in the order of how many instances the principal has there of the image, if
    /// the request wants its launches spread. What other launches are about to make counts as made.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn spread(&self, request: &LaunchRequest, facts: &Facts, plan: &mut Plan) -> Result<(), ReadError> {
        let spec = &request.spec;
        if spec.strategy != PlacementStrategy::Spread || spec.placements.len() < 2 {
            return Ok(());
        }
        let query = LaunchQuery {
            states: vec![LaunchState::Launching, LaunchState::Booting, LaunchState::Ready, LaunchState::Partial],
            principal: Some(request.principal.clone()),
            account_id: Some(spec.account_id.clone()),
            region: Some(spec.region.clone()),
            image_id: facts.image.as_ref().map(|image| image.image_id.clone()),
            limit: LAUNCHES_COUNTED_MAX,
            ..LaunchQuery::default()
        };
        let launches = self.log.launches(&query)?.launches;
        plan.order_within_types(|candidate| launches.iter().map(|launch| instances_in(launch, candidate)).sum());
        Ok(())
    }
}

/// How many instances a launch has where a candidate would go, or will have there as far as is known.
fn instances_in(launch: &Launch, candidate: &Candidate) -> u32 {
    if launch.state == LaunchState::Launching {
        let next = launch.undecided_attempt().map(|attempt| &attempt.placement);
        let next = next.or_else(|| launch.candidates.first().map(|first| &first.placement));
        let is_there = next.is_some_and(|placement| is_same_place(placement, &candidate.placement));
        return if is_there { launch.spec.max_count } else { 0 };
    }
    let living = launch.instances.iter().filter(|it| !matches!(it.phase, Phase::Failed | Phase::Terminated));
    let there = living.filter(|instance| match (&candidate.placement.subnet_id, &candidate.zone) {
        (Some(subnet), _) => instance.place.subnet_id.as_deref() == Some(subnet.as_str()),
        (None, Some(zone)) => instance.place.availability_zone.as_deref() == Some(zone.as_str()),
        (None, None) => false,
    });
    u32::try_from(there.count()).unwrap_or(u32::MAX)
}

fn is_same_place(one: &Placement, other: &Placement) -> bool {
    (&one.subnet_id, &one.availability_zone) == (&other.subnet_id, &other.availability_zone)
}
