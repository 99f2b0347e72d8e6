//! The states of instances and of their checks, in EC2's words and numbers.

use crate::clock::Timestamp;

/// `InstanceStateName`, with its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstanceState {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl InstanceState {
    /// EC2's word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// EC2's number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }
}

/// One status check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckStatus {
    Initializing,
    Ok,
    /// Failed since then.
    Impaired(Timestamp),
    NotApplicable,
}

impl CheckStatus {
    /// `SummaryStatus`.
    pub(crate) fn summary(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Ok => "ok",
            Self::Impaired(_) => "impaired",
            Self::NotApplicable => "not-applicable",
        }
    }

    /// `StatusType` of the reachability detail; checks that do not apply have no detail.
    pub(crate) fn reachability(self) -> Option<&'static str> {
        match self {
            Self::Initializing => Some("initializing"),
            Self::Ok => Some("passed"),
            Self::Impaired(_) => Some("failed"),
            Self::NotApplicable => None,
        }
    }
}
