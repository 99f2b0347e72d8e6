//! The cloud of one Region: its images and network, and what callers made of them.
//!
//! Nothing here runs in the background. An instance remembers when it was launched, what was
//! drawn for it and what happened to it; its state follows from those and the time of reading.

mod boot;
mod census;
mod instance;
mod key_pair;
mod life;
mod network;
mod options;
mod saved;
mod standing;
mod status;
mod template;
mod tokens;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::images::Catalog;
use super::images::allowed::AllowedImages;
use super::images::changes::{Current, ImageChange};
use super::images::facts::Image;
use super::zones::Network;
use crate::clock::Timestamp;
use census::Census;

pub(crate) use boot::BootTimes;
pub(crate) use instance::{BootFailure, Fate, Instance, Launched, MetadataOptions, Volume};
pub(crate) use key_pair::KeyPair;
pub(crate) use life::{Cause, Check, Deed, DeedKind, Destiny, Event};
pub(crate) use options::{LaunchOptions, NetworkInterface, PrivateDns, SpotOptions};
pub(crate) use saved::{Line, Saved, SavedError};
pub(crate) use standing::Standing;
pub(crate) use status::{CheckStatus, InstanceState};
pub(crate) use template::{LaunchTemplate, TemplateVersion};
pub(crate) use tokens::{Token, TokenKey};

/// How long a terminated instance can still be described; EC2 says "usually less than an hour".
const TERMINATED_VISIBLE: Duration = Duration::from_secs(3600);

/// With fewer tokens than this, forgotten ones are not looked for.
const TOKENS_SWEPT_MIN: usize = 10_000;

/// Tags of one resource.
pub(crate) type Tags = BTreeMap<String, String>;

