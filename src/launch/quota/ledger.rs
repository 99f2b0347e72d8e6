//! The count of what is taken: a fold of the records, and of what is about to become one. Pure.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use super::limits::{Quota, QuotaLimits};
use crate::audit::{Operation, RequestKey};
use crate::clock::Timestamp;
use crate::ids::{InstanceId, LaunchId, Principal};
use crate::record::{Entry, Event, Launch, LaunchState, Phase, Verdict};

/// How long a launch counts for what is limited per hour, from its decision.
pub const QUOTA_HOUR: Duration = Duration::from_secs(60 * 60);

/// A quota that a launch would go beyond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    /// Whose it is.
    pub whose: Whose,
    /// Which.
    pub quota: Quota,
    /// What is taken of it.
    pub taken: u64,
    /// What the launch wants.
    pub wanted: u32,
    /// All that there is.
    pub limit: u32,
    /// When there is room for the launch if nothing else comes; none if that depends on instances that end, or if
    /// the launch alone wants more than there is.
    pub free_time: Option<Timestamp>,
}

/// Whose a quota is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// That of whoever asks.
    Principal(Principal),
    /// That of all together.
    Total,
}

/// What was taken for a request until it is known what became of it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Ticket {
    key: RequestKey,
    count: u32,
}

/// What launches and requests take of the quotas.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    launches: HashMap<LaunchId, Held>,
    /// Launches that were decided within the hour, by when.
    within_hour: BTreeSet<(Timestamp, LaunchId)>,
    total: Taken,
    by_principal: HashMap<Principal, Taken>,
    /// What is taken for requests whose decision is not on record, by key and size.
    requests: HashMap<(RequestKey, u32), Slot>,
}

/// What one launch takes, and from what.
#[derive(Debug)]
struct Held {
    principal: Principal,
    decided: Timestamp,
    is_within_hour: bool,
    /// As many as it may get, while it is LAUNCHING.
    to_come: u32,
    /// All that it got.
    made: u32,
    /// Those that have not ended.
    living: HashSet<InstanceId>,
}

/// One part, taken for all requests under one key.
#[derive(Debug)]
struct Slot {
    requests: u32,
    /// Whether one of them is on record, so that its launch takes the part.
    is_recorded: bool,
}

/// How much is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Taken {
    launches: u64,
    instances: u64,
    running: u64,
}

impl Taken {
    fn of_request(count: u32) -> Self {
        Self { launches: 1, instances: u64::from(count), running: u64::from(count) }
    }

    fn of(&self, quota: Quota) -> u64 {
        match quota {
            Quota::LaunchesPerHour => self.launches,
            Quota::InstancesPerHour => self.instances,
            Quota::RunningInstances => self.running,
        }
    }

    fn add(&mut self, more: Self) {
        self.launches += more.launches;
        self.instances += more.instances;
        self.running += more.running;
    }

    fn subtract(&mut self, less: Self) {
        self.launches = self.launches.saturating_sub(less.launches);
        self.instances = self.instances.saturating_sub(less.instances);
        self.running = self.running.saturating_sub(less.running);
    }
}

impl Held {
    fn taken(&self) -> Taken {
        let living = u64::try_from(self.living.len()).unwrap_or(u64::MAX);
        let hourly = u64::from(self.is_within_hour);
        Taken {
            launches: hourly,
            instances: hourly * (u64::from(self.to_come) + u64::from(self.made)),
            running: u64::from(self.to_come) + living,
        }
    }
}

impl Ledger {
    /// Takes in a launch as the log has it, unless it is there.
    pub(super) fn take_in_launch(&mut self, launch: &Launch, now: Timestamp) {
        if launch.verdict != Verdict::Admitted || self.launches.contains_key(&launch.launch_id) {
            return;
        }
        let living = launch.instances.iter().filter(|instance| !instance.has_ended());
        let held = Held {
            principal: launch.principal.clone(),
            decided: launch.create_time,
            is_within_hour: now < end_of_hour(launch.create_time),
            to_come: if launch.state == LaunchState::Launching { launch.spec.max_count } else { 0 },
            made: u32::try_from(launch.instances.len()).unwrap_or(u32::MAX),
            living: living.map(|instance| instance.place.instance_id.clone()).collect(),
        };
        self.hold(launch.launch_id, held);
    }

