//! One Region of one account: the calls, one method each, with our own types in and out.
//!
//! An empty list of ids returns at once without a call, because EC2 takes an empty list for
//! "everything". Lists longer than EC2 takes are asked in parts. Every request is paid for from the
//! budget of the account and Region, by the priority of the handle that it is made through, and may
//! wait for it. Nothing here retries a change.

mod images;
mod instance_types;
mod instances;
mod launch;
mod parameters;
mod places;
mod templates;

use std::fmt;
use std::sync::Arc;

use aws_sdk_ec2::types::Filter;

use super::Ec2Error;
use super::budget::{Asks, Attempts, Budgets, Priority};
use crate::ids::{AccountId, Region};

pub use images::{ImagePage, ImageQuestion};
pub use instance_types::LocationType;
pub use parameters::PUBLIC_PARAMETERS;

/// The most values EC2 takes in one filter (EC2 User Guide, "Filtering resources").
const FILTER_VALUES_MAX: usize = 200;

/// A client of one Region of one account. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    priority: Priority,
}

struct Shared {
    account_id: AccountId,
    region: Region,
    sdk: aws_sdk_ec2::Client,
    ssm: aws_sdk_ssm::Client,
    budgets: Budgets,
}

impl Client {
    pub(super) fn new(
        account_id: AccountId,
        region: Region,
        sdk: aws_sdk_ec2::Client,
        ssm: aws_sdk_ssm::Client,
        budgets: Budgets,
    ) -> Self {
        let shared = Arc::new(Shared { account_id, region, sdk, ssm, budgets });
        Self { shared, priority: Priority::Question }
    }

    /// The same client for calls of this priority; without it they are questions.
    pub fn at(&self, priority: Priority) -> Self {
        Self { shared: Arc::clone(&self.shared), priority }
    }

    /// The account whose EC2 this is.
    pub fn account_id(&self) -> &AccountId {
        &self.shared.account_id
    }

    /// The Region.
    pub fn region(&self) -> &Region {
        &self.shared.region
    }

    fn sdk(&self) -> &aws_sdk_ec2::Client {
        &self.shared.sdk
    }

    fn ssm(&self) -> &aws_sdk_ssm::Client {
        &self.shared.ssm
    }

    /// Counts a call, once it may be made.
    async fn pay<R: Asks>(&self, _request: &R) -> Result<Attempts, Ec2Error> {
        self.budgets().pay(R::API, self.priority).await?;
        Ok(Attempts::new(self.budgets(), R::API))
    }

    /// The receipt for a call that was counted before.
    fn paid<R: Asks>(&self, _request: &R) -> Attempts {
        Attempts::new(self.budgets(), R::API)
    }

    fn budgets(&self) -> &Budgets {
        &self.shared.budgets
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("account_id", self.account_id())
            .field("region", self.region())
            .finish_non_exhaustive()
    }
}

fn filter(name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Filter {
    let values = values.into_iter().map(Into::into).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

#[cfg(test)]
mod tests;
