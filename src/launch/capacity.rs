//! What EC2 lacked a moment ago, for all launches: nobody needs to find it out again.
//!
//! EC2 says "wait a few minutes" of missing capacity (EC2 User Guide, "Instance launch issues"). A
//! storm of launches that all ask the empty zone first would spend its request rate on refusals.
//! So what failed for a number of instances is left out for that many and more, for three
//! minutes, by every launch that has something else to try. It is a memory and no record: after
//! a restart the first refusal tells again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::decide::Plan;
use crate::ids::{AccountId, AvailabilityZone, InstanceType, Region};
use crate::record::{AttemptError, Candidate, Market, Placement, Spec};

/// How long a lack of capacity is remembered.
pub(super) const LACK_REMEMBERED: Duration = Duration::from_secs(3 * 60);

/// Pools that are remembered at once; beyond that the oldest lacks are forgotten first.
const POOLS_MAX: usize = 4_096;

/// One kind of capacity, as EC2 has it or lacks it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Pool {
    account_id: AccountId,
    region: Region,
    /// None where EC2 chooses the zone.
    zone: Option<AvailabilityZone>,
    instance_type: InstanceType,
    market: &'static str,
    tenancy: Option<String>,
}

/// What EC2 lacked. Times are the clock's uptime.
#[derive(Debug, Default)]
pub(super) struct CapacityMemory {
    /// For each number of instances that could not be had, until when that is remembered.
    pools: Mutex<HashMap<Pool, BTreeMap<u32, Duration>>>,
}

impl CapacityMemory {
    /// EC2 could not give `count` instances of `candidate`.
    pub(super) fn note_lack(&self, spec: &Spec, candidate: &Candidate, count: u32, now: Duration) {
        let Some(pool) = pool(spec, candidate) else { return };
        let mut pools = self.lock();
        if pools.len() >= POOLS_MAX && !pools.contains_key(&pool) {
            forget_some(&mut pools, now);
        }
        let lacks = pools.entry(pool).or_default();
        lacks.retain(|_, until| now < *until);
        lacks.insert(count, now + LACK_REMEMBERED);
    }

    /// EC2 gave `count` instances of `candidate`: so many can be had.
    pub(super) fn note_given(&self, spec: &Spec, candidate: &Candidate, count: u32) {
        let Some(pool) = pool(spec, candidate) else { return };
        let mut pools = self.lock();
        if let Some(lacks) = pools.get_mut(&pool) {
            lacks.retain(|lacking, _| count < *lacking);
            if lacks.is_empty() {
                pools.remove(&pool);
            }
        }
    }

    /// The least number of instances that could not be had, if it is not more than `spec` needs.
    pub(super) fn lacks(&self, spec: &Spec, candidate: &Candidate, now: Duration) -> Option<u32> {
        let pools = self.lock();
        let lacks = pools.get(&pool(spec, candidate)?)?;
        lacks.range(..=spec.min_count).find(|(_, until)| now < **until).map(|(count, _)| *count)
    }

    /// Puts the candidates of a new plan last that are known to lack capacity, and says so in its findings.
    pub(super) fn defer(&self, spec: &Spec, plan: &mut Plan, now: Duration) {
        plan.defer(|candidate| self.lacks(spec, candidate, now));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Pool, BTreeMap<u32, Duration>>> {
        // Consistent after every statement, so a panic elsewhere does not spoil it.
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what is over, and if that is nothing the half that ends first.
fn forget_some(pools: &mut HashMap<Pool, BTreeMap<u32, Duration>>, now: Duration) {
    let last = |lacks: &BTreeMap<u32, Duration>| lacks.values().max().copied().unwrap_or_default();
    pools.retain(|_, lacks| now < last(lacks));
    if pools.len() >= POOLS_MAX {
        let mut ends: Vec<Duration> = pools.values().map(last).collect();
        let middle = ends.len() / 2;
        let (_, &mut middle, _) = ends.select_nth_unstable(middle);
        pools.retain(|_, lacks| middle < last(lacks));
    }
}

/// The pool that a candidate takes from. None where it has a place of its own, whose capacity is not
/// what others find: a host, a reservation, a placement group.
fn pool(spec: &Spec, candidate: &Candidate) -> Option<Pool> {
    let Candidate { instance_type, placement, zone } = candidate;
    let Placement { tenancy, host_id, placement_group, capacity_reservation_id, .. } = placement;
    if host_id.is_some() || placement_group.is_some() || capacity_reservation_id.is_some() {
        return None;
    }
    Some(Pool {
        account_id: spec.account_id.clone(),
        region: spec.region.clone(),
        zone: zone.clone(),
        instance_type: instance_type.clone(),
        market: match spec.market {
            Market::OnDemand => "on-demand",
            Market::Spot { .. } => "spot",
            Market::CapacityBlock => "capacity-block",
        },
        tenancy: tenancy.clone().filter(|tenancy| tenancy != "default"),
    })
}

/// Whether an error says that a pool is empty, and not something about the request or its place.
pub(super) fn is_lack(error: &AttemptError) -> bool {
    matches!(
        error.code.as_str(),
        "InsufficientInstanceCapacity" | "InsufficientCapacity" | "InsufficientHostCapacity" | "UnfulfillableCapacity"
    )
}

#[cfg(test)]
mod tests;
