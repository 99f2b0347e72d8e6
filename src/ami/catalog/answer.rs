//! Where an answer comes from: the snapshot, or EC2 at once.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::lookups::Known;
use super::region::RegionCatalogue;
use super::{Catalog, CatalogError, Held, SnapshotId};
use crate::ami::filter::Filters;
use crate::ami::snapshot::{Observed, Snapshot};
use crate::ids::{ImageId, Region};

/// Where a question is to be answered from.
#[derive(Debug, Clone)]
pub enum Answer {
    /// From this snapshot.
    Snapshot(Held),
    /// From EC2, because of this.
    Ec2 {
        /// Why the snapshot will not do, for the caller.
        reason: String,
    },
}

/// An image, and where it was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The image, and when EC2 was asked for it.
    pub observed: Observed,
    /// Whether it is not the snapshot's but was asked for by itself, now or some seconds ago.
    pub is_live: bool,
}

/// What some ids came to.
#[derive(Debug)]
pub struct Looked {
    /// The images that there are, in no order.
    pub found: Vec<Found>,
    /// Why the others could not be asked for. Without it EC2 knows or shows none of them.
    pub failed: Option<CatalogError>,
}

impl Catalog {
    /// Where a question about the images of `owners` (none means the scope) that meet `filters` is to
    /// be answered from, when the answer may be `max_staleness` old; `None` takes the snapshot as it is.
    ///
    /// # Errors
    /// If the Region is not served.
    pub fn answer(
        &self,
        region: &Region,
        owners: &[String],
        filters: &Filters,
        max_staleness: Option<Duration>,
    ) -> Result<Answer, CatalogError> {
        let catalogue = self.region(region)?;
        let ec2 = |reason: String| Ok(Answer::Ec2 { reason });
        if let Some(reason) = filters.only_ec2_knows() {
            return ec2(reason.to_owned());
        }
        let outside = catalogue.scope.outside(owners);
        if !outside.is_empty() {
            return ec2(format!(
                "the catalogue holds the images of {}, and not of {}",
                catalogue.scope.owners().join(", "),
                outside.join(", ")
            ));
        }
        let Some(held) = catalogue.shelf().newest() else {
            return ec2("the catalogue has not been read yet".to_owned());
        };
        match too_old(held.snapshot.observed_time(), max_staleness, self.now()) {
            Some(age) => ec2(format!("the catalogue was read {age} s ago")),
            None => Ok(Answer::Snapshot(held)),
        }
    }

    /// The snapshot that a page token names; none if it is no longer held.
    ///
    /// # Errors
    /// If the Region is not served.
    pub fn snapshot(&self, region: &Region, id: SnapshotId) -> Result<Option<Arc<Snapshot>>, CatalogError> {
        Ok(self.region(region)?.shelf().get(id, self.shared.clock.uptime()))
    }

    /// The newest snapshot of a Region; none before the first crawl.
    ///
    /// # Errors
    /// If the Region is not served.
    pub fn newest_snapshot(&self, region: &Region) -> Result<Option<Arc<Snapshot>>, CatalogError> {
        Ok(self.region(region)?.shelf().newest().map(|held| held.snapshot))
    }

    /// One image as it was at most `max_staleness` ago: from the snapshot, else from EC2; none if
    /// EC2 does not know it or does not show it.
    ///
    /// # Errors
    /// If the Region is not served or EC2 gives no answer.
    pub async fn image_within(
        &self,
        region: &Region,
        id: &ImageId,
        max_staleness: Option<Duration>,
    ) -> Result<Option<Observed>, CatalogError> {
        let looked = self.images_within(region, std::slice::from_ref(id), max_staleness).await?;
        match (looked.found.into_iter().next(), looked.failed) {
            (Some(found), _) => Ok(Some(found.observed)),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(None),
        }
    }

    /// Those of `ids` that EC2 shows, as they were at most `max_staleness` ago, in no order. An
    /// image of the snapshot is looked at again by the next refreshes.
    ///
    /// # Errors
    /// If the Region is not served.
    pub async fn images_within(
        &self,
        region: &Region,
        ids: &[ImageId],
        max_staleness: Option<Duration>,
    ) -> Result<Looked, CatalogError> {
        let live = |observed: Observed| Found { observed, is_live: true };
        let catalogue = self.region(region)?;
        let (now, uptime) = (self.now(), self.shared.clock.uptime());
        let is_good = |observed: Timestamp| too_old(observed, max_staleness, now).is_none();
        let mut known = Vec::with_capacity(ids.len());
        let mut unknown = Vec::new();
        // Before the snapshot is taken: a refresh in between would make an old image seem new.
        let seen = catalogue.seen(ids);
        let newest = catalogue.shelf().newest();
        for (id, seen) in ids.iter().zip(seen) {
            match newest.as_ref().and_then(|held| found(catalogue, &held.snapshot, id, seen)) {
                Some(observed) if is_good(observed.observed_time) => known.push(Found { observed, is_live: false }),
                _ => match catalogue.lookups.known(id, uptime) {
                    Some(Known { image, observed_time, .. }) if is_good(observed_time) => {
                        known.extend(image.map(|image| live(Observed { image, observed_time })));
                    }
                    _ => unknown.push(id.clone()),
                },
            }
        }
        if !unknown.is_empty() {
            let asked = match max_staleness {
                // Another's call may have begun before what this caller knows to have happened.
                Some(Duration::ZERO) => self.looked_up(region, &unknown).await,
                _ => self.looked_up_together(region, &unknown, max_staleness).await,
            };
            match asked {
                Ok(images) => known.extend(images.into_iter().map(live)),
                Err(error) => return Ok(Looked { found: known, failed: Some(error) }),
            }
        }
        Ok(Looked { found: known, failed: None })
    }
}

fn found(catalogue: &RegionCatalogue, snapshot: &Snapshot, id: &ImageId, seen: Option<Timestamp>) -> Option<Observed> {
    let slot = snapshot.find(id)?;
    catalogue.asked_for(id);
    let mut observed = snapshot.image(slot);
    observed.observed_time = seen.map_or(observed.observed_time, |seen| seen.max(observed.observed_time));
    Some(observed)
}

/// How many seconds old something is, if that is more than it may be.
fn too_old(observed: Timestamp, max_staleness: Option<Duration>, now: Timestamp) -> Option<i64> {
    let allowed = max_staleness?;
    let age = now.duration_since(observed);
    let is_too_old = allowed.is_zero() || age > SignedDuration::try_from(allowed).unwrap_or(SignedDuration::MAX);
    is_too_old.then(|| age.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_always_too_old_and_nothing_said_never() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let seconds = Duration::from_secs;
        assert_eq!(too_old(at(100), Some(seconds(0)), at(100)), Some(0));
        assert_eq!(too_old(at(100), Some(seconds(10)), at(110)), None);
        assert_eq!(too_old(at(100), Some(seconds(10)), at(111)), Some(11));
        assert_eq!(too_old(at(0), None, at(i64::from(u32::MAX))), None);
    }
}
