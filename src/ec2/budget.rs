//! Gantry's share of EC2's request rates.
//!
//! EC2 throttles each account, Region and API by a token bucket that everything in the account
//! shares (EC2 Developer Guide, "Request throttling"); RunInstances and TerminateInstances have a
//! second one whose tokens are instances. Gantry takes a share of each, half unless told otherwise,
//! so that the company's other tools are not starved by it. Every call of a
//! [`Client`](super::Client) is counted here, and may have to wait:
//!
//! | | calls that read | calls that change |
//! |---|---|---|
//! | [`Launch`](Priority::Launch) | at once, and counted | in turn, before all others |
//! | [`Question`](Priority::Question) | at once until, with the share that is others', EC2's own bucket would be empty; then in turn | in turn |
//! | [`Crawl`](Priority::Crawl) | once the bucket has recovered from both | in turn |
//!
//! Whoever waits for a higher class is let through at half of the rate in any case, so that nothing
//! starves. When EC2 refuses a call for its rate all the same, others use the account too: the bucket
//! is emptied and fills at half of its rate, which recovers in half a minute. Nothing here repeats a
//! call, and what is waited for is known to the caller only.

mod api;
mod attempts;
mod bucket;
mod run;

use std::sync::Arc;
use std::time::Duration;

use super::{BudgetSettings, Ec2Error};
use crate::clock::{Clock, within};
use crate::ids::{AccountId, Region};
use crate::telemetry::{event, field, metric};

use bucket::{Bucket, Rate};

pub(super) use api::{Api, Asks};
pub(super) use attempts::Attempts;
pub use run::{RunPermit, RunTurn};

/// How long a launch or a question waits for its share of a rate before it is told so. Launches that
/// want to wait for RunInstances as long as their own deadline allows take a [`RunTurn`].
pub const WAIT_MAX: Duration = Duration::from_secs(10);

/// Who waits for an answer of EC2's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// A launch, a termination, or the facts that a launch is decided by.
    Launch,
    /// A question that somebody waits for.
    Question,
    /// Nobody: crawls, and looks at how instances boot.
    Crawl,
}

impl Priority {
    const COUNT: usize = 3;

    fn as_str(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Question => "question",
            Self::Crawl => "crawl",
        }
    }
}

/// What is left of the rates of one Region of one account. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Budgets {
    shared: Arc<Shared>,
    /// Whether metrics say whose budgets these are: those of the server's own account do not.
    names_account: bool,
}

#[derive(Debug)]
struct Shared {
    account_id: AccountId,
    region: Region,
    clock: Arc<dyn Clock>,
    /// One for each API, in the order of [`Api::ALL`].
    calls: Vec<Bucket>,
    /// Instances that RunInstances may launch.
    run: Bucket,
    /// Instances that TerminateInstances may terminate.
    terminate: Bucket,
}

impl Budgets {
    /// Rested budgets.
    pub(super) fn new(account_id: AccountId, region: Region, settings: BudgetSettings, clock: Arc<dyn Clock>) -> Self {
        let bucket = |rate, reads| Bucket::new(rate, reads, settings, Arc::clone(&clock));
        let calls = Api::ALL.iter().map(|api| bucket(api.rate(), api.reads())).collect();
        let (run, terminate) = (bucket(api::RUN_RESOURCES, false), bucket(api::TERMINATE_RESOURCES, false));
        Self { shared: Arc::new(Shared { account_id, region, calls, run, terminate, clock }), names_account: false }
    }

    /// The same of another account than the server's own, which metrics name.
    pub(super) fn of_other_account(self) -> Self {
        Self { names_account: true, ..self }
    }

    /// What metrics say about the place.
    pub(super) fn place_labels(&self) -> Vec<metrics::Label> {
        let Shared { account_id, region, .. } = &*self.shared;
        let mut labels = vec![metrics::Label::new(field::REGION, region.to_string())];
        if self.names_account {
            labels.push(metrics::Label::new(field::ACCOUNT_ID, account_id.to_string()));
        }
        labels
    }

    /// Counts a call that is about to be made, once it may be.
    ///
    /// # Errors
    /// [`Ec2Error::HeldBack`] if that takes a launch or a question longer than [`WAIT_MAX`]; then
    /// nothing is counted.
    pub(super) async fn pay(&self, api: Api, priority: Priority) -> Result<(), Ec2Error> {
        self.in_time(api, priority, self.taken(api, self.bucket(api), priority, 1)).await
    }

