//! The tags that say on an instance where it comes from.
//!
//! RunInstances sets the attempt and the log that it is recorded in. The launch follows the launch, outside its path: an attempt may come to serve several launches, so
//! RunInstances cannot set that. It is a courtesy to people who look at EC2; the log, not the tag,
//! says which instance belongs to which launch.

use std::collections::BTreeMap;

use super::Launcher;
use super::drive::{PAUSE_FIRST, PAUSE_LONGEST};
use crate::crash;
use crate::ids::InstanceId;
use crate::record::{Launch, Phase};

/// The attempt that made the instance.
pub(super) const ATTEMPT_TAG: &str = "gantry:attempt-id";

/// The log of the Gantry that made it: several may share an account.
pub(super) const LOG_TAG: &str = "gantry:log-id";

/// The launch that it belongs to.
pub(super) const LAUNCH_TAG: &str = "gantry:launch-id";

/// How often tagging is tried before it is left.
const TRIES_MAX: u32 = 8;

impl Launcher {
    /// Tags the instances of a launch in a task of its own. Tagging twice does no harm.
    pub(super) fn spawn_tagging(&self, launch: &Launch) {
        let instance_ids: Vec<InstanceId> = launch
            .instances
            .iter()
            .filter(|instance| !matches!(instance.phase, Phase::Failed | Phase::Terminated))
            .map(|instance| instance.place.instance_id.clone())
            .collect();
        if instance_ids.is_empty() {
            return;
        }
        let (launcher, launch_id) = (self.clone(), launch.launch_id);
        let (account_id, region) = (launch.account_id.clone(), launch.region.clone());
        self.shared.tasks.spawn(async move {
            let Ok(client) = launcher.shared.client(&account_id, &region) else { return };
            let tags = BTreeMap::from([(LAUNCH_TAG.to_owned(), launch_id.to_string())]);
            let mut pause = PAUSE_FIRST;
            for _ in 0..TRIES_MAX {
                crash::point("launch.before_create_tags");
                let answer = client.create_tags(&instance_ids, &tags).await;
                crash::point("launch.after_create_tags");
                // A fresh instance may not be visible to CreateTags yet.
                let Err(error) = answer else { return };
                tracing::debug!(%launch_id, %error, "instances not tagged yet");
                tokio::select! {
                    () = launcher.shared.clock.sleep(pause) => {}
                    () = launcher.shared.shutdown.cancelled() => return,
                }
                pause = (pause * 2).min(PAUSE_LONGEST);
            }
            tracing::warn!(%launch_id, "instances not tagged with their launch");
        });
    }
}
