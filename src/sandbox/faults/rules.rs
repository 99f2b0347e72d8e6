//! A plan at work: which of its faults strike whom, and how often they have.
//!
//! Every draw follows from the seed, the fault's number and how often it has matched, so the same
//! calls in the same order meet the same faults.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::kinds::{Kind, Stage};
use super::plan::{Plan, Planned};
use super::subject::Subject;
use super::throttle::Buckets;
use crate::clock::Timestamp;

/// One planned fault with what it has done so far.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its place in the plan, counted from 1.
    number: u64,
    planned: Planned,
    matched: u64,
    struck: u64,
}

/// How often a fault of the plan met a call, a launch or an instance that it is meant for, and how
/// often it struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FaultCount {
    /// Its place in the plan, counted from 1.
    pub fault: u64,
    /// Its kind.
    pub kind: &'static str,
    /// How often its limits fit, whatever the draw and the count said.
    pub matched: u64,
    /// How often it struck.
    pub struck: u64,
}

/// When a fault is asked, and what draws follow from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) seed: u64,
    /// Sandbox time since the plan was loaded.
    pub(super) elapsed: Duration,
}

impl Rule {
    pub(super) fn kind(&self) -> &Kind {
        &self.planned.kind
    }

    pub(super) fn is_of(&self, stage: Stage) -> bool {
        self.planned.stage == stage
    }

    /// The zones that an outage is about.
    pub(super) fn zones(&self) -> &[String] {
        &self.planned.limits.zones
    }

    /// From when on it strikes, after the plan was loaded, if it does now.
    pub(super) fn active(&self, elapsed: Duration) -> Option<Duration> {
        let after = self.planned.limits.after;
        let since = elapsed.checked_sub(after)?;
        self.planned.limits.lasting.is_none_or(|lasting| since < lasting).then_some(after)
    }

    fn fits(&self, subject: &Subject<'_>, elapsed: Duration) -> bool {
        let limits = &self.planned.limits;
        let among = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_some_and(|value| list.iter().any(|one| one == value))
        };
        let stage_fits = self.planned.stage != Stage::Read || subject.action.starts_with("Describe");
        let market_fits = subject.spot || !matches!(self.planned.kind, Kind::SpotInterruption { .. });
        stage_fits
            && market_fits
            && self.active(elapsed).is_some()
            && among(&limits.actions, Some(subject.action))
            && among(&limits.regions, Some(subject.region))
            && among(&limits.zones, subject.zone)
            && among(&limits.images, subject.image_id)
            && (limits.instance_types.is_empty()
                || subject.instance_type.is_some_and(|name| limits.instance_types.iter().any(|one| one.matches(name))))
    }

    /// What its next match draws, if that strikes.
    fn draw(&self, moment: Moment) -> Option<ChaCha8Rng> {
        let text = format!("fault {} {} {}", moment.seed, self.number, self.matched + 1);
        let mut rng = ChaCha8Rng::from_seed(Sha256::digest(text).into());
        let drawn = unit(&mut rng);
        let limits = &self.planned.limits;
        (drawn < limits.probability && limits.count.is_none_or(|count| self.struck < count)).then_some(rng)
    }

    /// Whether it strikes, which counts. What follows is drawn from what comes back.
    pub(super) fn strike(&mut self, subject: &Subject<'_>, moment: Moment) -> Option<ChaCha8Rng> {
        if !self.fits(subject, moment.elapsed) {
            return None;
        }
        let drawn = self.draw(moment);
        self.matched += 1;
        self.struck += u64::from(drawn.is_some());
        drawn
    }

    /// Whether it would strike, which does not count.
    pub(super) fn would_strike(&self, subject: &Subject<'_>, moment: Moment) -> bool {
        self.fits(subject, moment.elapsed) && self.draw(moment).is_some()
    }

    /// Strikes without a draw.
    pub(super) fn count(&mut self) {
        self.matched += 1;
        self.struck += 1;
    }
}

/// A number from 0 to below 1.
#[expect(clippy::cast_precision_loss, reason = "53 bits are what the number holds")]
pub(super) fn unit(rng: &mut ChaCha8Rng) -> f64 {
    const BITS: u32 = 53;
    (rng.next_u64() >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64
}

/// The plan that is in force.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) text: String,
    /// The plan's own seed, if it has one.
    pub(super) seed: Option<u64>,
    pub(super) since: Timestamp,
    pub(super) rules: Vec<Rule>,
    pub(super) buckets: Option<Buckets>,
}

impl Loaded {
    /// `plan`, in force from `since` on. Nothing of it has struck yet and its buckets are full.
    pub(super) fn new(plan: Plan, since: Timestamp) -> Self {
        let text = plan.text().to_owned();
        let rule = |(number, planned)| Rule { number, planned, matched: 0, struck: 0 };
        Self {
            text,
            seed: plan.seed,
            since,
            rules: (1..).zip(plan.faults).map(rule).collect(),
            buckets: plan.throttle.map(Buckets::new),
        }
    }

    /// What every fault of the plan has done.
    pub(super) fn counts(&self) -> Vec<FaultCount> {
        let count = |rule: &Rule| FaultCount {
            fault: rule.number,
            kind: rule.planned.name,
            matched: rule.matched,
            struck: rule.struck,
        };
        self.rules.iter().map(count).collect()
    }
}
