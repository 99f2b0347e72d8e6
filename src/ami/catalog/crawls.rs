//! Answers kept for paging: a page token pins the crawl it came from.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::ec2::facts::Image;
use crate::ids::{MalformedId, Region, random_bytes};

/// The most crawls kept at once; the oldest goes first.
const CRAWLS_MAX: usize = 32;

/// The most images kept in all crawls together, the newest crawl aside.
const CRAWLED_IMAGES_MAX: usize = 100_000;

/// How long a crawl is kept after it was last read.
const CRAWL_LIFE: Duration = Duration::from_secs(10 * 60);

/// The answer to one question, as it was at one moment.
#[derive(Debug)]
pub struct Crawl {
    /// The Region that was asked.
    pub region: Region,
    /// When the crawl began.
    pub observed: Timestamp,
    /// The images, in the order of the question.
    pub images: Vec<Image>,
}

impl Crawl {
    /// A crawl that began at `observed`.
    pub fn new(region: Region, observed: Timestamp, images: Vec<Image>) -> Self {
        Self { region, observed, images }
    }
}

/// Names a pinned crawl in a page token. Drawn at random: it says nothing and cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CrawlId([u8; 8]);

impl fmt::Display for CrawlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for CrawlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CrawlId {
    type Err = MalformedId;
    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let mut bytes = [0; 8];
        hex::decode_to_slice(text, &mut bytes)
            .map(|()| Self(bytes))
            .map_err(|_| MalformedId { kind: "crawl id", expected: "16 hexadecimal digits" })
    }
}

#[derive(Debug, Default)]
pub(super) struct Crawls {
    /// The one read last is at the back.
    kept: VecDeque<Kept>,
}

#[derive(Debug)]
struct Kept {
    id: CrawlId,
    read: Duration,
    crawl: Arc<Crawl>,
}

impl Crawls {
    pub(super) fn pin(&mut self, crawl: Arc<Crawl>, uptime: Duration) -> CrawlId {
        let id = CrawlId(random_bytes());
        self.kept.push_back(Kept { id, read: uptime, crawl });
        self.evict(uptime);
        id
    }

    pub(super) fn get(&mut self, id: &CrawlId, uptime: Duration) -> Option<Arc<Crawl>> {
        self.evict(uptime);
        let position = self.kept.iter().position(|kept| kept.id == *id)?;
        let mut kept = self.kept.remove(position)?;
        kept.read = uptime;
        let crawl = Arc::clone(&kept.crawl);
        self.kept.push_back(kept);
        Some(crawl)
    }

    fn evict(&mut self, uptime: Duration) {
        self.kept.retain(|kept| uptime.saturating_sub(kept.read) < CRAWL_LIFE);
        while self.kept.len() > 1 && (self.kept.len() > CRAWLS_MAX || self.images() > CRAWLED_IMAGES_MAX) {
            self.kept.pop_front();
        }
    }

    fn images(&self) -> usize {
        self.kept.iter().map(|kept| kept.crawl.images.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crawl(images: usize) -> Arc<Crawl> {
        let id = "ami-00000000".parse().unwrap();
        let images = vec![Image::unknown(id); images];
        Arc::new(Crawl::new("sandbox-1".parse().unwrap(), Timestamp::UNIX_EPOCH, images))
    }

    #[test]
    fn a_crawl_is_kept_while_it_is_read_and_no_longer() {
        let mut crawls = Crawls::default();
        let id = crawls.pin(crawl(1), Duration::ZERO);
        assert!(crawls.get(&id, CRAWL_LIFE - Duration::from_secs(1)).is_some());
        assert!(crawls.get(&id, CRAWL_LIFE + Duration::from_secs(1)).is_some(), "reading it keeps it");
        assert!(crawls.get(&id, CRAWL_LIFE * 3).is_none());
    }

    #[test]
    fn crawls_are_bounded_in_number_and_in_images() {
        let mut crawls = Crawls::default();
        let ids: Vec<CrawlId> = (0..=CRAWLS_MAX).map(|_| crawls.pin(crawl(1), Duration::ZERO)).collect();
        assert!(crawls.get(&ids[0], Duration::ZERO).is_none());
        assert!(crawls.get(&ids[1], Duration::ZERO).is_some());
        let large = crawls.pin(crawl(CRAWLED_IMAGES_MAX + 1), Duration::ZERO);
        assert!(crawls.get(&large, Duration::ZERO).is_some(), "the newest is kept whatever its size");
        assert!(crawls.get(&ids[1], Duration::ZERO).is_none());
    }
}
