//! The sweep: every so often all instances of launches are looked at, and EC2 is asked for those that belong to none.
//!
//! A launch that is READY is not watched any more. That its instances have ended, by somebody else's hand, is found
//! here and recorded, so that quotas count what there is. Orphans are counted and said once each; nothing is ended.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::audit::AuditLog;
use crate::boot::Tracker;
use crate::clock::Clock;
use crate::ec2::budget::Priority;
use crate::ids::{AccountId, InstanceId, Region};
use crate::launch::Launcher;
use crate::record::LaunchState;
use crate::telemetry::{self, event, metric};

/// Before the first look, so that a start is over.
const FIRST_AFTER: Duration = Duration::from_secs(60);

pub(super) struct Sweep {
    pub(super) log: AuditLog,
    pub(super) launcher: Launcher,
    pub(super) tracker: Tracker,
    /// The Regions of each account.
    pub(super) places: Vec<(AccountId, Region)>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) period: Duration,
}

/// Sweeps until `shutdown`.
pub(super) fn begin(sweep: Sweep, shutdown: &CancellationToken) -> JoinHandle<()> {
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        let mut told = HashSet::new();
        let mut pause = FIRST_AFTER.min(sweep.period);
        loop {
            tokio::select! {
                () = sweep.clock.sleep(pause) => {}
                () = shutdown.cancelled() => return,
            }
            pause = sweep.period;
            tokio::select! {
                () = sweep.once(&mut told) => {}
                () = shutdown.cancelled() => return,
            }
        }
    })
}

impl Sweep {
    async fn once(&self, told: &mut HashSet<InstanceId>) {
        let log = self.log.clone();
        let reading = tokio::task::spawn_blocking(move || log.living_launches());
        match reading.await {
            Ok(Ok(living)) => {
                for launch in living.iter().filter(|launch| launch.state != LaunchState::Launching) {
                    self.tracker.check(&(launch.account_id.clone(), launch.region.clone()), launch.launch_id);
                }
            }
            Ok(Err(error)) => tracing::error!(error = telemetry::chain(&error), "instances of launches not looked at"),
            // The panic has said so itself.
            Err(_) => {}
        }
        let mut seen = HashSet::new();
        for (account_id, region) in &self.places {
            match self.launcher.orphans(account_id, region, Priority::Crawl).await {
                Ok(orphans) => {
                    let labels = [("account_id", account_id.to_string()), ("region", region.to_string())];
                    metrics::gauge!(metric::ORPHAN_INSTANCES, &labels).set(orphans.len() as f64);
                    for orphan in orphans {
                        let instance_id = orphan.instance.instance_id.clone();
                        if !told.contains(&instance_id) {
                            tracing::warn!(%region, %instance_id, why = orphan.message(), "{}", event::ORPHAN_FOUND);
                        }
                        seen.insert(instance_id);
                    }
                }
                Err(error) => tracing::warn!(%region, error = telemetry::chain(&error), "orphans not looked for"),
            }
        }
        *told = seen;
    }
}
