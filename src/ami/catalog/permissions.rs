//! Launch permissions of the account's own images, remembered for a minute: they are asked for one
//! image at a time, and whoever lists images would ask again and again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::ec2::facts::LaunchPermission;
use crate::ids::ImageId;

/// How long permissions are good for.
pub const PERMISSIONS_LIFE: Duration = Duration::from_secs(60);

/// The most images whose permissions are remembered.
const IMAGES_MAX: usize = 10_000;

/// What was answered, and when.
#[derive(Debug, Default)]
pub(super) struct Permissions {
    known: Mutex<HashMap<ImageId, (Duration, Answer)>>,
}

/// The permissions; `None` where EC2 would not say.
type Answer = Option<Vec<LaunchPermission>>;

impl Permissions {
    /// What was answered less than [`PERMISSIONS_LIFE`] ago, and less than `max_staleness`.
    pub(super) fn get(&self, id: &ImageId, uptime: Duration, max_staleness: Option<Duration>) -> Option<Answer> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_wanted = |asked: Duration| max_staleness.is_none_or(|allowed| uptime.saturating_sub(asked) < allowed);
        let good = known.get(id).filter(|(asked, _)| is_good(*asked, uptime) && is_wanted(*asked));
        good.map(|(_, answer)| answer.clone())
    }

    /// Remembers an answer.
    pub(super) fn put(&self, id: &ImageId, answer: Answer, uptime: Duration) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= IMAGES_MAX {
            known.retain(|_, (asked, _)| is_good(*asked, uptime));
        }
        if known.len() < IMAGES_MAX {
            known.insert(id.clone(), (uptime, answer));
        }
    }
}

fn is_good(asked: Duration, uptime: Duration) -> bool {
    uptime.saturating_sub(asked) < PERMISSIONS_LIFE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_good_for_its_life_also_when_it_is_none() {
        let permissions = Permissions::default();
        let id: ImageId = "ami-0123456789abcdef0".parse().unwrap();
        assert_eq!(permissions.get(&id, Duration::ZERO, None), None);
        permissions.put(&id, None, Duration::ZERO);
        assert_eq!(permissions.get(&id, PERMISSIONS_LIFE - Duration::from_secs(1), None), Some(None));
        assert_eq!(permissions.get(&id, PERMISSIONS_LIFE, None), None);
        let second = Duration::from_secs(1);
        assert_eq!(permissions.get(&id, second, Some(second * 2)), Some(None));
        assert_eq!(permissions.get(&id, second, Some(second)), None);
    }
}
