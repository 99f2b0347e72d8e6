//! Which launches a task drives, so that nobody waits for one that none does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::ids::LaunchId;

/// The launches that are driven, each with a token that is cancelled once its task ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Driven {
    tokens: Arc<Mutex<HashMap<LaunchId, CancellationToken>>>,
}

/// A launch is driven as long as somebody has this.
#[derive(Debug)]
pub(super) struct Driving {
    driven: Driven,
    launch_id: LaunchId,
}

impl Driven {
    /// Says that a launch is driven: before its decision is on record, so that whoever finds that waits.
    pub(super) fn begin(&self, launch_id: LaunchId) -> Driving {
        self.lock().insert(launch_id, CancellationToken::new());
        Driving { driven: self.clone(), launch_id }
    }

    /// Cancelled once no task drives the launch; at once if none does.
    pub(super) fn until_left(&self, launch_id: LaunchId) -> CancellationToken {
        let driven = self.lock().get(&launch_id).cloned();
        driven.unwrap_or_else(|| {
            let left = CancellationToken::new();
            left.cancel();
            left
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LaunchId, CancellationToken>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Driving {
    /// Which launch.
    pub(super) fn launch_id(&self) -> LaunchId {
        self.launch_id
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        let token = self.driven.lock().remove(&self.launch_id);
        if let Some(token) = token {
            token.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launch_is_left_when_its_task_ends_and_was_left_when_it_has_none() {
        let driven = Driven::default();
        let launch_id = LaunchId::new(jiff::Timestamp::UNIX_EPOCH);
        assert!(driven.until_left(launch_id).is_cancelled());
        let driving = driven.begin(launch_id);
        let (early, other) = (driven.until_left(launch_id), LaunchId::new(jiff::Timestamp::UNIX_EPOCH));
        assert!(!early.is_cancelled() && driven.until_left(other).is_cancelled());
        drop(driving);
        assert!(early.is_cancelled() && driven.until_left(launch_id).is_cancelled());
        assert!(driven.lock().is_empty());
    }
}
