//! The sweep: every so often all instances of launches are looked at, and EC2 is asked for those that belong to none.
//!
//! A launch that is READY is not watched any more. That its instances have ended, by somebody else's hand, is found
//! here and recorded, so that quotas count what there is. Orphans are counted and said once each; nothing is ended.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::audit::{AuditLog, ReadError};
use crate::boot::Tracker;
use crate::clock::Clock;
use crate::ec2::budget::Priority;
use crate::ids::{AccountId, InstanceId, LaunchId, Region};
use crate::launch::{Launcher, Swept};
use crate::record::{Launch, LaunchState};
use crate::telemetry::{self, event, metric};

/// Before the first look, so that a start is over.
const FIRST_AFTER: Duration = Duration::from_secs(60);

/// How often the sweep has a launch's instances tagged.
const TAGGINGS_MAX: u32 = 3;

/// Launches whose instances are looked at together, some calls' worth.
const PART_LAUNCHES: usize = 200;

/// Between two such parts.
const PART_PAUSE: Duration = Duration::from_secs(2);

pub(super) struct Sweep {
    pub(super) log: AuditLog,
    pub(super) launcher: Launcher,
    pub(super) tracker: Tracker,
    /// The Regions of each account.
    pub(super) places: Vec<(AccountId, Region)>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) period: Duration,
}

/// What was seen to before.
#[derive(Default)]
struct Known {
    /// Orphans that were said.
    told: HashSet<InstanceId>,
    /// Launches whose instances were to be tagged anew, and how often.
    tagged: HashMap<LaunchId, u32>,
    /// Accounts and Regions of launches that nobody looks at, and that was said.
    unserved: HashSet<(AccountId, Region)>,
}

/// Sweeps until `shutdown`.
pub(super) fn begin(sweep: Sweep, shutdown: &CancellationToken) -> JoinHandle<()> {
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        let mut known = Known::default();
        let mut pause = FIRST_AFTER.min(sweep.period);
        loop {
            tokio::select! {
                () = sweep.clock.sleep(pause) => {}
                () = shutdown.cancelled() => return,
            }
            pause = sweep.period;
            tokio::select! {
                () = sweep.once(&mut known) => {}
                () = shutdown.cancelled() => return,
            }
        }
    })
}

impl Sweep {
    async fn once(&self, known: &mut Known) {
        if let Err(error) = self.launcher.catch_up().await {
            tracing::error!(error = telemetry::chain(&error), "quotas not brought up to date");
        }
        self.look_at_living(known).await;
        let mut told = HashSet::new();
        for place in &self.places {
            let (account_id, region) = place;
            match self.launcher.sweep(account_id, region, Priority::Crawl).await {
                Ok(swept) => self.take(place, swept, known, &mut told),
                Err(error) => {
                    tracing::warn!(%account_id, %region, error = telemetry::chain(&error), "orphans not looked for");
                }
            }
        }
        known.told = told;
    }

    /// A part at a time, so that what boots is seen in between.
    async fn look_at_living(&self, known: &mut Known) {
        let log = self.log.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let settled = |launch: Launch| {
                (launch.state != LaunchState::Launching)
                    .then_some(((launch.account_id, launch.region), launch.launch_id))
            };
            Ok::<Vec<_>, ReadError>(log.living_launches()?.into_iter().filter_map(settled).collect())
        });
        let living = match reading.await {
            Ok(Ok(living)) => living,
            Ok(Err(error)) => {
                tracing::error!(error = telemetry::chain(&error), "instances of launches not looked at");
                return;
            }
            // The panic has said so itself.
            Err(_) => return,
        };
        for part in living.chunks(PART_LAUNCHES) {
            for (place, launch_id) in part {
                if !self.places.contains(place) {
                    if known.unserved.insert(place.clone()) {
                        let (account_id, region) = place;
                        tracing::warn!(%account_id, %region, "launches have instances where this server does not look");
                    }
                    continue;
                }
                self.tracker.check(place, *launch_id);
            }
            self.clock.sleep(PART_PAUSE).await;
        }
    }

    fn take(
        &self,
        (account_id, region): &(AccountId, Region),
        swept: Swept,
        known: &mut Known,
        told: &mut HashSet<InstanceId>,
    ) {
        let Swept { orphans, untagged } = swept;
        let labels = [("account_id", account_id.to_string()), ("region", region.to_string())];
        metrics::gauge!(metric::ORPHAN_INSTANCES, &labels).set(orphans.len() as f64);
        for orphan in orphans {
            let instance_id = orphan.instance.instance_id.clone();
            if !known.told.contains(&instance_id) {
                tracing::warn!(%account_id, %region, %instance_id, why = orphan.message(), "{}", event::ORPHAN_FOUND);
            }
            told.insert(instance_id);
        }
        for launch_id in untagged {
            let tries = known.tagged.entry(launch_id).or_default();
            *tries += 1;
            // Where it may not be tagged it is not asked for again and again.
            if *tries <= TAGGINGS_MAX
                && let Err(error) = self.launcher.tag(launch_id)
            {
                tracing::error!(%launch_id, error = telemetry::chain(&error), "instances not tagged");
            }
        }
    }
}
