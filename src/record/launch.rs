//! A launch: the fold of its entries.
//!
//! [`Launch::apply`] is the only way a launch changes. Everybody else proposes entries. The fold
//! also makes the launch's boot events and their sequence numbers, so that a stream replayed from
//! the log and a stream followed live cannot differ.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::boot_event::{BootEvent, LaunchState, Phase};
use super::entry::{
    AttemptError, AttemptSucceeded, Candidate, Entry, Event, ImageReceipt, InstancePhase, InstancePlace, PolicyStamp,
    Reason, TerminationStage, Verdict,
};
use super::finding::Finding;
use super::spec::{Placement, Spec};
use crate::ids::{AccountId, AttemptId, ClientToken, InstanceId, InstanceType, LaunchId, Principal, Region, RequestId};

/// One launch, as its entries so far tell it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Launch {
    /// Its id.
    pub launch_id: LaunchId,
    /// The caller's idempotency key; none on a preview.
    pub request_id: Option<RequestId>,
    /// Who asked.
    pub principal: Principal,
    /// In which account.
    pub account_id: AccountId,
    /// In which Region.
    pub region: Region,
    /// Why.
    pub reason: String,
    /// What was asked.
    pub spec: Spec,
    /// The answer.
    pub verdict: Verdict,
    /// What the rules found.
    pub findings: Vec<Finding>,
    /// The policy that decided.
    pub policy: PolicyStamp,
    /// The candidates, in order.
    #[serde(default)]
    pub candidates: Vec<Candidate>,
    /// No attempt begins after this.
    pub deadline: Option<Timestamp>,
    /// What the image was when it was decided.
    #[serde(default)]
    pub image_receipt: Option<ImageReceipt>,
    /// `ebs` or `instance-store`, from the image's facts; how long a boot takes depends on it.
    #[serde(default)]
    pub root_device_type: Option<String>,
    /// Every attempt, in order.
    pub attempts: Vec<Attempt>,
    /// Every instance, in order of launch.
    pub instances: Vec<LaunchInstance>,
    /// How far it has come.
    pub state: LaunchState,
    /// Why it is in that state, where there is something to say.
    pub state_reason: Option<Reason>,
    /// When it was decided.
    pub create_time: Timestamp,
    /// When its last entry was made.
    pub update_time: Timestamp,
    /// When it settled last.
    pub settle_time: Option<Timestamp>,
    /// Whether a termination was asked for.
    #[serde(default)]
    pub terminating: bool,
    /// Why, in the words of whoever asked for the termination that EC2 has not answered yet.
    #[serde(default)]
    pub pending_termination: Option<String>,
    /// The sequence of its last event.
    pub last_sequence: u64,
}

/// One attempt of a launch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its id.
    pub attempt_id: AttemptId,
    /// The type it asked for.
    pub instance_type: InstanceType,
    /// The place it asked for.
    pub placement: Placement,
    /// Its token.
    pub client_token: ClientToken,
    /// How it came out.
    pub state: AttemptState,
    /// EC2's error, when it failed or is unknown.
    pub error: Option<AttemptError>,
    /// EC2's id of the request.
    pub ec2_request_id: Option<String>,
    /// The reservation.
    pub reservation_id: Option<String>,
    /// When it was made durable.
    pub intend_time: Timestamp,
    /// When its outcome was recorded.
    pub end_time: Option<Timestamp>,
}

/// How an attempt came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// Durable; EC2 may or may not have been called.
    Intended,
    /// EC2 launched instances.
    Succeeded,
    /// EC2 definitely launched nothing.
    Failed,
    /// Not known; being found out.
    Unknown,
}

/// One instance of a launch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaunchInstance {
    /// Where it is.
    pub place: InstancePlace,
    /// The attempt that made it.
    pub attempt_id: AttemptId,
    /// How far it has come.
    pub phase: Phase,
    /// When it reached that phase.
    pub phase_time: Timestamp,
    /// When it was ready for the first time. From then on what happens to it is life and not boot:
    /// the launch only follows it to its end.
    #[serde(default)]
    pub ready_time: Option<Timestamp>,
}

impl LaunchInstance {
    /// Whether it came up and has not ended since.
    fn is_up(&self) -> bool {
        self.ready_time.is_some() && !self.has_ended()
    }

    fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Failed | Phase::Terminated)
    }
}

