//! Keeps asking the configured witnesses to cosign the log's checkpoints.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::AddressError;
use super::witness::WitnessHttp;
use crate::audit::witness::{
    CheckpointNote, Cosigned, MalformedCheckpoint, NotCosigned, VkeyError, Witness, WitnessKey, WitnessedLog,
};
use crate::audit::{AuditLog, BehindCause, ProofError, Topic};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::config::WitnessConfig;

/// The least time between two questions to a witness that answers: a checkpoint is signed with every
/// commit, and public witnesses ask for a few seconds.
const PERIOD: Duration = Duration::from_secs(5);

/// The longest pause after failures, each of which doubles it.
const PAUSE_MAX: Duration = Duration::from_secs(5 * 60);

/// Why a configured witness cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum WitnessSettingError {
    /// Its address.
    #[error("{url}: {source}")]
    Address {
        /// The address.
        url: String,
        /// Why not.
        source: AddressError,
    },
    /// Its key.
    #[error("the key of {url}: {source}")]
    Key {
        /// The witness's address.
        url: String,
        /// Why not.
        source: VkeyError,
    },
}

/// A witness and the way to it.
pub(super) type Configured = (Witness, WitnessHttp, Arc<dyn Clock>);

/// The witnesses as they are configured; nothing is asked of them yet.
pub(super) fn configured(witnesses: &[WitnessConfig]) -> Result<Vec<Configured>, WitnessSettingError> {
    let mut configured = Vec::with_capacity(witnesses.len());
    for WitnessConfig { url, key } in witnesses {
        let key: WitnessKey = key.parse().map_err(|source| WitnessSettingError::Key { url: url.clone(), source })?;
        // Real time, also where a test simulates it: a witness is somebody else.
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let http = WitnessHttp::new(url, Arc::clone(&clock))
            .map_err(|source| WitnessSettingError::Address { url: url.clone(), source })?;
        configured.push((Witness::new(key), http, clock));
    }
    Ok(configured)
}

/// Begins to ask every witness, until `shutdown`.
pub(super) fn begin(log: &AuditLog, witnesses: Vec<Configured>, shutdown: &CancellationToken) -> Vec<JoinHandle<()>> {
    let spawn = |(witness, http, clock)| tokio::spawn(ask(log.clone(), witness, http, clock, shutdown.clone()));
    witnesses.into_iter().map(spawn).collect()
}

async fn ask(
    log: AuditLog,
    mut witness: Witness,
    http: WitnessHttp,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) {
    let name = witness.key().to_string();
    let mut told = log.subscribe(Topic::Log);
    let checkpoints = Checkpoints(log.clone());
    let mut pause = PERIOD;
    loop {
        told.borrow_and_update();
        let asked = tokio::select! {
            () = shutdown.cancelled() => return,
            asked = witness.cosign_once(&checkpoints, &http, &*clock) => asked,
        };
        let is_cosigned = match asked {
            Ok(Cosigned { checkpoint, cosignature }) => {
                log.add_cosignature(checkpoint, &cosignature);
                true
            }
            Err(error) => {
                note(&name, &error);
                stop_launches(&log, &name, &error, clock.now()).await;
                false
            }
        };
        pause = if is_cosigned { PERIOD } else { (pause * 2).min(PAUSE_MAX) };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = clock.sleep(pause) => {}
        }
        if is_cosigned {
            tokio::select! {
                () = shutdown.cancelled() => return,
                // The log is closed when this fails, and then the server ends.
                changed = told.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// Says why there is no cosignature, loudly if the log itself may be at fault.
fn note(witness: &str, error: &NotCosigned) {
    metrics::counter!("gantry_witness_failures_total", "outcome" => error.label()).increment(1);
    let remedy = error.remedy();
    if error.is_alarm() {
        tracing::error!(witness, %error, remedy, "a witness has seen another log than this one");
    } else {
        tracing::warn!(witness, %error, remedy, "checkpoint not cosigned");
    }
}

/// A log that was set back has forgotten what it launched, so it launches nothing more. One that has
/// outgrown what the witness knows of its past shows as another log.
async fn stop_launches(log: &AuditLog, witness: &str, error: &NotCosigned, now: Timestamp) {
    let (NotCosigned::Behind { witness: size, .. } | NotCosigned::Forked { size, .. }) = *error else { return };
    let (noting, told_by) = (log.clone(), witness.to_owned());
    let noted =
        tokio::task::spawn_blocking(move || noting.note_behind(BehindCause::Witness, size, &told_by, now)).await;
    if noted.unwrap_or(true)
        && let Some(behind) = log.behind()
    {
        tracing::error!(%behind, "the audit log is behind: nothing is launched until `gantry audit accept`");
    }
}

/// The log as a witness is shown it.
struct Checkpoints(AuditLog);

/// Why the log cannot be shown.
#[derive(Debug, thiserror::Error)]
enum ShowError {
    #[error(transparent)]
    Note(#[from] MalformedCheckpoint),
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error("a task panicked")]
    Panicked,
}

impl WitnessedLog for Checkpoints {
    type Error = ShowError;

    async fn latest_checkpoint(&self) -> Result<CheckpointNote, ShowError> {
        Ok(CheckpointNote::parse(&self.0.checkpoint().note)?)
    }

    async fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<[u8; 32]>, ShowError> {
        let log = self.0.clone();
        let proof = tokio::task::spawn_blocking(move || log.consistency_proof(old, new));
        Ok(proof.await.map_err(|_| ShowError::Panicked)??.hashes)
    }
}