    /// Takes in the next record.
    pub(super) fn take_in(&mut self, entry: &Entry) {
        let Some(id) = entry.launch_id else { return };
        match &entry.event {
            Event::Decision(decision) if decision.verdict == Verdict::Admitted => {
                let (Some(principal), Some(account_id)) = (&entry.principal, &entry.account_id) else { return };
                let count = decision.spec.max_count;
                if let Some(request_id) = &decision.request_id {
                    // What was taken for the request is the launch's from here on.
                    let (principal, account_id) = (principal.clone(), account_id.clone());
                    let request_id = request_id.clone();
                    let operation = Operation::Launch;
                    self.spend(&(RequestKey { operation, principal, account_id, request_id }, count));
                }
                self.begin(id, principal.clone(), count, entry.time);
            }
            Event::AttemptSucceeded(succeeded) => self.change(id, |held| {
                held.to_come = 0;
                held.made = held.made.saturating_add(u32::try_from(succeeded.instances.len()).unwrap_or(u32::MAX));
                held.living.extend(succeeded.instances.iter().map(|place| place.instance_id.clone()));
            }),
            Event::LaunchEnded(_) => self.change(id, |held| held.to_come = 0),
            Event::InstancePhase(phase) if matches!(phase.phase, Phase::Failed | Phase::Terminated) => {
                self.change(id, |held| {
                    held.living.remove(&phase.instance_id);
                });
            }
            _ => {}
        }
    }

    /// Takes what a request wants, or says what there is no room for.
    pub(super) fn reserve(
        &mut self,
        key: &RequestKey,
        count: u32,
        limits: &QuotaLimits,
        now: Timestamp,
    ) -> Result<Ticket, Vec<Excess>> {
        let ticket = Ticket { key: key.clone(), count };
        if let Some(slot) = self.requests.get_mut(&(key.clone(), count)) {
            slot.requests += 1;
            return Ok(ticket);
        }
        let excesses = self.excesses(&key.principal, count, limits, now);
        if !excesses.is_empty() {
            return Err(excesses);
        }
        self.requests.insert((key.clone(), count), Slot { requests: 1, is_recorded: false });
        self.add(&key.principal, Taken::of_request(count));
        Ok(ticket)
    }

    /// The decision of a request is on record.
    pub(super) fn recorded(&mut self, ticket: Ticket, id: LaunchId, decided: Timestamp) {
        let Ticket { key, count } = ticket;
        let slot = (key, count);
        self.spend(&slot);
        self.begin(id, slot.0.principal.clone(), count, decided);
        self.give_back(Ticket { key: slot.0, count });
    }

    /// A request did not become a launch, or is done with.
    pub(super) fn give_back(&mut self, ticket: Ticket) {
        let Ticket { key, count } = ticket;
        let slot_key = (key, count);
        let Some(slot) = self.requests.get_mut(&slot_key) else { return };
        slot.requests -= 1;
        if slot.requests == 0 {
            self.spend(&slot_key);
            self.requests.remove(&slot_key);
        }
    }

    /// Everything that a launch of `count` instances would go beyond, in the order of [`Quota::ALL`].
    pub(super) fn excesses(
        &mut self,
        principal: &Principal,
        count: u32,
        limits: &QuotaLimits,
        now: Timestamp,
    ) -> Vec<Excess> {
        self.let_pass(now);
        let own = self.by_principal.get(principal).copied().unwrap_or_default();
        let mut excesses = Vec::new();
        for quota in Quota::ALL {
            let wanted = if quota == Quota::LaunchesPerHour { 1 } else { count };
            let all = [
                (Whose::Principal(principal.clone()), limits.of(principal), own),
                (Whose::Total, &limits.total, self.total),
            ];
            for (whose, limits, taken) in all {
                let (Some(limit), taken) = (limits.of(quota), taken.of(quota)) else { continue };
                if u64::from(limit) < taken + u64::from(wanted) {
                    let free_time = self.free_time(&whose, quota, taken, wanted, limit);
                    excesses.push(Excess { whose, quota, taken, wanted, limit, free_time });
                }
            }
        }
        excesses
    }

