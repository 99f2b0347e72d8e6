//! Images that were looked up one by one, because the snapshot has them not: callers who ask for
//! the same ones at once share one call, and its answer is good for some seconds.
//!
//! Without this, one id that does not exist, asked for in a loop, would use up the account's rate
//! of DescribeImages, which everything in the account shares. An answer that nothing was found is
//! remembered as well. Who wants EC2's word of now is not served from here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _, Shared, WeakShared};
use jiff::Timestamp;

use super::CatalogError;
use crate::ami::snapshot::Observed;
use crate::ec2::facts::Image;
use crate::ids::ImageId;

/// How long an answer is good for. An image that is made meanwhile is seen after it.
pub const LOOKUP_LIFE: Duration = Duration::from_secs(5);

/// The most images that are remembered, some 2 KB each.
const IMAGES_MAX: usize = 4_096;

/// The most calls that are known to be under way, those that were given up included.
const UNDER_WAY_MAX: usize = 1_024;

/// A call, before anybody waits for it.
type Begun = BoxFuture<'static, Result<Vec<Observed>, CatalogError>>;

/// A call under way. Whoever waits for it drives it.
pub(super) type Call = Shared<Begun>;

#[derive(Debug, Default)]
pub(super) struct Lookups {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// With when each was begun, as the clock's uptime.
    under_way: HashMap<Vec<ImageId>, (Duration, WeakShared<Begun>)>,
    known: HashMap<ImageId, Known>,
}

/// What EC2 said of one id.
#[derive(Debug, Clone)]
pub(super) struct Known {
    asked: Duration,
    /// When EC2 was asked.
    pub(super) observed_time: Timestamp,
    /// The image; none where EC2 knows none, or shows none.
    pub(super) image: Option<Image>,
}

impl Lookups {
    /// What was answered less than [`LOOKUP_LIFE`] ago.
    pub(super) fn known(&self, id: &ImageId, uptime: Duration) -> Option<Known> {
        self.state().known.get(id).filter(|known| known.is_good(uptime)).cloned()
    }

    /// What was answered of all of `ids`, if each was asked for at `since` or later.
    pub(super) fn all_known(&self, ids: &[ImageId], since: Duration, uptime: Duration) -> Option<Vec<Observed>> {
        let state = self.state();
        let mut found = Vec::new();
        for id in ids {
            let known = state.known.get(id).filter(|known| known.is_good(uptime) && known.asked >= since)?;
            let observed_time = known.observed_time;
            found.extend(known.image.clone().map(|image| Observed { image, observed_time }));
        }
        Some(found)
    }

    /// Remembers what EC2 said of `ids` when it was asked at `uptime`. What it said later stays. When
    /// there is no room, those asked for longest ago make some.
    pub(super) fn put(&self, ids: &[ImageId], found: &[Observed], observed_time: Timestamp, uptime: Duration) {
        let mut state = self.state();
        for id in ids {
            if state.known.get(id).is_some_and(|known| known.asked > uptime) {
                continue;
            }
            if state.known.len() >= IMAGES_MAX {
                state.make_room(uptime);
            }
            let image = found.iter().find(|seen| seen.image.image_id == *id).map(|seen| seen.image.clone());
            state.known.insert(id.clone(), Known { asked: uptime, observed_time, image });
        }
    }

    /// The call for `ids` that is under way, if it was begun at `since` or later, else the one that
    /// `begin` makes at `uptime`.
    pub(super) fn call(
        &self,
        ids: &[ImageId],
        since: Duration,
        uptime: Duration,
        begin: impl FnOnce() -> Begun,
    ) -> Call {
        let mut state = self.state();
        let under_way = state.under_way.get(ids).filter(|(begun, _)| *begun >= since);
        if let Some(call) = under_way.and_then(|(_, call)| call.upgrade()) {
            return call;
        }
        let call = begin().shared();
        if state.under_way.len() >= UNDER_WAY_MAX {
            state.under_way.retain(|_, (_, call)| call.upgrade().is_some());
        }
        if let Some(weak) = call.downgrade().filter(|_| state.under_way.len() < UNDER_WAY_MAX) {
            state.under_way.insert(ids.to_vec(), (uptime, weak));
        }
        call
    }

    /// The call for `ids` that was begun at `uptime` has come to its end.
    pub(super) fn ended(&self, ids: &[ImageId], uptime: Duration) {
        let mut state = self.state();
        if state.under_way.get(ids).is_some_and(|(begun, _)| *begun == uptime) {
            state.under_way.remove(ids);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Consistent after every statement, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets what is too old, or else the older half.
    fn make_room(&mut self, uptime: Duration) {
        self.known.retain(|_, known| known.is_good(uptime));
        if self.known.len() >= IMAGES_MAX {
            let mut times: Vec<Duration> = self.known.values().map(|known| known.asked).collect();
            let (_, middle, _) = times.select_nth_unstable(IMAGES_MAX / 2);
            let middle = *middle;
            self.known.retain(|_, known| known.asked > middle);
        }
    }
}

impl Known {
    fn is_good(&self, uptime: Duration) -> bool {
        uptime.saturating_sub(self.asked) < LOOKUP_LIFE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ImageId {
        format!("ami-{number:017x}").parse().unwrap()
    }

    #[test]
    fn what_was_found_and_what_was_not_is_remembered_for_its_life() {
        let lookups = Lookups::default();
        let at = Duration::from_secs;
        let observed_time = Timestamp::UNIX_EPOCH;
        let found = [Observed { image: Image::unknown(id(1)), observed_time }];
        lookups.put(&[id(1), id(2)], &found, observed_time, at(10));
        let known = |number, second| lookups.known(&id(number), at(second)).map(|known| known.image.is_some());
        assert_eq!([known(1, 14), known(2, 14), known(3, 14)], [Some(true), Some(false), None]);
        assert_eq!([known(1, 15), known(2, 15)], [None, None]);
        // An answer that was under way for long does not take the place of a later one.
        lookups.put(&[id(1)], &[], observed_time, at(20));
        lookups.put(&[id(1)], &found, observed_time, at(19));
        assert_eq!(known(1, 20), Some(false));
        let many: Vec<ImageId> = (0..3 * IMAGES_MAX).map(id).collect();
        many.chunks(1_000).zip(21..).for_each(|(ids, second)| lookups.put(ids, &[], observed_time, at(second)));
        assert!(lookups.state().known.len() <= IMAGES_MAX);
        assert_eq!(known(many.len() - 1, 33), Some(false), "there is always room for what was asked last");
    }

    #[tokio::test]
    async fn those_who_ask_for_the_same_share_a_call_and_one_given_up_is_begun_again() {
        let lookups = Lookups::default();
        let begun = std::sync::atomic::AtomicUsize::new(0);
        let begin = || {
            begun.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async { Ok(Vec::new()) }.boxed()
        };
        let at = Duration::from_secs;
        let first = lookups.call(&[id(1)], at(0), at(1), begin);
        let second = lookups.call(&[id(1)], at(1), at(2), begin);
        let other = lookups.call(&[id(2)], at(0), at(2), begin);
        let fresher = lookups.call(&[id(1)], at(2), at(3), begin);
        let all = futures::future::join_all([first, second, other, fresher]).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(begun.load(std::sync::atomic::Ordering::Relaxed), 3, "one is too old for the last");
        drop(lookups.call(&[id(3)], at(0), at(3), begin));
        drop(lookups.call(&[id(3)], at(0), at(3), begin));
        assert_eq!(begun.load(std::sync::atomic::Ordering::Relaxed), 5);
    }
}
