//! What no two launches may share.

use std::collections::{HashMap, HashSet};

use super::Broken;
use crate::audit::verify::codes::Code;
use crate::audit::verify::facts::{AccountNumber, CandidateHash, InstanceKey, RegionName, RequestDigest, Token};
use crate::ids::{AttemptId, LaunchId};

/// Where a launch is.
type Place = (AccountNumber, RegionName);

/// What all launches so far have taken, each with the number of the launch that did.
#[derive(Debug, Default)]
pub(super) struct Tables {
    attempts: HashMap<AttemptId, Attempt>,
    /// Tokens of attempts under which these do not stand in `attempts`. Gantry makes none.
    other_tokens: HashMap<Token, AttemptId>,
    /// Launches that an attempt of another launch serves, and that have not said so yet.
    pub(super) shared: HashMap<AttemptId, HashSet<LaunchId>>,
    /// Launches that have, by their number; whether it is known what came of it for them.
    joined: HashMap<(AttemptId, u32), bool>,
    /// Whether records were not seen: the intention of an attempt may be among them.
    pub(super) has_gaps: bool,
    instances: HashMap<InstanceKey, u32>,
    /// Instances that were not ready in time; whether it was asked for that they are terminated for it.
    late: HashMap<InstanceKey, LateEnd>,
    requests: HashSet<RequestDigest>,
    places: Vec<Place>,
    place_numbers: HashMap<Place, u32>,
    /// Launches that may still begin an attempt, or learn of one.
    pub(super) trying: HashMap<LaunchId, Trying>,
}

/// An attempt, as long as the log is read.
#[derive(Debug)]
struct Attempt {
    /// Its launch.
    launch: u32,
    /// Whether it is known what became of it.
    definite: bool,
    /// Whether its client token is made from its id.
    own_token: bool,
}

/// Where the attempts of a launch stand.
#[derive(Debug, Default)]
pub(super) struct Trying {
    /// The attempt of which it is not known what became.
    pub(super) open: Option<AttemptId>,
    /// What the decision lets it try and was not tried yet. None if the decision does not say.
    pub(super) untried: Option<Vec<CandidateHash>>,
}

/// An instance that is, or was, late.
#[derive(Debug, Default)]
struct LateEnd {
    is_late: bool,
    is_asked: bool,
}

/// Whose an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Nobodys,
    Own,
    Anothers,
}

impl Tables {
    /// The number of an account and Region.
    pub(super) fn place(&mut self, account: AccountNumber, region: RegionName) -> u32 {
        let next = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        *self.place_numbers.entry((account, region)).or_insert_with(|| {
            self.places.push((account, region));
            next
        })
    }

    /// Whether an account and Region, where they are named, are those of a number.
    pub(super) fn is_place(&self, number: u32, account: Option<AccountNumber>, region: Option<RegionName>) -> bool {
        self.places.get(number as usize).is_none_or(|(own, home)| {
            account.is_none_or(|named| named == *own) && region.is_none_or(|named| named == *home)
        })
    }

