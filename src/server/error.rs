//! Why the server does not serve.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{PolicyLoadError, WitnessSettingError};
use crate::api;
use crate::audit::{AppendError, KeptError, OpenError, ReadError};
use crate::config::ConfigError;
use crate::ec2::ConnectError;
use crate::launch::LaunchError;
use crate::sandbox::{PlanErrors, SandboxError};

/// Why the server does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The settings contradict themselves, or would be dangerous.
    #[error("the settings cannot be used")]
    Config(#[from] ConfigError),
    /// Real EC2 needs at least one Region.
    #[error("no Region is named: give --regions, or AWS_REGION in the environment")]
    NoRegion,
    /// The address cannot be listened on.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// A file of the TLS settings cannot be read.
    #[error("cannot read {}", .0.display())]
    TlsFile(PathBuf, #[source] std::io::Error),
    /// The data directory cannot be used.
    #[error("the data directory {} cannot be used", .0.display())]
    DataDir(PathBuf, #[source] std::io::Error),
    /// The audit log cannot be opened.
    #[error("the audit log cannot be opened")]
    Log(#[from] OpenError),
    /// The checkpoint that is kept elsewhere cannot be used.
    #[error("the checkpoint that is kept elsewhere (audit.checkpoint_copy) cannot be used")]
    Kept(#[from] KeptError),
    /// The sandbox's plan of faults cannot be read.
    #[error("cannot read the plan of faults {}", .0.display())]
    FaultsFile(PathBuf, #[source] std::io::Error),
    /// The sandbox's plan of faults is none.
    #[error("{} cannot be used", .0.display())]
    Faults(PathBuf, #[source] PlanErrors),
    /// The sandbox cannot be opened.
    #[error("the sandbox cannot be opened")]
    Sandbox(#[from] SandboxError),
    /// There are no usable credentials, or nobody says whose they are.
    #[error("EC2 cannot be reached")]
    Connect(#[from] ConnectError),
    /// What the last process left open cannot be taken up.
    #[error("open launches cannot be taken up")]
    Resume(#[source] LaunchError),
    /// The start could not be recorded.
    #[error("the start could not be recorded")]
    Record(#[from] AppendError),
    /// The audit log takes no more records. Whether the last ones are in it is known at the next start.
    #[error("the audit log failed, so the server has ended; its next start puts the log in order")]
    LogFailed,
    /// The policy cannot be put in force.
    #[error("no policy can be put in force")]
    Policy(#[from] PolicyLoadError),
    /// What is taken of the quotas, or whether launches are paused, cannot be found out.
    #[error("what governs launches cannot be read from the audit log")]
    Governing(#[from] ReadError),
    /// A configured witness cannot be asked.
    #[error("a witness cannot be asked")]
    Witness(#[from] WitnessSettingError),
    /// The gRPC server failed.
    #[error("the server failed")]
    Api(#[from] api::ServeError),
    /// Signals cannot be listened for.
    #[error("the signal to read the policy again cannot be listened for")]
    Signal(#[source] std::io::Error),
    /// A task ended by a panic.
    #[error("a task of the server panicked")]
    Panicked,
}
