//! The only place that reads the clock or waits on it.
//!
//! Everything that needs the time takes an `Arc<dyn Clock>`. Production hands out [`SystemClock`];
//! tests hand out [`SimClock`], which moves only when told to. Tokio's paused time is not used
//! anywhere: it ignores pending socket I/O and jumps ahead, so that real time-outs fire.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

pub use jiff::Timestamp;

/// What [`Clock::sleep`] returns.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Time as the rest of the program sees it.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall-clock time, to the microsecond.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment before now; never goes backwards.
    fn uptime(&self) -> Duration;

    /// Completes once `duration` has passed on this clock. Dropping it cancels it.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// Runs `future`, giving up after `limit` on `clock`; `None` if the limit came first.
pub async fn within<T>(clock: &dyn Clock, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        value = future => Some(value),
        () = clock.sleep(limit) => None,
    }
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// The machine's clock, whose uptime begins here.
    #[expect(clippy::disallowed_methods, reason = "clock is the one place that reads the clock")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "clock is the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        truncate_to_micros(Timestamp::now())
    }

    fn uptime(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "clock is the one place that waits")]
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

fn truncate_to_micros(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// A clock that moves only when [`SimClock::advance`] is called. Clones share the same time.
#[derive(Clone)]
pub struct SimClock {
    shared: Arc<SimShared>,
}

struct SimShared {
    state: Mutex<SimState>,
    /// Told whenever somebody starts to wait.
    slept: Notify,
}

struct SimState {
    origin: Timestamp,
    elapsed: Duration,
    next_sleeper: u64,
    /// Who waits until when; the number keeps equal deadlines in order of arrival.
    sleepers: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
}

impl SimClock {
    /// A clock that stands at `origin`.
    pub fn new(origin: Timestamp) -> Self {
        let state = SimState { origin, elapsed: Duration::ZERO, next_sleeper: 0, sleepers: BTreeMap::new() };
        Self { shared: Arc::new(SimShared { state: Mutex::new(state), slept: Notify::new() }) }
    }

    /// Moves time forward and wakes everyone whose wait is over.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state();
        state.elapsed += by;
        let elapsed = state.elapsed;
        while let Some(entry) = state.sleepers.first_entry() {
            if entry.key().0 > elapsed {
                break;
            }
            // The sleeper may have been dropped since; then there is nobody to wake.
            let _ = entry.remove().send(());
        }
    }

    /// How many are waiting, dropped waits excluded.
    pub fn sleepers(&self) -> usize {
        let mut state = self.state();
        state.sleepers.retain(|_, sleeper| !sleeper.is_closed());
        state.sleepers.len()
    }

    /// Completes once at least `count` are waiting.
    pub async fn until_sleepers(&self, count: usize) {
        loop {
            let slept = self.shared.slept.notified();
            if self.sleepers() >= count {
                return;
            }
            slept.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, SimState> {
        // The state is consistent after every statement, so a panic elsewhere does not spoil it.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SimClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimClock({})", self.now())
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let state = self.state();
        state.origin.checked_add(state.elapsed).unwrap_or(Timestamp::MAX)
    }

    fn uptime(&self) -> Duration {
        self.state().elapsed
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let (wake, woken) = oneshot::channel();
        if duration.is_zero() {
            let _ = wake.send(());
        } else {
            let mut state = self.state();
            let key = (state.elapsed.saturating_add(duration), state.next_sleeper);
            state.next_sleeper += 1;
            state.sleepers.insert(key, wake);
        }
        self.shared.slept.notify_waiters();
        Box::pin(async move {
            // An error means that the clock itself is gone; then waiting has no meaning either.
            let _ = woken.await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn simulated_sleepers_wake_in_order_and_only_when_time_has_come() {
        let clock = SimClock::new(Timestamp::UNIX_EPOCH);
        let mut short = clock.sleep(Duration::from_secs(1));
        let mut long = clock.sleep(Duration::from_secs(2));
        clock.advance(Duration::from_millis(999));
        assert!(futures::poll!(&mut short).is_pending());
        clock.advance(Duration::from_millis(1));
        assert!(futures::poll!(&mut short).is_ready());
        assert!(futures::poll!(&mut long).is_pending());
        assert_eq!(clock.sleepers(), 1);
        drop(long);
        assert_eq!(clock.sleepers(), 0);
        assert_eq!(clock.now(), Timestamp::from_second(1).unwrap());
    }

    #[tokio::test]
    async fn within_gives_up_when_the_limit_comes_first() {
        let clock = SimClock::new(Timestamp::UNIX_EPOCH);
        assert_eq!(within(&clock, Duration::from_secs(1), async { 7 }).await, Some(7));
        let waiting = within(&clock, Duration::from_secs(1), std::future::pending::<()>());
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        clock.advance(Duration::from_secs(1));
        assert_eq!(waiting.await, None);
    }
}
