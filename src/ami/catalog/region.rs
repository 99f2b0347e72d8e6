//! One Region: its snapshots, and the task that keeps them fresh.
//!
//! A full crawl every [`Keeping::crawl_period`] finds everything, also what has gone. Meanwhile
//! a refresh every [`Keeping::refresh_period`] looks at the newest creation dates and at the
//! images somebody asked for: EC2 has no feed of changes, and this is what can be had for a handful
//! of calls. A crawl that fails leaves the snapshot as it is and says so.

mod refresh;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Catalog;
use super::crawl::{Crawler, on_a_busy_thread};
use super::interest::Interest;
use super::lookups::Lookups;
use super::next_call::NextCalls;
use super::permissions::Permissions;
use super::saved::{self, About};
use super::scope::OwnerScope;
use super::shelf::Shelf;
use super::standing::{CrawlFailure, Standing};
use crate::ami::classify::Viewer;
use crate::ami::fleet::Fleet;
use crate::ami::snapshot::Snapshot;
use crate::clock::{Clock, within};
use crate::ec2::Client;
use crate::ec2::budget::Priority;
use crate::ids::ImageId;
use crate::telemetry::{event, field, metric};

/// The wait after the first full crawl that failed; it doubles up to the crawl period.
const FAILED_PAUSE: Duration = Duration::from_secs(60);

/// How long a finished crawl waits for what images are judged by beside their own facts.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// How the snapshots are kept.
#[derive(Debug, Clone)]
pub struct Keeping {
    /// The directory of the snapshots on disk; none keeps them in memory only.
    pub dir: Option<PathBuf>,
    /// Between the beginnings of two full crawls.
    pub crawl_period: Duration,
    /// Between two refreshes.
    pub refresh_period: Duration,
}

#[derive(Debug)]
pub(super) struct RegionCatalogue {
    /// For what nobody waits for.
    pub(super) client: Client,
    pub(super) scope: OwnerScope,
    pub(super) permissions: Permissions,
    pub(super) lookups: Lookups,
    /// For launches.
    pub(super) next_calls: NextCalls,
    clock: Arc<dyn Clock>,
    shelf: Mutex<Shelf>,
    interest: Mutex<Interest>,
    viewer: Mutex<Viewer>,
    standing: watch::Sender<Standing>,
    /// Whether the last crawl was doubted for having lost too many images.
    doubted: AtomicBool,
}

impl RegionCatalogue {
    pub(super) fn new(client: &Client, scope: OwnerScope, clock: Arc<dyn Clock>) -> Self {
        let viewer = Viewer::of(client.account_id().clone());
        let standing = Standing::new(client.region().clone());
        Self {
            scope,
            permissions: Permissions::default(),
            lookups: Lookups::default(),
            next_calls: NextCalls::default(),
            clock,
            shelf: Mutex::default(),
            interest: Mutex::default(),
            viewer: Mutex::new(viewer),
            standing: watch::Sender::new(standing),
            doubted: AtomicBool::new(false),
            client: client.at(Priority::Crawl),
        }
    }

