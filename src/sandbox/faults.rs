//! Misbehaviour on purpose: what goes wrong with which calls, launches and instances.
//!
//! All of it is decided here: once per call before its action runs, once per launch when its zone
//! is known, once per instance. Two sources say what goes wrong: faults that a test injects, which
//! come first, and a plan. The wire acts on what happens around an answer, and the actions on what
//! only they can do.

mod injected;
mod keys;
mod kinds;
mod plan;
mod rules;
mod subject;
mod throttle;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use injected::Fault;
pub use plan::{Plan, PlanErrors};
pub use rules::FaultCount;
pub(crate) use subject::{Demand, Subject};

use super::cloud::{Cause as EndedBy, Check, DeedKind, Destiny, Event};
use super::wire::errors::Ec2Error;
use crate::clock::Timestamp;
use injected::Injected;
use kinds::{Kind, Stage};
use rules::{Loaded, Moment, unit};

/// What goes wrong.
#[derive(Debug)]
pub struct Faults {
    /// What a plan without a seed of its own draws from.
    seed: u64,
    /// Sandbox seconds in a second of the clock.
    speed: f64,
    injected: Mutex<Injected>,
    loaded: Mutex<Loaded>,
}

/// What a RunInstances call meets that a test injected.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    pub(crate) available: Option<u32>,
    /// On the clock, whatever the speed.
    pub(crate) invisible_for: Option<Duration>,
}

/// Why nothing happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// EC2's own error.
    Error { status: u16, code: String, message: String },
    /// A page of HTML with this status.
    Html(u16),
    /// `UnauthorizedOperation`.
    Denied,
}

/// How an answer does not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Nothing of it does; the connection is closed.
    Whole,
    /// So many bytes of it do; then the connection is reset.
    After(u64),
}

/// What happens to one call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    pub(crate) refusal: Option<Refusal>,
    pub(crate) loss: Option<Loss>,
    /// How much later it is answered, on the clock.
    pub(crate) delay: Option<Duration>,
    /// How old the state is that it sees, on the clock.
    pub(crate) stale_by: Option<Duration>,
    /// Items on a page at most.
    pub(crate) page_items: Option<usize>,
    /// Whether the instances of a page come in the other order.
    pub(crate) is_reversed: bool,
    pub(crate) conditions: Conditions,
}

impl Faults {
    /// No faults. A plan draws from `seed` if it has none of its own, and its times pass `speed`
    /// times as fast as the clock.
    pub(crate) fn new(seed: u64, speed: f64) -> Self {
        let loaded = Loaded::new(Plan::default(), Timestamp::UNIX_EPOCH);
        Self { seed, speed, injected: Mutex::default(), loaded: Mutex::new(loaded) }
    }

    /// Lets the next `calls` calls of `action` (in any Region, such as `RunInstances`) meet
    /// `fault`. Faults of one action queue up: the first is used up before the second begins.
    pub fn inject(&self, action: &str, calls: u32, fault: Fault) {
        lock(&self.injected).add(action, calls, fault);
    }

    /// Takes back every injected fault that is still waiting.
    pub fn clear(&self) {
        lock(&self.injected).clear();
    }

    /// Puts a plan in force, instead of the one before.
    pub fn load(&self, plan: Plan, now: Timestamp) {
        *lock(&self.loaded) = Loaded::new(plan, now);
    }

    /// The text of the plan in force; empty without one.
    pub fn text(&self) -> String {
        lock(&self.loaded).text.clone()
    }

    /// What every fault of the plan has done so far.
    pub fn counts(&self) -> Vec<FaultCount> {
        lock(&self.loaded).counts()
    }

    /// Takes the tokens of a call from the account's buckets, if the plan has any. `uptime` is the
    /// clock's.
    pub(crate) fn admit(&self, demand: &Demand<'_>, uptime: Duration) -> Result<(), Ec2Error> {
        let now = times(uptime, self.speed);
        lock(&self.loaded).buckets.as_mut().map_or(Ok(()), |buckets| buckets.admit(demand, now))
    }

    /// Gives back resource tokens that an admitted call did not use.
    pub(crate) fn give_back(&self, demand: &Demand<'_>, unused: u32) {
        if let Some(buckets) = lock(&self.loaded).buckets.as_mut().filter(|_| unused > 0) {
            buckets.give_back(demand, unused);
        }
    }

    /// What happens to a call. Once per call: it uses faults up. Of several faults that do the
    /// same, the first in the plan strikes, and only that one is used up.
    pub(crate) fn take(&self, subject: &Subject<'_>, now: Timestamp) -> Verdict {
        let mut verdict = lock(&self.injected).take(subject.action);
        let mut loaded = lock(&self.loaded);
        let moment = self.moment(&loaded, now);
        for rule in &mut loaded.rules {
            let open = match rule.kind() {
                Kind::Error { .. } | Kind::Html { .. } | Kind::Denied => verdict.refusal.is_none(),
                Kind::ReplyLost | Kind::ConnectionReset { .. } => verdict.loss.is_none(),
                Kind::Slow { .. } => verdict.delay.is_none(),
                Kind::StaleRead { .. } => verdict.stale_by.is_none(),
                Kind::ShortPage { .. } => verdict.page_items.is_none(),
                Kind::ReversedPage => !verdict.is_reversed,
                _ => false,
            };
            if !open || rule.strike(subject, moment).is_none() {
                continue;
            }
            match rule.kind() {
                Kind::Error { code, message, status } => {
                    let (code, message) = (code.clone(), message.clone());
                    verdict.refusal = Some(Refusal::Error { status: *status, code, message });
                }
                Kind::Html { status } => verdict.refusal = Some(Refusal::Html(*status)),
                Kind::Denied => verdict.refusal = Some(Refusal::Denied),
                Kind::ReplyLost => verdict.loss = Some(Loss::Whole),
                Kind::ConnectionReset { after_bytes } => verdict.loss = Some(Loss::After(*after_bytes)),
                Kind::Slow { delay } => verdict.delay = Some(*delay),
                Kind::StaleRead { by } => verdict.stale_by = Some(times(*by, 1.0 / self.speed)),
                Kind::ShortPage { items } => verdict.page_items = Some(*items),
                Kind::ReversedPage => verdict.is_reversed = true,
                _ => {}
            }
        }
        verdict
    }

