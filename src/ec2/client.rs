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
use super::accounts::AccountRole;
use super::budget::{Asks, Attempts, Budgets, Priority};
use super::sessions::Sessions;
use crate::ids::{AccountId, Principal, Region, RoleSession, RoleSessionName, SourceIdentity};

pub use images::{ImagePage, ImageQuestion};
pub use instance_types::LocationType;
pub use instances::CALL_STATUS_IDS_MAX;
pub use parameters::PUBLIC_PARAMETERS;

/// The most values EC2 takes in one filter (EC2 User Guide, "Filtering resources").
pub const FILTER_VALUES_MAX: usize = 200;

/// A client of one Region of one account. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    priority: Priority,
    /// In which session of the account's role instances are launched and terminated.
    session: Option<RoleSession>,
}

struct Shared {
    account_id: AccountId,
    region: Region,
    sdk: aws_sdk_ec2::Client,
    ssm: aws_sdk_ssm::Client,
    budgets: Budgets,
    /// What launches change goes through these, where the account has a role.
    sessions: Option<Sessions>,
}

impl Client {
    pub(super) fn new(
        account_id: AccountId,
        region: Region,
        sdk: aws_sdk_ec2::Client,
        ssm: aws_sdk_ssm::Client,
        budgets: Budgets,
        sessions: Option<Sessions>,
    ) -> Self {
        let shared = Arc::new(Shared { account_id, region, sdk, ssm, budgets, sessions });
        Self { shared, priority: Priority::Question, session: None }
    }

    /// The same client for calls of this priority; without it they are questions.
    pub fn at(&self, priority: Priority) -> Self {
        Self { shared: Arc::clone(&self.shared), priority, session: self.session.clone() }
    }

    /// The session in which something is to be changed on behalf of `principal`; none in an account that has no
    /// role, where the server's own credentials do it.
    pub fn session(&self, name: RoleSessionName, principal: &Principal) -> Option<RoleSession> {
        let AccountRole { source_identity, .. } = self.shared.sessions.as_ref()?.role();
        Some(RoleSession { name, source_identity: source_identity.then(|| SourceIdentity::of(principal)) })
    }

    /// Whether AWS is told on whose behalf something is changed.
    pub fn names_principals(&self) -> bool {
        self.shared.sessions.as_ref().is_some_and(|sessions| sessions.role().source_identity)
    }

    /// The same client for launching and terminating in this session of the account's role. In an account without a
    /// role the server's own credentials are used all the same.
    pub fn acting_in(&self, session: Option<RoleSession>) -> Self {
        Self { shared: Arc::clone(&self.shared), priority: self.priority, session }
    }

    /// Has the credentials of the session at hand, so that a call that follows does not wait for them.
    ///
    /// # Errors
    /// [`Ec2Error::NotAssumed`].
    pub async fn prepare(&self) -> Result<(), Ec2Error> {
        self.credentials().await.map(drop)
    }

    /// The credentials of the session, if there is one to act in.
    async fn credentials(&self) -> Result<Option<aws_sdk_ec2::config::Credentials>, Ec2Error> {
        match (&self.shared.sessions, &self.session) {
            (Some(sessions), Some(session)) => sessions.credentials(session).await.map(Some),
            _ => Ok(None),
        }
    }

    /// The account whose EC2 this is.
    pub fn account_id(&self) -> &AccountId {
        &self.shared.account_id
    }

    /// The Region.
    pub fn region(&self) -> &Region {
        &self.shared.region
    }

    /// What metrics say about the account and the Region: the account unless it is the server's own.
    pub fn labels(&self) -> Vec<metrics::Label> {
        self.budgets().place_labels()
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
