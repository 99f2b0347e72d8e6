//! From the errors of each room to a [`Failure`].

use super::{Failure, Missing};
use crate::ami::catalog::{CatalogError, ResolveError};
use crate::api::convert::{ViolationReason, Violations};
use crate::audit::{AppendError, ProofError, RECORD_BYTES_MAX, ReadError};
use crate::boot::WatchError;
use crate::boot::statistics::{BOOTS_READ_MAX, GROUPS_MAX, READ_TIME_MAX, StatisticsError, TooManyGroups};
use crate::ec2::Ec2Error;
use crate::launch::{CancelError, LaunchError, SwitchError, TerminateError};

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::UnknownRegion(region) => Self::NotFound(Missing::Region(region)),
            CatalogError::Ec2(error) => Self::Ec2(error),
        }
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Catalog(CatalogError::Ec2(Ec2Error::TooMany { limit })) => {
                Self::TooManyResults { limit, narrow_by: "selector" }
            }
            ResolveError::Catalog(error) => error.into(),
            ResolveError::Nothing(nothing) => Self::SelectorMatchesNothing(nothing),
        }
    }
}

impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full => Self::Overloaded,
            AppendError::Unavailable => Self::AuditUnavailable,
            AppendError::NoSpace => Self::AuditNoSpace,
            // These are made by us and never by a caller, whose input has bounds of its own.
            AppendError::TooLarge { .. }
            | AppendError::TooMany { .. }
            | AppendError::Conflict(_)
            | AppendError::MisdatedLaunch
            | AppendError::PruningStale
            | AppendError::KeyMismatch => Self::internal(&error),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Damaged { index } => Self::LogCorrupt { index },
            ReadError::Closed => Self::ShuttingDown,
            ReadError::Pruned { .. } => Self::CursorExpired { oldest: None },
            ReadError::Store(_) | ReadError::Io(_) => Self::internal(&error),
        }
    }
}

impl From<ProofError> for Failure {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::OutOfRange { wanted, size } => Self::TreeSizeOutOfRange { wanted, size },
            ProofError::Hashes(_) => Self::internal(&error),
        }
    }
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        match error {
            LaunchError::Refused { launch_id, findings } => Self::Refused { launch_id, findings },
            LaunchError::PolicyDenied { launch_id, findings, policy_ids } => {
                Self::PolicyDenied { launch_id, findings, policy_ids }
            }
            LaunchError::Paused { launch_id, findings } => Self::LaunchesPaused { launch_id, findings },
            LaunchError::QuotaExceeded { launch_id, findings, excesses, retry_delay } => {
                Self::QuotaExceeded { launch_id, findings, excesses, retry_delay }
            }
            LaunchError::RequestIdReused { request_id, launch_id } => Self::RequestIdReused { request_id, launch_id },
            LaunchError::RedactionKeyLost { request_id, launch_id } => Self::RedactionKeyLost { request_id, launch_id },
            LaunchError::AlreadyDecided { request_id, launch_id, pruned } => {
                Self::AlreadyDecided { request_id, launch_id, pruned }
            }
            LaunchError::UnknownRegion(region) => Self::NotFound(Missing::Region(region)),
            LaunchError::Facts(error) => Self::Ec2(error),
            LaunchError::TooLarge { bytes } => {
                let mut violations = Violations::new();
                violations.add(
                    "spec",
                    ViolationReason::LimitExceeded,
                    format!(
                        "the record of the decision would be {bytes} bytes long, and {RECORD_BYTES_MAX} are kept: name \
                         fewer instance types, tags or block devices"
                    ),
                );
                Self::Invalid(violations)
            }
            LaunchError::Behind(behind) => Self::AuditBehind(behind),
            LaunchError::Append(error) => error.into(),
            LaunchError::Read(error) => error.into(),
            // The disk takes nothing, which is the log's trouble too, and nothing was done.
            LaunchError::Withheld(_) => {
                tracing::error!(error = crate::telemetry::chain(&error), "what the log must not have was not stored");
                Self::AuditUnavailable
            }
            LaunchError::Lost(_) => Self::internal(&error),
        }
    }
}

impl From<TerminateError> for Failure {
    fn from(error: TerminateError) -> Self {
        match error {
            TerminateError::NotFound(launch_id) => Self::NotFound(Missing::Launch(launch_id)),
            TerminateError::Pruned { launch_id, pruned } => Self::LaunchPruned { launch_id, pruned },
            TerminateError::NoInstances { launch_id, state } => Self::NoInstances { launch_id, state },
            TerminateError::OfOtherLaunch { instance_id, launch_id } => {
                Self::InstanceOfOtherLaunch { instance_id, launch_id }
            }
            TerminateError::NotLaunched(instance_ids) => Self::InstanceNotLaunched(instance_ids),
            TerminateError::NotShown(instance_ids) => Self::NotFound(Missing::Instances(instance_ids)),
            TerminateError::NotServed { region, account_served: true, .. } => Self::NotFound(Missing::Region(region)),
            TerminateError::NotServed { account_id, .. } => Self::NotFound(Missing::Account(account_id)),
            TerminateError::Ec2(error) => Self::Ec2(error),
            TerminateError::RequestIdReused { request_id, launch_id } => {
                Self::RequestIdReused { request_id, launch_id }
            }
            TerminateError::Append(error) => error.into(),
            TerminateError::Read(error) => error.into(),
        }
    }
}

impl From<SwitchError> for Failure {
    fn from(error: SwitchError) -> Self {
        match error {
            SwitchError::Append(error) => error.into(),
            SwitchError::Read(error) => error.into(),
        }
    }
}

impl From<CancelError> for Failure {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::TooLate { launch_id, state } => Self::NotCancellable { launch_id, state },
            CancelError::Request(error) => error.into(),
        }
    }
}

impl From<WatchError> for Failure {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::NoSuchLaunch(launch_id) => Self::NotFound(Missing::Launch(launch_id)),
            WatchError::Pruned { launch_id, pruned } => Self::LaunchPruned { launch_id, pruned },
            WatchError::NoSuchInstances(instance_ids) => Self::NotFound(Missing::Instances(instance_ids)),
            WatchError::AheadOfLaunch { after, last } => Self::CursorAhead { after, last },
            WatchError::AheadOfLog { after, last } => Self::CursorAhead { after, last },
            WatchError::Expired { oldest } => Self::CursorExpired { oldest: Some(oldest.to_string()) },
            WatchError::Ec2(error) => Self::Ec2(error),
            WatchError::Read(error) => error.into(),
        }
    }
}

impl From<StatisticsError> for Failure {
    fn from(error: StatisticsError) -> Self {
        match error {
            StatisticsError::TooManyGroups(TooManyGroups) => {
                Self::TooManyResults { limit: GROUPS_MAX, narrow_by: "group_by" }
            }
            StatisticsError::TooManyBoots => {
                Self::TooManyBoots { boots: BOOTS_READ_MAX, seconds: READ_TIME_MAX.as_secs() }
            }
            StatisticsError::Busy => Self::Overloaded,
            StatisticsError::Stopped => Self::ShuttingDown,
            StatisticsError::Read(error) => error.into(),
        }
    }
}
