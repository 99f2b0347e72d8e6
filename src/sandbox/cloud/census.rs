//! Who is still there: how many instances live and which addresses they hold.
//!
//! It is kept up to date as instances change and end, so that a launch among ten thousand need not
//! look at the others. When an instance ends is known from its deeds; the census only remembers it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{Instance, TERMINATED_VISIBLE};
use crate::clock::Timestamp;
use crate::sandbox::zones::USABLE_ADDRESSES;

/// The instances of a Region, counted.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// Those with an end to come, as of the last look: when, and the instance's number.
    ending: BTreeSet<(Timestamp, u64)>,
    /// Those that had ended by the last look.
    ended: BTreeSet<(Timestamp, u64)>,
    /// When each of both ends.
    ends: HashMap<u64, Timestamp>,
    /// Who holds which address, by zone.
    held: HashMap<String, HashMap<u32, u64>>,
}

impl Census {
    /// Takes in an instance, new or changed.
    pub(super) fn put(&mut self, instance: &Instance) {
        let number = instance.sequence;
        self.drop_end(number);
        if let Some(end) = instance.terminated_since(Timestamp::MAX) {
            self.ends.insert(number, end);
            self.ending.insert((end, number));
        }
        // Of two with one address the younger holds it: the elder had given it back.
        let zone = match self.held.get_mut(&instance.zone) {
            Some(zone) => zone,
            None => self.held.entry(instance.zone.clone()).or_default(),
        };
        for address in instance.addresses() {
            let holder = zone.entry(address).or_insert(number);
            *holder = number.max(*holder);
        }
    }

    /// Looks at what ended by `now`: those give their addresses back.
    pub(super) fn look(&mut self, now: Timestamp, instances: &BTreeMap<u64, Instance>) {
        while let Some(&(end, number)) = self.ending.first().filter(|(end, _)| *end <= now) {
            self.ending.pop_first();
            self.ended.insert((end, number));
            if let Some(instance) = instances.get(&number)
                && let Some(zone) = self.held.get_mut(&instance.zone)
            {
                for address in instance.addresses() {
                    if zone.get(&address) == Some(&number) {
                        zone.remove(&address);
                    }
                }
            }
        }
    }

    /// Forgets those that ended so long before `now` that EC2 forgets them, and says which.
    pub(super) fn take_gone(&mut self, now: Timestamp) -> Vec<u64> {
        let is_gone = |end: Timestamp| end.checked_add(TERMINATED_VISIBLE).unwrap_or(Timestamp::MAX) <= now;
        let mut gone = Vec::new();
        while let Some(&(_, number)) = self.ended.first().filter(|(end, _)| is_gone(*end)) {
            self.ended.pop_first();
            self.ends.remove(&number);
            gone.push(number);
        }
        gone
    }

    /// How many have ended by `now`.
    pub(super) fn ended(&self, now: Timestamp) -> usize {
        self.ended.len() + self.just_ended(now).count()
    }

    /// How many addresses of a zone are held at `now`.
    pub(super) fn held(&self, zone: &str, now: Timestamp, instances: &BTreeMap<u64, Instance>) -> usize {
        self.held.get(zone).map_or(0, HashMap::len).saturating_sub(self.released(zone, now, instances).len())
    }

    /// Whether an address of a zone is held at `now`.
    pub(super) fn is_held(
        &self,
        zone: &str,
        address: u32,
        now: Timestamp,
        instances: &BTreeMap<u64, Instance>,
    ) -> bool {
        let held = self.held.get(zone).is_some_and(|held| held.contains_key(&address));
        held && !self.released(zone, now, instances).contains(&address)
    }

    /// `count` free addresses of a zone without those `taken`, the first after `start`, or `None` if
    /// there are too few.
    pub(super) fn free(
        &self,
        zone: &str,
        start: u32,
        count: usize,
        taken: &[u32],
        now: Timestamp,
        instances: &BTreeMap<u64, Instance>,
    ) -> Option<Vec<u32>> {
        let released = self.released(zone, now, instances);
        let held = self.held.get(zone);
        let is_held = |number: &u32| held.is_some_and(|held| held.contains_key(number)) && !released.contains(number);
        let free: Vec<u32> = (0..USABLE_ADDRESSES)
            .map(|step| (start + step) % USABLE_ADDRESSES)
            .filter(|number| !is_held(number) && !taken.contains(number))
            .take(count)
            .collect();
        (free.len() == count).then_some(free)
    }

    /// Addresses of a zone that were given back since the last look.
    fn released(&self, zone: &str, now: Timestamp, instances: &BTreeMap<u64, Instance>) -> HashSet<u32> {
        let held = self.held.get(zone);
        self.just_ended(now)
            .filter_map(|number| instances.get(&number))
            .filter(|instance| instance.zone == zone)
            .flat_map(|instance| instance.addresses().map(move |address| (address, instance.sequence)))
            .filter(|(address, number)| held.and_then(|held| held.get(address)) == Some(number))
            .map(|(address, _)| address)
            .collect()
    }

    fn just_ended(&self, now: Timestamp) -> impl Iterator<Item = u64> {
        self.ending.range(..=(now, u64::MAX)).map(|(_, number)| *number)
    }

    fn drop_end(&mut self, number: u64) {
        if let Some(end) = self.ends.remove(&number) {
            self.ending.remove(&(end, number));
            self.ended.remove(&(end, number));
        }
    }
}

#[cfg(test)]
mod tests;
