//! A catalogue for each account: what is an account's own, shared with it, and allowed to it differs from one to the
//! other, so that none can answer for another.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Catalog, Keeping, Standing};
use crate::clock::Clock;
use crate::ec2::Accounts;
use crate::ids::{AccountId, Region};

/// The catalogues of all accounts. Clones share what they hold.
#[derive(Debug, Clone)]
pub struct Catalogs {
    /// That of the server's own account comes first.
    all: Arc<[Catalog]>,
}

impl Catalogs {
    /// One for each account, as [`Catalog::new`] makes it.
    pub fn new(accounts: &Accounts, clock: &Arc<dyn Clock>, images_max: usize, owners: &[String]) -> Self {
        let catalog =
            |clients: &crate::ec2::Clients| Catalog::new(clients.clone(), Arc::clone(clock), images_max, owners);
        Self { all: accounts.iter().map(catalog).collect() }
    }

    /// That of the account of the server's own credentials.
    pub fn home(&self) -> &Catalog {
        &self.all[0]
    }

    /// That of an account; none if it is not served.
    pub fn of(&self, account_id: &AccountId) -> Option<&Catalog> {
        self.all.iter().find(|catalog| catalog.account_id() == account_id)
    }

    /// The Regions that can be asked, which are the same in every account.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        self.home().regions()
    }

    /// Keeps the snapshots of every account as [`Catalog::keep`] does: those of the server's own in the directory
    /// itself, those of the others in one for each account below it.
    pub async fn keep(&self, keeping: &Keeping, shutdown: &CancellationToken) -> Vec<JoinHandle<()>> {
        let mut tasks = self.home().keep(keeping, shutdown).await;
        for other in &self.all[1..] {
            let dir = keeping.dir.as_ref().map(|dir| dir.join(other.account_id().as_str()));
            tasks.extend(other.keep(&Keeping { dir, ..keeping.clone() }, shutdown).await);
        }
        tasks
    }

    /// How each Region's snapshot stands in each account, which is named unless it is the server's own.
    pub fn standings(&self) -> Vec<(Option<AccountId>, watch::Receiver<Standing>)> {
        let all = self.all.iter().enumerate().flat_map(|(place, catalog)| {
            let account_id = (place > 0).then(|| catalog.account_id().clone());
            catalog.standings().into_iter().map(move |standing| (account_id.clone(), standing))
        });
        all.collect()
    }
}

impl From<Catalog> for Catalogs {
    /// One account and no other.
    fn from(home: Catalog) -> Self {
        Self { all: Arc::new([home]) }
    }
}
