//! The cloud of one Region: its images and network, and what callers made of them.
//!
//! Nothing here runs in the background. An instance remembers when it was launched, what was
//! drawn for it and what happened to it; its state follows from those and the time of reading.

mod instance;
mod saved;
mod tokens;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::images::Catalog;
use super::zones::{Network, USABLE_ADDRESSES, Zone};
use crate::clock::Timestamp;

pub(crate) use instance::{
    BootTimes, CheckStatus, Fate, Instance, InstanceState, Launched, MetadataOptions, Standing, Volume,
};
pub(crate) use saved::{Line, Saved, SavedError};
pub(crate) use tokens::{Token, TokenKey};

/// Instances in one Region that are not terminated.
pub(crate) const LIVE_INSTANCES_MAX: usize = 20_000;
/// How long a terminated instance can still be described; EC2 says "usually less than an hour".
const TERMINATED_VISIBLE: Duration = Duration::from_secs(3600);

/// Tags of one resource.
pub(crate) type Tags = BTreeMap<String, String>;

/// One Region.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) network: Network,
    pub(crate) catalog: Catalog,
    pub(crate) seed: u64,
    pub(crate) speed: f64,
    state: Mutex<State>,
}

/// What changes in a Region. Owned by the Region's lock.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// By order of launch, which is also the order of paging.
    instances: BTreeMap<u64, Instance>,
    by_id: HashMap<String, u64>,
    tokens: HashMap<TokenKey, Token>,
    tags: BTreeMap<String, Tags>,
    /// Instances ever launched here; ids follow from it.
    launched: u64,
    launches: u64,
}

impl Cloud {
    /// A Region with `state` as it was left.
    pub(crate) fn new(network: Network, catalog: Catalog, seed: u64, speed: f64, state: State) -> Self {
        Self { network, catalog, seed, speed, state: Mutex::new(state) }
    }

    /// The changing part. The lock is never held across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one insertion after the line is saved, so a panic elsewhere leaves the
        // state consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An id that follows from the seed, the Region and a number.
    pub(crate) fn derived_id(&self, prefix: &str, kind: &str, number: u64) -> String {
        let text = format!("{} {} {kind} {number}", self.seed, self.network.region.as_str());
        format!("{prefix}-0{}", &hex::encode(Sha256::digest(text))[..16])
    }
}

impl State {
    /// Rebuilds the state from saved lines.
    pub(crate) fn replay(lines: impl IntoIterator<Item = Line>) -> Self {
        let mut state = Self::default();
        for line in lines {
            state.apply(line);
        }
        state
    }

    /// The one way in which anything changes, in service and at start alike.
    pub(crate) fn apply(&mut self, line: Line) {
        match line {
            Line::Launch { token, instances, tags, launches, .. } => {
                self.launches = self.launches.max(launches);
                instances.into_iter().for_each(|instance| self.put(instance));
                if let Some((key, token)) = token {
                    self.tokens.insert(key, token);
                }
                self.tags.extend(tags);
            }
            Line::Instances { instances, .. } => instances.into_iter().for_each(|instance| self.put(instance)),
            Line::Tags { resource, tags, .. } => {
                if tags.is_empty() {
                    self.tags.remove(&resource);
                } else {
                    self.tags.insert(resource, tags);
                }
            }
            Line::Counters { launched, launches, .. } => {
                self.launched = self.launched.max(launched);
                self.launches = self.launches.max(launches);
            }
        }
    }

    fn put(&mut self, instance: Instance) {
        self.launched = self.launched.max(instance.sequence);
        self.by_id.insert(instance.id.clone(), instance.sequence);
        self.instances.insert(instance.sequence, instance);
    }

    /// Everything that still matters at `now`, as lines.
    pub(crate) fn lines(&self, region: &str, now: Timestamp) -> Vec<Line> {
        let region = || region.to_owned();
        let mut lines = vec![Line::Counters { region: region(), launched: self.launched, launches: self.launches }];
        for instance in self.instances.values().filter(|instance| !instance.is_gone(now)) {
            lines.push(Line::Instances { region: region(), instances: vec![instance.clone()] });
        }
        for (key, token) in &self.tokens {
            if !token.is_forgotten(now) {
                lines.push(Line::Launch {
                    region: region(),
                    token: Some((key.clone(), token.clone())),
                    instances: Vec::new(),
                    tags: BTreeMap::new(),
                    launches: self.launches,
                });
            }
        }
        for (resource, tags) in &self.tags {
            let gone = resource.starts_with("i-") && self.instance(resource, now).is_none();
            if !gone {
                lines.push(Line::Tags { region: region(), resource: resource.clone(), tags: tags.clone() });
            }
        }
        lines
    }

