//! Named crash points, so that a test can end the process at any step of a launch.
//!
//! `GANTRY_CRASH_AT=name` (or `name:3` for the third time the point is reached) makes a debug
//! build abort there, without unwinding and without flushing anything: what a power cut does to
//! the process. A release build has no crash points: [`point`] is empty there. [`POINTS`] and
//! [`FURTHER_POINTS`] are those of launches, and tests walk them.

/// Every crash point, in the order in which an ordinary launch reaches them.
pub const POINTS: &[&str] = &[
    "launch.before_user_data",
    "launch.before_decision",
    "journal.before_append.decision",
    "journal.before_sync.decision",
    "journal.after_sync.decision",
    "store.after_apply.decision",
    "launch.after_decision",
    "journal.before_append.attempt_intended",
    "journal.before_sync.attempt_intended",
    "journal.after_sync.attempt_intended",
    "store.after_apply.attempt_intended",
    "launch.before_run_instances",
    "launch.after_run_instances",
    "journal.before_append.attempt_succeeded",
    "journal.before_sync.attempt_succeeded",
    "journal.after_sync.attempt_succeeded",
    "store.after_apply.attempt_succeeded",
    "launch.before_user_data_removal",
    "launch.after_outcome",
    "journal.before_append.instance_phase",
    "journal.before_sync.instance_phase",
    "journal.after_sync.instance_phase",
    "store.after_apply.instance_phase",
    "journal.before_append.termination",
    "journal.before_sync.termination",
    "journal.after_sync.termination",
    "store.after_apply.termination",
    "launch.before_terminate_instances",
    "launch.after_terminate_instances",
];

/// Further crash points of launches: those that only a fault of EC2's, a preview, a cancellation or other
/// launches lead to, and those within or beside a step that [`POINTS`] has. The campaign (`tests/campaign`)
/// walks both lists, each point with each of EC2's faults.
pub const FURTHER_POINTS: &[&str] = &[
    "launch.before_dry_run",
    "launch.after_dry_run",
    "launch.before_gather",
    "journal.half_written.decision",
    "journal.half_written.attempt_intended",
    "journal.half_written.attempt_succeeded",
    "journal.half_written.instance_phase",
    "journal.half_written.termination",
    "launch.before_repeat",
    "launch.after_repeat",
    "launch.before_look",
    "launch.after_look",
    "journal.before_append.attempt_unknown",
    "journal.half_written.attempt_unknown",
    "journal.before_sync.attempt_unknown",
    "journal.after_sync.attempt_unknown",
    "store.after_apply.attempt_unknown",
    "journal.before_append.attempt_failed",
    "journal.half_written.attempt_failed",
    "journal.before_sync.attempt_failed",
    "journal.after_sync.attempt_failed",
    "store.after_apply.attempt_failed",
    "journal.before_append.shared_intentions",
    "journal.half_written.shared_intentions",
    "journal.before_sync.shared_intentions",
    "journal.after_sync.shared_intentions",
    "store.after_apply.shared_intentions",
    "journal.before_append.shared_outcome",
    "journal.half_written.shared_outcome",
    "journal.before_sync.shared_outcome",
    "journal.after_sync.shared_outcome",
    "store.after_apply.shared_outcome",
    "journal.before_append.cancellation",
    "journal.half_written.cancellation",
    "journal.before_sync.cancellation",
    "journal.after_sync.cancellation",
    "store.after_apply.cancellation",
    "journal.before_append.launch_ended",
    "journal.half_written.launch_ended",
    "journal.before_sync.launch_ended",
    "journal.after_sync.launch_ended",
    "store.after_apply.launch_ended",
    "launch.after_user_data_removal",
    "launch.before_create_tags",
    "launch.after_create_tags",
    "launch.before_terminate_late",
    "launch.after_terminate_late",
];

/// Crash points of commands on a directory that no server has open; each is reached several times, and
/// a test goes through all of them.
pub const OFFLINE_POINTS: &[&str] = &["backup.step", "restore.step", "accept.step"];

/// Aborts the process if this point is armed. Does nothing in a release build.
pub fn point(name: &str) {
    #[cfg(debug_assertions)]
    armed::check(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

/// A crash point whose name ends in the kind of what is being written.
pub fn point_for(prefix: &str, kind: &str) {
    #[cfg(debug_assertions)]
    armed::check(&format!("{prefix}.{kind}"));
    #[cfg(not(debug_assertions))]
    let _ = (prefix, kind);
}

/// Whether such a point is armed, so that what only it needs is done for it. Never in a release build.
pub fn is_armed_for(prefix: &str, kind: &str) -> bool {
    #[cfg(debug_assertions)]
    return armed::is_armed(&format!("{prefix}.{kind}"));
    #[cfg(not(debug_assertions))]
    {
        let _ = (prefix, kind);
        false
    }
}

#[cfg(debug_assertions)]
mod armed {
    //! Reading the environment once, and counting.

    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Armed {
        name: String,
        remaining: AtomicU64,
    }

    fn armed() -> Option<&'static Armed> {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        ARMED
            .get_or_init(|| {
                let text = std::env::var("GANTRY_CRASH_AT").ok()?;
                let (name, count) = match text.rsplit_once(':') {
                    Some((name, count)) => (name.to_owned(), count.parse().unwrap_or(1)),
                    None => (text, 1),
                };
                Some(Armed { name, remaining: AtomicU64::new(count) })
            })
            .as_ref()
    }

    pub(super) fn is_armed(name: &str) -> bool {
        armed().is_some_and(|armed| armed.name == name)
    }

    pub(super) fn check(name: &str) {
        if let Some(armed) = armed()
            && armed.name == name
            && armed.remaining.fetch_sub(1, Ordering::Relaxed) == 1
        {
            eprintln!("crash point {name} reached: aborting");
            std::process::abort();
        }
    }
}