/// An entry that does not follow from what came before it. The log holds something that this
/// program would not have written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The first entry of a launch is its decision.
    #[error("the first entry of a launch is not a decision")]
    NotDecided,
    /// A launch is decided once.
    #[error("the launch was decided before")]
    DecidedTwice,
    /// The entry is about another launch, or about none.
    #[error("the entry does not belong to this launch")]
    OtherLaunch,
    /// Something is said of an attempt that was never intended.
    #[error("attempt {0} was never intended")]
    NoSuchAttempt(AttemptId),
    /// An attempt is begun while another has no definite end, or begun twice.
    #[error("attempt {0} begins before the one before it has definitely failed")]
    AttemptTooEarly(AttemptId),
    /// An attempt that ended gets another end.
    #[error("attempt {0} has ended before")]
    AttemptEnded(AttemptId),
    /// Something is said of an instance that no attempt made.
    #[error("instance {0} was not made by this launch")]
    NoSuchInstance(InstanceId),
    /// The launch is over, and the entry would go on with it.
    #[error("the launch has ended")]
    Ended,
    /// An attempt succeeded without instances, or with one that is there already.
    #[error("attempt {0} has no instances, or one twice")]
    NotInstances(AttemptId),
    /// An instance's place names another instance.
    #[error("the place of instance {0} is another instance's")]
    OtherPlace(InstanceId),
    /// A launch ends as failed or cancelled; every other state follows from its instances.
    #[error("a launch cannot be ended as {0:?}")]
    NoEnd(LaunchState),
    /// A launch without instances cannot be terminated.
    #[error("there is nothing to terminate")]
    NothingToTerminate,
}

impl Launch {
    /// The launch that `entry`, a decision, begins, and its first events.
    ///
    /// # Errors
    /// [`ApplyError::NotDecided`] if the entry is no decision of a launch.
    pub fn begin(entry: &Entry) -> Result<(Self, Vec<BootEvent>), ApplyError> {
        let (Event::Decision(decision), Some(launch_id), Some(account_id), Some(region), Some(principal)) =
            (&entry.event, entry.launch_id, &entry.account_id, &entry.region, &entry.principal)
        else {
            return Err(ApplyError::NotDecided);
        };
        if decision.preview {
            return Err(ApplyError::NotDecided);
        }
        let verdict = decision.verdict;
        let admitted = verdict == Verdict::Admitted;
        let mut launch = Self {
            launch_id,
            request_id: decision.request_id.clone(),
            principal: principal.clone(),
            account_id: account_id.clone(),
            region: region.clone(),
            reason: decision.reason.clone(),
            spec: decision.spec.clone(),
            verdict,
            findings: decision.findings.clone(),
            policy: decision.policy.clone(),
            candidates: decision.candidates.clone(),
            deadline: decision.deadline,
            image_receipt: decision.image_receipt.clone(),
            root_device_type: decision
                .image_facts
                .as_ref()
                .and_then(|facts| facts.get("root_device_type")?.as_str())
                .map(str::to_owned),
            attempts: Vec::new(),
            instances: Vec::new(),
            state: if admitted { LaunchState::Launching } else { LaunchState::Refused },
            state_reason: None,
            create_time: entry.time,
            update_time: entry.time,
            settle_time: (!admitted).then_some(entry.time),
            terminating: false,
            pending_termination: None,
            last_sequence: 0,
        };
        let event = launch.launch_event(entry.time);
        Ok((launch, vec![event]))
    }

