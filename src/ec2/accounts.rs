//! The accounts: that of the server's own credentials, and those that are reached by assuming a role.
//!
//! What is read in another account goes through one session of its role, which the SDK renews. What one launch
//! changes goes through a session of its own, see [`Client::session`](super::Client::session).

use std::fmt;
use std::sync::Arc;

use super::budget::Priority;
use super::clients::{Clients, ConnectError};
use super::{Client, Settings};
use crate::clock::Clock;
use crate::ids::{AccountId, Region, RoleArn};

/// The role to assume in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRole {
    /// The role, which is one of the account's own.
    pub role: RoleArn,
    /// What its trust policy asks for as `sts:ExternalId`.
    pub external_id: Option<String>,
    /// Whether its trust policy allows `sts:SetSourceIdentity`.
    pub source_identity: bool,
}

/// The clients of every account. Cloning is cheap.
#[derive(Clone)]
pub struct Accounts {
    /// The account of the server's own credentials comes first; a handful, so looking through them is as good as a
    /// map.
    all: Arc<[Clients]>,
}

impl Accounts {
    /// Makes the clients of the account of the credentials in `settings`, as [`Clients::connect`] does, and of the
    /// accounts of `roles`. A role of the first account is used for what launches change there, and not for
    /// reading. No role is assumed before a call needs it: an account whose role cannot be assumed keeps nobody
    /// from serving the others.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(
        settings: &Settings,
        roles: Vec<AccountRole>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, ConnectError> {
        let (config, home) = Clients::base(settings).await?;
        let (own, others): (Vec<_>, Vec<_>) = roles.into_iter().partition(|role| role.role.account_id() == home);
        let mut all = vec![Clients::of_own(&config, settings, home, own.into_iter().next(), clock)];
        for role in others {
            all.push(Clients::of_role(&config, settings, role, clock).await);
        }
        Ok(Self { all: all.into() })
    }

    /// The account of the server's own credentials.
    pub fn home(&self) -> &Clients {
        &self.all[0]
    }

    /// All of them, the server's own first.
    pub fn iter(&self) -> impl Iterator<Item = &Clients> {
        self.all.iter()
    }

    /// Their ids, the server's own first.
    pub fn ids(&self) -> impl Iterator<Item = &AccountId> {
        self.all.iter().map(Clients::account_id)
    }

    /// Every Region of every account.
    pub fn places(&self) -> Vec<(AccountId, Region)> {
        let places = |clients: &Clients| {
            clients.regions().map(|region| (clients.account_id().clone(), region.clone())).collect::<Vec<_>>()
        };
        self.all.iter().flat_map(places).collect()
    }

    /// The client of a Region of an account; none if either is not one of those configured.
    pub fn client(&self, account_id: &AccountId, region: &Region) -> Option<&Client> {
        self.all.iter().find(|clients| clients.account_id() == account_id)?.get(region)
    }

    /// The same clients for calls of this priority.
    pub fn at(&self, priority: Priority) -> Self {
        Self { all: self.all.iter().map(|clients| clients.at(priority)).collect() }
    }
}

impl From<Clients> for Accounts {
    /// One account and no other.
    fn from(home: Clients) -> Self {
        Self { all: Arc::new([home]) }
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all.iter()).finish()
    }
}
