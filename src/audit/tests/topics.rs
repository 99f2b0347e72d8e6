//! Who is told of what, and in which order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tokio::sync::watch;

use super::fixture::{instance_id, reached};
use crate::audit::Topic;
use crate::audit::topics::Topics;
use crate::record::Phase;

fn instances(numbers: std::ops::Range<u8>) -> Vec<Topic> {
    numbers.map(|number| Topic::Instance(instance_id(1, number))).collect()
}

#[test]
fn whoever_listens_to_the_same_topics_shares_a_value() {
    let topics = Topics::default();
    let mut sets: Vec<_> = (0..3).map(|_| topics.subscribe_to_all(instances(0..3), 0)).collect();
    sets.push(topics.subscribe_to_all(instances(1..4).into_iter().rev().collect(), 0));
    let held = topics.held();
    // One is let go of and listened to again: what was forgotten tells nobody.
    sets.truncate(3);
    sets.push(topics.subscribe_to_all(instances(1..4), 0));
    sets.push(topics.subscribe_to_all(instances(1..4), 0));
    assert_eq!((held, topics.held()), (4 + 3 + 3, 4 + 3 + 3 + 3), "two sets, and one that nobody listens to");
    topics.announce([&reached(1, None, 1, 2, Phase::Running)].into_iter(), 7);
    assert!(sets.iter().all(|receiver| receiver.has_changed().unwrap() && *receiver.borrow() == 7));
    assert_eq!(topics.held(), 4 + 3 + 3 + 2, "it is forgotten where somebody was told");
}

/// Looks, when it is woken, whether somebody else was told before.
struct Looks {
    at: watch::Receiver<u64>,
    was_told: AtomicBool,
    was_woken: AtomicBool,
}

impl Wake for Looks {
    fn wake(self: Arc<Self>) {
        self.was_told.store(self.at.has_changed().unwrap(), Ordering::Relaxed);
        self.was_woken.store(true, Ordering::Relaxed);
    }
}

#[test]
fn whoever_listens_to_several_is_told_last() {
    let topics = Topics::default();
    // A shared reading of the last of them, which whoever is woken looks at.
    let at = topics.subscribe(instances(2..3).remove(0), 0);
    let mut all = topics.subscribe_to_all(instances(0..3), 0);
    let looks = Arc::new(Looks { at, was_told: AtomicBool::new(false), was_woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&looks));
    let mut changed = std::pin::pin!(all.changed());
    assert_eq!(changed.as_mut().poll(&mut Context::from_waker(&waker)).map(|told| told.is_ok()), Poll::Pending);
    let entries = [0, 1, 2].map(|number| reached(1, None, 1, number, Phase::Running));
    topics.announce(entries.iter(), 3);
    assert!(looks.was_woken.load(Ordering::Relaxed) && looks.was_told.load(Ordering::Relaxed));
}
