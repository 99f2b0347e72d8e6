//! What is said of a launch whose records retention has removed.

use super::details::Report;
use crate::audit::PrunedLaunch;
use crate::ids::{InstanceId, LaunchId};
use crate::record::LaunchState;

pub(super) fn already_decided(launch_id: LaunchId, pruned: &PrunedLaunch) -> String {
    format!(
        "this request was decided before as launch {launch_id}, which ended as {}; its records were removed by \
         retention, and nothing was launched now",
        state_word(pruned.state)
    )
}

/// What stays of a launch, as metadata.
pub(super) fn report(report: Report, launch_id: LaunchId, pruned: &PrunedLaunch) -> Report {
    report
        .with("launch_id", &launch_id)
        .with("state", &state_word(pruned.state))
        .with("create_time", &pruned.create_time)
        .with("instance_ids", &pruned.instance_ids.iter().map(InstanceId::as_str).collect::<Vec<_>>().join(","))
}

/// The state as the contract spells it.
pub(super) fn state_word(state: LaunchState) -> &'static str {
    crate::api::pb::LaunchState::from(state).as_str_name()
}
