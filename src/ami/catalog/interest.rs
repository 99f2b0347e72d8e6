//! The images that somebody asked for lately: they are looked at again between two crawls, because
//! EC2 has no feed of changes and whoever asked once is likely to ask again.

use std::collections::HashMap;
use std::time::Duration;

use crate::ids::ImageId;

/// How long an image is looked at again after it was last asked for.
pub const INTEREST_LIFE: Duration = Duration::from_secs(15 * 60);

/// The most images looked at again: five calls of 200 ids a minute.
pub const INTEREST_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Interest {
    asked: HashMap<ImageId, Duration>,
}

impl Interest {
    /// Somebody asked for an image. When there is no room, those asked for longest ago make some.
    pub(super) fn add(&mut self, id: &ImageId, uptime: Duration) {
        if let Some(asked) = self.asked.get_mut(id) {
            *asked = uptime;
            return;
        }
        if self.asked.len() >= INTEREST_MAX {
            self.asked.retain(|_, asked| uptime.saturating_sub(*asked) < INTEREST_LIFE);
        }
        if self.asked.len() >= INTEREST_MAX {
            // A quarter at once, so that the search for the oldest is not made for each.
            let mut times: Vec<Duration> = self.asked.values().copied().collect();
            let (_, quarter, _) = times.select_nth_unstable(INTEREST_MAX / 4);
            let quarter = *quarter;
            self.asked.retain(|_, asked| *asked > quarter);
        }
        self.asked.insert(id.clone(), uptime);
    }

    /// The images of interest now, in the order of their ids.
    pub(super) fn ids(&mut self, uptime: Duration) -> Vec<ImageId> {
        self.asked.retain(|_, asked| uptime.saturating_sub(*asked) < INTEREST_LIFE);
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
        assert_eq!(interest.ids(at(10) + INTEREST_LIFE), [id(1)]);

        for number in 0..=INTEREST_MAX {
            interest.add(&id(number), at(1_000 + number as u64));
        }
        let kept = interest.ids(at(1_001));
        assert!(kept.len() <= INTEREST_MAX && kept.contains(&id(INTEREST_MAX)), "{}", kept.len());
        assert!(!kept.contains(&id(0)), "the oldest made room");
    }
}
