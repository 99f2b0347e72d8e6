//! A refresh: what of a snapshot is looked at again between two crawls, and while one runs.

use std::sync::Arc;

use jiff::Timestamp;

use super::{RegionCatalogue, locked};
use crate::ami::catalog::crawl::{Crawler, everything_of, newest_dates, on_a_busy_thread};
use crate::ami::catalog::live::FILTER_IDS_MAX;
use crate::ami::filter::Filters;
use crate::ami::snapshot::{Observed, Query, Snapshot};
use crate::ec2::facts::Image;
use crate::ec2::{Ec2Error, ImageQuestion};
use crate::ids::ImageId;

/// The most images that a refresh may bring. More in two days than this is no refresh.
const RECENT_IMAGES_MAX: usize = 20_000;

impl RegionCatalogue {
    /// Looks at the newest images and at those somebody asked for.
    pub(super) async fn refresh(&self) -> Result<(), Ec2Error> {
        let Some(held) = self.shelf().newest() else { return Ok(()) };
        let mut asked = locked(&self.interest).ids(self.clock.uptime());
        let time = self.clock.now();
        let crawler = Crawler { client: &self.client, clock: &self.clock };
        let question = everything_of(self.scope.for_ec2());
        let newest = filtered(&question, "creation-date", newest_dates(held.snapshot.observed_time(), time));
        let mut seen = crawler.few(&newest, RECENT_IMAGES_MAX).await?;
        // What is not among the newest any more is asked for by its id: an endpoint that takes dates for
        // something else must not empty the catalogue.
        let mut missing = made_on(&held.snapshot, &newest);
        missing.retain(|id| !asked.contains(id) && !seen.iter().any(|image| image.image_id == *id));
        asked.extend(missing.into_iter().take(FILTER_IDS_MAX));
        let (mut gone, mut looked_at) = (Vec::new(), Vec::new());
        for ids in asked.chunks(FILTER_IDS_MAX) {
            let by_id = filtered(&question, "image-id", ids.iter().map(ToString::to_string).collect());
            let found = crawler.few(&by_id, FILTER_IDS_MAX).await?;
            gone.extend(ids.iter().filter(|id| !found.iter().any(|image| image.image_id == **id)).cloned());
            looked_at.extend(found.iter().map(|image| image.image_id.clone()));
            seen.extend(found);
        }
        let snapshot = held.snapshot;
        let missing = gone.clone();
        let changed = on_a_busy_thread(move || merged(&snapshot, seen, gone, time)).await;
        if self.shelf().newest().is_none_or(|newest| newest.id != held.id) {
            // A crawl has come to its end meanwhile.
            return Ok(());
        }
        if let Some(snapshot) = changed {
            self.put(Arc::new(snapshot));
        }
        let mut interest = locked(&self.interest);
        interest.seen(&looked_at, time);
        interest.gone(&missing, time);
        Ok(())
    }
}

/// The snapshot with what a refresh saw; none if it knew all that.
fn merged(snapshot: &Snapshot, seen: Vec<Image>, mut gone: Vec<ImageId>, observed_time: Timestamp) -> Option<Snapshot> {
    let known = |image: &Image| snapshot.find(&image.image_id).is_some_and(|slot| snapshot.image(slot).image == *image);
    let seen: Vec<Observed> =
        seen.into_iter().filter(|image| !known(image)).map(|image| Observed { image, observed_time }).collect();
    gone.retain(|id| snapshot.find(id).is_some());
    (!seen.is_empty() || !gone.is_empty()).then(|| snapshot.with_recent(&seen, &gone))
}

/// The images of a snapshot that were made on the days that a question asks for.
fn made_on(snapshot: &Snapshot, question: &ImageQuestion) -> Vec<ImageId> {
    let Ok(filters) = Filters::parse(&question.filters) else { return Vec::new() };
    let query = Query {
        owners: &[],
        filters: &filters,
        types: &[],
        include_deprecated: true,
        include_disabled: true,
        now: snapshot.observed_time(),
    };
    snapshot.matches(&query).iter().map(|slot| snapshot.image(slot).image.image_id).collect()
}

fn filtered(question: &ImageQuestion, name: &str, values: Vec<String>) -> ImageQuestion {
    ImageQuestion { filters: vec![(name.to_owned(), values)], ..question.clone() }
}
