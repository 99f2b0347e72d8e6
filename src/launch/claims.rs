//! Who finds out what became of an attempt: one task at a time, also where it serves many launches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::ids::AttemptId;

/// The attempts that a task deals with, each with a token that is cancelled once it lets go.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims {
    held: Arc<Mutex<HashMap<AttemptId, CancellationToken>>>,
}

/// An attempt is dealt with as long as somebody has this.
#[derive(Debug)]
pub(super) struct Claim {
    claims: Claims,
    attempt_id: AttemptId,
}

impl Claims {
    /// Takes an attempt; if another task has it, what is cancelled once that lets go.
    pub(super) fn take(&self, attempt_id: AttemptId) -> Result<Claim, CancellationToken> {
        let mut held = self.lock();
        if let Some(token) = held.get(&attempt_id) {
            return Err(token.clone());
        }
        held.insert(attempt_id, CancellationToken::new());
        Ok(Claim { claims: self.clone(), attempt_id })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AttemptId, CancellationToken>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Which attempt.
    pub(super) fn attempt_id(&self) -> AttemptId {
        self.attempt_id
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let token = self.claims.lock().remove(&self.attempt_id);
        if let Some(token) = token {
            token.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_held_by_one_and_whoever_waits_is_told() {
        let claims = Claims::default();
        let attempt_id = AttemptId::new(jiff::Timestamp::UNIX_EPOCH);
        let claim = claims.take(attempt_id).unwrap();
        let waits = claims.take(attempt_id).unwrap_err();
        assert!(!waits.is_cancelled() && claim.attempt_id() == attempt_id);
        drop(claim);
        assert!(waits.is_cancelled() && claims.take(attempt_id).is_ok());
    }
}