    /// Counts a call of TerminateInstances for so many of them.
    ///
    /// # Errors
    /// As [`pay`](Self::pay).
    pub(super) async fn pay_to_terminate(&self, instances: usize, priority: Priority) -> Result<(), Ec2Error> {
        let api = Api::TerminateInstances;
        let instances = u32::try_from(instances).unwrap_or(u32::MAX);
        let taken = self.taken(api, &self.shared.terminate, priority, instances);
        self.in_time(api, priority, taken).await?;
        self.pay(api, priority).await.inspect_err(|_| self.shared.terminate.give_back(instances))
    }

    /// Waits until RunInstances may be called once, in turn and for as long as it takes.
    pub(super) async fn turn_to_run(&self, priority: Priority) -> RunTurn {
        self.taken(Api::RunInstances, self.bucket(Api::RunInstances), priority, 1).await;
        RunTurn::new(self.clone(), priority)
    }

    /// Waits until RunInstances may be called once for so many instances.
    ///
    /// # Errors
    /// As [`pay`](Self::pay).
    pub(super) async fn permit_to_run(&self, instances: u32, priority: Priority) -> Result<RunPermit, Ec2Error> {
        let permit = async { self.turn_to_run(priority).await.instances(instances).await };
        self.in_time(Api::RunInstances, priority, permit).await
    }

    /// Counts a call that the SDK repeats by itself: it has waited already.
    fn count_repeat(&self, api: Api) {
        self.bucket(api).take(1);
    }

    /// EC2 refused a call for its rate.
    fn throttled(&self, api: Api, code: &str) {
        let Shared { account_id, region, .. } = &*self.shared;
        let mut labels = self.place_labels();
        labels.push(metrics::Label::new(field::EC2_ACTION, api.as_str()));
        metrics::counter!(metric::EC2_THROTTLED, labels).increment(1);
        if self.bucket(api).throttled() {
            // Once, until the rate has recovered.
            tracing::warn!(
                { field::ACCOUNT_ID } = %account_id,
                { field::REGION } = %region,
                { field::EC2_ACTION } = api.as_str(),
                { field::EC2_CODE } = code,
                "{}",
                event::EC2_THROTTLED
            );
        }
    }

    /// What `wait` brings, if that does not take a launch or a question too long.
    async fn in_time<T>(&self, api: Api, priority: Priority, wait: impl Future<Output = T>) -> Result<T, Ec2Error> {
        let in_time = match priority {
            Priority::Launch | Priority::Question => within(&*self.shared.clock, WAIT_MAX, wait).await,
            Priority::Crawl => Some(wait.await),
        };
        in_time.ok_or_else(|| {
            metrics::counter!(metric::EC2_HELD_BACK, self.labels(api, priority)).increment(1);
            Ec2Error::HeldBack
        })
    }

    /// Whether less than half of what the bucket of an API holds is left.
    pub(super) fn is_short_of(&self, api: Api) -> bool {
        let bucket = self.bucket(api);
        bucket.left() < bucket.burst().div_ceil(2)
    }

    /// Waits until the bucket of an API has a token, whoever takes it.
    pub(super) async fn until_one(&self, api: Api) {
        self.bucket(api).until_one().await;
    }

    async fn taken(&self, api: Api, bucket: &Bucket, priority: Priority, tokens: u32) {
        let begun = self.shared.clock.uptime();
        bucket.wait(priority, tokens).await;
        let waited = self.shared.clock.uptime().saturating_sub(begun);
        if !waited.is_zero() {
            metrics::histogram!(metric::EC2_WAIT_SECONDS, self.labels(api, priority)).record(waited.as_secs_f64());
        }
    }

    /// The whole tokens that there are for a call.
    #[cfg(test)]
    pub(super) fn left(&self, api: Api) -> u32 {
        self.bucket(api).left()
    }

    /// The instances that RunInstances may launch now.
    #[cfg(test)]
    pub(super) fn instances_left(&self) -> u32 {
        self.shared.run.left()
    }

    fn labels(&self, api: Api, priority: Priority) -> Vec<metrics::Label> {
        let mut labels = self.place_labels();
        labels.push(metrics::Label::new(field::EC2_ACTION, api.as_str()));
        labels.push(metrics::Label::new(field::PRIORITY, priority.as_str()));
        labels
    }

    fn bucket(&self, api: Api) -> &Bucket {
        &self.shared.calls[api as usize]
    }
}

#[cfg(test)]
mod tests;
