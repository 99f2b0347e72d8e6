//! EC2's token buckets: how many calls of an action, and how many instances, a Region takes from
//! one account ("Request throttling for the Amazon EC2 API").
//!
//! Time is sandbox seconds, handed in. Buckets are filled when they are looked at; nothing runs in
//! the background. Who gives tokens back, and why, is known to the call path.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use toml::Table;

use super::keys::{Errors, Keys};
use super::subject::Demand;
use crate::sandbox::actions;
use crate::sandbox::wire::errors::Ec2Error;

/// The largest maximum or rate that a plan can set, in tokens or tokens per second.
const RATE_MAX: f64 = 1e9;
/// The smallest and largest factor for all rates.
const SCALE: (f64, f64) = (0.001, 1e6);

/// How much a bucket holds and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    /// Tokens of a full bucket.
    pub(super) maximum: f64,
    /// Tokens per sandbox second.
    pub(super) refill: f64,
}

const fn rate(maximum: f64, refill: f64) -> Rate {
    Rate { maximum, refill }
}

/// Calls that read.
const NON_MUTATING: Rate = rate(100.0, 20.0);
/// Calls that read everything at once: no filter, no ids, no page.
const UNFILTERED: Rate = rate(50.0, 10.0);
/// Calls that change something, also the resource-intensive ones.
const MUTATING: Rate = rate(50.0, 5.0);

/// Actions with a request bucket of their own.
const REQUESTS: &[(&str, Rate)] = &[
    ("AssociateIamInstanceProfile", rate(100.0, 5.0)),
    ("CopyImage", rate(100.0, 1.0)),
    ("CreateNetworkInterface", rate(100.0, 5.0)),
    ("CreateTags", rate(100.0, 10.0)),
    ("DeleteTags", rate(100.0, 10.0)),
    ("CreateVolume", rate(100.0, 5.0)),
    ("DeregisterImage", rate(100.0, 5.0)),
    ("DisableImageBlockPublicAccess", rate(1.0, 0.1)),
    ("EnableImageBlockPublicAccess", rate(1.0, 0.1)),
    ("ModifyImageAttribute", rate(100.0, 5.0)),
    ("RunInstances", rate(5.0, 2.0)),
    ("StartInstances", rate(5.0, 2.0)),
    ("TerminateInstances", rate(100.0, 5.0)),
];

/// Actions with a resource bucket, whose tokens are instances.
const RESOURCES: &[(&str, Rate)] = &[
    ("RunInstances", rate(1000.0, 2.0)),
    ("StartInstances", rate(1000.0, 2.0)),
    ("StopInstances", rate(1000.0, 20.0)),
    ("TerminateInstances", rate(1000.0, 20.0)),
];

/// Actions that have a smaller bucket for calls that read everything at once.
const UNFILTERED_ACTIONS: [&str; 7] = [
    "DescribeInstanceStatus",
    "DescribeInstances",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSnapshots",
    "DescribeSpotInstanceRequests",
    "DescribeVolumes",
];

fn of<T: Copy>(table: &[(&str, T)], action: &str) -> Option<T> {
    table.iter().find(|(name, _)| *name == action).map(|(_, found)| *found)
}

fn reads(action: &str) -> bool {
    ["Describe", "Get", "List", "Search"].iter().any(|verb| action.starts_with(verb))
}

/// Whether a call of `action` that is neither filtered nor paged has a bucket of its own.
pub(super) fn has_unfiltered_bucket(action: &str) -> bool {
    UNFILTERED_ACTIONS.contains(&action)
}

/// Whether `action` has a resource bucket.
pub(super) fn has_resource_bucket(action: &str) -> bool {
    of(RESOURCES, action).is_some()
}

/// The rates of every bucket: EC2's, and what a plan sets instead.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rates {
    scale: f64,
    actions: BTreeMap<String, Set>,
}

/// What a plan sets for one action.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Set {
    maximum: Option<f64>,
    refill: Option<f64>,
    resources_maximum: Option<f64>,
    resources_refill: Option<f64>,
}

impl Rates {
    /// Reads `[throttle]`.
    pub(super) fn read(table: &Table, errors: &Errors) -> Self {
        let mut keys = Keys::new("throttle", table, errors);
        let scale = keys.number("scale", SCALE.0..=SCALE.1).unwrap_or(1.0);
        let mut set = BTreeMap::new();
        let served: Vec<&str> = actions::served().collect();
        if let Some(table) = keys.table("actions") {
            let mut below = Keys::new("throttle.actions", table, errors);
            for action in served.iter().copied() {
                if let Some(table) = below.table(action) {
                    set.insert(action.to_owned(), Set::read(action, table, errors));
                }
            }
            below.finish(&[]);
        }
        keys.finish(&[]);
        Self { scale, actions: set }
    }

