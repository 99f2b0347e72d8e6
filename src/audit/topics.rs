//! Who is to be told of what.
//!
//! A subscriber learns that something changed and reads it itself: nothing is queued, so a slow
//! one costs nothing and misses nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::ids::{InstanceId, LaunchId};
use crate::record::{Entry, Event};

/// What a subscriber wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    listeners: HashMap<Topic, Listeners>,
    /// Whoever listens to the same topics among each other shares one value.
    sets: HashMap<Arc<[Topic]>, watch::Sender<u64>>,
    /// Subscriptions to single topics since the last sweep, and what it left.
    subscriptions: usize,
    /// At this many subscriptions those without a listener are looked for and dropped.
    sweep_at: usize,
}

#[derive(Debug)]
struct Listeners {
    /// Those who listen to this topic alone share one value.
    alone: watch::Sender<u64>,
    /// Those of each set of topics that has this one.
    among_others: Vec<watch::Sender<u64>>,
}

impl Listeners {
    fn new(size: u64) -> Self {
        Self { alone: watch::Sender::new(size), among_others: Vec::new() }
    }

    /// Forgets whoever listens no more; whether somebody does.
    fn are_left(&mut self) -> bool {
        self.among_others.retain(is_heard);
        is_heard(&self.alone) || !self.among_others.is_empty()
    }
}

/// Whether somebody listens. Once nobody does nobody begins to: it is forgotten then, here sooner and there later.
fn is_heard(sender: &watch::Sender<u64>) -> bool {
    0 < sender.receiver_count()
}

/// Fewer subscriptions than this are not worth a sweep.
const SWEEP_SUBSCRIPTIONS_MIN: usize = 64;

impl Topics {
    /// A receiver whose value is the size of the log when the topic last changed, or `size`.
    pub(super) fn subscribe(&self, topic: Topic, size: u64) -> watch::Receiver<u64> {
        let mut state = self.state();
        state.count(1);
        state.listeners.entry(topic).or_insert_with(|| Listeners::new(size)).alone.subscribe()
    }

    /// A receiver whose value is the size of the log when any of the topics last changed, or `size` at most. When it
    /// changes, whoever listens to one of them alone has been told of it.
    pub(super) fn subscribe_to_all(&self, mut topics: Vec<Topic>, size: u64) -> watch::Receiver<u64> {
        topics.sort_unstable();
        topics.dedup();
        let mut state = self.state();
        if let Some(sender) = state.sets.get(&*topics).filter(|sender| is_heard(sender)) {
            return sender.subscribe();
        }
        state.count(topics.len());
        let (sender, receiver) = watch::channel(size);
        for topic in &topics {
            let listeners = state.listeners.entry(topic.clone()).or_insert_with(|| Listeners::new(size));
            listeners.among_others.push(sender.clone());
        }
        state.sets.insert(topics.into(), sender);
        receiver
    }

    /// Tells the listeners of what `entries` are about that the log now has `size` records.
    pub(super) fn announce<'a>(&self, entries: impl Iterator<Item = &'a Entry>, size: u64) {
        let mut state = self.state();
        if state.listeners.is_empty() {
            return;
        }
        let of_entries = entries.flat_map(|entry| {
            let of_launch = entry.launch_id.map(Topic::Launch);
            of_launch.into_iter().chain(instances_of(entry).cloned().map(Topic::Instance))
        });
        let topics = std::iter::once(Topic::Log).chain(of_entries);
        let heard: BTreeSet<Topic> = topics.filter(|topic| state.listeners.contains_key(topic)).collect();
        for listeners in heard.iter().filter_map(|topic| state.listeners.get(topic)) {
            listeners.alone.send_replace(size);
        }
        for topic in heard {
            let Some(listeners) = state.listeners.get_mut(&topic) else { continue };
            if listeners.are_left() {
                for sender in &listeners.among_others {
                    // Once, for however many of its topics.
                    sender.send_if_modified(|told| std::mem::replace(told, size) != size);
                }
            } else {
                state.listeners.remove(&topic);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many subscriptions are held, those to several topics once for each of them.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.state().held()
    }
}

impl State {
    /// Counts new subscriptions, and looks for those without a listener when they have become many.
    fn count(&mut self, subscriptions: usize) {
        if self.sweep_at <= self.subscriptions {
            self.listeners.retain(|_, listeners| listeners.are_left());
            self.sets.retain(|_, sender| is_heard(sender));
            self.subscriptions = self.held();
            // Twice what is left: a sweep then costs each subscription a constant.
            self.sweep_at = (self.subscriptions * 2).max(SWEEP_SUBSCRIPTIONS_MIN);
        }
        self.subscriptions += subscriptions;
    }

    fn held(&self) -> usize {
        self.listeners.values().map(|listeners| 1 + listeners.among_others.len()).sum()
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

    fn instances(numbers: std::ops::Range<i64>) -> Vec<Topic> {
        numbers.map(|number| Topic::Instance(format!("i-{number:017x}").parse().unwrap())).collect()
    }

    fn launch(second: i64) -> Topic {
        Topic::Launch(LaunchId::new(jiff::Timestamp::from_second(second).unwrap()))
    }

    #[test]
    fn topics_without_listeners_do_not_pile_up() {
        let topics = Topics::default();
        let kept = topics.subscribe(Topic::Log, 0);
        for round in 0..10_000_i64 {
            drop(topics.subscribe(launch(round), 0));
            drop(topics.subscribe_to_all(instances(0..3), 0));
            drop(topics.subscribe_to_all(instances(round..round + 3), 0));
        }
        assert!(topics.held() <= 3 * SWEEP_SUBSCRIPTIONS_MIN, "{}", topics.held());
        topics.announce(std::iter::empty(), 9);
        assert_eq!(*kept.borrow(), 9);
        drop(kept);
        topics.announce(std::iter::empty(), 10);
        assert!(topics.held() < 3 * SWEEP_SUBSCRIPTIONS_MIN);
    }
}
