//! How launches are governed and recorded: what differs between servers.

use crate::policy::InForce;

/// Settings of a [`super::Launcher`].
#[derive(Debug, Clone, Default)]
pub struct LaunchSettings {
    /// Of tags whose keys match one of these patterns the log has no values.
    pub redact_tags: Vec<String>,
    /// Where the policy in force is found.
    pub policy: InForce,
}
