//! One launch: where it stands, and what may follow.

use super::tables::{Tables, Trying, Whose};
use super::{Broken, is_of_its_day};
use crate::audit::verify::codes::Code;
use crate::audit::verify::facts::{Facts, InstanceKey, Instances, Share, Token, What};
use crate::ids::{AttemptId, LaunchId};
use crate::record::LaunchState;

/// Where a launch stands. Small, for there is one for every launch of the log.
#[derive(Debug)]
pub(super) struct Stand {
    /// How many launches began before it.
    pub(super) number: u32,
    /// The account and Region of its decision.
    place: u32,
    /// Its decision was seen.
    decided: bool,
    /// It may launch.
    admitted: bool,
    /// It was ended without instances.
    ended: bool,
    /// It has instances.
    has_instances: bool,
    /// Its termination was asked for.
    termination_requested: bool,
    /// It asks that instances which are not ready in time are terminated.
    ends_late: bool,
    /// Records of it may have been removed: what they would have said is not missed.
    pub(super) in_part: bool,
    /// It has broken a rule.
    pub(super) broken: bool,
}

/// The number of a place that is not known.
const NO_PLACE: u32 = u32::MAX;

impl Stand {
    pub(super) fn new(number: u32) -> Self {
        Self {
            number,
            place: NO_PLACE,
            decided: false,
            admitted: false,
            ended: false,
            has_instances: false,
            termination_requested: false,
            ends_late: false,
            in_part: false,
            broken: false,
        }
    }

    /// Takes in the decision that begins it.
    pub(super) fn decide(&mut self, id: LaunchId, facts: &Facts, tables: &mut Tables) -> Result<(), Broken> {
        let (What::Decided { admitted, ends_late, candidates }, Some(account), Some(region), true) =
            (&facts.what, facts.account, facts.region, facts.has_principal)
        else {
            let message = "The decision does not say for which principal, or in which account and Region.";
            return Err(Broken::new(Code::DecisionIncomplete, message));
        };
        if !is_of_its_day(id, facts.time) {
            let message = format!("The launch id was not made within 24 hours of the decision at {}.", facts.time);
            return Err(Broken::new(Code::LaunchIdMisdated, message));
        }
        tables.take_request(facts.request)?;
        self.place = tables.place(account, region);
        self.decided = true;
        self.admitted = *admitted;
        self.ends_late = *ends_late;
        if *admitted {
            let untried = (!candidates.is_empty()).then(|| candidates.to_vec());
            tables.trying.insert(id, Trying { untried, ..Trying::default() });
        }
        Ok(())
    }

