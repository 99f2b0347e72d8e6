//! Finding out what became of an attempt.
//!
//! While the token surely lives, the same call is made again under it: EC2 then answers with what
//! the first call did. A client token's life is not promised, so after the launch's deadline, or an
//! hour, Gantry only looks. Seeing nothing proves nothing: what is not seen stays unknown.

use std::time::Duration;

use jiff::Timestamp;

use super::Launcher;
use super::attempt::Begun;
use super::drive::{PAUSE_LONGEST, attempt_error};
use super::group::Group;
use super::step::is_older;
use super::tag::ATTEMPT_TAG;
use super::withheld::Withheld;
use crate::audit::ReadError;
use crate::clock::within;
use crate::crash;
use crate::ec2::budget::{RunPermit, RunTurn};
use crate::ec2::facts::Instance;
use crate::ec2::{Client, Ec2Error, ErrorClass, RunInstances};
use crate::ids::Sha256Digest;
use crate::record::{AttemptError, Event, InstancePlace, Launch, Reason, bounded};

/// How long the same call may be repeated under its token.
pub(super) const REPEAT_LIMIT: Duration = Duration::from_secs(60 * 60);

/// How long after its intention an attempt that EC2 refuses for the number of running instances is made
/// again: so long may EC2's count lag behind terminations.
const COUNTING_LAG: Duration = Duration::from_secs(2 * 60);

/// What one call or look brought.
pub(super) enum Outcome {
    /// These instances exist.
    Launched {
        ec2_request_id: Option<String>,
        reservation_id: Option<String>,
        instances: Vec<InstancePlace>,
        /// Whether EC2 said so itself: there are no others.
        whole: bool,
    },
    /// Surely nothing was launched, and this attempt is over.
    Nothing(Ec2Error),
    /// Surely nothing was launched so far, and the same call may work later.
    NotYet(Option<Box<RunInstances>>),
    /// It is not known.
    Unknown(AttemptError),
    /// The instances were launched and are gone; there is nothing to watch.
    Gone(Reason),
}

impl Launcher {
    /// One call or look. `fresh` is the input of an attempt for which no call that may have
    /// happened was ever made; every other attempt is read back from the log. One that is `doubtful` is
    /// only looked for.
    pub(super) async fn resolve(
        &self,
        group: &Group,
        fresh: Option<Begun>,
        doubtful: bool,
        now: Timestamp,
    ) -> Result<Outcome, ReadError> {
        let first = group.first();
        let Ok(client) = self.shared.client(&first.account_id, &first.region) else {
            return Ok(Outcome::Unknown(own_error(
                "REGION_NOT_SERVED",
                "this server does not serve the launch's Region",
                "Start the server with the Region of this launch among its regions.",
            )));
        };
        let called_before = fresh.is_none();
        let is_paused = self.shared.switch.is_paused();
        if doubtful || (called_before && (is_paused || !group.may_be_called(now))) {
            return Ok(look(client, group, now).await);
        }
        let (input, turn) = match fresh {
            Some(Begun { input, turn, .. }) => (input, turn),
            None => (self.frozen_input(group)?, None),
        };
        // Without what the log has not the call would be another call, so it cannot be repeated.
        let Some(withheld) = self.withheld(group, &input)? else {
            return Ok(look(client, group, now).await);
        };
        // Before its turn and the last look at the switch: what is sent then is sent at once.
        let acting = client.acting_in(group.attempt.role_session.clone());
        if let Err(error) = acting.prepare().await {
            return Ok(match called_before {
                true => judge_repeat(client, group, error, now).await,
                false => judge_first(group, input, error, self.shared.clock.now()),
            });
        }
        let Some(permit) = self.permit_to_run(client, group, turn, input.max_count, now).await else {
            return Ok(match called_before {
                // Once it may not be repeated any more, it is looked for.
                true => Outcome::NotYet(None),
                false => judge_first(group, input, Ec2Error::HeldBack, self.shared.clock.now()),
            });
        };
        if self.shared.switch.is_paused() {
            // While it waited launches were paused. What was never called is not called now.
            return Ok(if called_before {
                look(client, group, now).await
            } else {
                Outcome::NotYet(Some(Box::new(input)))
            });
        }
        let (before, after) = match called_before {
            true => ("launch.before_repeat", "launch.after_repeat"),
            false => ("launch.before_run_instances", "launch.after_run_instances"),
        };
        crash::point(before);
        let asked = withheld.filled_in(&input);
        let answer = acting.run_instances_with(permit, &asked, withheld.user_data.as_deref()).await;
        let answer = answer.map_err(|error| withheld.scrub_error(error));
        crash::point(after);
        Ok(match answer {
            // EC2 launches min_count or nothing, so an answer with fewer is not whole.
            Ok(reservation) if is_short(&reservation.instances, input.min_count) => look(client, group, now).await,
            Ok(reservation) => Outcome::Launched {
                ec2_request_id: reservation.ec2_request_id,
                reservation_id: reservation.reservation_id,
                instances: reservation.instances.iter().map(place_of).collect(),
                whole: true,
            },
            Err(error) if called_before => judge_repeat(client, group, error, now).await,
            Err(error) => judge_first(group, input, error, self.shared.clock.now()),
        })
    }

