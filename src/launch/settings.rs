//! How launches are governed and recorded: what differs between servers.

use super::{Quotas, Switch};
use crate::policy::InForce;

/// Settings of a [`super::Launcher`].
#[derive(Debug, Default)]
pub struct LaunchSettings {
    /// Of tags whose keys match one of these patterns the log has no values.
    pub redact_tags: Vec<String>,
    /// Where the policy in force is found.
    pub policy: InForce,
    /// How much principals may launch.
    pub quotas: Quotas,
    /// Whether new launches are let pass.
    pub switch: Switch,
}
