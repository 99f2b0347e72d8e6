//! How well a Region's snapshot stands: for health, for metrics, and for whoever wonders.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::ids::Region;

/// The state of one Region's catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Which Region.
    pub region: Region,
    /// When the crawl began that the snapshot comes from; none while there is no snapshot.
    pub observed_time: Option<Timestamp>,
    /// Images in the snapshot.
    pub images: usize,
    /// Bytes of memory that the snapshot takes.
    pub heap_bytes: usize,
    /// Why the last full crawl failed, and when; none since one succeeded.
    pub failure: Option<CrawlFailure>,
    /// Full crawls that failed since the start.
    pub failures: u64,
    /// How long the last full crawl took.
    pub crawl_time: Option<Duration>,
}

/// A full crawl that came to nothing. The snapshot before it goes on serving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrawlFailure {
    /// When it began.
    pub time: Timestamp,
    /// What stopped it, with EC2's code where EC2 said something.
    pub reason: String,
    /// Pages that had been read.
    pub pages: usize,
}

impl Standing {
    /// Nothing is known yet.
    pub(super) fn new(region: Region) -> Self {
        Self { region, observed_time: None, images: 0, heap_bytes: 0, failure: None, failures: 0, crawl_time: None }
    }

    /// Whether answers from the snapshot are as fresh as they should be: there is one, no crawl has
    /// failed since, and it is not older than two crawls are apart.
    pub fn is_fresh(&self, now: Timestamp, crawl_period: Duration) -> bool {
        let allowed = SignedDuration::try_from(crawl_period.saturating_mul(2)).unwrap_or(SignedDuration::MAX);
        self.failure.is_none() && self.observed_time.is_some_and(|observed| now.duration_since(observed) <= allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_means_there_unfailed_and_young() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let period = Duration::from_secs(100);
        let none = Standing::new("us-east-1".parse().unwrap());
        assert!(!none.is_fresh(at(0), period));
        let held = Standing { observed_time: Some(at(1_000)), ..none };
        assert!(held.is_fresh(at(1_200), period));
        assert!(!held.is_fresh(at(1_201), period));
        let failure = Some(CrawlFailure { time: at(1_100), reason: "EC2 did not answer".to_owned(), pages: 3 });
        assert!(!Standing { failure, ..held }.is_fresh(at(1_100), period));
    }
}