    /// For how many instances there is capacity where a launch is going, if the plan limits it.
    /// Once per launch: it uses faults up.
    pub(crate) fn capacity(&self, subject: &Subject<'_>, now: Timestamp) -> Option<u32> {
        let mut loaded = lock(&self.loaded);
        let moment = self.moment(&loaded, now);
        loaded.rules.iter_mut().find_map(|rule| {
            let Kind::Capacity { available } = *rule.kind() else { return None };
            rule.strike(subject, moment).map(|_| available)
        })
    }

    /// What [`Self::capacity`] would say; uses nothing up.
    pub(crate) fn capacity_ahead(&self, subject: &Subject<'_>, now: Timestamp) -> Option<u32> {
        let loaded = lock(&self.loaded);
        let moment = self.moment(&loaded, now);
        loaded.rules.iter().find_map(|rule| {
            let Kind::Capacity { available } = *rule.kind() else { return None };
            rule.would_strike(subject, moment).then_some(available)
        })
    }

    /// What is in store for an instance that is being launched, in sandbox time. Once per
    /// instance: it uses faults up.
    pub(crate) fn destiny(&self, subject: &Subject<'_>, now: Timestamp) -> Destiny {
        let mut destiny = Destiny::default();
        let mut loaded = lock(&self.loaded);
        let moment = self.moment(&loaded, now);
        for rule in loaded.rules.iter_mut().filter(|rule| rule.is_of(Stage::Instance)) {
            let open = match rule.kind() {
                Kind::ImmediateTermination(_) | Kind::ChecksFail { check: Check::Instance, .. } => {
                    destiny.fate.is_none()
                }
                Kind::Invisible { .. } => destiny.invisible_for.is_none(),
                Kind::SlowBoot { .. } => destiny.slowness.is_none(),
                _ => true,
            };
            let Some(mut rng) = open.then(|| rule.strike(subject, moment)).flatten() else { continue };
            match rule.kind() {
                Kind::ImmediateTermination(cause) => destiny.fate = Some(cause.fate()),
                Kind::ChecksFail { check: Check::Instance, fate } => destiny.fate = Some(fate.clone()),
                Kind::ChecksFail { check, fate: _ } => {
                    destiny.later.push((Duration::ZERO, DeedKind::Impair { check: *check, for_ms: None }));
                }
                Kind::Invisible { least, most } => {
                    let drawn = times(most.saturating_sub(*least), unit(&mut rng));
                    destiny.invisible_for = Some(least.saturating_add(drawn));
                }
                Kind::SlowBoot { factor } => destiny.slowness = Some(*factor),
                Kind::ImpairedLater { check, at, lasting } => {
                    // A deed's own times are the clock's.
                    let for_ms = lasting.map(|lasting| milliseconds(times(lasting, 1.0 / self.speed)));
                    destiny.later.push((*at, DeedKind::Impair { check: *check, for_ms }));
                }
                Kind::SpotInterruption { at } => {
                    destiny.later.push((*at, DeedKind::Terminate { by: EndedBy::Spot }));
                }
                Kind::GuestShutdown { at } => {
                    let stop = DeedKind::Stop { hibernate: false, force: false, by: EndedBy::Guest };
                    destiny.later.push((*at, stop));
                }
                Kind::ScheduledEvent { code, not_before, not_after } => destiny.events.push(Event {
                    code: (*code).to_owned(),
                    not_before_ms: milliseconds(*not_before),
                    not_after_ms: not_after.map(milliseconds),
                }),
                _ => {}
            }
        }
        destiny
    }

    /// Since when a zone is out, if it is.
    pub(crate) fn outage(&self, zone: &str, now: Timestamp) -> Option<Timestamp> {
        let loaded = lock(&self.loaded);
        let elapsed = self.moment(&loaded, now).elapsed;
        let outages = loaded.rules.iter().filter(|rule| rule.is_of(Stage::Cloud));
        let after = outages
            .filter(|rule| rule.zones().iter().any(|out| out == zone))
            .filter_map(|rule| rule.active(elapsed))
            .min()?;
        Some(loaded.since.checked_add(times(after, 1.0 / self.speed)).unwrap_or(now))
    }

    /// Whether a zone is out, asked by a call that fails for it, which is counted.
    pub(crate) fn outage_refuses(&self, zone: &str, now: Timestamp) -> bool {
        let mut loaded = lock(&self.loaded);
        let elapsed = self.moment(&loaded, now).elapsed;
        let mut outages = loaded.rules.iter_mut().filter(|rule| rule.is_of(Stage::Cloud));
        let found = outages.find(|rule| rule.zones().iter().any(|out| out == zone) && rule.active(elapsed).is_some());
        found.map(rules::Rule::count).is_some()
    }

    fn moment(&self, loaded: &Loaded, now: Timestamp) -> Moment {
        let since = Duration::try_from(now.duration_since(loaded.since)).unwrap_or_default();
        Moment { seed: loaded.seed.unwrap_or(self.seed), elapsed: times(since, self.speed) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is consistent after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `duration` times `factor`, or the longest duration there is.
fn times(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
