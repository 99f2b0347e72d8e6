//! What is not there: NOT_FOUND, each thing with its own reason.

use tonic::Code;

use super::details::{Detail, Report};
use crate::ids::{AccountId, ImageId, InstanceId, InstanceType, LaunchId, Region};

/// Something that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// An image.
    #[error("image {0}")]
    Image(ImageId),
    /// A launch.
    #[error("launch {0}")]
    Launch(LaunchId),
    /// Instances.
    #[error("instance {}", joined(.0))]
    Instances(Vec<InstanceId>),
    /// An instance type.
    #[error("instance type {0}")]
    InstanceType(InstanceType),
    /// A record.
    #[error("record {0}")]
    Record(u64),
    /// A log.
    #[error("log {0}")]
    Log(String),
    /// A Region that this server serves.
    #[error("a server for Region {0}")]
    Region(Region),
    /// An account that this server serves.
    #[error("a server for account {0}")]
    Account(AccountId),
}

impl Missing {
    pub(super) fn report(&self, message: String) -> Report {
        let (reason, kind, key, name) = match self {
            Self::Image(id) => ("IMAGE_NOT_FOUND", "Image", "image_id", id.to_string()),
            Self::Launch(id) => ("LAUNCH_NOT_FOUND", "Launch", "launch_id", id.to_string()),
            Self::Instances(ids) => ("INSTANCE_NOT_FOUND", "Instance", "instance_ids", joined(ids)),
            Self::InstanceType(name) => ("INSTANCE_TYPE_NOT_FOUND", "InstanceType", "instance_type", name.to_string()),
            Self::Record(index) => ("RECORD_NOT_FOUND", "AuditRecord", "index", index.to_string()),
            Self::Log(id) => ("LOG_NOT_FOUND", "Log", "log_id", id.clone()),
            Self::Region(region) => ("REGION_NOT_SERVED", "Region", "region", region.to_string()),
            Self::Account(id) => ("ACCOUNT_NOT_SERVED", "Account", "account_id", id.to_string()),
        };
        Report::new(Code::NotFound, reason, message.clone()).with(key, &name).detail(Detail::Resource {
            kind: format!("gantry.v1.{kind}"),
            name,
            description: message,
        })
    }
}

/// Ids on one line.
pub(super) fn joined(ids: &[InstanceId]) -> String {
    ids.iter().map(InstanceId::as_str).collect::<Vec<_>>().join(", ")
}
