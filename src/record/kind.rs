//! The kinds of entries, by the names that leaves and searches use.

use serde::{Deserialize, Serialize};

/// The kinds of entries, for search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is explained at the event of the same name")]
pub enum EntryKind {
    Decision,
    AttemptIntended,
    AttemptSucceeded,
    AttemptFailed,
    AttemptUnknown,
    LaunchEnded,
    InstancePhase,
    Termination,
    ServiceStarted,
    RecordsPruned,
    PolicyLoaded,
    LaunchSwitch,
    Cancellation,
}

impl EntryKind {
    /// Its name in a leaf.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::AttemptIntended => "attempt_intended",
            Self::AttemptSucceeded => "attempt_succeeded",
            Self::AttemptFailed => "attempt_failed",
            Self::AttemptUnknown => "attempt_unknown",
            Self::LaunchEnded => "launch_ended",
            Self::InstancePhase => "instance_phase",
            Self::Termination => "termination",
            Self::ServiceStarted => "service_started",
            Self::RecordsPruned => "records_pruned",
            Self::PolicyLoaded => "policy_loaded",
            Self::LaunchSwitch => "launch_switch",
            Self::Cancellation => "cancellation",
        }
    }
}
