//! What is asked of EC2 at once, because the snapshot cannot answer it or must not: a launch is
//! decided on facts of now.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::FutureExt as _;

use super::crawls::{Crawl, CrawlId, Crawls};
use super::region::RegionCatalogue;
use super::{Catalog, CatalogError};
use crate::ami::snapshot::Observed;
use crate::clock::within;
use crate::ec2::budget::{Priority, WAIT_MAX};
use crate::ec2::facts::{Image, LaunchPermission};
use crate::ec2::{Ec2Error, ImagePage, ImageQuestion};
use crate::ids::{ImageId, Region};

/// Ids in one filter (EC2 User Guide, "Filtering resources").
pub(super) const FILTER_IDS_MAX: usize = 200;

/// The most pages of one answer; EC2 may send short and empty ones.
const PAGES_MAX: usize = 10_000;

/// How long a launch that has to ask for an image waits for others to share the call, while the budget is short. Then it
/// asks whatever is left: launches are not held up.
const COMPANY_WAIT_MAX: Duration = Duration::from_millis(250);

/// Who waits for an answer of EC2's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// A launch, which is never held up.
    Launch,
    /// A question, which waits where many are asked.
    Question,
}

impl Asker {
    pub(super) fn priority(self) -> Priority {
        match self {
            Self::Launch => Priority::Launch,
            Self::Question => Priority::Question,
        }
    }
}

impl Catalog {
    /// Asks EC2 for every image that answers `question`. A few such answers are read at a time,
    /// because each can be a hundred megabytes; the others wait for their turn.
    ///
    /// # Errors
    /// [`Ec2Error::TooMany`] inside [`CatalogError::Ec2`] above the bound.
    pub async fn crawl(&self, region: &Region, question: &ImageQuestion, asker: Asker) -> Result<Crawl, CatalogError> {
        let catalogue = self.region(region)?;
        // An error of a semaphore would mean that it is closed, which it never is.
        let _turn = match asker {
            Asker::Launch => self.shared.crawling_for_launches.acquire().await,
            Asker::Question => within(&*self.shared.clock, WAIT_MAX, self.shared.crawling.acquire())
                .await
                .ok_or(CatalogError::Ec2(Ec2Error::HeldBack))?,
        };
        let observed = self.shared.clock.now();
        let images = self.all_pages(catalogue, question, asker).await.map_err(CatalogError::Ec2)?;
        Ok(Crawl::new(region.clone(), observed, images))
    }

    async fn all_pages(
        &self,
        catalogue: &RegionCatalogue,
        question: &ImageQuestion,
        asker: Asker,
    ) -> Result<Vec<Image>, Ec2Error> {
        let limit = self.shared.images_max;
        let client = catalogue.client.at(asker.priority());
        let mut images = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let ImagePage { images: page, next_token } = client.describe_images_page(question, token.clone()).await?;
            images.extend(page);
            if images.len() > limit {
                break;
            }
            token = next_token;
            if token.is_none() {
                return Ok(images);
            }
        }
        Err(Ec2Error::TooMany { limit })
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

    fn crawls(&self) -> MutexGuard<'_, Crawls> {
        // Crawls are consistent after every statement, so a panic elsewhere does not spoil them.
        self.shared.crawls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One image, asked now; none if EC2 does not know it or does not show it. Launches that ask for the same
    /// share a call that begins after all of them have asked, while less than half of the budget for such calls
    /// is left.
    ///
    /// # Errors
    /// If the Region is not served or EC2 gives no answer.
    pub async fn image(&self, region: &Region, id: &ImageId, asker: Asker) -> Result<Option<Image>, CatalogError> {
        let catalogue = self.region(region)?;
        let ask = async { Ok(self.images(region, std::slice::from_ref(id), asker).await?.into_iter().next()) };
        match asker {
            Asker::Launch if catalogue.client.is_short_of_images() => {
                let may_begin = async {
                    let clock = &*self.shared.clock;
                    let _ = within(clock, COMPANY_WAIT_MAX, catalogue.client.until_images_may_be_asked()).await;
                };
                catalogue.next_calls.get(id, may_begin, ask).await
            }
            Asker::Launch | Asker::Question => ask.await,
        }
    }

