//! What must come of each launch, by the rules of the contract alone: no log, no attempts, no clock.

use std::collections::{BTreeMap, BTreeSet};

use gantry::api::pb;

use super::{During, Fault, Launch};

/// What a call is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// A launch, old or new.
    Launch,
    /// An error with this reason.
    Error(&'static str),
}

/// What a request has become.
#[derive(Debug, Clone)]
struct Decided {
    launch: Launch,
    admitted: bool,
    /// How many instances it may have got.
    counts: BTreeSet<u32>,
}

/// The state of the world, as far as callers can know it.
#[derive(Debug, Default)]
pub(super) struct Reference {
    pub(super) forbidden: Option<&'static str>,
    pub(super) paused: bool,
    /// Whether EC2 lacked capacity before, which launches remember for some minutes.
    lacked: bool,
    decided: BTreeMap<u8, Decided>,
}

impl Reference {
    /// A launch is asked for and answered, and comes to its end.
    pub(super) fn launch(&mut self, launch: &Launch) -> Answer {
        if let Some(decided) = self.decided.get(&launch.request) {
            return match (decided.launch.body() == launch.body(), decided.admitted) {
                (false, _) => Answer::Error("REQUEST_ID_REUSED"),
                (true, true) => Answer::Launch,
                (true, false) => Answer::Error("POLICY_DENIED"),
            };
        }
        let left: Vec<_> = launch.types().into_iter().filter(|name| Some(*name) != self.forbidden).collect();
        if left.is_empty() {
            let decided = Decided { launch: launch.clone(), admitted: false, counts: BTreeSet::from([0]) };
            self.decided.insert(launch.request, decided);
            return Answer::Error("POLICY_DENIED");
        }
        if self.paused {
            return Answer::Error("LAUNCHES_PAUSED");
        }
        let mut counts = counts(launch, left.len() * launch.zones().len().max(1));
        if matches!(launch.fault, Some(Fault::NoCapacity | Fault::OneLeft)) && std::mem::replace(&mut self.lacked, true)
        {
            // The other candidates may be skipped.
            counts.extend([0]);
        }
        self.decided.insert(launch.request, Decided { launch: launch.clone(), admitted: true, counts });
        Answer::Launch
    }

    /// Whether a request is on record, and how many instances its launch may have.
    pub(super) fn counts(&self, request: u8) -> Option<&BTreeSet<u32>> {
        self.decided.get(&request).map(|decided| &decided.counts)
    }

    /// Whether a launch that ended in `state` with `count` instances may be that of the request.
    pub(super) fn may_be(&self, request: u8, state: pb::LaunchState, count: u32) -> bool {
        let Some(Decided { launch, admitted, counts }) = self.decided.get(&request) else { return false };
        let fits = match state {
            pb::LaunchState::Refused => !admitted,
            pb::LaunchState::Failed => *admitted && count == 0,
            pb::LaunchState::Cancelled => *admitted && count == 0 && launch.during.ends_it(),
            pb::LaunchState::Terminating | pb::LaunchState::Terminated => *admitted && launch.during.ends_it(),
            pb::LaunchState::Booting | pb::LaunchState::Ready => *admitted && count > 0,
            _ => false,
        };
        fits && counts.contains(&count)
    }
}

/// How many instances an admitted launch may get, if it has so many candidates.
fn counts(launch: &Launch, candidates: usize) -> BTreeSet<u32> {
    let all = launch.count;
    let mut counts = BTreeSet::new();
    counts.insert(match launch.fault {
        // Before or after its effect, a fault that passes costs nothing.
        None | Some(Fault::Throttled | Fault::ReplyLost | Fault::Broken | Fault::Invisible) => all,
        // Another candidate gives all.
        Some(Fault::NoCapacity) if candidates > 1 => all,
        Some(Fault::NoCapacity) => 0,
        // At least min_count is enough; there is no topping up.
        Some(Fault::OneLeft) => 1,
    });
    match launch.during {
        // A fault that a call met before the server died is gone with its sandbox.
        During::Crash(_) if launch.fault.is_some() => counts.extend([all]),
        During::Cancel | During::Terminate => counts.extend([0]),
        During::Crash(_) | During::Pause | During::Nothing => {}
    }
    counts
}
