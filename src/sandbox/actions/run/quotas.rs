//! How many instances the account may still launch or start (EC2 User Guide, "Amazon EC2 instance
//! type quotas"). Against vCPU quotas stopped instances do not count; the number of instances is of
//! all that are not terminated.

use std::collections::BTreeMap;

use super::request::Request;
use crate::clock::Timestamp;
use crate::sandbox::account::{Account, VcpuQuota};
use crate::sandbox::cloud::{Instance, InstanceState, State};
use crate::sandbox::instance_types::{self, InstanceType};
use crate::sandbox::wire::errors::Ec2Error;

/// How many instances of the request's kind there is room for; fewer than MinCount is an error.
pub(super) fn room(account: &Account, state: &State, request: &Request<'_>, now: Timestamp) -> Result<u32, Ec2Error> {
    let live = state.live(now);
    let instances = narrow(account.instances.saturating_sub(live));
    if instances < request.min_count {
        let message = format!(
            "Your quota allows for {instances} more running instance(s). You requested at least {}",
            request.min_count
        );
        return Err(Ec2Error::new("InstanceLimitExceeded", message));
    }
    let spot = request.options.spot.is_some();
    let quota = VcpuQuota::of(request.instance_type.name(), spot);
    let Some(limit) = account.vcpus.get(&quota) else { return Ok(instances) };
    let free = u64::from(*limit).saturating_sub(vcpus_in_use(state, quota, now));
    let by_vcpus = u32::try_from(free / request.instance_type.vcpus().max(1)).unwrap_or(u32::MAX);
    if by_vcpus >= request.min_count {
        return Ok(instances.min(by_vcpus));
    }
    Err(exceeded(quota, *limit))
}

/// Fails a start of stopped instances for which their vCPU quotas leave no room: they do not count
/// until then.
pub(in crate::sandbox::actions) fn refuse_start<'a>(
    account: &Account,
    state: &State,
    starting: impl Iterator<Item = &'a Instance>,
    now: Timestamp,
) -> Result<(), Ec2Error> {
    let mut wanted: BTreeMap<VcpuQuota, u64> = BTreeMap::new();
    for instance in starting {
        *wanted.entry(quota_of(instance)).or_default() += vcpus_of(instance);
    }
    for (quota, wanted) in wanted {
        match account.vcpus.get(&quota) {
            Some(limit) if vcpus_in_use(state, quota, now) + wanted > u64::from(*limit) => {
                return Err(exceeded(quota, *limit));
            }
            _ => {}
        }
    }
    Ok(())
}

fn exceeded(quota: VcpuQuota, limit: u32) -> Ec2Error {
    if quota.is_spot() {
        return Ec2Error::new("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded");
    }
    let message = format!(
        "You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the instance bucket \
         that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to \
         request an adjustment to this limit."
    );
    Ec2Error::new("VcpuLimitExceeded", message)
}

/// vCPUs of pending and running instances in a pool. EC2's guide says that pending ones do not
/// count, but then a second launch right after the first could not be refused, and EC2 does.
fn vcpus_in_use(state: &State, quota: VcpuQuota, now: Timestamp) -> u64 {
    state
        .remembered()
        .filter(|instance| quota_of(instance) == quota)
        .filter(|instance| matches!(instance.standing(now).state, InstanceState::Pending | InstanceState::Running))
        .map(vcpus_of)
        .sum()
}

fn quota_of(instance: &Instance) -> VcpuQuota {
    VcpuQuota::of(&instance.launch.instance_type, instance.launch.spot)
}

/// A type's default number counts, whatever `CpuOptions` says.
fn vcpus_of(instance: &Instance) -> u64 {
    instance_types::get(&instance.launch.instance_type).map_or(0, InstanceType::vcpus)
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
