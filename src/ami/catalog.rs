//! The images and instance types of each Region, asked of EC2 when somebody wants them.
//!
//! A question about images is a crawl: every page is read before anything is sorted, because EC2
//! sorts nothing, and the whole answer is kept for a while so that the pages a caller reads all
//! come from the same moment. Instance types change a few times a month and are kept for an hour.

mod crawls;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

use self::crawls::Crawls;
use crate::clock::Clock;
use crate::ec2::facts::{Image, InstanceTypeFacts, LaunchPermission, Offering};
use crate::ec2::{Client, Clients, Ec2Error, ImageQuestion, LocationType};
use crate::ids::{AccountId, ImageId, InstanceType, Region};

pub use self::crawls::{Crawl, CrawlId};

/// How long the instance types of a Region are good for.
pub const TYPES_LIFE: Duration = Duration::from_secs(60 * 60);

/// Images and instance types. Clones share what they hold.
#[derive(Debug, Clone)]
pub struct Catalog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clients: Clients,
    clock: Arc<dyn Clock>,
    /// The most images that one question may bring.
    images_max: usize,
    crawls: std::sync::Mutex<Crawls>,
    /// One lock a Region, so that callers who come together wait for one crawl.
    types: HashMap<Region, Mutex<Option<RegionTypes>>>,
}

#[derive(Debug, Clone)]
struct RegionTypes {
    asked: Duration,
    types: Arc<Vec<InstanceTypeFacts>>,
}

/// Why the catalogue has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The server does not serve this Region.
    #[error("this server does not serve Region {0}")]
    UnknownRegion(Region),
    /// EC2 did not answer, or not with a result.
    #[error("EC2 did not give the facts")]
    Ec2(#[source] Ec2Error),
}

