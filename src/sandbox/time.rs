//! The sandbox's time: a clock, and how far ahead of it somebody told the sandbox to be.
//!
//! Only the time of day jumps. Waiting stays on the clock itself, so that a jump fires no time-outs
//! and cuts nobody's request short.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Sleep, Timestamp};

/// The furthest ahead that a sandbox can be, all jumps together: ten years, the longest that
/// anything in EC2 is remembered or promised, and far from the end of what a timestamp holds.
pub(crate) const AHEAD_MAX: Duration = Duration::from_secs(3_653 * 86_400);

/// A jump that would lead beyond [`AHEAD_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox can be at most {} days ahead of its clock, in all", AHEAD_MAX.as_secs() / 86_400)]
pub(crate) struct TooFar;

/// A clock that is ahead of another.
#[derive(Debug)]
pub(crate) struct SandboxClock {
    clock: Arc<dyn Clock>,
    /// Its time when it was made, and how far ahead it was then.
    origin: Timestamp,
    ahead_at_origin: Duration,
    shift: Mutex<Shift>,
}

#[derive(Debug, Clone, Copy)]
struct Shift {
    ahead: Duration,
    /// The moment at which time stands still, if it does.
    held: Option<Timestamp>,
}

impl SandboxClock {
    /// A clock that is already so far ahead of `clock`.
    pub(crate) fn new(clock: Arc<dyn Clock>, ahead: Duration) -> Self {
        let ahead = ahead.min(AHEAD_MAX);
        let origin = clock.now().checked_add(ahead).unwrap_or(Timestamp::MAX);
        Self { clock, origin, ahead_at_origin: ahead, shift: Mutex::new(Shift { ahead, held: None }) }
    }

    /// Its time when it was made.
    pub(crate) fn origin(&self) -> Timestamp {
        self.origin
    }

    /// How far ahead it is.
    pub(crate) fn ahead(&self) -> Duration {
        self.shift().ahead
    }

    /// How far ahead it would be after a jump.
    pub(crate) fn ahead_after(&self, by: Duration) -> Result<Duration, TooFar> {
        self.ahead().checked_add(by).filter(|ahead| *ahead <= AHEAD_MAX).ok_or(TooFar)
    }

    /// Jumps, to being `ahead` in all. It never goes back.
    pub(crate) fn jump(&self, ahead: Duration) {
        let mut shift = self.shift();
        shift.ahead = shift.ahead.max(ahead);
    }

    /// Lets time stand still at `at` until [`Self::release`]: a call that is recorded happens at
    /// one moment, however often it looks at the clock.
    pub(crate) fn hold(&self, at: Timestamp) {
        self.shift().held = Some(at);
    }

    /// Lets time go on.
    pub(crate) fn release(&self) {
        self.shift().held = None;
    }

    fn shift(&self) -> MutexGuard<'_, Shift> {
        // Two plain values, each right after every statement.
        self.shift.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for SandboxClock {
    fn now(&self) -> Timestamp {
        let shift = self.shift();
        let ahead = shift.ahead;
        shift.held.unwrap_or_else(|| self.clock.now().checked_add(ahead).unwrap_or(Timestamp::MAX))
    }

    /// Jumps count as time that passed, so that a jump fills token buckets. While time stands still
    /// the uptime follows from the time alone, so that a replay has the same.
    fn uptime(&self) -> Duration {
        let Shift { ahead, held } = *self.shift();
        match held {
            Some(held) => Duration::try_from(held.duration_since(self.origin)).unwrap_or_default(),
            None => self.clock.uptime().saturating_add(ahead.saturating_sub(self.ahead_at_origin)),
        }
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.clock.sleep(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimClock;

    #[tokio::test]
    async fn the_time_jumps_and_waits_do_not() {
        let sim = SimClock::new(Timestamp::UNIX_EPOCH);
        let clock = SandboxClock::new(Arc::new(sim.clone()), Duration::from_secs(60));
        let mut wait = clock.sleep(Duration::from_secs(10));
        let ahead = clock.ahead_after(Duration::from_secs(30)).unwrap();
        clock.jump(ahead);
        clock.jump(Duration::ZERO);
        assert_eq!(clock.now(), Timestamp::from_second(90).unwrap());
        assert_eq!(clock.uptime(), Duration::from_secs(30));
        assert!(futures::poll!(&mut wait).is_pending());
        sim.advance(Duration::from_secs(10));
        assert!(futures::poll!(&mut wait).is_ready());
        assert_eq!(clock.ahead_after(AHEAD_MAX), Err(TooFar));
        assert_eq!(clock.ahead_after(Duration::MAX), Err(TooFar));
        clock.hold(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
        clock.hold(Timestamp::from_second(65).unwrap());
        assert_eq!(clock.uptime(), Duration::from_secs(5));
        clock.release();
        assert_eq!(clock.now(), Timestamp::from_second(100).unwrap());
    }
}
