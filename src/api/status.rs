//! The one table from what went wrong to what a caller is told (AIP-193).
//!
//! Everywhere else errors are our own types. A [`Failure`] gathers them, and becomes a
//! `tonic::Status` here, with a code, a reason that programs compare, and details that say the rest.
//! No match here has a `_` arm: a new error does not compile until somebody has decided what a
//! caller should do about it.

mod denied;
mod details;
mod ec2;
mod limits;
mod missing;
mod pruned;
mod quota;
mod rooms;

#[cfg(test)]
mod tests;

use std::error::Error;
use std::time::Duration;

use tonic::Code;

use super::convert::Violations;
use crate::ami::resolve::Nothing;
use crate::audit::{Behind, PrunedLaunch};
use crate::ec2::errors::Ec2Error;
use crate::ids::{InstanceId, LaunchId, RequestId, random_bytes};
use crate::launch::Excess;
use crate::policy::Denial;
use crate::record::{Finding, LaunchState};

pub use missing::Missing;

use details::{Detail, Report};

/// How long to wait before asking again, where nothing says it better.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The request cannot be.
    #[error("{0}")]
    Invalid(#[from] Violations),
    /// The request id stands for another request.
    #[error("request_id {request_id} was used for another request, about launch {launch_id}")]
    RequestIdReused {
        /// The id.
        request_id: RequestId,
        /// What it stands for.
        launch_id: LaunchId,
    },
    /// The request id stands for a launch with redacted tags, and whether it is the same request cannot
    /// be told.
    #[error(
        "request_id {request_id} was used for launch {launch_id}, which has redacted tags, and the key under which \
         their values are compared is not there any more"
    )]
    RedactionKeyLost {
        /// The id.
        request_id: RequestId,
        /// What it stands for.
        launch_id: LaunchId,
    },
    /// The request was decided before, and retention has removed what was recorded of it.
    #[error("{}", pruned::already_decided(*launch_id, pruned))]
    AlreadyDecided {
        /// The request id.
        request_id: RequestId,
        /// The launch that was decided under it.
        launch_id: LaunchId,
        /// What stays of it.
        pruned: PrunedLaunch,
    },
    /// Retention has removed what was recorded of the launch.
    #[error(
        "the records of launch {launch_id} were removed by retention; it ended as {}, and its instances, if it has \
         any, can be seen and terminated in EC2 only",
        pruned::state_word(pruned.state)
    )]
    LaunchPruned {
        /// The launch.
        launch_id: LaunchId,
        /// What stays of it.
        pruned: PrunedLaunch,
    },
    /// The facts forbid the launch.
    #[error("the launch was refused: {}", first_sentence(findings))]
    Refused {
        /// The record of the refusal; none for a preview.
        launch_id: Option<LaunchId>,
        /// What was found.
        findings: Vec<Finding>,
    },
    /// Policy forbids the launch.
    #[error("policy forbids the launch: {}", first_sentence(findings))]
    PolicyDenied {
        /// The record of the refusal; none for a preview.
        launch_id: Option<LaunchId>,
        /// What was found.
        findings: Vec<Finding>,
        /// The policies that decided.
        policy_ids: Vec<String>,
    },
    /// New launches are stopped.
    #[error("{}", first_sentence(findings))]
    LaunchesPaused {
        /// The record of the refusal; none for a preview.
        launch_id: Option<LaunchId>,
        /// What was found.
        findings: Vec<Finding>,
    },
    /// The launch would go beyond quotas.
    #[error("the launch would go beyond a quota: {}", first_sentence(findings))]
    QuotaExceeded {
        /// The record of the refusal; none for a preview.
        launch_id: Option<LaunchId>,
        /// What was found.
        findings: Vec<Finding>,
        /// The quotas.
        excesses: Vec<Excess>,
        /// When there is room again, where that is known.
        retry_delay: Option<Duration>,
    },
    /// Policy forbids the call.
    #[error("policy denies {method}: {}", denied::first_reason(denials))]
    CallDenied {
        /// The method.
        method: String,
        /// Which policies, why, and what would satisfy them.
        denials: Vec<Denial>,
    },
    /// No image that can be launched meets the selector.
    #[error("{0}")]
    SelectorMatchesNothing(Nothing),
    /// Something that the request names is not there.
    #[error("{0} was not found")]
    NotFound(Missing),
    /// The launch has left LAUNCHING.
    #[error("launch {launch_id} can no longer be cancelled")]
    NotCancellable {
        /// The launch.
        launch_id: LaunchId,
        /// Where it stands.
        state: LaunchState,
    },
    /// There is nothing to terminate.
    #[error("launch {launch_id} has no instances to terminate")]
    NoInstances {
        /// The launch.
        launch_id: LaunchId,
        /// Where it stands.
        state: LaunchState,
    },
    /// An instance is to be terminated with a launch, and another one made it.
    #[error("instance {instance_id} was made by launch {launch_id}; terminate that one")]
    InstanceOfOtherLaunch {
        /// The instance.
        instance_id: InstanceId,
        /// The launch that made it.
        launch_id: LaunchId,
    },
    /// Instances are to be terminated that this Gantry did not launch.
    #[error(
        "not launched by this Gantry: {}; look at them, and say include_not_launched if they are to be terminated",
        missing::joined(.0)
    )]
    InstanceNotLaunched(Vec<InstanceId>),
    /// The caller wants to go on where nothing is kept any more.
    #[error("what the cursor points at is no longer kept; begin again")]
    CursorExpired {
        /// The oldest index that is kept, or the cursor from which on everything is, where there is one.
        oldest: Option<String>,
    },
    /// The caller wants to go on after something that has not happened.
    #[error("{after} is ahead of the last, which is {last}")]
    CursorAhead {
        /// What the caller said.
        after: u64,
        /// What there is.
        last: u64,
    },
    /// The page token is sound, and what it stands for is no longer kept.
    #[error("the page token has expired; begin again without it")]
    PageTokenExpired,
    /// The question has too many answers.
    #[error("more than {limit} results; narrow the question by {narrow_by}")]
    TooManyResults {
        /// The bound.
        limit: usize,
        /// The field that narrows the question.
        narrow_by: &'static str,
    },
    /// More boots are asked about than are read from the log for one question.
    #[error(
        "more than {boots} boots, or {seconds} seconds of reading the log; narrow the question by start_time and end_time"
    )]
    TooManyBoots {
        /// The bound.
        boots: usize,
        /// The other one.
        seconds: u64,
    },
    /// Too many streams are open.
    #[error("more than {limit} watchers")]
    TooManyWatchers {
        /// The bound.
        limit: usize,
    },
    /// More is asked than can be done.
    #[error("too much is waiting to be done")]
    Overloaded,
    /// EC2 did not do what it was asked.
    #[error("EC2: {0}")]
    Ec2(Ec2Error),
    /// Nothing can be made durable, so nothing is done.
    #[error("the audit log is unavailable, so nothing was launched; repeat under the same request_id")]
    AuditUnavailable,
    /// The disk is nearly full, so nothing is done.
    #[error("the audit log has too little free space, so nothing was launched; repeat under the same request_id")]
    AuditNoSpace,
    /// The log has lost records, which may say that this was done.
    #[error(
        "the audit log is behind: {0}. It may have forgotten request ids, so nothing was launched; `gantry audit accept` \
         lets it go on"
    )]
    AuditBehind(Behind),
    /// A proof is wanted for a log that is longer than it is.
    #[error("the log has {size} records, and {wanted} were asked for")]
    TreeSizeOutOfRange {
        /// What was asked for.
        wanted: u64,
        /// What there is.
        size: u64,
    },
    /// What is on disk is not what was written.
    #[error("the audit log is damaged at record {index}")]
    LogCorrupt {
        /// The record.
        index: u64,
    },
    /// The server is about to end.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// A defect. The caller gets no more than a number to quote.
    #[error("internal error {correlation_id}")]
    Internal {
        /// What the server's log has beside the whole story.
        correlation_id: String,
    },
}

