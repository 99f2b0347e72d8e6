//! ListOrphans.

use super::Launches;
use crate::api::convert::{Violations, to_timestamp};
use crate::api::pb;
use crate::api::scope::{Scope, scope};
use crate::api::status::Failure;
use crate::ec2::budget::Priority;
use crate::ec2::facts::InstanceState;
use crate::launch::{Orphan, OrphanReason};

/// Orphans in one answer.
const ORPHANS_MAX: usize = 1_000;

impl Launches {
    pub(super) async fn orphans(&self, request: pb::ListOrphansRequest) -> Result<pb::ListOrphansResponse, Failure> {
        let pb::ListOrphansRequest { region, account_id } = request;
        let mut violations = Violations::new();
        let scope = scope(&self.services, &region, &account_id, &mut violations);
        let scope = violations.finish(scope)??;
        let observed = self.services.clock.now();
        let swept = self.services.launcher.sweep(&scope.account_id, &scope.region, Priority::Question).await?;
        let orphans = swept.orphans;
        Ok(pb::ListOrphansResponse {
            total_size: i64::try_from(orphans.len()).unwrap_or(i64::MAX),
            orphans: orphans.iter().take(ORPHANS_MAX).map(|orphan| message(orphan, &scope)).collect(),
            observed_time: Some(to_timestamp(observed)),
        })
    }
}

fn message(orphan: &Orphan, scope: &Scope) -> pb::Orphan {
    let Orphan { instance, attempt_id, launch_id, reason, launch_has_instances: _ } = orphan;
    let reason = match reason {
        OrphanReason::NoRecord => pb::OrphanReason::NoRecord,
        OrphanReason::LaunchEnded => pb::OrphanReason::LaunchEnded,
        OrphanReason::NotOfAttempt => pb::OrphanReason::NotOfAttempt,
        OrphanReason::RecordedAsEnded => pb::OrphanReason::RecordedAsEnded,
    };
    pb::Orphan {
        instance_id: instance.instance_id.to_string(),
        region: scope.region.to_string(),
        account_id: scope.account_id.to_string(),
        state: instance.state.map(state_word).unwrap_or_default().to_owned(),
        launch_time: instance.launch_time.map(to_timestamp),
        instance_type: instance.instance_type.clone().unwrap_or_default(),
        attempt_id: attempt_id.map(|id| id.to_string()).unwrap_or_default(),
        launch_id: launch_id.map(|id| id.to_string()).unwrap_or_default(),
        reason: reason.into(),
        message: orphan.message(),
    }
}

/// EC2's own words (API Reference, `InstanceState`).
fn state_word(state: InstanceState) -> &'static str {
    match state {
        InstanceState::Pending => "pending",
        InstanceState::Running => "running",
        InstanceState::ShuttingDown => "shutting-down",
        InstanceState::Terminated => "terminated",
        InstanceState::Stopping => "stopping",
        InstanceState::Stopped => "stopped",
        InstanceState::Other(_) => "",
    }
}
