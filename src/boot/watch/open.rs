//! What is being watched, once for all of its watchers.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// At this many those that nobody watches any more are looked for and dropped.
const SWEEP_MIN: usize = 64;

/// What somebody watches, by what it is of. What nobody watches any more is forgotten: the log has it. Clones are the
/// same.
#[derive(Debug)]
pub(super) struct Open<K, F> {
    state: Arc<Mutex<State<K, F>>>,
}

#[derive(Debug)]
struct State<K, F> {
    feeds: HashMap<K, Weak<F>>,
    sweep_at: usize,
}

impl<K, F> Default for Open<K, F> {
    fn default() -> Self {
        Self { state: Arc::new(Mutex::new(State { feeds: HashMap::new(), sweep_at: SWEEP_MIN })) }
    }
}

impl<K, F> Clone for Open<K, F> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state) }
    }
}

impl<K: Eq + Hash, F> Open<K, F> {
    /// What is of `key`, if somebody watches it.
    pub(super) fn get(&self, key: &K) -> Option<Arc<F>> {
        self.state().feeds.get(key).and_then(Weak::upgrade)
    }

    /// Has others find what is of `key`. Of two that were made at once the last is found.
    pub(super) fn insert(&self, key: K, feed: F) -> Arc<F> {
        let feed = Arc::new(feed);
        let mut state = self.state();
        if state.sweep_at <= state.feeds.len() {
            state.feeds.retain(|_, feed| 0 < feed.strong_count());
            // Twice what is left: a sweep then costs each watcher a constant.
            state.sweep_at = (state.feeds.len() * 2).max(SWEEP_MIN);
        }
        state.feeds.insert(key, Arc::downgrade(&feed));
        feed
    }

    fn state(&self) -> MutexGuard<'_, State<K, F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_watched_is_found_and_the_rest_does_not_pile_up() {
        let open = Open::default();
        let kept = open.insert(0, "kept");
        for key in 1..10_000 {
            drop(open.insert(key, "let go"));
        }
        assert_eq!(open.get(&0).as_ref(), Some(&kept));
        assert_eq!(open.get(&9_999), None);
        assert!(open.state().feeds.len() <= SWEEP_MIN);
    }
}