    /// The right to call RunInstances for so many instances, in turn; none if it does not come before the first
    /// deadline of the launches, or the server stops. `turn` is the one that the attempt was begun with.
    async fn permit_to_run(
        &self,
        client: &Client,
        group: &Group,
        turn: Option<RunTurn>,
        count: u32,
        now: Timestamp,
    ) -> Option<RunPermit> {
        let limit = Duration::try_from(group.deadline().duration_since(now)).unwrap_or_default().min(REPEAT_LIMIT);
        let permit = async {
            let turn = match turn {
                Some(turn) => turn,
                None => client.turn_to_run().await,
            };
            turn.instances(count).await
        };
        tokio::select! {
            biased;
            permit = within(&*self.shared.clock, limit, permit) => permit,
            () = self.shared.shutdown.cancelled() => None,
        }
    }

    /// What the input leaves out. None if it is not there any more, or is not what belongs to it.
    fn withheld(&self, group: &Group, input: &RunInstances) -> Result<Option<Withheld>, ReadError> {
        // Launches that share an attempt have the same user data and no redacted values.
        for launch in &group.launches {
            if let Some(withheld) = self.withheld_of(launch, input)? {
                return Ok(Some(withheld));
            }
        }
        Ok(None)
    }

    fn withheld_of(&self, launch: &Launch, input: &RunInstances) -> Result<Option<Withheld>, ReadError> {
        let marked = launch.spec.is_redacted();
        if !marked && input.user_data_sha256.is_none() {
            return Ok(Some(Withheld::default()));
        }
        let withheld = self.shared.withheld.load(launch.launch_id).unwrap_or_default();
        if withheld.user_data.as_deref().map(Sha256Digest::of) != input.user_data_sha256 {
            return Ok(None);
        }
        if marked {
            // The values belong to the launch if with them it has the body that was decided on: of a merged
            // spec the merged one, because some of them may be the template's.
            let bodies =
                self.shared.redaction.bodies(&withheld.restored(&launch.spec).body(&launch.reason, launch.break_glass));
            if !bodies.are(self.decided_body(launch)?) {
                return Ok(None);
            }
        }
        Ok(Some(withheld))
    }

    fn decided_body(&self, launch: &Launch) -> Result<Sha256Digest, ReadError> {
        let entries = self.shared.log.launch_entries(launch.launch_id, 0)?;
        let decided = entries.iter().find_map(|indexed| match &indexed.entry.event {
            Event::Decision(decision) => {
                let merged = decision.launch_template.as_ref().map(|template| template.merged_sha256);
                Some(merged.unwrap_or(decision.body_sha256))
            }
            _ => None,
        });
        decided.ok_or_else(|| ReadError::Damaged { index: entries.first().map_or(0, |indexed| indexed.index) })
    }
}

/// An error of a call whose forerunner may have launched something.
async fn judge_repeat(client: &Client, group: &Group, error: Ec2Error, now: Timestamp) -> Outcome {
    match error.class() {
        // EC2 weighs capacity only for a launch that is new to it: the forerunner did nothing.
        ErrorClass::Capacity if !matches!(error, Ec2Error::NotAssumed(_)) => Outcome::Nothing(error),
        // Anything else may have been said before EC2 looked at the token.
        _ => match look(client, group, now).await {
            Outcome::Unknown(seen) if seen.code == "NOT_SEEN" && error.code() == "IdempotentInstanceTerminated" => {
                Outcome::Gone(Reason {
                    code: "INSTANCES_TERMINATED".to_owned(),
                    message: "The attempt launched instances, and they were terminated before their ids were known."
                        .to_owned(),
                })
            }
            Outcome::Unknown(_) => Outcome::Unknown(attempt_error(&error)),
            found => found,
        },
    }
}

