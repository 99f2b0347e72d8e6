//! The images that somebody asked for lately: they are looked at again between two crawls, because
//! EC2 has no feed of changes and whoever asked once is likely to ask again.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::ids::ImageId;

/// How long an image is looked at again after it was last asked for.
pub const INTEREST_LIFE: Duration = Duration::from_secs(15 * 60);

/// The most images looked at again: five calls of 200 ids a minute.
pub const INTEREST_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Interest {
    asked: HashMap<ImageId, Asked>,
}

#[derive(Debug)]
struct Asked {
    uptime: Duration,
    /// When a refresh saw it as it is in the snapshot.
    seen: Option<Timestamp>,
    /// When a refresh did not find it.
    gone: Option<Timestamp>,
}

impl Interest {
    /// Somebody asked for an image. When there is no room, those asked for longest ago make some.
    pub(super) fn add(&mut self, id: &ImageId, uptime: Duration) {
        if let Some(asked) = self.asked.get_mut(id) {
            asked.uptime = uptime;
            return;
        }
        if self.asked.len() >= INTEREST_MAX {
            self.drop_old(uptime);
        }
        if self.asked.len() >= INTEREST_MAX {
            // A quarter at once, so that the search for the oldest is not made for each.
            let mut times: Vec<Duration> = self.asked.values().map(|asked| asked.uptime).collect();
            let (_, quarter, _) = times.select_nth_unstable(INTEREST_MAX / 4);
            let quarter = *quarter;
            self.asked.retain(|_, asked| asked.uptime > quarter);
        }
        self.asked.insert(id.clone(), Asked { uptime, seen: None, gone: None });
    }

    /// When a refresh last saw an image as it is in the snapshot.
    pub(super) fn last_seen(&self, id: &ImageId) -> Option<Timestamp> {
        self.asked.get(id)?.seen
    }

    /// A refresh saw these images, and they are in the snapshot as they were then.
    pub(super) fn seen(&mut self, ids: &[ImageId], time: Timestamp) {
        for id in ids {
            if let Some(asked) = self.asked.get_mut(id) {
                (asked.seen, asked.gone) = (Some(time), None);
            }
        }
    }

    /// A refresh did not find these images.
    pub(super) fn gone(&mut self, ids: &[ImageId], time: Timestamp) {
        for id in ids {
            if let Some(asked) = self.asked.get_mut(id) {
                (asked.seen, asked.gone) = (None, Some(time));
            }
        }
    }

    /// Another snapshot takes the place of the one that refreshes saw images in: those that they did
    /// not find after `crawled`, which is when its crawl began.
    pub(super) fn replaced(&mut self, crawled: Timestamp) -> Vec<ImageId> {
        self.asked.values_mut().for_each(|asked| asked.seen = None);
        let gone = self.asked.iter().filter(|(_, asked)| asked.gone.is_some_and(|gone| gone > crawled));
        gone.map(|(id, _)| id.clone()).collect()
    }

    fn drop_old(&mut self, uptime: Duration) {
        self.asked.retain(|_, asked| uptime.saturating_sub(asked.uptime) < INTEREST_LIFE);
    }

    /// The images of interest now, in the order of their ids.
    pub(super) fn ids(&mut self, uptime: Duration) -> Vec<ImageId> {
        self.drop_old(uptime);
        let mut ids: Vec<ImageId> = self.asked.keys().cloned().collect();
        ids.sort_unstable();
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ImageId {
        format!("ami-{number:017x}").parse().unwrap()
    }

    #[test]
    fn interest_ends_and_what_was_asked_last_is_kept() {
        let mut interest = Interest::default();
        let at = Duration::from_secs;
        interest.add(&id(1), at(0));
        interest.add(&id(2), at(10));
        interest.add(&id(1), at(20));
        assert_eq!(interest.last_seen(&id(1)), None);
        interest.seen(&[id(1), id(3)], Timestamp::UNIX_EPOCH);
        assert_eq!([1, 3].map(|number| interest.last_seen(&id(number))), [Some(Timestamp::UNIX_EPOCH), None]);
        let second = |second| Timestamp::from_second(second).unwrap();
        interest.gone(&[id(2)], second(5));
        assert_eq!(interest.replaced(second(4)), [id(2)]);
        assert!(interest.replaced(second(5)).is_empty());
        assert_eq!(interest.last_seen(&id(1)), None, "nobody saw it in the other snapshot");
        assert_eq!(interest.ids(at(10) + INTEREST_LIFE), [id(1)]);

        for number in 0..=INTEREST_MAX {
            interest.add(&id(number), at(1_000 + number as u64));
        }
        let kept = interest.ids(at(1_001));
        assert!(kept.len() <= INTEREST_MAX && kept.contains(&id(INTEREST_MAX)), "{}", kept.len());
        assert!(!kept.contains(&id(0)), "the oldest made room");
    }
}