impl Failure {
    /// A defect. The whole chain goes to the server's log, and the caller gets a number to quote.
    pub fn internal(error: &dyn Error) -> Self {
        let correlation_id = hex::encode(random_bytes::<8>());
        let mut chain = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            chain.push_str(": ");
            chain.push_str(&cause.to_string());
            source = cause.source();
        }
        tracing::error!(correlation_id, error = chain, "internal error");
        Self::Internal { correlation_id }
    }

    /// The failure as a message, for streams in which one entry fails and the others go on.
    pub fn to_message(&self) -> tonic_types::Status {
        self.report().to_message()
    }

    /// What a caller is told: the table.
    fn report(&self) -> Report {
        let message = self.to_string();
        match self {
            Self::Invalid(violations) => details::invalid(violations),
            Self::RequestIdReused { request_id, launch_id } => {
                Report::new(Code::InvalidArgument, "REQUEST_ID_REUSED", message)
                    .with("request_id", request_id)
                    .with("launch_id", launch_id)
            }
            Self::RedactionKeyLost { request_id, launch_id } => {
                Report::new(Code::FailedPrecondition, "REDACTION_KEY_LOST", message)
                    .with("request_id", request_id)
                    .with("launch_id", launch_id)
            }
            Self::AlreadyDecided { request_id, launch_id, pruned } => {
                pruned::report(Report::new(Code::AlreadyExists, "ALREADY_DECIDED", message), *launch_id, pruned)
                    .with("request_id", request_id)
            }
            Self::LaunchPruned { launch_id, pruned } => {
                pruned::report(Report::new(Code::NotFound, "LAUNCH_PRUNED", message), *launch_id, pruned)
            }
            Self::Refused { launch_id, findings } => Report::new(Code::FailedPrecondition, "LAUNCH_REFUSED", message)
                .with_some("launch_id", launch_id.as_ref())
                .detail(Detail::Findings(findings.clone())),
            Self::PolicyDenied { launch_id, findings, policy_ids } => {
                Report::new(Code::PermissionDenied, "POLICY_DENIED", message)
                    .with_some("launch_id", launch_id.as_ref())
                    .with("policy_ids", &policy_ids.join(","))
                    .detail(Detail::Findings(findings.clone()))
            }
            Self::LaunchesPaused { launch_id, findings } => {
                Report::new(Code::FailedPrecondition, "LAUNCHES_PAUSED", message)
                    .with_some("launch_id", launch_id.as_ref())
                    .detail(Detail::Findings(findings.clone()))
            }
            Self::QuotaExceeded { launch_id, findings, excesses, retry_delay } => {
                quota::report(message, *launch_id, findings, excesses, *retry_delay)
            }
            Self::CallDenied { method, denials } => denied::report(message, method, denials),
            Self::SelectorMatchesNothing(Nothing { matched, message: why }) => {
                Report::new(Code::FailedPrecondition, "SELECTOR_MATCHES_NOTHING", message)
                    .with("matched", matched)
                    .with("why", why)
            }
            Self::NotFound(missing) => missing.report(message),
            Self::NotCancellable { launch_id, state } => {
                Report::new(Code::FailedPrecondition, "LAUNCH_NOT_CANCELLABLE", message)
                    .with("launch_id", launch_id)
                    .with("state", &pruned::state_word(*state))
            }
            Self::NoInstances { launch_id, state } => {
                Report::new(Code::FailedPrecondition, "LAUNCH_HAS_NO_INSTANCES", message)
                    .with("launch_id", launch_id)
                    .with("state", &pruned::state_word(*state))
            }
            Self::InstanceOfOtherLaunch { instance_id, launch_id } => {
                Report::new(Code::FailedPrecondition, "INSTANCE_OF_OTHER_LAUNCH", message)
                    .with("instance_id", instance_id)
                    .with("launch_id", launch_id)
            }
            Self::InstanceNotLaunched(ids) => Report::new(Code::FailedPrecondition, "INSTANCE_NOT_LAUNCHED", message)
                .with("instance_ids", &missing::joined(ids)),
            Self::CursorExpired { oldest } => {
                Report::new(Code::OutOfRange, "CURSOR_EXPIRED", message).with_some("oldest", oldest.as_ref())
            }
            Self::CursorAhead { after, last } => {
                Report::new(Code::OutOfRange, "CURSOR_AHEAD", message).with("after", after).with("last", last)
            }
            Self::PageTokenExpired => Report::new(Code::OutOfRange, "PAGE_TOKEN_EXPIRED", message),
            Self::TooManyResults { limit, narrow_by } => limits::too_many_results(message, *limit, narrow_by),
            Self::TooManyBoots { boots, seconds } => limits::too_many_boots(message, *boots, *seconds),
            Self::TooManyWatchers { limit } => limits::too_many_watchers(message, *limit),
            Self::Overloaded => {
                Report::new(Code::ResourceExhausted, "OVERLOADED", message).detail(Detail::Retry(RETRY_DELAY))
            }
            Self::Ec2(error) => ec2::report(error, message),
            Self::TreeSizeOutOfRange { wanted, size } => {
                Report::new(Code::OutOfRange, "TREE_SIZE_OUT_OF_RANGE", message)
                    .with("wanted", wanted)
                    .with("size", size)
            }
            Self::AuditUnavailable | Self::AuditNoSpace => {
                Report::new(Code::Unavailable, "AUDIT_UNAVAILABLE", message).detail(Detail::Retry(RETRY_DELAY))
            }
            Self::AuditBehind(behind) => Report::new(Code::FailedPrecondition, "AUDIT_LOG_BEHIND", message)
                .with("size", &behind.size)
                .with_some("known_size", behind.known_size.as_ref()),
            Self::LogCorrupt { index } => Report::new(Code::DataLoss, "LOG_CORRUPT", message).with("index", index),
            Self::ShuttingDown => {
                Report::new(Code::Unavailable, "SHUTTING_DOWN", message).detail(Detail::Retry(RETRY_DELAY))
            }
            Self::Internal { correlation_id } => {
                Report::new(Code::Internal, "INTERNAL", message).with("correlation_id", correlation_id)
            }
        }
    }
}

impl From<Failure> for tonic::Status {
    fn from(failure: Failure) -> Self {
        failure.report().to_status()
    }
}

fn first_sentence(findings: &[Finding]) -> &str {
    use crate::record::Outcome;
    let worst = |wanted| findings.iter().find(|finding| finding.outcome == wanted);
    match worst(Outcome::Fail).or_else(|| worst(Outcome::Unknown)) {
        Some(finding) => &finding.message,
        None => "see the findings",
    }
}
