//! Removes the tails of consoles that are not kept any longer: at the start, and every hour.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::boot::{TAILS_BYTES_MAX, TailLimits, Tails};
use crate::clock::Clock;
use crate::config::Config;
use crate::telemetry;

/// Between two looks. A tail that is too old is not shown in between.
const PERIOD: Duration = Duration::from_hours(1);

/// Opens them below the data directory.
pub(super) fn open(config: &Config, clock: &Arc<dyn Clock>) -> std::io::Result<Tails> {
    let free = config.audit.free_space_reserve();
    let limits = TailLimits { age: config.console_retention, bytes: TAILS_BYTES_MAX, free };
    Tails::open(&config.data_dir.join("console"), Arc::clone(clock), limits)
}

/// Begins to remove what has expired, until `shutdown`.
pub(super) fn begin(tails: &Tails, clock: &Arc<dyn Clock>, shutdown: &CancellationToken) -> JoinHandle<()> {
    let (tails, clock, shutdown) = (tails.clone(), Arc::clone(clock), shutdown.clone());
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = clock.sleep(PERIOD) => {}
            }
            match tails.expire().await {
                Ok(expired) if expired.tails == 0 => {}
                Ok(expired) => tracing::info!(tails = expired.tails, bytes = expired.bytes, "console tails removed"),
                Err(error) => {
                    tracing::warn!(error = telemetry::chain(&error), "console tails that should be removed are not");
                }
            }
        }
    })
}