    /// Forgets instances that can no longer be described.
    pub(crate) fn forget_gone(&mut self, now: Timestamp) {
        let gone: Vec<u64> =
            self.instances.values().filter(|instance| instance.is_gone(now)).map(|gone| gone.sequence).collect();
        for sequence in gone {
            if let Some(instance) = self.instances.remove(&sequence) {
                self.by_id.remove(&instance.id);
                self.tags.remove(&instance.id);
                for volume in &instance.volumes {
                    self.tags.remove(&volume.id);
                }
            }
        }
    }

    /// The instance, if it can be described at `now`.
    pub(crate) fn instance(&self, id: &str, now: Timestamp) -> Option<&Instance> {
        let instance = self.instances.get(self.by_id.get(id)?)?;
        (instance.is_visible(now) && !instance.is_gone(now)).then_some(instance)
    }

    /// All instances that can be described at `now`, launched after the one numbered `after`.
    pub(crate) fn instances(&self, now: Timestamp, after: u64) -> impl Iterator<Item = &Instance> {
        self.instances
            .range(after.saturating_add(1)..)
            .map(|(_, instance)| instance)
            .filter(move |instance| instance.is_visible(now) && !instance.is_gone(now))
    }

    /// The instance with this number, whether or not it is visible yet.
    pub(crate) fn launched_instance(&self, id: &str) -> Option<&Instance> {
        self.instances.get(self.by_id.get(id)?)
    }

    /// What was launched under a token.
    pub(crate) fn token(&self, key: &TokenKey) -> Option<&Token> {
        self.tokens.get(key)
    }

    /// The tags of a resource.
    pub(crate) fn tags(&self, resource: &str) -> Option<&Tags> {
        self.tags.get(resource)
    }

    /// All tags, by resource.
    pub(crate) fn all_tags(&self) -> &BTreeMap<String, Tags> {
        &self.tags
    }

    /// Whether a volume of this id belongs to an instance that can be described.
    pub(crate) fn has_volume(&self, id: &str, now: Timestamp) -> bool {
        self.instances(now, 0).any(|instance| instance.volumes.iter().any(|volume| volume.id == id))
    }

    /// The number that the next instance gets.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.launched + 1
    }

    /// The number that the next reservation gets.
    pub(crate) fn next_launch(&self) -> u64 {
        self.launches + 1
    }

    /// Instances that are not terminated.
    pub(crate) fn live(&self, now: Timestamp) -> usize {
        self.instances.values().filter(|instance| instance.holds_address(now)).count()
    }

    /// How many addresses of a zone's subnet are in use.
    pub(crate) fn addresses_used(&self, zone: &Zone, now: Timestamp) -> usize {
        self.instances.values().filter(|i| i.zone == zone.name && i.holds_address(now)).count()
    }

    /// `count` free addresses of a zone's subnet, by number, or `None` if there are too few.
    pub(crate) fn free_addresses(&self, zone: &Zone, count: usize, now: Timestamp) -> Option<Vec<u32>> {
        let used: std::collections::HashSet<u32> = self
            .instances
            .values()
            .filter(|instance| instance.zone == zone.name && instance.holds_address(now))
            .map(|instance| instance.address)
            .collect();
        // Starting after the last one keeps an address from being reused at once.
        let start = u32::try_from(self.launched % u64::from(USABLE_ADDRESSES)).unwrap_or(0);
        let free: Vec<u32> = (0..USABLE_ADDRESSES)
            .map(|step| (start + step) % USABLE_ADDRESSES)
            .filter(|number| !used.contains(number))
            .take(count)
            .collect();
        (free.len() == count).then_some(free)
    }
}

#[cfg(test)]
mod tests;