/// One Region of one account.
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
    /// Which instance a volume was launched with.
    by_volume: HashMap<String, u64>,
    census: Census,
    tokens: HashMap<TokenKey, Token>,
    /// How many tokens were left when the forgotten ones were last dropped.
    tokens_left: usize,
    tags: BTreeMap<String, Tags>,
    templates: BTreeMap<String, LaunchTemplate>,
    templates_made: u64,
    key_pairs: BTreeMap<String, KeyPair>,
    key_pairs_made: u64,
    /// What owners changed about their images, by id; empty most of the time.
    image_changes: HashMap<String, ImageChange>,
    allowed_images: AllowedImages,
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

    /// An id that follows from the seed, the account, the Region and a number.
    pub(crate) fn derived_id(&self, prefix: &str, kind: &str, number: u64) -> String {
        let text = format!("{} {} {kind} {number}", self.seed, self.network.place());
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
                // An image that came with tags and lost them all must not get them back.
                if tags.is_empty() && !resource.starts_with("ami-") {
                    self.tags.remove(&resource);
                } else {
                    self.tags.insert(resource, tags);
                }
            }
            Line::LaunchTemplate { template, versions, deleted, tags, .. } => {
                if !tags.is_empty() {
                    self.tags.insert(template.id.clone(), tags);
                }
                self.put_template(template, versions, &deleted);
            }
            Line::LaunchTemplateGone { id, .. } => self.remove_template(&id),
            Line::KeyPair { pair, tags, .. } => {
                if !tags.is_empty() {
                    self.tags.insert(pair.id.clone(), tags);
                }
                self.put_key_pair(pair);
            }
            Line::KeyPairGone { name, .. } => self.remove_key_pair(&name),
            Line::Image { image, changes, .. } => {
                self.image_changes.insert(image, changes);
            }
            Line::AllowedImages { settings, .. } => self.allowed_images = settings,
            Line::Counters { launched, launches, templates, key_pairs, .. } => {
                self.templates_made = self.templates_made.max(templates);
                self.key_pairs_made = self.key_pairs_made.max(key_pairs);
                self.launched = self.launched.max(launched);
                self.launches = self.launches.max(launches);
            }
            // The sandbox's, not a Region's.
            Line::Session { .. } | Line::Clock { .. } => {}
        }
    }

    fn put(&mut self, instance: Instance) {
        self.launched = self.launched.max(instance.sequence);
        self.census.put(&instance);
        self.by_volume.extend(instance.volumes.iter().map(|volume| (volume.id.clone(), instance.sequence)));
        self.by_id.insert(instance.id.clone(), instance.sequence);
        self.instances.insert(instance.sequence, instance);
    }

    /// Everything that still matters at `now`, as lines of a place.
    pub(crate) fn lines(&self, place: &str, now: Timestamp) -> Vec<Line> {
        let region = || place.to_owned();
        let mut lines = vec![Line::Counters {
            region: region(),
            launched: self.launched,
            launches: self.launches,
            templates: self.templates_made,
            key_pairs: self.key_pairs_made,
        }];
        for template in self.templates.values() {
            let versions = template.versions.values().cloned().collect();
            let (template, deleted, tags) = (template.head(), Vec::new(), Tags::new());
            lines.push(Line::LaunchTemplate { region: region(), template, versions, deleted, tags });
        }
        for pair in self.key_pairs.values() {
            lines.push(Line::KeyPair { region: region(), pair: pair.clone(), tags: Tags::new() });
        }
        for instance in self.instances.values().filter(|instance| !instance.is_gone(now)) {
            lines.push(Line::Instances { region: region(), instances: vec![instance.clone()] });
        }
        for (key, token) in &self.tokens {
            if !self.is_forgotten(token, now) {
                lines.push(Line::Launch {
                    region: region(),
                    token: Some((key.clone(), token.clone())),
                    instances: Vec::new(),
                    tags: BTreeMap::new(),
                    launches: self.launches,
                });
            }
        }
        for (image, changes) in &self.image_changes {
            lines.push(Line::Image { region: region(), image: image.clone(), changes: changes.clone() });
        }
        if self.allowed_images != AllowedImages::default() {
            lines.push(Line::AllowedImages { region: region(), settings: self.allowed_images.clone() });
        }
        // Those that no call finds yet have their tags already.
        let gone = self.instances.values().filter(|instance| instance.is_gone(now));
        let gone: HashSet<String> = gone.flat_map(|i| i.resources().chain([i.id.clone()])).collect();
        for (resource, tags) in &self.tags {
            let orphaned = resource.starts_with("i-") && !self.by_id.contains_key(resource);
            if !orphaned && !gone.contains(resource) {
                lines.push(Line::Tags { region: region(), resource: resource.clone(), tags: tags.clone() });
            }
        }
        lines
    }

    /// An image of the catalogue as it is now. The one way to read images: whoever describes,
    /// filters or launches one must see the same.
    pub(crate) fn image<'a>(&self, image: &'a Image) -> Current<'a> {
        // A Region has 150,000 images and hardly ever a changed one.
        if self.image_changes.is_empty() {
            return Current::AsMade(image);
        }
        match self.image_changes.get(&*image.id) {
            None => Current::AsMade(image),
            Some(change) => Current::Changed(Box::new(change.apply(image))),
        }
    }

    /// What has been changed about an image so far.
    pub(crate) fn image_change(&self, id: &str) -> ImageChange {
        self.image_changes.get(id).cloned().unwrap_or_default()
    }

    /// The account's Allowed AMIs settings.
    pub(crate) fn allowed_images(&self) -> &AllowedImages {
        &self.allowed_images
    }

    /// Forgets instances that can no longer be described.
    pub(crate) fn forget_gone(&mut self, now: Timestamp) {
        if self.tokens.len() >= (2 * self.tokens_left).max(TOKENS_SWEPT_MIN) {
            let mut tokens = std::mem::take(&mut self.tokens);
            tokens.retain(|_, token| !self.is_forgotten(token, now));
            self.tokens_left = tokens.len();
            self.tokens = tokens;
        }
        self.census.look(now, &self.instances);
        for sequence in self.census.take_gone(now) {
            if let Some(instance) = self.instances.remove(&sequence) {
                self.by_id.remove(&instance.id);
                self.tags.remove(&instance.id);
                for volume in &instance.volumes {
                    self.by_volume.remove(&volume.id);
                }
                for resource in instance.resources() {
                    self.tags.remove(&resource);
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

    /// All instances that are remembered, in the order of launch, visible or not.
    pub(crate) fn remembered(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    /// The instance with this number, whether or not it is visible yet.
    pub(crate) fn launched_instance(&self, id: &str) -> Option<&Instance> {
        self.instances.get(self.by_id.get(id)?)
    }

    /// Whether what was launched under a token is long over, and the token need not be kept.
    fn is_forgotten(&self, token: &Token, now: Timestamp) -> bool {
        let known = |id: &String| self.launched_instance(id).is_some_and(|instance| !instance.is_gone(now));
        token.is_forgotten(now) && !token.instance_ids.iter().any(known)
    }

    /// What was launched under a token, until it is forgotten, whenever it is dropped.
    pub(crate) fn token(&self, key: &TokenKey, now: Timestamp) -> Option<&Token> {
        self.tokens.get(key).filter(|token| !self.is_forgotten(token, now))
    }

    /// All tokens that were used.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = (&TokenKey, &Token)> {
        self.tokens.iter()
    }

    /// The tags of a resource.
    pub(crate) fn tags(&self, resource: &str) -> Option<&Tags> {
        self.tags.get(resource)
    }

    /// All tags, by resource.
    pub(crate) fn all_tags(&self) -> &BTreeMap<String, Tags> {
        &self.tags
    }

    /// The instance that a network interface or Spot request belongs to, if it can be described.
    pub(crate) fn instance_of_resource(&self, id: &str, now: Timestamp) -> Option<&Instance> {
        let belongs = |instance: &&Instance| instance.has_resource(id);
        // Most are the primary interface of an instance, whose id says of which.
        let primary = self.instance(&id.replacen("eni-", "i-", 1), now).filter(belongs);
        // Whose it is costs less to tell than whether that one can be described.
        let owner = || self.instances.values().filter(belongs);
        primary.or_else(|| owner().find(|instance| instance.is_visible(now) && !instance.is_gone(now)))
    }

    /// Whether a volume of this id belongs to an instance that can be described.
    pub(crate) fn has_volume(&self, id: &str, now: Timestamp) -> bool {
        let instance = self.by_volume.get(id).and_then(|sequence| self.instances.get(sequence));
        instance.is_some_and(|instance| {
            instance.is_visible(now) && !instance.is_gone(now) && instance.volumes.iter().any(|volume| volume.id == id)
        })
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
        self.instances.len().saturating_sub(self.census.ended(now))
    }
}

/// A moment so many milliseconds later.
pub(crate) fn after(time: Timestamp, ms: u64) -> Timestamp {
    time.checked_add(Duration::from_millis(ms)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
