//! Gantry's share of EC2's request rate.
//!
//! EC2 throttles each account, Region and API by a token bucket that everything in the account
//! shares (EC2 Developer Guide, "Request throttling"): DescribeImages has 100 tokens, refilled at 20
//! a second. Gantry takes half of that, so that the company's other tools are not starved by it.
//! Three kinds of calls share it. A launch is never held up. A question that somebody waits for goes
//! at once while the debt is less than one burst: with that, the whole of EC2's own bucket is used,
//! and a further call would be refused there. The crawls that nobody waits for wait until the bucket
//! has recovered from both, and are left half of the rate in any case.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, within};

/// A token bucket: how many calls at once, and how many a second after that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Calls that a rested bucket lets through at once.
    pub burst: f64,
    /// Calls that come back each second.
    pub per_second: f64,
}

impl Rate {
    /// Half of what EC2 lets an account call DescribeImages.
    pub const DESCRIBE_IMAGES: Self = Self { burst: 50.0, per_second: 10.0 };
}

/// The longest wait for one token that is slept in one piece: the bucket may be drained meanwhile.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// What is left of a rate. Clones share it.
#[derive(Debug, Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    rate: Rate,
    clock: Arc<dyn Clock>,
    bucket: Mutex<Bucket>,
    /// Who waits for debt or for tokens waits in turn, so that nobody is overtaken until it gives up.
    questions: tokio::sync::Mutex<()>,
    crawls: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    /// When `tokens` was right, as the clock's uptime.
    at: Duration,
}

impl Budget {
    /// A rested budget.
    pub fn new(rate: Rate, clock: Arc<dyn Clock>) -> Self {
        let bucket = Mutex::new(Bucket { tokens: rate.burst, at: clock.uptime() });
        let (questions, crawls) = Default::default();
        Self { shared: Arc::new(Shared { rate, clock, bucket, questions, crawls }) }
    }

    /// Counts a call that is made now, whatever is left. The debt is at most one burst, so that a
    /// storm of such calls holds up crawls for a while and not for ever.
    pub fn take(&self) {
        let mut bucket = self.bucket();
        bucket.tokens = (bucket.tokens - 1.0).max(-self.shared.rate.burst);
    }

    /// Counts a call that somebody waits for, once the debt allows it; false if that takes longer
    /// than `limit`, and then nothing is counted.
    pub async fn take_within(&self, limit: Duration) -> bool {
        let taken = async {
            let _turn = self.shared.questions.lock().await;
            self.take_above(-self.shared.rate.burst).await;
        };
        within(&*self.shared.clock, limit, taken).await.is_some()
    }

    /// Waits until there is a token, and takes it. However many questions there are, half of the
    /// rate is left for this: without it a storm of them would keep the catalogue from ever being
    /// fresh again. Together that is still less than EC2's own rate.
    pub async fn wait(&self) {
        let _turn = self.shared.crawls.lock().await;
        let share = Duration::from_secs_f64(2.0 / self.shared.rate.per_second);
        if within(&*self.shared.clock, share, self.take_above(0.0)).await.is_none() {
            self.take();
        }
    }

    /// Takes a token, once so many are left after it.
    async fn take_above(&self, least: f64) {
        loop {
            let missing = {
                let mut bucket = self.bucket();
                if bucket.tokens - 1.0 >= least {
                    bucket.tokens -= 1.0;
                    return;
                }
                least + 1.0 - bucket.tokens
            };
            // A little more than is missing, because a wait that ends a rounding error too early
            // would be followed by another.
            let pause = Duration::from_secs_f64(missing / self.shared.rate.per_second) + Duration::from_millis(1);
            self.shared.clock.sleep(pause.min(WAIT_MAX)).await;
        }
    }

    /// EC2 refused a call for its rate: somebody else uses the account's share, so ours is empty.
    pub fn drain(&self) {
        let mut bucket = self.bucket();
        bucket.tokens = bucket.tokens.min(0.0);
    }

    /// The bucket as it is now.
    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        let Shared { rate, clock, bucket, .. } = &*self.shared;
        let now = clock.uptime();
        // Consistent after every statement, so a panic elsewhere does not spoil it.
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_sub(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * rate.per_second).min(rate.burst);
        bucket.at = now.max(bucket.at);
        bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{SimClock, Timestamp};

    const RATE: Rate = Rate { burst: 2.0, per_second: 10.0 };

    #[tokio::test]
    async fn a_crawl_waits_for_what_is_missing_and_no_longer() {
        let clock = SimClock::new(Timestamp::UNIX_EPOCH);
        let budget = Budget::new(RATE, Arc::new(clock.clone()));
        budget.wait().await;
        budget.wait().await;
        let third = budget.wait();
        tokio::pin!(third);
        assert!(futures::poll!(&mut third).is_pending());
        clock.advance(Duration::from_millis(99));
        assert!(futures::poll!(&mut third).is_pending());
        clock.advance(Duration::from_millis(3));
        assert!(futures::poll!(&mut third).is_ready());
    }

    #[tokio::test]
    async fn launches_are_never_held_up_and_crawls_keep_half_of_their_rate() {
        let clock = SimClock::new(Timestamp::UNIX_EPOCH);
        let budget = Budget::new(RATE, Arc::new(clock.clone()));
        // However many calls there are, a crawl is held up to half of its rate and no further.
        for _ in 0..3 {
            (0..100).for_each(|_| budget.take());
            let crawl = budget.wait();
            tokio::pin!(crawl);
            assert!(futures::poll!(&mut crawl).is_pending());
            clock.advance(Duration::from_millis(199));
            assert!(futures::poll!(&mut crawl).is_pending());
            clock.advance(Duration::from_millis(1));
            assert!(futures::poll!(&mut crawl).is_ready());
        }
    }

    #[tokio::test]
    async fn a_question_goes_into_debt_as_far_as_ec2s_own_bucket_and_then_waits() {
        let clock = SimClock::new(Timestamp::UNIX_EPOCH);
        let budget = Budget::new(RATE, Arc::new(clock.clone()));
        let second = Duration::from_secs(1);
        for _ in 0..4 {
            assert!(budget.take_within(second).await, "two tokens, and two of debt");
        }
        let (fifth, sixth) = (budget.take_within(second), budget.take_within(second));
        let impatient = budget.take_within(Duration::from_millis(50));
        tokio::pin!(fifth, sixth, impatient);
        assert!(futures::poll!(&mut fifth).is_pending() && futures::poll!(&mut impatient).is_pending());
        assert!(futures::poll!(&mut sixth).is_pending());
        clock.advance(Duration::from_millis(60));
        assert_eq!(futures::poll!(&mut impatient), std::task::Poll::Ready(false));
        clock.advance(Duration::from_millis(42));
        assert!(futures::poll!(&mut sixth).is_pending(), "it does not overtake");
        assert_eq!(futures::poll!(&mut fifth), std::task::Poll::Ready(true));
        assert!(futures::poll!(&mut sixth).is_pending());
        clock.advance(Duration::from_millis(102));
        assert_eq!(futures::poll!(&mut sixth), std::task::Poll::Ready(true));
    }

    #[tokio::test]
    async fn a_throttled_call_empties_the_bucket() {
        let clock = SimClock::new(Timestamp::UNIX_EPOCH);
        let budget = Budget::new(RATE, Arc::new(clock.clone()));
        budget.drain();
        let crawl = budget.wait();
        tokio::pin!(crawl);
        assert!(futures::poll!(&mut crawl).is_pending());
        clock.advance(Duration::from_millis(102));
        assert!(futures::poll!(&mut crawl).is_ready());
    }
}
