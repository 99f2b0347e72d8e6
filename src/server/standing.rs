//! The log's checkpoint elsewhere: compared at the start, and kept while the server runs.
//!
//! A data directory that was put back cannot say so itself. The file can, if it is on another disk. It
//! is not worth a launch: an error in writing it is logged and counted, and the next commit tries again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::ServeError;
use crate::audit::{AuditLog, BehindCause, Kept, Topic};
use crate::clock::{Clock, SystemClock, within};

/// The least time between two writes.
const PERIOD: Duration = Duration::from_secs(1);

/// How long a stopping server waits for the last write: the file may be on a network.
const LAST_WRITE_LIMIT: Duration = Duration::from_secs(5);

/// Holds the log against the checkpoint in the file at `path`, and says loudly if it is behind.
///
/// # Errors
/// [`ServeError::Kept`] if the file cannot be read, or is of another log: then it says nothing, and somebody
/// believes that it does.
pub(super) async fn compare(log: &AuditLog, path: Option<&Path>, clock: &Arc<dyn Clock>) -> Result<(), ServeError> {
    if let Some(path) = path {
        let (log, path, now) = (log.clone(), path.to_owned(), clock.now());
        let compared = tokio::task::spawn_blocking(move || {
            let kept = log.compare_with_kept(&path)?;
            match kept {
                Kept::Before => {}
                Kept::Ahead(size) | Kept::Other(size) => {
                    log.note_behind(BehindCause::Checkpoint, size, &path.display().to_string(), now);
                }
            }
            Ok::<_, ServeError>(())
        });
        compared.await.map_err(|_| ServeError::Panicked)??;
    }
    if let Some(behind) = log.behind() {
        tracing::error!(%behind, "the audit log is behind: nothing is launched until `gantry audit accept`");
    }
    Ok(())
}

/// Begins to keep the latest checkpoint in the file at `path`, until `shutdown`.
pub(super) fn begin(log: &AuditLog, path: Option<PathBuf>, shutdown: &CancellationToken) -> Option<JoinHandle<()>> {
    let (log, shutdown) = (log.clone(), shutdown.clone());
    path.map(|path| tokio::spawn(async move { keep(&log, &path, &shutdown).await }))
}

/// Keeps the last checkpoint of a server that has stopped.
pub(super) async fn keep_last(log: &AuditLog, path: Option<PathBuf>) {
    if let Some(path) = path
        && within(&SystemClock::new(), LAST_WRITE_LIMIT, write(log, &path)).await.is_none()
    {
        tracing::warn!(path = %path.display(), "the last checkpoint was not kept in time");
    }
}

async fn keep(log: &AuditLog, path: &Path, shutdown: &CancellationToken) {
    // Real time, also where a test simulates it: a disk does not wait for the simulation.
    let clock = SystemClock::new();
    let mut told = log.subscribe(Topic::Log);
    loop {
        told.borrow_and_update();
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = write(log, path) => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = clock.sleep(PERIOD) => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            // The log is closed when this fails, and then the server ends.
            changed = told.changed() => if changed.is_err() { return },
        }
    }
}

async fn write(log: &AuditLog, path: &Path) {
    // What the file says then is what shows that the log is behind.
    if log.behind().is_some() {
        return;
    }
    let (written, to) = (log.clone(), path.to_owned());
    let keep = move || written.keep_checkpoint(&to).inspect(|_| written.checkpoint_was_kept());
    let error = match tokio::task::spawn_blocking(keep).await {
        Ok(Ok(_)) => return,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    metrics::counter!("gantry_checkpoint_copy_failures_total").increment(1);
    tracing::warn!(path = %path.display(), error, "checkpoint not kept elsewhere");
}
