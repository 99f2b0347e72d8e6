//! What governs launches beside policy, as it was left: quotas and the kill switch.

use std::sync::Arc;

use super::ServeError;
use crate::audit::AuditLog;
use crate::clock::Clock;
use crate::config::{Config, QuotaConfig, QuotasConfig};
use crate::launch::{LaunchSettings, Limits, QuotaLimits, Quotas, Switch};
use crate::policy::InForce;
use crate::telemetry::{event, metric};

/// The settings of the launcher, with what the log says is taken of the quotas and where the switch was left.
///
/// # Errors
/// If the log cannot be read.
pub(super) async fn settings(
    config: &Config,
    log: &AuditLog,
    clock: &Arc<dyn Clock>,
    policy: InForce,
) -> Result<LaunchSettings, ServeError> {
    let (limits, log, now) = (limits(&config.quotas), log.clone(), clock.now());
    let reading = tokio::task::spawn_blocking(move || Ok((Quotas::open(limits, &log, now)?, Switch::as_left(&log)?)));
    let (quotas, switch) = reading.await.map_err(|_| ServeError::Panicked)?.map_err(ServeError::Governing)?;
    let paused = switch.state().paused;
    metrics::gauge!(metric::LAUNCHES_PAUSED).set(if paused { 1.0 } else { 0.0 });
    if paused {
        tracing::warn!("{}", event::LAUNCHES_PAUSED);
    }
    Ok(LaunchSettings { redact_tags: config.audit.redact_tags.clone(), policy, quotas, switch })
}

fn limits(config: &QuotasConfig) -> QuotaLimits {
    let of = |config: &QuotaConfig| {
        let QuotaConfig { launches_per_hour, instances_per_hour, running_instances } = *config;
        Limits { launches_per_hour, instances_per_hour, running_instances }
    };
    let named = config.principals.iter().map(|(principal, config)| (principal.clone(), of(config)));
    QuotaLimits { total: of(&config.total), each: of(&config.each), named: named.collect() }
}