    /// Those of `ids` that EC2 shows, asked now, in no order.
    ///
    /// # Errors
    /// If the Region is not served or EC2 gives no answer.
    pub async fn images(&self, region: &Region, ids: &[ImageId], asker: Asker) -> Result<Vec<Image>, CatalogError> {
        let catalogue = self.region(region)?;
        let named = ImageQuestion::of_ids(ids.iter().cloned());
        match catalogue.client.at(asker.priority()).describe_images(&named, self.shared.images_max).await {
            Ok(images) => Ok(images),
            // One id that does not exist fails the call for all, and may have been the only one.
            Err(Ec2Error::Answered(answer)) if answer.code.starts_with("InvalidAMIID") && ids.len() <= 1 => {
                Ok(Vec::new())
            }
            Err(Ec2Error::Answered(answer)) if answer.code.starts_with("InvalidAMIID") => {
                self.images_by_filter(catalogue, ids, asker).await.map_err(CatalogError::Ec2)
            }
            Err(error) => Err(CatalogError::Ec2(error)),
        }
    }

    /// Those of `ids` that EC2 shows, for a question, and remembered for others.
    pub(super) async fn looked_up(&self, region: &Region, ids: &[ImageId]) -> Result<Vec<Observed>, CatalogError> {
        let (observed_time, uptime) = (self.now(), self.shared.clock.uptime());
        let images = self.images(region, ids, Asker::Question).await?;
        let found: Vec<Observed> = images.into_iter().map(|image| Observed { image, observed_time }).collect();
        self.region(region)?.lookups.put(ids, &found, observed_time, uptime);
        Ok(found)
    }

    /// The same, in one call with those who ask for the same at this moment, and asked at most
    /// `max_staleness` ago.
    pub(super) async fn looked_up_together(
        &self,
        region: &Region,
        ids: &[ImageId],
        max_staleness: Option<Duration>,
    ) -> Result<Vec<Observed>, CatalogError> {
        let begun = self.shared.clock.uptime();
        let since = max_staleness.map_or(Duration::ZERO, |allowed| begun.saturating_sub(allowed));
        let begin = || {
            let (catalog, region, ids) = (self.clone(), region.clone(), ids.to_vec());
            async move {
                let lookups = &catalog.region(&region)?.lookups;
                // The call that was under way may have ended since this caller looked.
                let found = match lookups.all_known(&ids, since, begun) {
                    Some(found) => Ok(found),
                    None => catalog.looked_up(&region, &ids).await,
                };
                lookups.ended(&ids, begun);
                found
            }
            .boxed()
        };
        self.region(region)?.lookups.call(ids, since, begun, begin).await
    }

    /// EC2 leaves out what does not match a filter, where naming an id is an error; but a filter does
    /// not find deprecated and disabled images unless it is told to.
    async fn images_by_filter(
        &self,
        catalogue: &RegionCatalogue,
        ids: &[ImageId],
        asker: Asker,
    ) -> Result<Vec<Image>, Ec2Error> {
        let mut found = Vec::new();
        for part in ids.chunks(FILTER_IDS_MAX) {
            let filtered = ImageQuestion {
                filters: vec![("image-id".to_owned(), part.iter().map(ToString::to_string).collect())],
                include_deprecated: true,
                include_disabled: true,
                ..ImageQuestion::everything()
            };
            found.extend(self.all_pages(catalogue, &filtered, asker).await?);
        }
        Ok(found)
    }

    /// Who may launch an image: only its owner may ask, so `None` means that EC2 does not say. What
    /// was answered is remembered for [`PERMISSIONS_LIFE`](super::PERMISSIONS_LIFE), or as long as
    /// `max_staleness` allows.
    ///
    /// # Errors
    /// If the Region is not served or EC2 gives no answer.
    pub async fn launch_permissions(
        &self,
        region: &Region,
        image: &Image,
        max_staleness: Option<Duration>,
    ) -> Result<Option<Vec<LaunchPermission>>, CatalogError> {
        if image.owner_id.as_deref() != Some(self.account_id().as_str()) {
            return Ok(None);
        }
        let catalogue = self.region(region)?;
        let uptime = self.shared.clock.uptime();
        if let Some(known) = catalogue.permissions.get(&image.image_id, uptime, max_staleness) {
            return Ok(known);
        }
        let answer = match catalogue.client.at(Priority::Question).launch_permissions(&image.image_id).await {
            Ok(permissions) => Some(permissions),
            // A missing permission to read them, or a counterpart without the call, leaves the
            // answer unknown; it does not make the image unreadable.
            Err(Ec2Error::Answered(_) | Ec2Error::Unreadable { .. }) => None,
            Err(error) => return Err(CatalogError::Ec2(error)),
        };
        catalogue.permissions.put(&image.image_id, answer.clone(), uptime);
        Ok(answer)
    }
}
