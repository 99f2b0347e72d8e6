//! A Region's instance types and where they are offered, kept for an hour.
//!
//! Both change a few times a month. Each is one crawl of EC2, and callers who come together wait
//! for the same one. A refresh that fails leaves what is there, with the time it was asked at, and
//! is tried again soon; only where there is nothing does the failure reach the caller.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::{Asker, Catalog, CatalogError};
use crate::ami::compatibility::Offerings;
use crate::clock::Clock;
use crate::ec2::budget::Priority;
use crate::ec2::facts::{InstanceTypeFacts, Offering};
use crate::ec2::{Ec2Error, LocationType};
use crate::ids::{InstanceType, Region};

/// How long the instance types of a Region are good for.
pub const TYPES_LIFE: Duration = Duration::from_secs(60 * 60);

/// How long after a refresh that failed the next is tried, while there are older facts to go on.
const REFRESH_RETRY: Duration = Duration::from_secs(60);

/// The same while there are none: long enough for those who waited for the crawl that failed to
/// hear of it, and not to ask the same in turn.
const FIRST_RETRY: Duration = Duration::from_secs(5);

/// Facts and when EC2 was asked for them.
#[derive(Debug)]
pub struct Aged<T> {
    /// The facts.
    pub facts: Arc<T>,
    /// When the crawl that brought them began.
    pub observed_time: Timestamp,
}

impl<T> Clone for Aged<T> {
    fn clone(&self) -> Self {
        Self { facts: Arc::clone(&self.facts), observed_time: self.observed_time }
    }
}

/// What is kept of every Region.
#[derive(Debug)]
pub(super) struct TypesKept(HashMap<Region, RegionKept>);

#[derive(Debug, Default)]
struct RegionKept {
    types: Kept<Vec<InstanceTypeFacts>>,
    offerings: Kept<Offerings>,
}

impl TypesKept {
    /// Nothing yet, of these Regions.
    pub(super) fn new<'a>(regions: impl Iterator<Item = &'a Region>) -> Self {
        Self(regions.map(|region| (region.clone(), RegionKept::default())).collect())
    }

    fn of(&self, region: &Region) -> Result<&RegionKept, CatalogError> {
        self.0.get(region).ok_or_else(|| CatalogError::UnknownRegion(region.clone()))
    }
}

impl Catalog {
    /// Every instance type of a Region by name, at most [`TYPES_LIFE`] old unless EC2 does not
    /// answer.
    ///
    /// # Errors
    /// If the Region is not served, or there are no facts and EC2 gives no answer.
    pub async fn types(&self, region: &Region) -> Result<Arc<Vec<InstanceTypeFacts>>, CatalogError> {
        Ok(self.types_observed(region).await?.facts)
    }

    /// The same, with the time at which EC2 was asked.
    ///
    /// # Errors
    /// As [`types`](Self::types).
    pub async fn types_observed(&self, region: &Region) -> Result<Aged<Vec<InstanceTypeFacts>>, CatalogError> {
        // One flight for all, and launches among them.
        let client = self.client(region)?.at(Priority::Launch);
        let ask = async || {
            let mut types = client.describe_instance_types().await?;
            types.sort_by(|a, b| a.instance_type.cmp(&b.instance_type));
            Ok(types)
        };
        self.shared.types.of(region)?.types.get(&*self.shared.clock, ask).await.map_err(CatalogError::Ec2)
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
        asker: Asker,
    ) -> Result<Vec<InstanceTypeFacts>, CatalogError> {
        let all = self.types(region).await?;
        let known = |name: &InstanceType| {
            all.binary_search_by(|facts| facts.instance_type.cmp(name)).ok().map(|position| all[position].clone())
        };
        let mut found: Vec<InstanceTypeFacts> = names.iter().filter_map(known).collect();
        let unknown: Vec<InstanceType> =
            names.iter().filter(|name| !found.iter().any(|facts| facts.instance_type == **name)).cloned().collect();
        if !unknown.is_empty() {
            let client = self.client(region)?.at(asker.priority());
            found.extend(client.instance_types_named(&unknown).await.map_err(CatalogError::Ec2)?);
        }
        Ok(found)
    }

