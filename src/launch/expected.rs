//! Launches that are on their way: asked for, being decided, and not yet waiting for their turn.
//!
//! Whoever has its turn goes at once, unless more launches that ask for the same are being decided than EC2 has
//! requests left: each of them would take one. Then it waits for them to come into its room. Without this the first
//! of a storm would use up the burst of requests for a few launches each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::ids::{Principal, Sha256Digest};
use crate::record::Spec;

/// Who is on the way, by what was asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Expected {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    counts: Mutex<HashMap<Sha256Digest, usize>>,
    /// Told whenever somebody has arrived.
    arrived: Notify,
}

/// A launch that is on its way until it [arrives](Self::arrive) or this is dropped.
#[derive(Debug)]
pub(super) struct OnItsWay {
    expected: Expected,
    /// Of the spec as it was asked for, account and Region included, but for how many it wants.
    asked: Sha256Digest,
    arrived: bool,
}

impl Expected {
    /// A launch of this spec begins to be decided; `principal` where only launches of one can go together.
    pub(super) fn begin(&self, spec: &Spec, principal: Option<&Principal>) -> OnItsWay {
        let one = Spec { max_count: 1, ..spec.clone() };
        let json = serde_json::to_vec(&(one, principal)).expect("a spec has string keys and no failing serialiser");
        let asked = Sha256Digest::of(&json);
        *self.lock().entry(asked).or_default() += 1;
        OnItsWay { expected: self.clone(), asked, arrived: false }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Sha256Digest, usize>> {
        // Each count is right after every statement.
        self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OnItsWay {
    /// It waits for its turn now, or goes without one.
    pub(super) fn arrive(&mut self) {
        if std::mem::replace(&mut self.arrived, true) {
            return;
        }
        let mut counts = self.expected.lock();
        if let Some(count) = counts.get_mut(&self.asked) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.asked);
            }
        }
        drop(counts);
        self.expected.shared.arrived.notify_waiters();
    }

    /// How many that ask for the same are on their way.
    pub(super) fn others(&self) -> usize {
        let all = self.expected.lock().get(&self.asked).copied().unwrap_or_default();
        all - usize::from(!self.arrived)
    }

    /// Ends once `enough` is true; it is asked whenever somebody has arrived.
    pub(super) async fn until(&self, enough: impl Fn(&Self) -> bool) {
        loop {
            let arrived = self.expected.shared.arrived.notified();
            tokio::pin!(arrived);
            // Before looking, so that nobody arrives unnoticed in between.
            arrived.as_mut().enable();
            if enough(self) {
                return;
            }
            arrived.await;
        }
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.arrive();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::launch::step::tests::admitted;

    #[test]
    fn who_asks_for_the_same_is_waited_for_until_there_are_requests_for_the_others() {
        let expected = Expected::default();
        let spec = admitted(1, 1).spec;
        let mut first = expected.begin(&spec, None);
        let mut others: Vec<_> =
            (1..=5).map(|count| expected.begin(&Spec { max_count: count, ..spec.clone() }, None)).collect();
        let stranger = expected.begin(&Spec { instance_types: vec!["m6i.large".parse().unwrap()], ..spec }, None);
        assert_eq!((first.others(), stranger.others()), (5, 0));
        first.arrive();
        assert_eq!((first.others(), others[0].others()), (5, 4));
        let requests = 2;
        let mut waiting = Box::pin(first.until(|it| it.others() <= requests));
        assert!((&mut waiting).now_or_never().is_none());
        others[0].arrive();
        others[0].arrive();
        // One comes, one is refused or given up: either way it is not waited for.
        others.truncate(3);
        assert_eq!(others[0].others(), 2);
        assert!((&mut waiting).now_or_never().is_some());
        drop(waiting);
        drop((others, first, stranger));
        assert!(expected.lock().is_empty());
    }
}
