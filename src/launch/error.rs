//! Why there is no launch.

use std::time::Duration;

use super::decide;
use super::quota::Excess;
use crate::ami::catalog::CatalogError;
use crate::audit::{AppendError, Behind, PrunedLaunch, ReadError};
use crate::ec2::Ec2Error;
use crate::ids::{LaunchId, Region, RequestId};
use crate::record::Finding;

/// Why there is no launch.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The findings stand against it; the refusal is on record.
    #[error("the launch was refused")]
    Refused {
        /// The recorded refusal; none for a preview.
        launch_id: Option<LaunchId>,
        /// What the rules found.
        findings: Vec<Finding>,
    },
    /// Policy denies it; the refusal is on record.
    #[error("policy denies the launch")]
    PolicyDenied {
        /// The recorded refusal; none for a preview.
        launch_id: Option<LaunchId>,
        /// What the rules found.
        findings: Vec<Finding>,
        /// The policies that deny it.
        policy_ids: Vec<String>,
    },
    /// New launches are paused. The refusal is on record, and took no request id.
    #[error("new launches are paused")]
    Paused {
        /// The recorded refusal; none for a preview.
        launch_id: Option<LaunchId>,
        /// What was found.
        findings: Vec<Finding>,
    },
    /// The launch would go beyond quotas. The refusal is on record, and took no request id.
    #[error("the launch would go beyond a quota")]
    QuotaExceeded {
        /// The recorded refusal; none for a preview.
        launch_id: Option<LaunchId>,
        /// What was found.
        findings: Vec<Finding>,
        /// The quotas.
        excesses: Vec<Excess>,
        /// When there is room if nothing else comes; none if that cannot be said.
        retry_delay: Option<Duration>,
    },
    /// The request id was used for another request.
    #[error("request id {request_id} was used for another request, launch {launch_id}")]
    RequestIdReused {
        /// The key.
        request_id: RequestId,
        /// What it was used for.
        launch_id: LaunchId,
    },
    /// It was decided before under this request id, and retention has removed the launch's records since.
    /// Nothing was launched now.
    #[error("request id {request_id} was decided before as launch {launch_id}, whose records were removed")]
    AlreadyDecided {
        /// The key.
        request_id: RequestId,
        /// The launch.
        launch_id: LaunchId,
        /// What stays of it.
        pruned: PrunedLaunch,
    },
    /// The server does not serve this Region.
    #[error("this server does not serve Region {0}")]
    UnknownRegion(Region),
    /// EC2 could not be asked for the facts; nothing was decided.
    #[error("the facts could not be had from EC2")]
    Facts(#[source] Ec2Error),
    /// The record of the decision would be longer than the log takes; nothing was done.
    #[error("the record of the decision would be {bytes} bytes long")]
    TooLarge {
        /// How long.
        bytes: usize,
    },
    /// The request id was used for a launch with redacted tags, and the key under which their values
    /// are compared is no longer there.
    #[error("whether request id {request_id} is used for the same request, launch {launch_id}, cannot be told")]
    RedactionKeyLost {
        /// The key.
        request_id: RequestId,
        /// What it was used for.
        launch_id: LaunchId,
    },
    /// The log may have forgotten that this was asked for and done; nothing was done.
    #[error("the audit log is behind: {0}")]
    Behind(Behind),
    /// The record could not be made durable, so nothing was done.
    #[error("the audit log did not take the record")]
    Append(#[source] AppendError),
    /// The record could not be read.
    #[error("the audit log could not be read")]
    Read(#[from] ReadError),
    /// The log knows the request and not its launch: a defect.
    #[error("launch {0} is in the log's index and not in the log")]
    Lost(LaunchId),
    /// What the attempt needs and the log must not have could not be kept, so nothing was done.
    #[error("what the log must not have could not be stored for the attempt")]
    Withheld(#[source] std::io::Error),
}

impl LaunchError {
    /// The refusal of these findings: for policy, or for the facts.
    pub(super) fn refused(launch_id: Option<LaunchId>, findings: Vec<Finding>) -> Self {
        match decide::denying_policies(&findings) {
            Some(policy_ids) => Self::PolicyDenied { launch_id, findings, policy_ids },
            None => Self::Refused { launch_id, findings },
        }
    }
}

impl From<AppendError> for LaunchError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::TooLarge { bytes } => Self::TooLarge { bytes },
            error => Self::Append(error),
        }
    }
}

impl From<CatalogError> for LaunchError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::UnknownRegion(region) => Self::UnknownRegion(region),
            CatalogError::Ec2(error) => Self::Facts(error),
        }
    }
}