/// An error of the first call under a token.
fn judge_first(group: &Group, input: RunInstances, error: Ec2Error, now: Timestamp) -> Outcome {
    if !error.definitely_nothing_happened() {
        return Outcome::Unknown(attempt_error(&error));
    }
    let may_work_later = match error.class() {
        ErrorClass::Throttled | ErrorClass::Transient => true,
        // EC2 still counts instances that were terminated a moment ago (Developer Guide, "Eventual
        // consistency").
        _ => error.code() == "InstanceLimitExceeded" && !is_older(&group.attempt, COUNTING_LAG, now),
    };
    if may_work_later && now < group.deadline() {
        Outcome::NotYet(Some(Box::new(input)))
    } else {
        Outcome::Nothing(error)
    }
}

/// Whether these are fewer instances than the attempt can have made.
fn is_short(instances: &[Instance], min_count: u32) -> bool {
    instances.len() < usize::try_from(min_count.max(1)).unwrap_or(usize::MAX)
}

/// Looks for instances of the attempt, by its token and by its tag. Some of them may not be visible
/// yet: fewer than it needs are never the answer, and fewer than it wants are only once the last call can
/// no longer be fresh.
async fn look(client: &Client, group: &Group, now: Timestamp) -> Outcome {
    let attempt = &group.attempt;
    let last_call = group.deadline().min(attempt.intend_time.saturating_add(REPEAT_LIMIT).unwrap_or(Timestamp::MAX));
    let all_visible = last_call.saturating_add(PAUSE_LONGEST).is_ok_and(|visible| visible <= now);
    let enough = if all_visible { group.min_count() } else { group.wanted() };
    crash::point("launch.before_look");
    let by_token = client.instances_by_client_token(&attempt.client_token).await;
    let found = match by_token {
        Ok(instances) if !is_short(&instances, enough) => Ok(instances),
        // A counterpart without the filter answers with an error; the tag may still be there.
        _ => client.instances_by_tag(ATTEMPT_TAG, &attempt.attempt_id.to_string()).await,
    };
    crash::point("launch.after_look");
    match found {
        Ok(instances) if !is_short(&instances, enough) => Outcome::Launched {
            ec2_request_id: None,
            reservation_id: None,
            whole: false,
            instances: instances.iter().map(place_of).collect(),
        },
        Ok(instances) if !instances.is_empty() => Outcome::Unknown(own_error(
            "NOT_ALL_SEEN",
            "EC2 shows fewer instances of this attempt than it may have made",
            "Wait: EC2 may show the others later.",
        )),
        Ok(_) => Outcome::Unknown(own_error(
            "NOT_SEEN",
            "EC2 does not show what this attempt must have made; that does not prove there is nothing",
            "Wait: EC2 may show it later.",
        )),
        Err(error) => Outcome::Unknown(attempt_error(&error)),
    }
}

fn own_error(code: &str, message: &str, remedy: &str) -> AttemptError {
    AttemptError {
        code: code.to_owned(),
        class: ErrorClass::Unknown.as_str().to_owned(),
        message: message.to_owned(),
        retryable: true,
        remedy: remedy.to_owned(),
        http_status: None,
        ec2_request_id: None,
    }
}

pub(super) fn place_of(instance: &Instance) -> InstancePlace {
    let name = |text: &Option<String>| text.as_deref().map(bounded::name);
    InstancePlace {
        instance_id: instance.instance_id.clone(),
        instance_type: name(&instance.instance_type),
        availability_zone: name(&instance.availability_zone),
        subnet_id: name(&instance.subnet_id),
        private_ip: name(&instance.private_ip),
        private_dns_name: name(&instance.private_dns_name).filter(|name| !name.is_empty()),
        public_dns_name: name(&instance.public_dns_name).filter(|name| !name.is_empty()),
        launch_time: instance.launch_time,
    }
}
