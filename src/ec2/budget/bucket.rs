//! One bucket: how much is left, who waits for it, and how fast it fills.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Priority;
use crate::clock::{Clock, within};
use crate::ec2::BudgetSettings;

/// A token bucket: how many calls at once, and how many a second after that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    /// Calls that a rested bucket lets through at once.
    pub(super) burst: f64,
    /// Calls that come back each second.
    pub(super) per_second: f64,
}

/// The longest wait that is slept in one piece: what is waited for may change meanwhile.
const PIECE_MAX: Duration = Duration::from_secs(5);
/// Added to a wait, because one that ends a rounding error too early would be followed by another.
const SLACK_MAX: Duration = Duration::from_millis(1);

/// The longest that a request is on its way to where EC2 counts it.
const ON_THE_WAY_MAX: Duration = Duration::from_millis(250);

/// Seconds in which a rate recovers from nothing; it grows by the same amount each second.
const RECOVERY_SECONDS: f64 = 60.0;
/// The part of a rate that stays however often EC2 refuses.
const FACTOR_MIN: f64 = 0.1;
/// Refusals closer to each other than this are of calls that were under way together, and count once.
const HALVING_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Bucket {
    /// Our share.
    rate: Rate,
    /// What EC2's own bucket holds beyond our share.
    others: f64,
    /// Whether the calls change nothing, so that some may go before there is a token.
    reads: bool,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Each class waits in turn, so that nobody is overtaken by its equals until it gives up.
    turns: [tokio::sync::Mutex<()>; Priority::COUNT],
}

#[derive(Debug)]
struct State {
    /// Negative when more calls were made than there were tokens for.
    tokens: f64,
    /// Taken for calls that EC2 has not counted yet. Its own bucket may be full until it does, and ours must not
    /// fill meanwhile as if they were not to come.
    held: f64,
    /// Those of them that were sent, each with the uptime at which EC2 has counted it, in order.
    on_the_way: VecDeque<(Duration, f64)>,
    /// When `tokens` was right, as the clock's uptime.
    at: Duration,
    /// By how much the rate is reduced because EC2 refused calls; 1 is not at all.
    factor: f64,
    halved: Option<Duration>,
    /// How many of each class wait.
    waiting: [usize; Priority::COUNT],
}

impl Bucket {
    /// A rested bucket: our share of what EC2 takes at `ec2`.
    pub(super) fn new(ec2: Rate, reads: bool, settings: BudgetSettings, clock: Arc<dyn Clock>) -> Self {
        let BudgetSettings { share, scale } = settings;
        let whole = ec2.burst * scale;
        // A bucket that holds less than one token would let nobody through, ever.
        let rate = Rate { burst: (whole * share).max(1.0), per_second: ec2.per_second * scale * share };
        let state = State {
            tokens: rate.burst,
            held: 0.0,
            on_the_way: VecDeque::new(),
            at: clock.uptime(),
            factor: 1.0,
            halved: None,
            waiting: [0; 3],
        };
        Self {
            rate,
            others: (whole - rate.burst).max(0.0),
            reads,
            clock,
            state: Mutex::new(state),
            turns: Default::default(),
        }
    }

    /// Counts calls that are made now, whatever is left. The debt is at most one burst, so that a
    /// storm of such calls holds up others for a while and not for ever.
    pub(super) fn take(&self, tokens: u32) {
        let mut state = self.state();
        state.tokens = (state.tokens - f64::from(tokens)).max((-self.rate.burst).min(state.tokens));
    }

    /// Gives back what was taken and not used.
    pub(super) fn give_back(&self, tokens: u32) {
        let mut state = self.state();
        state.tokens = (state.tokens + f64::from(tokens)).min(self.rate.burst - state.held);
    }

    /// Tokens that were taken are of a call that is still to be made.
    pub(super) fn hold(&self, tokens: u32) {
        self.state().held += f64::from(tokens);
    }

    /// The call will not be made.
    pub(super) fn release(&self, tokens: u32) {
        self.state().held -= f64::from(tokens);
    }

    /// The call is made now.
    pub(super) fn sent(&self, tokens: u32) {
        let mut state = self.state();
        let counted = state.at + ON_THE_WAY_MAX;
        state.on_the_way.push_back((counted, f64::from(tokens)));
    }

    /// EC2 has answered a call of so many tokens, and so has counted it.
    pub(super) fn answered(&self, tokens: u32) {
        let mut state = self.state();
        let tokens = f64::from(tokens);
        // Calls of as many tokens are as good as each other.
        if let Some(place) = state.on_the_way.iter().position(|(_, sent)| *sent == tokens) {
            state.on_the_way.remove(place);
            state.held -= tokens;
        }
    }

    /// The whole tokens that there are.
    pub(super) fn left(&self) -> u32 {
        // A float converts to the nearest integer that there is.
        self.state().tokens.max(0.0) as u32
    }

