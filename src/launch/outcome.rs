//! Recording what became of an attempt, for every launch that it serves.

use super::Launcher;
use super::attempt::Begun;
use super::capacity::is_lack;
use super::drive::{Stop, attempt_error};
use super::group::{Group, share_out};
use super::resolve::Outcome;
use crate::crash;
use crate::ec2::ErrorClass;
use crate::record::{
    AttemptError, AttemptFailed, AttemptState, AttemptSucceeded, AttemptUnknown, Entry, Event, InstancePlace,
    LaunchState,
};

impl Launcher {
    /// Records what one look or call brought, and says whether to come back to the same attempt.
    pub(super) async fn record_outcome(
        &self,
        group: &Group,
        outcome: Outcome,
        begun: &mut Option<Begun>,
    ) -> Result<bool, Stop> {
        let attempt_id = group.attempt.attempt_id;
        let entries = match outcome {
            Outcome::Launched { ec2_request_id, reservation_id, instances, whole } => {
                let call = (ec2_request_id.as_deref(), reservation_id.as_deref());
                self.launched(group, call, instances, whole)?
            }
            Outcome::Nothing(error) => {
                let error = attempt_error(&error);
                if is_lack(&error) {
                    self.note_lack(group, group.min_count());
                }
                self.for_each(group, || Event::AttemptFailed(AttemptFailed { attempt_id, error: error.clone() }))
            }
            Outcome::NotYet(input) => {
                // Nothing happened and the same call may work: the attempt is as good as new.
                *begun = input.map(|input| Begun { attempt_id, input: *input, turn: None });
                return Ok(true);
            }
            Outcome::Unknown(error) => {
                if group.attempt.state == AttemptState::Unknown {
                    return Ok(true);
                }
                self.for_each(group, || Event::AttemptUnknown(AttemptUnknown { attempt_id, error: error.clone() }))
            }
            Outcome::Gone(reason) => {
                for launch in &group.launches {
                    self.end(launch, LaunchState::Failed, reason.clone()).await?;
                }
                return Ok(false);
            }
        };
        let is_news = |entry: &Entry| matches!(entry.event, Event::AttemptSucceeded(_) | Event::AttemptFailed(_));
        let again = !entries.iter().any(is_news);
        self.append_all(entries).await?;
        crash::point("launch.after_outcome");
        Ok(again)
    }

    fn for_each(&self, group: &Group, event: impl Fn() -> Event) -> Vec<Entry> {
        group.launches.iter().map(|launch| self.entry(launch, event())).collect()
    }

    /// Every instance goes to one launch. Launches for which there is none go on with another candidate if EC2
    /// said itself what there is (`whole`); if it was only looked for, seeing nothing proves nothing.
    fn launched(
        &self,
        group: &Group,
        (ec2_request_id, reservation_id): (Option<&str>, Option<&str>),
        instances: Vec<InstancePlace>,
        whole: bool,
    ) -> Result<Vec<Entry>, Stop> {
        let attempt_id = group.attempt.attempt_id;
        let (given, wanted) = (u32::try_from(instances.len()).unwrap_or(u32::MAX), group.wanted());
        let mut wants: Vec<u32> = group.launches.iter().map(|launch| launch.spec.max_count).collect();
        let mut free = Vec::with_capacity(instances.len());
        if group.is_shared() {
            for place in instances {
                if self.shared.log.launch_of_instance(&place.instance_id)?.is_none() {
                    free.push(place);
                }
            }
        } else {
            // Whatever EC2 made under the token is the launch's.
            wants = vec![u32::MAX];
            free = instances;
        }
        let (shares, over) = share_out(&wants, free);
        if !over.is_empty() {
            let ids: Vec<&str> = over.iter().map(|place| place.instance_id.as_str()).collect();
            tracing::error!(%attempt_id, ?ids, "instances that no launch of the attempt wants");
        }
        if wanted <= given {
            self.shared.capacity.note_given(&group.first().spec, &group.candidate(), given);
        }
        let mut entries = Vec::with_capacity(shares.len());
        for (launch, instances) in group.launches.iter().zip(shares) {
            let event = if !instances.is_empty() {
                Event::AttemptSucceeded(AttemptSucceeded {
                    attempt_id,
                    ec2_request_id: ec2_request_id.map(str::to_owned),
                    reservation_id: reservation_id.map(str::to_owned),
                    instances,
                })
            } else if whole {
                Event::AttemptFailed(AttemptFailed { attempt_id, error: not_served(given, wanted) })
            } else if group.attempt.state == AttemptState::Unknown {
                continue;
            } else {
                Event::AttemptUnknown(AttemptUnknown { attempt_id, error: not_served(given, wanted) })
            };
            entries.push(self.entry(launch, event));
        }
        Ok(entries)
    }

    fn note_lack(&self, group: &Group, count: u32) {
        let spec = &group.first().spec;
        self.shared.capacity.note_lack(spec, &group.candidate(), count, self.shared.clock.uptime());
    }
}

/// EC2 gave some instances, and those went to others.
fn not_served(given: u32, wanted: u32) -> AttemptError {
    AttemptError {
        code: "NOT_SERVED".to_owned(),
        class: ErrorClass::Capacity.as_str().to_owned(),
        message: format!(
            "EC2 gave {given} of the {wanted} instances that launches which were alike asked for together, and they \
             went to those that came first."
        ),
        retryable: true,
        remedy: "Name more types or zones, or ask again in some minutes.".to_owned(),
        http_status: None,
        ec2_request_id: None,
    }
}
