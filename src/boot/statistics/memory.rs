//! The measured boots that a server holds. Pure: `measured` reads them from the log.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::boots::{Boot, Kind};
use super::expectation::Expectation;
use super::levels::{Levels, insert};
use super::percentiles::Percentiles;
use super::question::Question;
use crate::ids::{InstanceId, LaunchId};

/// Boots that are held, the newest. With all that is made of them they take 29 MB: how much a process on Linux grew when as
/// many boots of 44 kinds were added.
pub const MEASURED_BOOTS_MAX: usize = 100_000;

/// How long they are held.
pub const MEASURED_DAYS_MAX: u64 = 90;

/// The same as a length of time.
pub(super) const MEASURED_TIME_MAX: Duration = Duration::from_hours(24 * MEASURED_DAYS_MAX);

/// How much older than that the oldest one may be before the old ones are let go, all at once.
const TRIM_AFTER: Duration = Duration::from_hours(24);

/// How long boots of an image took, from the request to READY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageBoots {
    /// How many.
    pub count: u64,
    /// Half of them within this time.
    pub p50: Duration,
    /// Nine of ten within this time.
    pub p90: Duration,
    /// When the first of them was asked for.
    pub since: Timestamp,
}

#[derive(Debug)]
struct OfImage {
    ready_millis: Vec<u32>,
    since: Timestamp,
    /// None once there are more boots than it says.
    summary: Option<ImageBoots>,
}

/// The boots, in the order in which they came out.
#[derive(Debug)]
pub(super) struct Memory {
    boots: Vec<Arc<Boot>>,
    levels: Levels,
    instances: HashSet<InstanceId>,
    kinds: HashSet<Arc<Kind>>,
    images: HashMap<String, OfImage>,
    oldest: Option<Timestamp>,
    /// All boots that were asked for at this time or later are here; none if all of the log's are.
    whole_since: Option<Timestamp>,
    percentiles: Percentiles,
    /// Boots that are held; fewer in tests.
    boots_max: usize,
}

impl Memory {
    pub(super) fn new(boots_max: usize) -> Self {
        Self {
            boots: Vec::new(),
            levels: Levels::default(),
            instances: HashSet::new(),
            kinds: HashSet::new(),
            images: HashMap::new(),
            oldest: None,
            whole_since: None,
            percentiles: Percentiles::new(),
            boots_max,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.boots.len()
    }

    /// Whether every boot that is asked about is here, as far as the log has been read.
    pub(super) fn covers(&self, question: &Question) -> bool {
        self.whole_since.is_none_or(|whole| question.start.is_some_and(|start| whole <= start))
    }

    /// Boots that were asked for before this time may be missing.
    pub(super) fn whole_from(&mut self, time: Timestamp) {
        self.whole_since = self.whole_since.max(Some(time));
    }

    /// Takes in the boot of an instance, once.
    pub(super) fn add(&mut self, mut boot: Boot) {
        if !self.instances.insert(boot.instance_id.clone()) {
            return;
        }
        match self.kinds.get(&*boot.kind) {
            Some(kind) => boot.kind = Arc::clone(kind),
            None => {
                self.kinds.insert(Arc::clone(&boot.kind));
            }
        }
        self.oldest = Some(self.oldest.map_or(boot.asked, |oldest| oldest.min(boot.asked)));
        self.count(&boot);
        let boot = Arc::new(boot);
        self.levels.add(&boot);
        insert(&mut self.boots, boot);
    }

    /// Lets go of what is too old or too much, and says whether anything was. `now` is the time.
    pub(super) fn trim(&mut self, now: Timestamp) -> bool {
        let before = self.boots.len();
        if let Some(oldest) = self.oldest
            && let Ok(limit) = now.checked_sub(MEASURED_TIME_MAX)
            && oldest.checked_add(TRIM_AFTER).is_ok_and(|latest| latest < limit)
        {
            self.whole_from(limit);
            self.keep(|boot| limit <= boot.asked);
        }
        if self.boots_max < self.boots.len() {
            // A tenth more than must go, so that it is not done for each that comes.
            let mut asked: Vec<Timestamp> = self.boots.iter().map(|boot| boot.asked).collect();
            let place = asked.len() - self.boots_max + self.boots_max / 10;
            let (_, limit, _) = asked.select_nth_unstable(place.min(self.boots.len() - 1));
            let limit = *limit;
            self.whole_from(limit);
            self.keep(|boot| limit <= boot.asked);
        }
        self.boots.len() < before
    }

    /// The launches that have boots which came out before this time.
    pub(super) fn launches_before(&self, time: Timestamp) -> HashSet<LaunchId> {
        let end = self.boots.partition_point(|boot| boot.settled < time);
        self.boots[..end].iter().map(|boot| boot.launch_id).collect()
    }

    /// Forgets launches whose records are gone.
    pub(super) fn forget(&mut self, launches: &HashSet<LaunchId>) {
        if !launches.is_empty() {
            self.keep(|boot| !launches.contains(&boot.launch_id));
        }
    }

    /// All boots, shared; none if some of those that are asked about may be missing. Quick: others wait meanwhile.
    pub(super) fn whole(&self, question: &Question) -> Option<Vec<Arc<Boot>>> {
        self.covers(question).then(|| self.boots.clone())
    }

    /// What boots that came out before a time say of a kind; none if they are too few.
    pub(super) fn expect(&self, kind: &Kind, before: Timestamp) -> Option<Expectation> {
        Expectation::measured(|level| self.levels.newest(level, kind, before))
    }

    /// What is measured of an image; none if there is nothing.
    pub(super) fn of_image(&mut self, image_id: &str) -> Option<ImageBoots> {
        let image = self.images.get_mut(image_id)?;
        let percentiles = &mut self.percentiles;
        Some(*image.summary.get_or_insert_with(|| {
            percentiles.clear();
            image.ready_millis.iter().for_each(|millis| percentiles.record(*millis));
            ImageBoots {
                count: percentiles.count(),
                p50: percentiles.within(0.5),
                p90: percentiles.within(0.9),
                since: image.since,
            }
        }))
    }

    fn count(&mut self, boot: &Boot) {
        let Some(millis) = boot.ready_millis() else { return };
        let new = || OfImage { ready_millis: Vec::new(), since: boot.asked, summary: None };
        let image = match self.images.get_mut(boot.kind.image_id.as_str()) {
            Some(image) => image,
            None => self.images.entry(boot.kind.image_id.to_string()).or_insert_with(new),
        };
        image.ready_millis.push(millis);
        image.since = image.since.min(boot.asked);
        image.summary = None;
    }

    /// Keeps some of the boots, and makes what follows from them anew.
    fn keep(&mut self, is_kept: impl Fn(&Boot) -> bool) {
        let instances = &mut self.instances;
        self.boots.retain(|boot| {
            let is_kept = is_kept(boot);
            if !is_kept {
                instances.remove(&boot.instance_id);
            }
            is_kept
        });
        self.oldest = self.boots.iter().map(|boot| boot.asked).min();
        self.images.clear();
        self.levels.clear();
        let boots = std::mem::take(&mut self.boots);
        for boot in &boots {
            self.count(boot);
            self.levels.add(boot);
        }
        self.boots = boots;
        self.kinds.retain(|kind| 1 < Arc::strong_count(kind));
    }
}