    fn request(&self, action: &str, unfiltered: bool) -> Rate {
        let usual = match of(REQUESTS, action) {
            Some(own) => own,
            None if unfiltered => UNFILTERED,
            None if reads(action) => NON_MUTATING,
            None => MUTATING,
        };
        let set = self.actions.get(action).copied().unwrap_or_default();
        self.scaled(rate(set.maximum.unwrap_or(usual.maximum), set.refill.unwrap_or(usual.refill)))
    }

    fn resources(&self, action: &str) -> Option<Rate> {
        let usual = of(RESOURCES, action)?;
        let set = self.actions.get(action).copied().unwrap_or_default();
        let maximum = set.resources_maximum.unwrap_or(usual.maximum);
        Some(self.scaled(rate(maximum, set.resources_refill.unwrap_or(usual.refill))))
    }

    /// A bucket that holds less than one token would let nobody in, ever.
    fn scaled(&self, rate: Rate) -> Rate {
        Rate { maximum: (rate.maximum * self.scale).max(1.0), refill: rate.refill * self.scale }
    }
}

impl Set {
    fn read(action: &str, table: &Table, errors: &Errors) -> Self {
        let mut keys = Keys::new(format!("throttle.actions.{action}"), table, errors);
        let mut set = Self {
            maximum: keys.number("maximum", 1.0..=RATE_MAX),
            refill: keys.number("refill_per_second", 0.0..=RATE_MAX),
            ..Self::default()
        };
        if has_resource_bucket(action) {
            set.resources_maximum = keys.number("resources_maximum", 1.0..=RATE_MAX);
            set.resources_refill = keys.number("resources_refill_per_second", 0.0..=RATE_MAX);
        }
        keys.finish(&["resources_maximum", "resources_refill_per_second"]);
        set
    }
}

/// One bucket.
#[derive(Debug, Clone)]
struct Bucket {
    rate: Rate,
    tokens: f64,
    /// When it was last filled.
    filled: Duration,
}

impl Bucket {
    fn full(rate: Rate, now: Duration) -> Self {
        Self { rate, tokens: rate.maximum, filled: now }
    }

    /// Whether it has so many tokens now.
    fn has(&mut self, tokens: u32, now: Duration) -> bool {
        // Two calls may read the clock in one order and come here in the other.
        if let Some(since) = now.checked_sub(self.filled) {
            self.tokens = (self.tokens + self.rate.refill * since.as_secs_f64()).min(self.rate.maximum);
            self.filled = now;
        }
        self.tokens >= f64::from(tokens)
    }

    fn take(&mut self, tokens: u32) {
        self.tokens -= f64::from(tokens);
    }

    fn give_back(&mut self, tokens: u32) {
        self.tokens = (self.tokens + f64::from(tokens)).min(self.rate.maximum);
    }
}

/// Which bucket of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Which {
    Requests,
    Unfiltered,
    Resources,
}

/// All buckets of an account, by Region and action. There are as many as served actions and
/// Regions, because nothing else gets here.
#[derive(Debug)]
pub(super) struct Buckets {
    rates: Rates,
    buckets: HashMap<(String, String, Which), Bucket>,
}

impl Buckets {
    /// Full buckets.
    pub(super) fn new(rates: Rates) -> Self {
        Self { rates, buckets: HashMap::new() }
    }

    /// Takes the tokens of a call. A call that is refused takes none.
    pub(super) fn admit(&mut self, demand: &Demand<'_>, now: Duration) -> Result<(), Ec2Error> {
        let refused = || Err(Ec2Error::with_status(503, "RequestLimitExceeded", "Request limit exceeded."));
        let requests = if demand.unfiltered { Which::Unfiltered } else { Which::Requests };
        let request_rate = self.rates.request(demand.action, demand.unfiltered);
        if !self.bucket(demand, requests, request_rate, now).has(1, now) {
            return refused();
        }
        if let Some(rate) = self.rates.resources(demand.action) {
            let bucket = self.bucket(demand, Which::Resources, rate, now);
            if !bucket.has(demand.resources, now) {
                return refused();
            }
            bucket.take(demand.resources);
        }
        self.bucket(demand, requests, request_rate, now).take(1);
        Ok(())
    }

    /// Gives back resource tokens that an admitted call did not use.
    pub(super) fn give_back(&mut self, demand: &Demand<'_>, unused: u32) {
        let key = (demand.region.to_owned(), demand.action.to_owned(), Which::Resources);
        if let Some(bucket) = self.buckets.get_mut(&key) {
            bucket.give_back(unused);
        }
    }

    fn bucket(&mut self, demand: &Demand<'_>, which: Which, rate: Rate, now: Duration) -> &mut Bucket {
        let key = (demand.region.to_owned(), demand.action.to_owned(), which);
        self.buckets.entry(key).or_insert_with(|| Bucket::full(rate, now))
    }
}

#[cfg(test)]
mod tests;