    /// Takes in a later record.
    pub(super) fn follow(&mut self, id: LaunchId, facts: &Facts, tables: &mut Tables) -> Result<(), Broken> {
        if self.decided && !self.admitted && !matches!(facts.what, What::Decided { .. }) {
            let message = "The launch was refused, and still something was recorded to have been done for it.";
            return Err(Broken::new(Code::RefusedLaunchWentOn, message));
        }
        if self.place != NO_PLACE && !tables.is_place(self.place, facts.account, facts.region) {
            let message = "The record names another account or Region than the launch's decision.";
            return Err(Broken::new(Code::LaunchMoved, message));
        }
        match &facts.what {
            What::Decided { .. } => {
                Err(Broken::new(Code::DecidedTwice, "The launch has records already, and is decided once more."))
            }
            What::Intended { attempt_id, candidate, token, share } => {
                let is_due = match tables.trying.get_mut(&id).and_then(|trying| trying.untried.as_mut()) {
                    // Each candidate is tried once; in which order depends on what EC2 says of the others.
                    Some(untried) => match untried.iter().position(|left| left == candidate) {
                        Some(place) => {
                            untried.remove(place);
                            true
                        }
                        None => self.in_part,
                    },
                    None => true,
                };
                self.intend(id, *attempt_id, (token, share.as_ref()), is_due, tables)
            }
            What::Succeeded { attempt_id, instances } => self.succeed(id, *attempt_id, instances, tables),
            What::Failed { attempt_id } => {
                self.miss(*attempt_id, true, tables)?;
                if let Some(trying) = tables.trying.get_mut(&id) {
                    trying.open = None;
                }
                Ok(())
            }
            What::Unknown { attempt_id } => self.miss(*attempt_id, false, tables),
            What::Ended { state } => self.end(id, *state, tables),
            What::Phase { instance, place, is_late } => {
                if place.is_some_and(|place| place != *instance) {
                    let message = format!("The place of instance {instance} is of another instance.");
                    return Err(Broken::new(Code::PlaceOfOtherInstance, message));
                }
                self.own_instance(*instance, tables)?;
                tables.note_late(*instance, *is_late);
                Ok(())
            }
            What::Cancelled => {
                if self.ended || self.has_instances {
                    let message = "Its cancellation was asked for after it had ended or had instances.";
                    return Err(Broken::new(Code::CancelledTooLate, message));
                }
                tables.take_request(facts.request)
            }
            What::TerminationRequested { instances, others } => {
                if !others && self.ended && !self.has_instances && !self.in_part {
                    let message = "Its termination was asked for after it had ended without instances.";
                    return Err(Broken::new(Code::NothingToTerminate, message));
                }
                self.own_instances(instances, tables)?;
                tables.take_request(facts.request)?;
                self.termination_requested = true;
                Ok(())
            }
            What::TerminationAnswered { instances } => {
                if !self.termination_requested && !self.in_part {
                    let message = "EC2 answered a termination that was not on record before.";
                    return Err(Broken::new(Code::TerminationNotRequested, message));
                }
                self.own_instances(instances, tables)
            }
            What::LateEndRequested { instances } => {
                self.own_instances(instances, tables)?;
                // Every one is noted, whatever is said of the others.
                let late = instances.0.iter().filter(|one| tables.ask_late_end(**one)).count();
                let is_founded = self.ends_late && 0 < late && late == instances.0.len();
                if !is_founded && !self.in_part {
                    let message = "Instances were to be terminated for not being ready in time, and they were, or the \
                                   launch does not ask for that, or it was asked for before.";
                    return Err(Broken::new(Code::TerminatedThoughNotLate, message));
                }
                Ok(())
            }
            What::LateEndAnswered { instances } => {
                if !self.in_part && instances.0.iter().any(|one| !tables.is_late_end_asked(*one)) {
                    let message = "EC2 answered a termination that was not on record before.";
                    return Err(Broken::new(Code::TerminationNotRequested, message));
                }
                self.own_instances(instances, tables)
            }
            What::Previewed | What::Started | What::Switched { .. } | What::Pruned(_) => {
                Err(Broken::new(Code::LaunchIdUnexpected, "The record belongs to no launch, and names one."))
            }
        }
    }

    fn intend(
        &self,
        id: LaunchId,
        attempt_id: AttemptId,
        (token, share): (&Token, Option<&Share>),
        is_due: bool,
        tables: &mut Tables,
    ) -> Result<(), Broken> {
        if self.ended || self.has_instances {
            let message = format!("Attempt {attempt_id} begins although the launch has ended or has instances.");
            return Err(Broken::new(Code::AttemptAfterEnd, message));
        }
        let open = tables.trying.get(&id).and_then(|trying| trying.open);
        match share {
            Some(share) if share.leader != id => {
                tables.join_attempt(id, self.number, attempt_id, token)?;
            }
            _ => tables.take_attempt(self.number, attempt_id, token)?,
        }
        if let Some(share) = share.filter(|share| share.leader == id) {
            tables.shared.insert(attempt_id, share.serves.iter().copied().filter(|other| *other != id).collect());
        }
        if let Some(open) = open.filter(|_| !self.in_part) {
            let message = format!("Attempt {attempt_id} begins before attempt {open} has definitely failed.");
            return Err(Broken::new(Code::AttemptTooEarly, message));
        }
        if !is_due {
            let message = format!(
                "Attempt {attempt_id} asks for no candidate of the decision, or for one that was tried before."
            );
            return Err(Broken::new(Code::AttemptNotDecided, message));
        }
        let trying = tables.trying.entry(id).or_default();
        trying.open = Some(attempt_id);
        Ok(())
    }

