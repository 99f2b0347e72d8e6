//! Removes what retention does not keep: at the start, and every hour.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::audit::{AuditLog, Retention};
use crate::clock::Clock;
use crate::config::RetentionConfig;
use crate::telemetry;

/// Between two looks. Records are kept for days, so an hour more makes no difference.
const PERIOD: Duration = Duration::from_hours(1);

/// Begins to prune, until `shutdown`, if it is configured.
pub(super) fn begin(
    log: &AuditLog,
    settings: &RetentionConfig,
    clock: &Arc<dyn Clock>,
    shutdown: &CancellationToken,
) -> Option<JoinHandle<()>> {
    let keep = settings.keep()?;
    let (log, clock, shutdown) = (log.clone(), Arc::clone(clock), shutdown.clone());
    Some(tokio::spawn(async move {
        loop {
            // What is under way goes on by itself; the next start finishes what the end of this process cuts.
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = prune(&log, Retention { now: clock.now(), keep }) => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = clock.sleep(PERIOD) => {}
            }
        }
    }))
}

/// Prunes once. What fails is tried again an hour later.
async fn prune(log: &AuditLog, retention: Retention) {
    match log.prune(retention).await {
        Ok(report) if report.prunings == 0 => {}
        Ok(report) => {
            metrics::counter!("gantry_retention_records_total").increment(report.removed);
            metrics::counter!("gantry_retention_launches_total").increment(report.launches);
            tracing::info!(records = report.removed, launches = report.launches, "records removed by retention");
        }
        Err(error) => {
            metrics::counter!("gantry_retention_failures_total").increment(1);
            tracing::error!(error = telemetry::chain(&error), "retention has not removed all that it should");
        }
    }
}