    pub(super) fn take_request(&mut self, request: Option<RequestDigest>) -> Result<(), Broken> {
        match request {
            Some(request) if !self.requests.insert(request) => Err(Broken::new(
                Code::RequestDecidedTwice,
                "The principal's request id was used for another request before: one request was acted upon twice.",
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn take_attempt(&mut self, launch: u32, attempt_id: AttemptId, token: &Token) -> Result<(), Broken> {
        if self.attempts.contains_key(&attempt_id) {
            let message = format!("Attempt {attempt_id} was intended before.");
            return Err(Broken::new(Code::AttemptIdReused, message));
        }
        let own_token = *token == Token::Of(attempt_id);
        let taken_by = match token {
            Token::Of(other) if self.attempts.get(other).is_some_and(|attempt| attempt.own_token) => Some(other),
            _ if self.other_tokens.is_empty() => None,
            _ => self.other_tokens.get(token),
        };
        if let Some(other) = taken_by {
            let message = format!("The client token of attempt {attempt_id} was used by attempt {other} before.");
            return Err(Broken::new(Code::ClientTokenReused, message));
        }
        if !own_token {
            self.other_tokens.insert(token.clone(), attempt_id);
        }
        self.attempts.insert(attempt_id, Attempt { launch, definite: false, own_token });
        Ok(())
    }

    /// That launch `id` shares the attempt of another one.
    pub(super) fn join_attempt(
        &mut self,
        id: LaunchId,
        launch: u32,
        attempt_id: AttemptId,
        token: &Token,
    ) -> Result<(), Broken> {
        let served = self.shared.get_mut(&attempt_id).is_some_and(|left| left.remove(&id));
        let own_token = self.attempts.get(&attempt_id).is_none_or(|attempt| attempt.own_token);
        let is_its = served && own_token == (*token == Token::Of(attempt_id));
        let may_be_unseen = self.has_gaps && !self.shared.contains_key(&attempt_id);
        if !is_its && !may_be_unseen {
            let message = format!("Attempt {attempt_id} is another launch's, whose record does not name this one.");
            return Err(Broken::new(Code::AttemptNotShared, message));
        }
        self.joined.insert((attempt_id, launch), false);
        Ok(())
    }

    /// That an attempt of `launch` has an outcome now, which is the last if `definite`. `in_part`
    /// lets pass an attempt whose intent may have been removed.
    pub(super) fn take_outcome(
        &mut self,
        launch: u32,
        attempt_id: AttemptId,
        definite: bool,
        in_part: bool,
    ) -> Result<(), Broken> {
        if let Some(known) = self.joined.get_mut(&(attempt_id, launch)) {
            if *known {
                return Err(outcome_twice(attempt_id));
            }
            *known = definite;
            return Ok(());
        }
        match self.attempts.get_mut(&attempt_id) {
            None if in_part => {
                self.attempts.insert(attempt_id, Attempt { launch, definite, own_token: true });
                Ok(())
            }
            None => {
                let message = format!("Attempt {attempt_id} has an outcome and was never intended.");
                Err(Broken::new(Code::AttemptNotIntended, message))
            }
            // It may share the attempt, and have said so in a record that is not there.
            Some(attempt) if attempt.launch != launch && in_part => {
                self.joined.insert((attempt_id, launch), definite);
                Ok(())
            }
            Some(attempt) if attempt.launch != launch => {
                let message = format!("Attempt {attempt_id} was intended by another launch.");
                Err(Broken::new(Code::AttemptOfOtherLaunch, message))
            }
            Some(attempt) if attempt.definite => Err(outcome_twice(attempt_id)),
            Some(attempt) => {
                attempt.definite = definite;
                Ok(())
            }
        }
    }

    pub(super) fn whose(&self, launch: u32, instance: InstanceKey) -> Whose {
        match self.instances.get(&instance) {
            None => Whose::Nobodys,
            Some(owner) if *owner == launch => Whose::Own,
            Some(_) => Whose::Anothers,
        }
    }

    /// That an instance reached a phase, which is TIMED_OUT or another.
    pub(super) fn note_late(&mut self, instance: InstanceKey, is_late: bool) {
        if is_late {
            self.late.entry(instance).or_default().is_late = true;
        } else if let Some(late) = self.late.get_mut(&instance) {
            late.is_late = false;
        }
    }

    /// That an instance is to be terminated for not being ready in time; false if it is not late, or that was asked
    /// for before.
    pub(super) fn ask_late_end(&mut self, instance: InstanceKey) -> bool {
        let late = self.late.entry(instance).or_default();
        !std::mem::replace(&mut late.is_asked, true) && late.is_late
    }

    pub(super) fn is_late_end_asked(&self, instance: InstanceKey) -> bool {
        self.late.get(&instance).is_some_and(|late| late.is_asked)
    }

    pub(super) fn own(&mut self, launch: u32, instance: InstanceKey) {
        self.instances.insert(instance, launch);
    }
}

fn outcome_twice(attempt_id: AttemptId) -> Broken {
    let message = format!("What became of attempt {attempt_id} was recorded before, and definitely.");
    Broken::new(Code::OutcomeTwice, message)
}
