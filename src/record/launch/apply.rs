//! Taking in the next entry: the only way a launch changes.

use jiff::Timestamp;

use super::{ApplyError, Attempt, AttemptState, BootTimes, Launch, LaunchInstance, PendingOthers};
use crate::ids::{AttemptId, InstanceId};
use crate::record::{
    AttemptSucceeded, BootEvent, Entry, Event, InstancePhase, LaunchState, Phase, Reason, Termination, TerminationStage,
};

impl Launch {
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
            Event::ServiceStarted(_) | Event::RecordsPruned(_) | Event::PolicyLoaded(_) | Event::LaunchSwitch(_) => {
                return Err(ApplyError::OtherLaunch);
            }
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
                    share: intended.share.clone(),
                    role_session: intended.role_session.clone(),
                    unknown_time: None,
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
                        late_end: None,
                        boot_times: BootTimes::default(),
                        has_settled: false,
                    });
                    events.push(self.instance_event(
                        entry.time,
                        &InstancePhase::new(place.instance_id.clone(), Phase::Requested, self.since(entry.time)),
                    ));
                }
                self.state_reason = self.shortfall();
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
                attempt.unknown_time.get_or_insert(entry.time);
                attempt.error = Some(unknown.error.clone());
                self.state_reason =
                    Some(Reason { code: "OUTCOME_UNKNOWN".to_owned(), message: unknown.error.message.clone() });
                vec![self.launch_event(entry.time)]
            }
            Event::Cancellation(cancellation) => {
                if self.state != LaunchState::Launching {
                    return Err(ApplyError::Ended);
                }
                self.cancelled.get_or_insert_with(|| cancellation.reason.clone());
                Vec::new()
            }
            Event::LaunchEnded(ended) => {
                if self.state != LaunchState::Launching {
                    return Err(ApplyError::Ended);
                }
                // What an attempt under way makes belongs to the launch: it is not cancelled before that is known.
                let too_early = ended.state == LaunchState::Cancelled && self.undecided_attempt().is_some();
                if too_early || !matches!(ended.state, LaunchState::Failed | LaunchState::Cancelled) {
                    return Err(ApplyError::NoEnd(ended.state));
                }
                self.state = ended.state;
                self.terminating = false;
                self.pending_termination = None;
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
                instance.boot_times.note(entry.time, phase);
                let had_settled = instance.has_settled;
                // What is to end is waited for until it has.
                let is_end = match self.terminating {
                    true => matches!(phase.phase, Phase::Failed | Phase::Terminated),
                    false => phase.phase.is_terminal(),
                };
                instance.has_settled |= is_end;
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
                    self.state_reason = self.shortfall();
                }
                let terminal = is_end && !had_settled;
                let mut events = vec![BootEvent { terminal, ..self.instance_event(entry.time, phase) }];
                events.extend(self.settle(entry.time));
                events
            }
            Event::Termination(termination) if termination.boot_failure => {
                self.end_late(termination)?;
                Vec::new()
            }
            Event::Termination(termination) => self.terminate(entry.time, termination)?,
        };
        self.update_time = entry.time;
        Ok(events)
    }

    fn terminate(&mut self, time: Timestamp, termination: &Termination) -> Result<Vec<BootEvent>, ApplyError> {
        let Termination { stage, reason, instance_ids, others, error, .. } = termination;
        let failed = || error.as_ref().map(|error| Reason { code: error.code.clone(), message: error.message.clone() });
        if *stage != TerminationStage::Requested && !others.is_empty() {
            // What becomes of them is not the launch's life.
            for pending in &mut self.pending_others {
                pending.instance_ids.retain(|id| !others.contains(id));
            }
            self.pending_others.retain(|pending| !pending.instance_ids.is_empty());
            if *stage == TerminationStage::Failed {
                self.state_reason = failed();
            }
            return Ok(Vec::new());
        }
        Ok(match stage {
            TerminationStage::Requested => {
                let nothing = self.instances.is_empty() && self.state != LaunchState::Launching;
                // Of a launch that was refused nothing more is recorded.
                if self.state == LaunchState::Refused || (nothing && others.is_empty()) {
                    return Err(ApplyError::NothingToTerminate);
                }
                if !others.is_empty() {
                    let pending = PendingOthers { reason: reason.clone(), instance_ids: others.clone() };
                    self.pending_others.push(pending);
                }
                if instance_ids.is_empty() && !others.is_empty() && self.state != LaunchState::Launching {
                    return Ok(Vec::new());
                }
                // Streams of a launch that has come to rest have ended, and those to come tell an end once more. What a
                // stream that goes on has told is not taken back.
                if self.state.is_settled() {
                    for instance in &mut self.instances {
                        instance.has_settled = instance.has_ended();
                    }
                }
                self.terminating = true;
                self.pending_termination = Some(reason.clone());
                self.settle(time).into_iter().collect()
            }
            TerminationStage::Accepted => {
                self.pending_termination = None;
                Vec::new()
            }
            TerminationStage::Failed => {
                self.terminating = false;
                self.pending_termination = None;
                for instance in &mut self.instances {
                    instance.has_settled |= instance.ready_time.is_some() || instance.phase.is_terminal();
                }
                self.state_reason = failed();
                self.settle(time).into_iter().collect()
            }
        })
    }

    /// As [`Launch::open_attempt`], unless the launch has ended. Instances that turn up after an
    /// end are taken in; nothing else about an attempt is news then.
    fn launching_attempt(&mut self, id: AttemptId) -> Result<&mut Attempt, ApplyError> {
        let launching = self.state == LaunchState::Launching;
        let attempt = self.open_attempt(id)?;
        if launching { Ok(attempt) } else { Err(ApplyError::Ended) }
    }

    /// That there are fewer instances than were wanted, if so.
    fn shortfall(&self) -> Option<Reason> {
        let given = self.instances.len();
        let wanted = usize::try_from(self.spec.max_count).unwrap_or(usize::MAX);
        (given < wanted).then(|| Reason::fewer(given, self.spec.max_count))
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
}
