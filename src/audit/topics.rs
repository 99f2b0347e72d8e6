//! Who is to be told of what.
//!
//! A subscriber learns that something changed and reads it itself: nothing is queued, so a slow
//! one costs nothing and misses nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::ids::{InstanceId, LaunchId};
use crate::record::{Entry, Event};

/// What a subscriber wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Every record.
    Log,
    /// Records of one launch.
    Launch(LaunchId),
    /// Records about one instance, whether of a launch or not.
    Instance(InstanceId),
}

/// Topics somebody listens to, and some that nobody does any more.
#[derive(Debug, Default)]
pub(super) struct Topics {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    senders: HashMap<Topic, watch::Sender<u64>>,
    /// At this many topics those without a listener are looked for and dropped.
    sweep_at: usize,
}

/// Fewer topics than this are not worth a sweep.
const SWEEP_TOPICS_MIN: usize = 64;

impl Topics {
    /// A receiver whose value is the size of the log when the topic last changed, or `size`.
    pub(super) fn subscribe(&self, topic: Topic, size: u64) -> watch::Receiver<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.sweep_at <= state.senders.len() {
            state.senders.retain(|_, sender| 0 < sender.receiver_count());
            // Twice what is left: a sweep then costs each subscription a constant.
            state.sweep_at = (state.senders.len() * 2).max(SWEEP_TOPICS_MIN);
        }
        state.senders.entry(topic).or_insert_with(|| watch::Sender::new(size)).subscribe()
    }

    /// Tells the listeners of what `entries` are about that the log now has `size` records.
    pub(super) fn announce<'a>(&self, entries: impl Iterator<Item = &'a Entry>, size: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.senders.is_empty() {
            return;
        }
        let mut tell = |topic: Topic| {
            if let Some(sender) = state.senders.get(&topic) {
                if sender.receiver_count() == 0 {
                    state.senders.remove(&topic);
                } else {
                    sender.send_replace(size);
                }
            }
        };
        tell(Topic::Log);
        for entry in entries {
            entry.launch_id.map(Topic::Launch).into_iter().for_each(&mut tell);
            instances_of(entry).cloned().map(Topic::Instance).for_each(&mut tell);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.state.lock().unwrap().senders.len()
    }
}

/// The instances that an entry is about.
pub(super) fn instances_of(entry: &Entry) -> impl Iterator<Item = &InstanceId> {
    let (one, places, many, others): (Option<&InstanceId>, &[_], &[_], &[_]) = match &entry.event {
        Event::InstancePhase(phase) => (Some(&phase.instance_id), &[], &[], &[]),
        Event::AttemptSucceeded(succeeded) => (None, &succeeded.instances, &[], &[]),
        Event::Termination(termination) => (None, &[], &termination.instance_ids, &termination.others),
        Event::Decision(_)
        | Event::AttemptIntended(_)
        | Event::AttemptFailed(_)
        | Event::AttemptUnknown(_)
        | Event::LaunchEnded(_)
        | Event::ServiceStarted(_)
        | Event::RecordsPruned(_)
        | Event::PolicyLoaded(_)
        | Event::LaunchSwitch(_)
        | Event::Cancellation(_) => (None, &[], &[], &[]),
    };
    one.into_iter().chain(places.iter().map(|place| &place.instance_id)).chain(many).chain(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_without_listeners_do_not_pile_up() {
        let topics = Topics::default();
        let kept = topics.subscribe(Topic::Log, 0);
        for second in 0..10_000 {
            let id = LaunchId::new(jiff::Timestamp::from_second(second).unwrap());
            drop(topics.subscribe(Topic::Launch(id), 0));
        }
        assert!(topics.len() <= SWEEP_TOPICS_MIN, "{}", topics.len());
        topics.announce(std::iter::empty(), 9);
        assert_eq!(*kept.borrow(), 9);
        drop(kept);
        topics.announce(std::iter::empty(), 10);
        assert!(topics.len() < SWEEP_TOPICS_MIN);
    }
}