    /// Where every type of the Region is offered, by zone, as old as [`types`](Self::types) may be.
    ///
    /// # Errors
    /// If the Region is not served, or nothing is known and EC2 gives no answer.
    pub async fn offerings(&self, region: &Region) -> Result<Arc<Offerings>, CatalogError> {
        let client = self.client(region)?.at(Priority::Launch);
        let ask = async || Ok(Offerings::new(client.all_offerings(LocationType::AvailabilityZone).await?));
        let kept = &self.shared.types.of(region)?.offerings;
        Ok(kept.get(&*self.shared.clock, ask).await.map_err(CatalogError::Ec2)?.facts)
    }

    /// The zones in which these types are offered, asked now, for a launch.
    ///
    /// # Errors
    /// If the Region is not served or EC2 gives no answer.
    pub async fn zone_offerings(&self, region: &Region, names: &[InstanceType]) -> Result<Vec<Offering>, CatalogError> {
        let client = self.client(region)?.at(Priority::Launch);
        client.offerings(LocationType::AvailabilityZone, names).await.map_err(CatalogError::Ec2)
    }
}

/// One kind of facts of one Region. The lock is held while EC2 is asked, so there is one flight at
/// a time.
#[derive(Debug)]
struct Kept<T>(Mutex<Held<T>>);

#[derive(Debug)]
struct Held<T> {
    known: Option<(Duration, Aged<T>)>,
    failed: Option<(Duration, Ec2Error)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(Held { known: None, failed: None }))
    }
}

impl<T> Kept<T> {
    async fn get(
        &self,
        clock: &dyn Clock,
        ask: impl AsyncFnOnce() -> Result<T, Ec2Error>,
    ) -> Result<Aged<T>, Ec2Error> {
        let mut held = self.0.lock().await;
        let uptime = clock.uptime();
        let since = |then: Duration| uptime.saturating_sub(then);
        match (&held.known, &held.failed) {
            (Some((asked, known)), _) if since(*asked) < TYPES_LIFE => return Ok(known.clone()),
            (Some((_, known)), Some((failed, _))) if since(*failed) < REFRESH_RETRY => return Ok(known.clone()),
            (None, Some((failed, error))) if since(*failed) < FIRST_RETRY => return Err(error.clone()),
            _ => {}
        }
        let observed_time = clock.now();
        match ask().await {
            Ok(facts) => {
                let known = Aged { facts: Arc::new(facts), observed_time };
                *held = Held { known: Some((uptime, known.clone())), failed: None };
                Ok(known)
            }
            Err(error) => {
                // A crawl can outlast the wait after it, so the wait begins at its end.
                held.failed = Some((clock.uptime(), error.clone()));
                let Some((_, known)) = &held.known else { return Err(error) };
                tracing::warn!(%error, observed_time = %known.observed_time, "facts of instance types not refreshed");
                Ok(known.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimClock;

    fn refused() -> Ec2Error {
        Ec2Error::NotSent("no".to_owned())
    }

    #[tokio::test]
    async fn facts_are_kept_for_an_hour_and_outlive_a_refresh_that_fails() {
        let clock = SimClock::new(Timestamp::UNIX_EPOCH);
        let kept = Kept::default();
        let asked = std::cell::Cell::new(0);
        let get = async |answer: Result<u8, Ec2Error>| {
            let ask = async || {
                asked.set(asked.get() + 1);
                answer
            };
            kept.get(&clock, ask).await.map(|aged| (*aged.facts, aged.observed_time.as_second()))
        };
        assert_eq!(get(Err(refused())).await, Err(refused()), "there is nothing to go on");
        assert_eq!(get(Ok(1)).await, Err(refused()), "those who waited hear the same");
        assert_eq!(asked.get(), 1);
        clock.advance(FIRST_RETRY);
        assert_eq!(get(Ok(1)).await, Ok((1, 5)));
        clock.advance(TYPES_LIFE - Duration::from_secs(1));
        assert_eq!(get(Ok(2)).await, Ok((1, 5)));
        assert_eq!(asked.get(), 2);
        clock.advance(Duration::from_secs(1));
        assert_eq!(get(Err(refused())).await, Ok((1, 5)), "old, and it says how old");
        assert_eq!(get(Ok(2)).await, Ok((1, 5)), "not asked again at once");
        assert_eq!(asked.get(), 3);
        clock.advance(REFRESH_RETRY);
        assert_eq!(get(Ok(2)).await, Ok((2, 3_665)));
    }
}