    /// Takes in the next entry of this launch and returns the events that it makes.
    ///
    /// # Errors
    /// If the entry does not follow from the ones before; the launch is unchanged then.
    pub fn apply(&mut self, entry: &Entry) -> Result<Vec<BootEvent>, ApplyError> {
        if entry.launch_id != Some(self.launch_id) {
            return Err(ApplyError::OtherLaunch);
        }
        let events = match &entry.event {
            Event::Decision(_) => return Err(ApplyError::DecidedTwice),
            Event::ServiceStarted(_) => return Err(ApplyError::OtherLaunch),
            Event::AttemptIntended(intended) => {
                if self.state != LaunchState::Launching {
                    return Err(ApplyError::Ended);
                }
                if self
                    .attempts
                    .iter()
                    .any(|attempt| attempt.attempt_id == intended.attempt_id || attempt.state != AttemptState::Failed)
                {
                    return Err(ApplyError::AttemptTooEarly(intended.attempt_id));
                }
                self.attempts.push(Attempt {
                    attempt_id: intended.attempt_id,
                    instance_type: intended.instance_type.clone(),
                    placement: intended.placement.clone(),
                    client_token: intended.client_token.clone(),
                    state: AttemptState::Intended,
                    error: None,
                    ec2_request_id: None,
                    reservation_id: None,
                    intend_time: entry.time,
                    end_time: None,
                });
                Vec::new()
            }
            Event::AttemptSucceeded(succeeded) => {
                self.open_attempt(succeeded.attempt_id)?;
                self.check_new_instances(succeeded)?;
                let attempt = self.open_attempt(succeeded.attempt_id)?;
                attempt.state = AttemptState::Succeeded;
                attempt.error = None;
                attempt.ec2_request_id.clone_from(&succeeded.ec2_request_id);
                attempt.reservation_id.clone_from(&succeeded.reservation_id);
                attempt.end_time = Some(entry.time);
                let mut events = Vec::with_capacity(succeeded.instances.len() + 1);
                for place in &succeeded.instances {
                    self.instances.push(LaunchInstance {
                        place: place.clone(),
                        attempt_id: succeeded.attempt_id,
                        phase: Phase::Requested,
                        phase_time: entry.time,
                        ready_time: None,
                    });
                    events.push(
                        self.instance_event(entry.time, &InstancePhase::requested(place, self.since(entry.time))),
                    );
                }
                self.state_reason = None;
                events.extend(self.settle(entry.time));
                events
            }
            Event::AttemptFailed(failed) => {
                let reason = Reason { code: failed.error.code.clone(), message: failed.error.message.clone() };
                let attempt = self.launching_attempt(failed.attempt_id)?;
                attempt.state = AttemptState::Failed;
                attempt.error = Some(failed.error.clone());
                attempt.ec2_request_id.clone_from(&failed.error.ec2_request_id);
                attempt.end_time = Some(entry.time);
                self.state_reason = Some(reason);
                vec![self.launch_event(entry.time)]
            }
            Event::AttemptUnknown(unknown) => {
                let attempt = self.launching_attempt(unknown.attempt_id)?;
                attempt.state = AttemptState::Unknown;
                attempt.error = Some(unknown.error.clone());
                self.state_reason =
                    Some(Reason { code: "OUTCOME_UNKNOWN".to_owned(), message: unknown.error.message.clone() });
                vec![self.launch_event(entry.time)]
            }
            Event::LaunchEnded(ended) => {
                if self.state != LaunchState::Launching {
                    return Err(ApplyError::Ended);
                }
                if !matches!(ended.state, LaunchState::Failed | LaunchState::Cancelled) {
                    return Err(ApplyError::NoEnd(ended.state));
                }
                self.state = ended.state;
                self.state_reason = Some(ended.reason.clone());
                self.settle_time = Some(entry.time);
                vec![self.launch_event(entry.time)]
            }
            Event::InstancePhase(phase) => {
                let Some(instance) =
                    self.instances.iter_mut().find(|instance| instance.place.instance_id == phase.instance_id)
                else {
                    return Err(ApplyError::NoSuchInstance(phase.instance_id.clone()));
                };
                if phase.place.as_ref().is_some_and(|place| place.instance_id != phase.instance_id) {
                    return Err(ApplyError::OtherPlace(phase.instance_id.clone()));
                }
                instance.phase = phase.phase;
                instance.phase_time = entry.time;
                if phase.phase == Phase::Ready {
                    instance.ready_time.get_or_insert(entry.time);
                }
                if let Some(place) = &phase.place {
                    instance.place = place.clone();
                }
                if let Some(failure) = &phase.failure {
                    self.state_reason = Some(Reason {
                        code: phase.state_reason.as_ref().map_or_else(|| "BOOT_FAILED".to_owned(), |r| r.code.clone()),
                        message: failure.cause.clone(),
                    });
                }
                if self.state_of_instances() == LaunchState::Ready {
                    self.state_reason = None;
                }
                let mut events = vec![self.instance_event(entry.time, phase)];
                events.extend(self.settle(entry.time));
                events
            }
            Event::Termination(termination) => match termination.stage {
                TerminationStage::Requested => {
                    if self.instances.is_empty() && self.state != LaunchState::Launching {
                        return Err(ApplyError::NothingToTerminate);
                    }
                    self.terminating = true;
                    self.pending_termination = Some(termination.reason.clone());
                    self.settle(entry.time).into_iter().collect()
                }
                TerminationStage::Accepted => {
                    self.pending_termination = None;
                    Vec::new()
                }
                TerminationStage::Failed => {
                    self.terminating = false;
                    self.pending_termination = None;
                    self.state_reason = termination
                        .error
                        .as_ref()
                        .map(|error| Reason { code: error.code.clone(), message: error.message.clone() });
                    self.settle(entry.time).into_iter().collect()
                }
            },
        };
        self.update_time = entry.time;
        Ok(events)
    }

    /// Whether something is still to be done or watched for this launch: the launches that are
    /// taken up again at start.
    pub fn is_open(&self) -> bool {
        !self.state.is_settled() || self.instances.iter().any(|instance| instance.phase == Phase::TimedOut)
    }

