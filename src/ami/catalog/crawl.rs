//! Reading every image of a Region's scope, page by page, into a new snapshot.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::standing::CrawlFailure;
use crate::ami::classify::Viewer;
use crate::ami::snapshot::{Snapshot, SnapshotBuilder};
use crate::clock::Clock;
use crate::ec2::facts::Image;
use crate::ec2::{Client, Ec2Error, ImagePage, ImageQuestion};

/// The most images that a snapshot may have. A Region has some two hundred thousand.
pub const SNAPSHOT_IMAGES_MAX: usize = 1_000_000;

/// The most pages of a crawl; EC2 may send short ones.
const PAGES_MAX: usize = 20_000;

/// The most pages of a refresh's question, whose images would fit on a few.
const FEW_PAGES_MAX: usize = 100;

/// How often a page is asked for before the crawl is given up. The SDK's own three attempts are
/// inside each.
const PAGE_TRIES_MAX: u32 = 5;

/// The wait before a page is asked for again; it doubles.
const PAGE_PAUSE: Duration = Duration::from_secs(1);

/// What a crawl needs.
pub(super) struct Crawler<'a> {
    pub(super) client: &'a Client,
    pub(super) clock: &'a Arc<dyn Clock>,
}

impl Crawler<'_> {
    /// All images of `owners` (none means all), deprecated and disabled ones too, as one snapshot.
    /// `previous` tells how much room the new one will take.
    ///
    /// # Errors
    /// When a page does not come in spite of repeats, or there is no end of them. What was read by
    /// then is thrown away: half a Region looks like one in which images have gone.
    pub(super) async fn crawl(
        &self,
        owners: Vec<String>,
        viewer: Viewer,
        previous: Option<Arc<Snapshot>>,
    ) -> Result<Snapshot, CrawlFailure> {
        let time = self.clock.now();
        let question = everything_of(owners);
        let mut builder = SnapshotBuilder::new(viewer, time, previous.as_deref());
        // Whoever still pages through it holds it; this crawl does not.
        drop(previous);
        let failed = |reason: String, pages: usize| CrawlFailure { time, reason, pages };
        let first = self.page(&question, None).await;
        let mut page = first.map_err(|error| failed(reason(&error), 0))?;
        for pages in 1..=PAGES_MAX {
            let ImagePage { images, next_token } = page;
            if builder.len() + images.len() > SNAPSHOT_IMAGES_MAX {
                let reason = format!("there are more than {SNAPSHOT_IMAGES_MAX} images; name fewer owners");
                return Err(failed(reason, pages));
            }
            // A page takes milliseconds to sort in, and the last one the sorting of everything.
            let sorting = on_a_busy_thread(move || {
                images.iter().for_each(|image| builder.push(image));
                builder
            });
            let Some(token) = next_token else {
                let builder = sorting.await;
                return Ok(on_a_busy_thread(move || builder.finish()).await);
            };
            // The next page is on its way meanwhile.
            let (sorted, next) = tokio::join!(sorting, self.page(&question, Some(token)));
            builder = sorted;
            page = next.map_err(|error| failed(reason(&error), pages))?;
        }
        Err(failed(format!("there is no end after {PAGES_MAX} pages"), PAGES_MAX))
    }

    /// A page, asked for again while that can help.
    async fn page(&self, question: &ImageQuestion, token: Option<String>) -> Result<ImagePage, Ec2Error> {
        let mut pause = PAGE_PAUSE;
        let mut tries = 1;
        loop {
            let error = match self.client.describe_images_page(question, token.clone()).await {
                Ok(page) => return Ok(page),
                Err(error) => error,
            };
            if tries == PAGE_TRIES_MAX || !error.retryable() {
                return Err(error);
            }
            self.clock.sleep(pause).await;
            pause *= 2;
            tries += 1;
        }
    }

    /// All images that fit a question, for a refresh: few, and inside the budget.
    pub(super) async fn few(&self, question: &ImageQuestion, limit: usize) -> Result<Vec<Image>, Ec2Error> {
        let mut images = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..FEW_PAGES_MAX {
            let page = self.page(question, token.clone()).await?;
            images.extend(page.images);
            if images.len() > limit {
                return Err(Ec2Error::TooMany { limit });
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(images);
            }
        }
        Err(Ec2Error::TooMany { limit })
    }
}

/// Everything of some owners, deprecated and disabled images too: which of them a question sees is
/// decided when it is answered.
pub(super) fn everything_of(owners: Vec<String>) -> ImageQuestion {
    ImageQuestion { owners, include_deprecated: true, include_disabled: true, ..ImageQuestion::everything() }
}

fn reason(error: &Ec2Error) -> String {
    format!("{} ({})", crate::telemetry::chain(error), error.code())
}

/// Runs `work` where it holds up nobody's answers.
pub(super) async fn on_a_busy_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// The most days whose images a refresh looks for; beyond that only a crawl will do.
const RECENT_DAYS_MAX: usize = 31;

/// The days whose images a refresh looks for, the newest first: those since the crawl, and the day
/// before it, because an image can take hours to be made and carries the date of its beginning.
pub(super) fn newest_dates(crawled: Timestamp, now: Timestamp) -> Vec<String> {
    let day = Duration::from_secs(24 * 60 * 60);
    let first = crawled.min(now).checked_sub(day).unwrap_or(Timestamp::MIN);
    let days = std::iter::successors(Some(now), |time| time.checked_sub(day).ok());
    let dates = days.map(|time| time.strftime("%Y-%m-%dT*").to_string());
    let last = first.strftime("%Y-%m-%dT*").to_string();
    let mut wanted = Vec::new();
    for date in dates.take(RECENT_DAYS_MAX) {
        let is_last = date == last;
        wanted.push(date);
        if is_last {
            break;
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::{RECENT_DAYS_MAX, newest_dates};

    #[test]
    fn the_newest_dates_are_filters_on_the_days_since_the_crawl() {
        let at = |time: &str| time.parse().unwrap();
        let now = at("2026-03-01T00:00:01Z");
        assert_eq!(newest_dates(now, now), ["2026-03-01T*", "2026-02-28T*"]);
        let dates = newest_dates(at("2026-02-27T23:00:00Z"), now);
        assert_eq!(dates, ["2026-03-01T*", "2026-02-28T*", "2026-02-27T*", "2026-02-26T*"]);
        assert_eq!(newest_dates(at("2024-01-01T00:00:00Z"), now).len(), RECENT_DAYS_MAX);
        assert_eq!(newest_dates(at("2027-01-01T00:00:00Z"), now).len(), 2, "a clock that went back");
    }
}
