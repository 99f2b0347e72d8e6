//! The images and instance types of each Region.
//!
//! The images of the configured owners are crawled, and questions are answered from the snapshot
//! that the last crawl left ([`Catalog::keep`]). What the snapshot cannot answer, because it is of
//! other owners or must be fresher, is asked of EC2 at once: every page is read before anything is
//! sorted, because EC2 sorts nothing, and the whole answer is kept for a while so that the pages a
//! caller reads all come from the same moment. Instance types change a few times a month and are
//! kept for an hour.

mod accounts;
mod answer;
mod crawl;
mod crawls;
mod interest;
mod live;
mod lookups;
mod next_call;
mod permissions;
mod region;
mod resolve;
mod saved;
mod scope;
mod shelf;
mod standing;
mod types;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::crawls::Crawls;
use self::region::RegionCatalogue;
use self::types::TypesKept;
use crate::ami::classify::Viewer;
use crate::clock::Clock;
use crate::ec2::{Client, Clients, Ec2Error};
use crate::ids::{AccountId, Region};

pub use self::accounts::Catalogs;
pub use self::answer::{Answer, Found, Looked};
pub use self::crawl::SNAPSHOT_IMAGES_MAX;
pub use self::crawls::{Crawl, CrawlId};
pub use self::interest::{INTEREST_LIFE, INTEREST_MAX};
pub use self::live::Asker;
pub use self::lookups::LOOKUP_LIFE;
pub use self::permissions::PERMISSIONS_LIFE;
pub use self::region::Keeping;
pub use self::resolve::{CANDIDATES_AGE_MAX, ResolveError, Resolved};
pub use self::scope::{ANY_OWNER, OwnerScope};
pub use self::shelf::{Held, REPLACED_LIFE, SnapshotId};
pub use self::standing::{CrawlFailure, Standing};
pub use self::types::{Aged, TYPES_LIFE};

/// Answers of EC2's that are read at the same time: each holds at most the images that one question
/// may bring, some 2 KB each.
const CRAWLS_AT_ONCE_MAX: usize = 3;

/// Images and instance types. Clones share what they hold.
#[derive(Debug, Clone)]
pub struct Catalog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clients: Clients,
    /// One for each client, in their order.
    regions: Vec<Arc<RegionCatalogue>>,
    clock: Arc<dyn Clock>,
    /// The most images that one question may bring.
    images_max: usize,
    crawls: std::sync::Mutex<Crawls>,
    /// Turns to read an answer of EC2's that may be large.
    crawling: Semaphore,
    /// The same for launches, which do not wait for questions.
    crawling_for_launches: Semaphore,
    /// Turns to search a snapshot for long.
    searching: Semaphore,
    types: TypesKept,
}

/// Why the catalogue has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CatalogError {
    /// The server does not serve this Region.
    #[error("this server does not serve Region {0}")]
    UnknownRegion(Region),
    /// EC2 did not answer, or not with a result.
    #[error("EC2 did not give the facts")]
    Ec2(#[source] Ec2Error),
}

impl Catalog {
    /// A catalogue over these Regions. Its scope is the images of `owners`; answers that EC2 is
    /// asked for at once hold at most `images_max` images. Until [`Catalog::keep`] is called, all are.
    pub fn new(clients: Clients, clock: Arc<dyn Clock>, images_max: usize, owners: &[String]) -> Self {
        let types = TypesKept::new(clients.regions());
        let scope = OwnerScope::new(owners, clients.account_id());
        let regions = clients
            .regions()
            .filter_map(|region| clients.get(region))
            .map(|client| Arc::new(RegionCatalogue::new(client, scope.clone(), Arc::clone(&clock))))
            .collect();
        let crawls = std::sync::Mutex::default();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let shared = Shared {
            clients,
            regions,
            clock,
            images_max,
            crawls,
            crawling: Semaphore::new(CRAWLS_AT_ONCE_MAX),
            crawling_for_launches: Semaphore::new(CRAWLS_AT_ONCE_MAX),
            searching: Semaphore::new((cores - 1).max(1)),
            types,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes up the snapshots on disk, and keeps one of each Region until `shutdown`: the tasks that
    /// do it, in the order of [`Catalog::regions`]. Once this has completed, what is on disk answers.
    pub async fn keep(&self, keeping: &Keeping, shutdown: &CancellationToken) -> Vec<JoinHandle<()>> {
        for region in &self.shared.regions {
            region.load(keeping).await;
        }
        let keep = |region: &Arc<RegionCatalogue>| {
            tokio::spawn(Arc::clone(region).keep(self.clone(), keeping.clone(), shutdown.clone()))
        };
        self.shared.regions.iter().map(keep).collect()
    }

    /// How each Region's snapshot stands, now and from now on.
    pub fn standings(&self) -> Vec<watch::Receiver<Standing>> {
        self.shared.regions.iter().map(|region| region.standing()).collect()
    }

    /// Through whose eyes the images of a Region are classified.
    ///
    /// # Errors
    /// If the Region is not served.
    pub fn viewer(&self, region: &Region) -> Result<Viewer, CatalogError> {
        Ok(self.region(region)?.viewer())
    }

    /// A turn to search a snapshot for long, of which there are fewer than cores; it ends when the
    /// value is dropped. None only if the process is going down.
    pub async fn turn_to_search(&self) -> Option<SemaphorePermit<'_>> {
        self.shared.searching.acquire().await.ok()
    }

    fn region(&self, region: &Region) -> Result<&RegionCatalogue, CatalogError> {
        let found = self.shared.regions.iter().find(|known| known.client.region() == region);
        found.map(|known| &**known).ok_or_else(|| CatalogError::UnknownRegion(region.clone()))
    }

    /// The account whose eyes these are.
    pub fn account_id(&self) -> &AccountId {
        self.shared.clients.account_id()
    }

    /// The Regions that can be asked.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        self.shared.clients.regions()
    }

    fn client(&self, region: &Region) -> Result<&Client, CatalogError> {
        self.shared.clients.get(region).ok_or_else(|| CatalogError::UnknownRegion(region.clone()))
    }

    /// Now, on the catalogue's clock: what lifecycles are judged by.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }
}
