//! Ends the server when its audit log can take no more records, and the process when a commit hangs.
//!
//! A log that failed is put in order only by opening it again, so there is nothing left to serve
//! launches with. A commit that hangs is worse: a disk that answers nothing would keep every caller
//! waiting for ever, and nothing in the process can undo it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::audit::AuditLog;
use crate::clock::{Clock, SystemClock};

/// How often the log is looked at.
const LOOK_PERIOD: Duration = Duration::from_secs(5);

/// A commit that takes longer than this many looks hangs: half a minute. An fdatasync of a healthy disk
/// takes milliseconds, of a loaded network disk seconds.
const LOOKS_MAX: u32 = 6;

/// Watches the log until it is `closed`, which may hang too, and causes `shutdown` when it has failed.
pub(super) async fn watch(log: AuditLog, shutdown: CancellationToken, closed: CancellationToken) {
    // Real time, also where a test simulates it: a disk does not wait for the simulation.
    let clock = SystemClock::new();
    let mut hung = Hung::default();
    let mut failed = false;
    loop {
        tokio::select! {
            () = closed.cancelled() => return,
            () = log.failed(), if !failed => {
                tracing::error!("the audit log failed: ending the server");
                shutdown.cancel();
                failed = true;
            }
            () = clock.sleep(LOOK_PERIOD) => {}
        }
        if hung.look(log.commits()) {
            tracing::error!(seconds = LOOK_PERIOD.as_secs() * u64::from(LOOKS_MAX), "a commit hangs: aborting");
            std::process::abort();
        }
    }
}

/// Which commit was under way at the last looks.
#[derive(Debug, Default)]
struct Hung {
    commit: u64,
    looks: u32,
}

impl Hung {
    /// Whether one commit has been under way for too long, given how many have begun and ended.
    fn look(&mut self, (begun, ended): (u64, u64)) -> bool {
        if begun <= ended || begun != self.commit {
            *self = Self { commit: begun, looks: 0 };
        }
        self.looks += 1;
        begun > ended && LOOKS_MAX < self.looks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_commit_that_stays_under_way_hangs() {
        let mut hung = Hung::default();
        for commit in 1..20 {
            assert!(!hung.look((commit, commit - 1)), "each look sees another");
        }
        for _ in 0..20 {
            assert!(!hung.look((19, 19)), "idle");
        }
        for look in 1..=LOOKS_MAX + 1 {
            assert_eq!(hung.look((20, 19)), LOOKS_MAX < look, "look {look}");
        }
    }
}