    fn succeed(
        &mut self,
        id: LaunchId,
        attempt_id: AttemptId,
        instances: &Instances,
        tables: &mut Tables,
    ) -> Result<(), Broken> {
        tables.take_outcome(self.number, attempt_id, true, self.in_part)?;
        if instances.0.is_empty() {
            let message = format!("Attempt {attempt_id} succeeded and names no instance.");
            return Err(Broken::new(Code::SuccessWithoutInstances, message));
        }
        if instances.has_one_twice() {
            let message = format!("Attempt {attempt_id} names an instance twice.");
            return Err(Broken::new(Code::InstanceTwice, message));
        }
        for instance in &instances.0 {
            match tables.whose(self.number, *instance) {
                Whose::Nobodys => {}
                // Its phases may have been seen although the success was removed, or comes late.
                Whose::Own if self.in_part => {}
                Whose::Own => {
                    let message = format!("Instance {instance} was launched by this launch before.");
                    return Err(Broken::new(Code::InstanceTwice, message));
                }
                Whose::Anothers => return Err(of_two_launches(*instance)),
            }
        }
        for instance in &instances.0 {
            tables.own(self.number, *instance);
        }
        self.has_instances = true;
        tables.trying.remove(&id);
        Ok(())
    }

    /// An attempt brought nothing, or nothing that is known.
    fn miss(&self, attempt_id: AttemptId, definite: bool, tables: &mut Tables) -> Result<(), Broken> {
        tables.take_outcome(self.number, attempt_id, definite, self.in_part)?;
        if self.ended || self.has_instances {
            let message = format!("What became of attempt {attempt_id} is reported after the launch's end.");
            return Err(Broken::new(Code::OutcomeAfterEnd, message));
        }
        Ok(())
    }

    fn end(&mut self, id: LaunchId, state: LaunchState, tables: &mut Tables) -> Result<(), Broken> {
        if self.ended {
            return Err(Broken::new(Code::EndedTwice, "The launch had ended before."));
        }
        if self.has_instances {
            return Err(Broken::new(
                Code::EndWithInstances,
                "The launch has instances, and is ended as if it had none.",
            ));
        }
        if !matches!(state, LaunchState::Failed | LaunchState::Cancelled) {
            let message = format!("A launch cannot be ended as {state:?}.");
            return Err(Broken::new(Code::EndStateInvalid, message));
        }
        let under_way = tables.trying.get(&id).and_then(|trying| trying.open).filter(|_| !self.in_part);
        if let Some(open) = under_way.filter(|_| state == LaunchState::Cancelled) {
            let message = format!("The launch is ended as cancelled while attempt {open} is under way.");
            return Err(Broken::new(Code::EndStateInvalid, message));
        }
        self.ended = true;
        // Instances of an attempt that was given up may still turn up; the attempt's row says so.
        tables.trying.remove(&id);
        Ok(())
    }

    fn own_instances(&mut self, instances: &Instances, tables: &mut Tables) -> Result<(), Broken> {
        instances.0.iter().try_for_each(|instance| self.own_instance(*instance, tables))
    }

    /// That an instance which the launch speaks of is its own.
    fn own_instance(&mut self, instance: InstanceKey, tables: &mut Tables) -> Result<(), Broken> {
        match tables.whose(self.number, instance) {
            Whose::Own => Ok(()),
            Whose::Nobodys if self.in_part => {
                tables.own(self.number, instance);
                self.has_instances = true;
                Ok(())
            }
            Whose::Nobodys => {
                let message = format!("The launch speaks of instance {instance}, which it did not launch.");
                Err(Broken::new(Code::InstanceNotLaunched, message))
            }
            Whose::Anothers => Err(of_two_launches(instance)),
        }
    }
}

fn of_two_launches(instance: InstanceKey) -> Broken {
    Broken::new(Code::InstanceOfTwoLaunches, format!("Instance {instance} belongs to another launch."))
}