impl Catalog {
    /// A catalogue over these Regions, whose answers hold at most `images_max` images.
    pub fn new(clients: Clients, clock: Arc<dyn Clock>, images_max: usize) -> Self {
        let types = clients.regions().map(|region| (region.clone(), Mutex::new(None))).collect();
        Self { shared: Arc::new(Shared { clients, clock, images_max, crawls: std::sync::Mutex::default(), types }) }
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

    /// Asks EC2 for every image that answers `question`, and keeps the answer for paging.
    ///
    /// # Errors
    /// [`Ec2Error::TooMany`] inside [`CatalogError::Ec2`] above the bound.
    pub async fn crawl(&self, region: &Region, question: &ImageQuestion) -> Result<Arc<Crawl>, CatalogError> {
        let observed = self.shared.clock.now();
        let images =
            self.client(region)?.describe_images(question, self.shared.images_max).await.map_err(CatalogError::Ec2)?;
        Ok(Arc::new(Crawl::new(region.clone(), observed, images)))
    }

    /// Keeps a crawl, in the order it has, until its pages have been read or it is too old.
    pub fn pin(&self, crawl: Arc<Crawl>) -> CrawlId {
        let uptime = self.shared.clock.uptime();
        self.crawls().pin(crawl, uptime)
    }

    /// A pinned crawl, if it is still there.
    pub fn pinned(&self, id: &CrawlId) -> Option<Arc<Crawl>> {
        let uptime = self.shared.clock.uptime();
        self.crawls().get(id, uptime)
    }

    fn crawls(&self) -> std::sync::MutexGuard<'_, Crawls> {
        // Crawls are consistent after every statement, so a panic elsewhere does not spoil them.
        self.shared.crawls.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// One image, asked now; none if EC2 does not know it or does not show it.
    ///
    /// # Errors
    /// If the Region is not served or EC2 gives no answer.
    pub async fn image(&self, region: &Region, id: &ImageId) -> Result<Option<Image>, CatalogError> {
        Ok(self.images(region, std::slice::from_ref(id)).await?.into_iter().next())
    }

    /// Those of `ids` that EC2 shows, asked now, in no order.
    ///
    /// # Errors
    /// If the Region is not served or EC2 gives no answer.
    pub async fn images(&self, region: &Region, ids: &[ImageId]) -> Result<Vec<Image>, CatalogError> {
        let client = self.client(region)?;
        let named = ImageQuestion::of_ids(ids.iter().cloned());
        match client.describe_images(&named, self.shared.images_max).await {
            Ok(images) => Ok(images),
            // One id that does not exist fails the call for all: then each is asked for itself.
            Err(Ec2Error::Answered(answer)) if answer.code.starts_with("InvalidAMIID") => {
                if ids.len() <= 1 {
                    return Ok(Vec::new());
                }
                // EC2 leaves out what does not match a filter, where naming an id is an error; but
                // a filter does not find deprecated and disabled images unless it is told to.
                let filtered = ImageQuestion {
                    filters: vec![("image-id".to_owned(), ids.iter().map(ToString::to_string).collect())],
                    include_deprecated: true,
                    include_disabled: true,
                    ..ImageQuestion::everything()
                };
                client.describe_images(&filtered, self.shared.images_max).await.map_err(CatalogError::Ec2)
            }
            Err(error) => Err(CatalogError::Ec2(error)),
        }
    }

    /// Who may launch an image: only its owner may ask, so `None` means that EC2 does not say.
    ///
    /// # Errors
    /// If the Region is not served or EC2 gives no answer.
    pub async fn launch_permissions(
        &self,
        region: &Region,
        image: &Image,
    ) -> Result<Option<Vec<LaunchPermission>>, CatalogError> {
        if image.owner_id.as_deref() != Some(self.account_id().as_str()) {
            return Ok(None);
        }
        match self.client(region)?.launch_permissions(&image.image_id).await {
            Ok(permissions) => Ok(Some(permissions)),
            // A missing permission to read them, or a counterpart without the call, leaves the
            // answer unknown; it does not make the image unreadable.
            Err(Ec2Error::Answered(_) | Ec2Error::Unreadable { .. }) => Ok(None),
            Err(error) => Err(CatalogError::Ec2(error)),
        }
    }

    /// Every instance type of a Region, at most [`TYPES_LIFE`] old.
    ///
    /// # Errors
    /// If the Region is not served or EC2 gives no answer.
    pub async fn types(&self, region: &Region) -> Result<Arc<Vec<InstanceTypeFacts>>, CatalogError> {
        let slot = self.shared.types.get(region).ok_or_else(|| CatalogError::UnknownRegion(region.clone()))?;
        let mut held = slot.lock().await;
        let uptime = self.shared.clock.uptime();
        if let Some(known) = held.as_ref().filter(|known| uptime.saturating_sub(known.asked) < TYPES_LIFE) {
            return Ok(Arc::clone(&known.types));
        }
        let mut types = self.client(region)?.describe_instance_types().await.map_err(CatalogError::Ec2)?;
        types.sort_by(|a, b| a.instance_type.cmp(&b.instance_type));
        let types = Arc::new(types);
        *held = Some(RegionTypes { asked: uptime, types: Arc::clone(&types) });
        Ok(types)
    }

    /// Those of `names` that the Region has. A name that is not among the types held may be born
    /// since, and is asked for.
    ///
    /// # Errors
    /// If the Region is not served or EC2 gives no answer.
    pub async fn types_named(
        &self,
        region: &Region,
        names: &[InstanceType],
    ) -> Result<Vec<InstanceTypeFacts>, CatalogError> {
        let all = self.types(region).await?;
        let known = |name: &InstanceType| {
            all.binary_search_by(|facts| facts.instance_type.cmp(name)).ok().map(|position| all[position].clone())
        };
        let mut found: Vec<InstanceTypeFacts> = names.iter().filter_map(known).collect();
        let unknown: Vec<InstanceType> =
            names.iter().filter(|name| !found.iter().any(|facts| facts.instance_type == **name)).cloned().collect();
        if !unknown.is_empty() {
            found.extend(self.client(region)?.instance_types_named(&unknown).await.map_err(CatalogError::Ec2)?);
        }
        Ok(found)
    }

    /// The zones in which these types are offered, asked now.
    ///
    /// # Errors
    /// If the Region is not served or EC2 gives no answer.
    pub async fn zone_offerings(&self, region: &Region, names: &[InstanceType]) -> Result<Vec<Offering>, CatalogError> {
        self.client(region)?.offerings(LocationType::AvailabilityZone, names).await.map_err(CatalogError::Ec2)
    }

    /// Now, on the catalogue's clock: what lifecycles are judged by.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }
}
