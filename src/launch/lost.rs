//! Launches from before a log was set back: records that were lost may say what became of them.
//!
//! While the log is behind nothing is done for anybody. Once it was let go on, what such a launch is
//! known to have asked for is looked for, and nothing is asked for again: another attempt may have been
//! made, under a token that nobody remembers. Seeing nothing proves nothing, so a launch that cannot
//! be found ends with its outcome unknown.

use super::tag::LAUNCH_TAG;
use super::{LaunchError, Launcher, Shared};
use crate::audit::ReadError;
use crate::ids::LaunchId;
use crate::record::{Launch, Reason};

/// How often EC2 is asked for instances of a launch before the launch ends without an answer.
const LOOKS_MAX: u32 = 8;

impl Shared {
    /// Refuses while the log is behind: the request may have been carried out.
    pub(super) fn check_standing(&self) -> Result<(), LaunchError> {
        self.log.behind().map_or(Ok(()), |behind| Err(LaunchError::Behind(behind)))
    }
}

impl Launcher {
    /// Whether records about a launch may have been lost.
    pub(super) fn is_doubtful(&self, launch_id: LaunchId) -> Result<bool, ReadError> {
        let Some(below) = self.shared.log.doubtful_below() else { return Ok(false) };
        let entries = self.shared.log.launch_entries(launch_id, 0)?;
        Ok(entries.first().is_none_or(|decision| decision.index < below))
    }

    /// The reason with which a launch ends that may have gone on in lost records; none if EC2 does not
    /// say what there is, and is to be asked again.
    pub(super) async fn reason_if_lost(&self, launch: &Launch, looks: u32) -> Option<Reason> {
        let launch_id = launch.launch_id;
        let found = match self.shared.client(&launch.account_id, &launch.region) {
            Ok(client) => client.instances_by_tag(LAUNCH_TAG, &launch_id.to_string()).await.map_err(|e| e.message()),
            Err(error) => Err(error.to_string()),
        };
        let seen = match found {
            Ok(instances) if instances.is_empty() => {
                format!("No instance is tagged {LAUNCH_TAG}={launch_id}, which does not prove that there is none.")
            }
            Ok(instances) => {
                let ids: Vec<_> = instances.iter().map(|instance| instance.instance_id.as_str()).collect();
                format!("Tagged {LAUNCH_TAG}={launch_id} are {}, which nobody watches: see to them.", ids.join(", "))
            }
            Err(_) if looks + 1 < LOOKS_MAX => return None,
            Err(error) => format!("EC2 could not be asked for instances tagged {LAUNCH_TAG}={launch_id}: {error}."),
        };
        let attempts = launch.undecided_attempt().map_or_else(String::new, |attempt| {
            format!(" What became of attempt {} could not be found out.", attempt.attempt_id)
        });
        let message = format!(
            "The end of the log was lost, and with it what may have become of this launch; nothing is launched for it \
             any more.{attempts} {seen}"
        );
        tracing::warn!(%launch_id, message, "launch ended without its outcome");
        Some(Reason { code: "OUTCOME_UNKNOWN".to_owned(), message })
    }
}