    /// The launches that take something.
    pub(super) fn launch_ids(&self) -> Vec<LaunchId> {
        self.launches.keys().copied().collect()
    }

    /// Forgets launches that are gone from the log.
    pub(super) fn forget(&mut self, gone: &[LaunchId]) {
        for id in gone {
            self.change(*id, |held| {
                held.is_within_hour = false;
                held.to_come = 0;
                held.living.clear();
            });
        }
    }

    /// When enough launches are more than an hour old.
    fn free_time(&self, whose: &Whose, quota: Quota, taken: u64, wanted: u32, limit: u32) -> Option<Timestamp> {
        if quota == Quota::RunningInstances || limit < wanted {
            return None;
        }
        let mut left = taken;
        for (decided, id) in &self.within_hour {
            let Some(held) = self.launches.get(id) else { continue };
            if matches!(whose, Whose::Principal(principal) if *principal != held.principal) {
                continue;
            }
            left = left.saturating_sub(held.taken().of(quota));
            if left + u64::from(wanted) <= u64::from(limit) {
                return Some(end_of_hour(*decided));
            }
        }
        None
    }

    /// Launches that are an hour old count no more for what is limited per hour.
    fn let_pass(&mut self, now: Timestamp) {
        while let Some((decided, id)) = self.within_hour.first().copied() {
            if now < end_of_hour(decided) {
                return;
            }
            self.within_hour.pop_first();
            self.change(id, |held| held.is_within_hour = false);
        }
    }

    fn begin(&mut self, id: LaunchId, principal: Principal, count: u32, decided: Timestamp) {
        if !self.launches.contains_key(&id) {
            let held =
                Held { principal, decided, is_within_hour: true, to_come: count, made: 0, living: HashSet::new() };
            self.hold(id, held);
        }
    }

    fn hold(&mut self, id: LaunchId, held: Held) {
        if held.taken() == Taken::default() {
            return;
        }
        if held.is_within_hour {
            self.within_hour.insert((held.decided, id));
        }
        self.add(&held.principal, held.taken());
        self.launches.insert(id, held);
    }

    fn change(&mut self, id: LaunchId, change: impl FnOnce(&mut Held)) {
        let Some(mut held) = self.launches.remove(&id) else { return };
        self.subtract(&held.principal, held.taken());
        change(&mut held);
        if !held.is_within_hour {
            self.within_hour.remove(&(held.decided, id));
        }
        self.hold(id, held);
    }

    /// What was taken for requests under a key is the launch's, or nobody's.
    fn spend(&mut self, slot_key: &(RequestKey, u32)) {
        if let Some(slot) = self.requests.get_mut(slot_key)
            && !std::mem::replace(&mut slot.is_recorded, true)
        {
            self.subtract(&slot_key.0.principal, Taken::of_request(slot_key.1));
        }
    }

    fn add(&mut self, principal: &Principal, more: Taken) {
        self.total.add(more);
        self.by_principal.entry(principal.clone()).or_default().add(more);
    }

    fn subtract(&mut self, principal: &Principal, less: Taken) {
        self.total.subtract(less);
        if let Some(own) = self.by_principal.get_mut(principal) {
            own.subtract(less);
            if *own == Taken::default() {
                self.by_principal.remove(principal);
            }
        }
    }
}

fn end_of_hour(decided: Timestamp) -> Timestamp {
    decided.checked_add(QUOTA_HOUR).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