    /// The attempt whose outcome is not recorded yet.
    pub fn undecided_attempt(&self) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| matches!(attempt.state, AttemptState::Intended | AttemptState::Unknown))
    }

    /// As [`Launch::open_attempt`], unless the launch has ended. Instances that turn up after an
    /// end are taken in; nothing else about an attempt is news then.
    fn launching_attempt(&mut self, id: AttemptId) -> Result<&mut Attempt, ApplyError> {
        let launching = self.state == LaunchState::Launching;
        let attempt = self.open_attempt(id)?;
        if launching { Ok(attempt) } else { Err(ApplyError::Ended) }
    }

    fn check_new_instances(&self, succeeded: &AttemptSucceeded) -> Result<(), ApplyError> {
        let mut ids: Vec<&InstanceId> = succeeded.instances.iter().map(|place| &place.instance_id).collect();
        ids.extend(self.instances.iter().map(|instance| &instance.place.instance_id));
        ids.sort();
        let twice = ids.windows(2).any(|pair| pair[0] == pair[1]);
        if succeeded.instances.is_empty() || twice {
            return Err(ApplyError::NotInstances(succeeded.attempt_id));
        }
        Ok(())
    }

    fn open_attempt(&mut self, id: AttemptId) -> Result<&mut Attempt, ApplyError> {
        let attempt =
            self.attempts.iter_mut().find(|attempt| attempt.attempt_id == id).ok_or(ApplyError::NoSuchAttempt(id))?;
        match attempt.state {
            AttemptState::Intended | AttemptState::Unknown => Ok(attempt),
            AttemptState::Succeeded | AttemptState::Failed => Err(ApplyError::AttemptEnded(id)),
        }
    }

    /// Recomputes the state from the instances; the event, if it changed.
    fn settle(&mut self, time: Timestamp) -> Option<BootEvent> {
        let state = self.state_of_instances();
        if state == self.state {
            return None;
        }
        self.state = state;
        self.settle_time = state.is_settled().then_some(time);
        Some(self.launch_event(time))
    }

    fn state_of_instances(&self) -> LaunchState {
        let all = self.instances.len();
        if all == 0 {
            return self.state;
        }
        let up = self.instances.iter().filter(|instance| instance.is_up()).count();
        let ended = self.instances.iter().filter(|instance| instance.has_ended()).count();
        let late = self.instances.iter().filter(|i| i.phase == Phase::TimedOut && !i.is_up()).count();
        if self.terminating {
            return if ended == all { LaunchState::Terminated } else { LaunchState::Terminating };
        }
        if up + ended + late < all {
            return LaunchState::Booting;
        }
        if up == all {
            LaunchState::Ready
        } else if up > 0 {
            LaunchState::Partial
        } else if self.instances.iter().all(|instance| instance.phase == Phase::Terminated) {
            LaunchState::Terminated
        } else {
            LaunchState::Failed
        }
    }

    fn since(&self, time: Timestamp) -> Duration {
        Duration::try_from(time.duration_since(self.create_time)).unwrap_or(Duration::ZERO)
    }

    fn next_sequence(&mut self) -> u64 {
        self.last_sequence += 1;
        self.last_sequence
    }

    fn launch_event(&mut self, time: Timestamp) -> BootEvent {
        BootEvent {
            launch_id: Some(self.launch_id),
            instance_id: None,
            sequence: self.next_sequence(),
            phase: None,
            system_status: None,
            instance_status: None,
            ebs_status: None,
            state_reason: self.state_reason.clone(),
            failure: None,
            observed_time: time,
            elapsed: self.since(time),
            launch_state: Some(self.state),
            terminal: self.state.is_settled(),
        }
    }

    fn instance_event(&mut self, time: Timestamp, phase: &InstancePhase) -> BootEvent {
        BootEvent {
            launch_id: Some(self.launch_id),
            sequence: self.next_sequence(),
            ..BootEvent::of_instance(time, phase)
        }
    }
}

impl InstancePhase {
    fn requested(place: &InstancePlace, elapsed: Duration) -> Self {
        Self {
            instance_id: place.instance_id.clone(),
            phase: Phase::Requested,
            system_status: None,
            instance_status: None,
            ebs_status: None,
            state_reason: None,
            failure: None,
            elapsed,
            place: None,
        }
    }
}

impl BootEvent {
    /// The event of an instance reaching a phase, outside any launch: without a launch id, and
    /// with sequence 0, which the reader replaces.
    pub fn of_instance(time: Timestamp, phase: &InstancePhase) -> Self {
        Self {
            launch_id: None,
            instance_id: Some(phase.instance_id.clone()),
            sequence: 0,
            phase: Some(phase.phase),
            system_status: phase.system_status.clone(),
            instance_status: phase.instance_status.clone(),
            ebs_status: phase.ebs_status.clone(),
            state_reason: phase.state_reason.clone(),
            failure: phase.failure.clone(),
            observed_time: time,
            elapsed: phase.elapsed,
            launch_state: None,
            terminal: phase.phase.is_terminal(),
        }
    }
}

#[cfg(test)]
mod tests;
