//! Client tokens: what RunInstances did under which token.
//!
//! A token is zonal when the request names a subnet or zone, and regional otherwise; the same text
//! in another zone is another token (EC2 API Reference, "Ensuring idempotency").

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// How long a token is remembered after its launch once its instances are gone. EC2 used to say
/// "at least 24 hours after the termination of the instance" and promises nothing today.
const REMEMBERED_SECONDS: i64 = 48 * 3600;

/// A token in its scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct TokenKey {
    pub(crate) token: String,
    /// The zone of a zonal token.
    pub(crate) zone: Option<String>,
}

/// What was done under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    /// The digest of the request's parameters.
    pub(crate) request: String,
    pub(crate) reservation_id: String,
    pub(crate) instance_ids: Vec<String>,
    pub(crate) used: Timestamp,
}

impl Token {
    /// Whether it need not be kept over a restart.
    pub(crate) fn is_forgotten(&self, now: Timestamp) -> bool {
        now.as_second() - self.used.as_second() > REMEMBERED_SECONDS
    }
}
