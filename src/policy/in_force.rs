//! The policy that is in force now.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use super::compile::Policy;
use crate::ids::Sha256Digest;

/// A policy that is in force, and since when.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// When it came into force.
    pub time: Timestamp,
}

/// The place where everybody finds the policy in force; clones are the same place. Whoever decides something takes
/// the policy out once and decides all of it by that one.
#[derive(Debug, Clone, Default)]
pub struct InForce {
    loaded: Arc<RwLock<Option<Loaded>>>,
}

impl InForce {
    /// The policy and since when it has been in force; none if facts alone decide.
    pub fn loaded(&self) -> Option<Loaded> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The policy; none if facts alone decide.
    pub fn policy(&self) -> Option<Policy> {
        self.loaded().map(|loaded| loaded.policy)
    }

    /// Its hash.
    pub fn hash(&self) -> Option<Sha256Digest> {
        self.policy().map(|policy| policy.hash())
    }

    /// Puts another policy in force, or none.
    pub fn replace(&self, loaded: Option<Loaded>) {
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = loaded;
    }
}
