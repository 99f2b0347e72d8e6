//! Key pairs: the public halves, by name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::State;
use crate::clock::Timestamp;

/// A key pair as the account keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyPair {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Its number in order of creation; ids follow from it.
    pub(crate) number: u64,
    pub(crate) created: Timestamp,
    pub(crate) fingerprint: String,
    /// `rsa` or `ed25519`.
    pub(crate) kind: String,
    /// In the format of OpenSSH, if it came in that.
    pub(crate) public_key: Option<String>,
}

impl State {
    pub(super) fn put_key_pair(&mut self, pair: KeyPair) {
        self.key_pairs_made = self.key_pairs_made.max(pair.number);
        self.key_pairs.insert(pair.name.clone(), pair);
    }

    pub(super) fn remove_key_pair(&mut self, name: &str) {
        if let Some(pair) = self.key_pairs.remove(name) {
            self.tags.remove(&pair.id);
        }
    }

    /// All key pairs that callers made, by name.
    pub(crate) fn key_pairs(&self) -> &BTreeMap<String, KeyPair> {
        &self.key_pairs
    }

    /// The number that the next key pair gets.
    pub(crate) fn next_key_pair(&self) -> u64 {
        self.key_pairs_made + 1
    }
}