    pub(super) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        locked(&self.shelf)
    }

    pub(super) fn viewer(&self) -> Viewer {
        locked(&self.viewer).clone()
    }

    pub(super) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Somebody asked for this image.
    pub(super) fn asked_for(&self, id: &ImageId) {
        locked(&self.interest).add(id, self.clock.uptime());
    }

    /// When a refresh last saw each of these images as it is in the newest snapshot.
    pub(super) fn seen(&self, ids: &[ImageId]) -> Vec<Option<Timestamp>> {
        let interest = locked(&self.interest);
        ids.iter().map(|id| interest.last_seen(id)).collect()
    }

    /// Keeps the snapshots until `shutdown`.
    pub(super) async fn keep(self: Arc<Self>, catalog: Catalog, keeping: Keeping, shutdown: CancellationToken) {
        let work = async {
            let mut failures = 0;
            loop {
                let begun = self.clock.uptime();
                let (crawled, settings_changed) = Box::pin(self.crawl_and_refresh(&catalog, &keeping)).await;
                failures = if crawled { 0 } else { failures + 1 };
                let next = if settings_changed {
                    begun
                } else if failures == 0 {
                    begun + keeping.crawl_period
                } else {
                    // From its end, because one that fails slowly would follow upon itself.
                    self.clock.uptime()
                        + FAILED_PAUSE.saturating_mul(1 << (failures - 1).min(16)).min(keeping.crawl_period)
                };
                self.refresh_until(&catalog, next, keeping.refresh_period).await;
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = work => {}
        }
    }

    /// A full crawl, which may take half an hour where EC2 is slow, and refreshes of the snapshot
    /// before it meanwhile. Whether the crawl succeeded, and whether the account's Allowed AMIs have
    /// changed while it ran.
    async fn crawl_and_refresh(&self, catalog: &Catalog, keeping: &Keeping) -> (bool, bool) {
        let mut settings_changed = false;
        let crawl = self.crawl(catalog, keeping);
        tokio::pin!(crawl);
        loop {
            tokio::select! {
                biased;
                crawled = &mut crawl => return (crawled, settings_changed),
                changed = self.refresh_after(catalog, keeping.refresh_period) => settings_changed |= changed,
            }
        }
    }

    /// Refreshes, time and again, until the clock's uptime is `end`, or the account's Allowed AMIs
    /// have changed, which can change any image.
    async fn refresh_until(&self, catalog: &Catalog, end: Duration, period: Duration) {
        loop {
            let left = end.saturating_sub(self.clock.uptime());
            if left <= period {
                return self.clock.sleep(left).await;
            }
            let settings_changed = self.refresh_after(catalog, period).await;
            if settings_changed {
                // Which images are allowed, and with enforced criteria which are to be seen at all.
                return;
            }
        }
    }

    /// Refreshes after a while, if there is a snapshot; true if the account's Allowed AMIs have
    /// changed, and then there is no sense in it.
    async fn refresh_after(&self, catalog: &Catalog, pause: Duration) -> bool {
        self.clock.sleep(pause).await;
        if self.viewer().fleet.is_none() {
            let _ = within(&*self.clock, LOOK_LIMIT, self.look_around(catalog)).await;
        }
        if self.look_at_settings().await {
            return true;
        }
        if let Err(error) = self.refresh().await {
            metrics::counter!(metric::CATALOGUE_REFRESH_FAILURES, self.client.labels()).increment(1);
            tracing::warn!({ field::REGION } = %self.client.region(), error = crate::telemetry::chain(&error), "{}", event::CATALOGUE_REFRESH_FAILED);
        }
        false
    }

    /// Takes up the snapshot that the last process left.
    pub(super) async fn load(&self, keeping: &Keeping) {
        let Some(path) = keeping.dir.as_ref().map(|dir| saved::path(dir, self.client.region())) else { return };
        let (about, viewer, now) = (self.about(), self.viewer(), self.clock.now());
        let read = on_a_busy_thread(move || saved::load(&path, &about, viewer, now)).await;
        match read {
            Ok(Some(snapshot)) => self.put(Arc::new(snapshot)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!({ field::REGION } = %self.client.region(), error = crate::telemetry::chain(&error), "{}", event::CATALOGUE_NOT_LOADED);
            }
        }
    }

    /// One full crawl; false if it came to nothing.
    async fn crawl(&self, catalog: &Catalog, keeping: &Keeping) -> bool {
        let begun = self.clock.uptime();
        self.shelf().make_room();
        let previous = self.shelf().newest().map(|held| held.snapshot);
        let crawler = Crawler { client: &self.client, clock: &self.clock };
        let crawl = crawler.crawl(self.scope.for_ec2(), self.viewer(), previous);
        let look = within(&*self.clock, LOOK_LIMIT, self.look_around(catalog));
        let (crawled, _) = tokio::join!(crawl, look);
        match crawled.and_then(|snapshot| self.believed(snapshot)) {
            Ok(snapshot) => {
                let snapshot = Arc::new(self.with_refreshed(snapshot));
                self.put(Arc::clone(&snapshot));
                let crawl_time = self.clock.uptime().saturating_sub(begun);
                self.standing.send_modify(|standing| {
                    standing.failure = None;
                    standing.crawl_time = Some(crawl_time);
                });
                self.count_crawl(crawl_time);
                self.save(keeping, snapshot).await;
                true
            }
            Err(failure) => {
                self.failed(failure);
                false
            }
        }
    }

    /// The snapshot with what refreshes saw while its crawl ran: an image can have changed after its
    /// page was read.
    fn with_refreshed(&self, snapshot: Snapshot) -> Snapshot {
        let Some(before) = self.shelf().newest() else { return snapshot };
        let crawled = snapshot.observed_time();
        let seen = before.snapshot.seen_after(crawled);
        let gone = locked(&self.interest).replaced(crawled);
        if seen.is_empty() && gone.is_empty() { snapshot } else { snapshot.with_recent(&seen, &gone) }
    }

    /// The snapshot, unless it has lost more than half of the images since the one before: then
    /// something is wrong, or a second crawl will say the same.
    fn believed(&self, snapshot: Snapshot) -> Result<Snapshot, CrawlFailure> {
        let before = self.shelf().newest().map_or(0, |held| held.snapshot.len());
        let (now, time) = (snapshot.len(), snapshot.observed_time());
        let doubted = self.doubted.swap(now < before / 2, Ordering::Relaxed);
        if now < before / 2 && !doubted {
            let reason = format!("only {now} of {before} images are left; another crawl has to agree");
            return Err(CrawlFailure { time, reason, pages: 0 });
        }
        Ok(snapshot)
    }

    /// Learns what images are judged by beside their own facts: the Region's instance types, and the
    /// account's Allowed AMIs. What EC2 does not say now stays as it was said last, or is not judged.
    async fn look_around(&self, catalog: &Catalog) {
        let region = self.client.region();
        let (types, _) = tokio::join!(catalog.types(region), self.look_at_settings());
        let fleet = match types {
            Ok(types) => Some(Arc::new(on_a_busy_thread(move || Fleet::new(&types)).await)),
            Err(_) => None,
        };
        if let Some(fleet) = fleet {
            locked(&self.viewer).fleet = Some(fleet);
        }
    }

    /// Reads the account's Allowed AMIs; true if they are other than they were.
    async fn look_at_settings(&self) -> bool {
        let Ok(settings) = self.client.allowed_images().await else { return false };
        let mut viewer = locked(&self.viewer);
        let known = viewer.allowed_images.replace(Arc::new(settings));
        known.is_some_and(|known| viewer.allowed_images.as_ref() != Some(&known))
    }

    fn count_crawl(&self, crawl_time: Duration) {
        metrics::counter!(metric::CATALOGUE_CRAWLS, self.client.labels()).increment(1);
        metrics::gauge!(metric::CATALOGUE_CRAWL_SECONDS, self.client.labels()).set(crawl_time.as_secs_f64());
    }

    fn failed(&self, failure: CrawlFailure) {
        let region = self.client.region();
        tracing::warn!({ field::ACCOUNT_ID } = %self.client.account_id(), { field::REGION } = %region, reason = failure.reason, pages = failure.pages, "{}", event::CATALOGUE_CRAWL_FAILED);
        metrics::counter!(metric::CATALOGUE_CRAWL_FAILURES, self.client.labels()).increment(1);
        self.standing.send_modify(|standing| {
            standing.failure = Some(failure);
            standing.failures += 1;
        });
    }

    /// Makes `snapshot` the newest: whoever asks from now on is answered from it.
    fn put(&self, snapshot: Arc<Snapshot>) {
        let labels = self.client.labels();
        let (images, heap_bytes) = (snapshot.len(), snapshot.heap_bytes());
        let observed = snapshot.observed_time();
        self.shelf().put(snapshot, self.clock.uptime());
        self.standing.send_modify(|standing| {
            standing.observed_time = Some(observed);
            standing.images = images;
            standing.heap_bytes = heap_bytes;
        });
        metrics::gauge!(metric::CATALOGUE_IMAGES, labels.clone()).set(images as f64);
        metrics::gauge!(metric::CATALOGUE_HEAP_BYTES, labels.clone()).set(heap_bytes as f64);
        metrics::gauge!(metric::CATALOGUE_OBSERVED_SECONDS, labels).set(observed.as_second() as f64);
    }

    async fn save(&self, keeping: &Keeping, snapshot: Arc<Snapshot>) {
        let Some(dir) = keeping.dir.clone() else { return };
        let (path, about) = (saved::path(&dir, self.client.region()), self.about());
        let saved = on_a_busy_thread(move || {
            std::fs::create_dir_all(&dir)?;
            saved::save(&path, &about, &snapshot)
        })
        .await;
        if let Err(error) = saved {
            tracing::warn!({ field::REGION } = %self.client.region(), error = crate::telemetry::chain(&error), "{}", event::CATALOGUE_NOT_SAVED);
        }
    }

    fn about(&self) -> About {
        About {
            account_id: self.client.account_id().clone(),
            region: self.client.region().clone(),
            owners: self.scope.owners().to_vec(),
        }
    }
}

/// What is locked here is consistent after every statement, so a panic elsewhere does not spoil it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