    /// Waits until there is a token, and takes none.
    pub(super) async fn until_one(&self) {
        loop {
            let (missing, per_second) = {
                let state = self.state();
                (1.0 - state.tokens, self.rate.per_second * state.factor)
            };
            if missing <= 0.0 {
                return;
            }
            self.clock.sleep(seconds(missing / per_second).min(PIECE_MAX) + SLACK_MAX).await;
        }
    }

    /// The most tokens that can ever be there.
    pub(super) fn burst(&self) -> u32 {
        self.rate.burst as u32
    }

    /// Takes tokens, once there are so many and it is this one's turn. More than the bucket can hold
    /// are taken when it is full. However many others there are, half of the rate is left for a class
    /// that is not the highest: without it a storm of questions would keep the catalogue from ever
    /// being fresh again. Together that is still less than EC2's own rate.
    pub(super) async fn wait(&self, priority: Priority, tokens: u32) {
        if self.reads && priority == Priority::Launch {
            return self.take(tokens);
        }
        let _waiting = Waiting::new(self, priority);
        let _turn = self.turns[priority as usize].lock().await;
        let taken = self.take_in_turn(priority, tokens);
        if priority == Priority::Launch {
            return taken.await;
        }
        let patience = seconds(2.0 * f64::from(tokens) / self.per_second());
        if within(&*self.clock, patience, taken).await.is_none() {
            self.take(tokens);
        }
    }

    async fn take_in_turn(&self, priority: Priority, tokens: u32) {
        let least = if self.reads && priority == Priority::Question { -self.others } else { 0.0 };
        let wanted = f64::from(tokens);
        let needed = least + wanted.min(self.rate.burst);
        loop {
            let (missing, per_second) = {
                let mut state = self.state();
                let is_first = state.waiting[..priority as usize].iter().all(|others| *others == 0);
                if is_first && state.tokens >= needed {
                    state.tokens -= wanted;
                    return;
                }
                // Those before it take what there is; it looks again when there may be another.
                let missing = if is_first { needed - state.tokens } else { (needed - state.tokens).max(1.0) };
                (missing, self.rate.per_second * state.factor)
            };
            let slack = seconds(0.1 / per_second).min(SLACK_MAX);
            let pause = seconds(missing / per_second).min(PIECE_MAX) + slack;
            self.clock.sleep(pause).await;
        }
    }

    /// EC2 refused a call for its rate: somebody else uses the account's share, so ours is empty,
    /// and smaller for a while. True if it had recovered from all refusals before.
    pub(super) fn throttled(&self) -> bool {
        let mut state = self.state();
        state.tokens = state.tokens.min(0.0);
        let (now, was_whole) = (state.at, state.factor >= 1.0);
        if state.halved.is_none_or(|before| now.saturating_sub(before) >= HALVING_PAUSE) {
            state.factor = (state.factor / 2.0).max(FACTOR_MIN);
            state.halved = Some(now);
        }
        was_whole
    }

    /// EC2 refused a call, perhaps because it has fewer of these tokens than we thought.
    pub(super) fn doubt(&self) {
        let mut state = self.state();
        state.tokens = state.tokens.min(state.tokens / 2.0);
    }

    /// The rate as it is now.
    fn per_second(&self) -> f64 {
        self.rate.per_second * self.state().factor
    }

    /// What is known, as of now.
    fn state(&self) -> MutexGuard<'_, State> {
        let now = self.clock.uptime();
        // Consistent after every statement, so a panic elsewhere does not spoil it.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((counted, tokens)) = state.on_the_way.front().copied().filter(|(counted, _)| *counted <= now) {
            state.fill(self.rate, counted);
            state.on_the_way.pop_front();
            state.held -= tokens;
        }
        state.fill(self.rate, now);
        state
    }
}

impl State {
    fn fill(&mut self, rate: Rate, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        let recovering = passed.min((1.0 - self.factor) * RECOVERY_SECONDS);
        let mean = self.factor + recovering / RECOVERY_SECONDS / 2.0;
        let seconds = recovering * mean + (passed - recovering);
        self.tokens = (self.tokens + seconds * rate.per_second).min(rate.burst - self.held);
        self.factor = (self.factor + passed / RECOVERY_SECONDS).min(1.0);
        self.at = now.max(self.at);
    }
}

/// Seconds that are no number of seconds are for ever.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// Somebody waits, until this is dropped.
struct Waiting<'a> {
    bucket: &'a Bucket,
    priority: Priority,
}

impl<'a> Waiting<'a> {
    fn new(bucket: &'a Bucket, priority: Priority) -> Self {
        bucket.state().waiting[priority as usize] += 1;
        Self { bucket, priority }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.bucket.state().waiting[self.priority as usize] -= 1;
    }
}
