//! That somebody let a log go on which is known to have lost records.

use serde::{Deserialize, Serialize};

/// Told by `gantry audit accept`, and recorded by the next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Records that the log had when it was found behind.
    pub at_size: u64,
    /// Records that it once had, where a checkpoint or a witness says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_size: Option<u64>,
    /// Why, in the words of whoever told it.
    pub reason: String,
}
