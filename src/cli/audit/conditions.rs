//! What records are narrowed by, on the command line.

use clap::ValueEnum;

use crate::client::pb;

/// Conditions of `list` and `tail`, joined by AND.
#[derive(Debug, clap::Args)]
pub(super) struct Conditions {
    /// Only records of this kind.
    #[arg(long, value_enum)]
    pub(super) kind: Option<Kind>,
    /// Only decisions with this verdict.
    #[arg(long, value_enum)]
    pub(super) verdict: Option<Verdict>,
    /// Only on behalf of this principal.
    #[arg(long)]
    pub(super) principal: Option<String>,
    /// Only about this image.
    #[arg(long, value_name = "IMAGE_ID")]
    pub(super) image: Option<String>,
    /// Only about this launch.
    #[arg(long, value_name = "LAUNCH_ID")]
    pub(super) launch: Option<String>,
    /// Only about this instance.
    #[arg(long, value_name = "INSTANCE_ID")]
    pub(super) instance: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Kind {
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

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Verdict {
    Admitted,
    Refused,
}

/// The kind as the API has it; 0 for every kind.
pub(super) fn kind_number(kind: Option<Kind>) -> i32 {
    kind.map_or(pb::RecordKind::Unspecified, pb::RecordKind::from).into()
}

/// The verdict as the API has it; 0 for any.
pub(super) fn verdict_number(verdict: Option<Verdict>) -> i32 {
    verdict.map_or(pb::DecisionVerdict::Unspecified, pb::DecisionVerdict::from).into()
}

impl From<Verdict> for pb::DecisionVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Admitted => Self::Admitted,
            Verdict::Refused => Self::Refused,
        }
    }
}

impl From<Kind> for pb::RecordKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Decision => Self::Decision,
            Kind::AttemptIntended => Self::AttemptIntended,
            Kind::AttemptSucceeded => Self::AttemptSucceeded,
            Kind::AttemptFailed => Self::AttemptFailed,
            Kind::AttemptUnknown => Self::AttemptUnknown,
            Kind::LaunchEnded => Self::LaunchEnded,
            Kind::InstancePhase => Self::InstancePhase,
            Kind::Termination => Self::Termination,
            Kind::ServiceStarted => Self::ServiceStarted,
            Kind::RecordsPruned => Self::RecordsPruned,
            Kind::PolicyLoaded => Self::PolicyLoaded,
            Kind::LaunchSwitch => Self::LaunchSwitch,
            Kind::Cancellation => Self::Cancellation,
        }
    }
}
