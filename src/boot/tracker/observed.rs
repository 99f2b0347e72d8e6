//! When EC2 last answered about each instance that is followed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::ids::InstanceId;

/// The times, written by one poller and read by any number of watchers.
#[derive(Debug, Default)]
pub(super) struct Observed {
    times: Mutex<HashMap<InstanceId, Times>>,
}

#[derive(Debug)]
struct Times {
    /// When it last answered about its state.
    state: Timestamp,
    /// When it last answered about its checks, if it did.
    checks: Option<Timestamp>,
    /// As of when its checks are known, while EC2 does not answer about them.
    without_checks: Option<Timestamp>,
}

impl Observed {
    /// Notes that EC2 has answered about the states of instances, each with whether it has status checks.
    pub(super) fn note<'a>(&self, instances: impl Iterator<Item = (&'a InstanceId, bool)>, time: Timestamp) {
        let mut times = self.times();
        for (id, has_checks) in instances {
            let new = || Times { state: time, checks: None, without_checks: None };
            let known = times.entry(id.clone()).or_insert_with(new);
            // Answers may come in another order than the questions were asked.
            known.state = time.max(known.state);
            if !has_checks {
                // It does not run, so that nobody asks for them.
                (known.checks, known.without_checks) = (None, None);
            }
        }
    }

    /// Notes of an instance that is followed whether EC2 has answered about its checks.
    pub(super) fn note_checks(&self, id: &InstanceId, is_answered: bool, now: Timestamp) {
        let mut times = self.times();
        let Some(known) = times.get_mut(id) else { return };
        if is_answered {
            (known.checks, known.without_checks) = (Some(now), None);
        } else {
            known.without_checks.get_or_insert(known.checks.unwrap_or(now));
        }
    }

    pub(super) fn forget(&self, instance_ids: &[InstanceId]) {
        if instance_ids.is_empty() {
            return;
        }
        let mut times = self.times();
        for id in instance_ids {
            times.remove(id);
        }
    }

    /// The earliest of the times of those that are followed, and of the checks of those about which EC2 does not answer.
    pub(super) fn oldest<'a>(&self, instance_ids: impl IntoIterator<Item = &'a InstanceId>) -> Option<Timestamp> {
        let times = self.times();
        let of = instance_ids.into_iter().filter_map(|id| times.get(id));
        of.map(|known| known.without_checks.map_or(known.state, |checks| checks.min(known.state))).min()
    }

    fn times(&self) -> MutexGuard<'_, HashMap<InstanceId, Times>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_as_old_as_the_oldest_of_states_and_of_checks_that_are_not_answered() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let id = |number: u8| format!("i-{number:017x}").parse::<InstanceId>().unwrap();
        let ids = [id(1), id(2)];
        let running = || ids.iter().map(|id| (id, true));
        let observed = Observed::default();
        let oldest = || observed.oldest(&ids);
        assert_eq!(oldest(), None);
        observed.note(running(), at(10));
        observed.note_checks(&id(1), true, at(11));
        observed.note_checks(&id(2), true, at(12));
        observed.note(running(), at(30));
        assert_eq!(oldest(), Some(at(30)), "checks are asked for now and then");
        observed.note_checks(&id(2), false, at(31));
        observed.note_checks(&id(1), true, at(32));
        assert_eq!(oldest(), Some(at(12)), "an answer about another is none about this one");
        observed.note_checks(&id(2), false, at(40));
        assert_eq!(oldest(), Some(at(12)));
        observed.note_checks(&id(2), true, at(41));
        assert_eq!(oldest(), Some(at(30)));
        observed.note_checks(&id(2), false, at(42));
        assert_eq!(oldest(), Some(at(30)));
        observed.note(running(), at(50));
        assert_eq!(oldest(), Some(at(41)));
        observed.note(ids.iter().map(|id| (id, *id != ids[1])), at(51));
        assert_eq!(oldest(), Some(at(51)), "it was stopped, and its checks are asked for no more");
        observed.note_checks(&id(3), false, at(52));
        observed.forget(&[id(2)]);
        assert_eq!((oldest(), observed.oldest([&id(3)])), (Some(at(51)), None));
    }
}
