//! How to reach EC2: which Regions, with whose credentials, and how long to wait.

use std::fmt;
use std::time::Duration;

use crate::ids::{AccountId, Region};

/// Everything [`Clients::connect`](super::Clients::connect) needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The Regions to serve, at least one; repeated ones count once.
    pub regions: Vec<Region>,
    /// Where every call goes instead of to AWS, STS and SSM included. `None` leaves it to the
    /// standard configuration, which honours `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_EC2` and
    /// `AWS_ENDPOINT_URL_SSM`.
    pub endpoint: Option<String>,
    /// Credentials to use instead of the standard chain. For the sandbox and for tests: real
    /// credentials belong into the chain, where they are renewed.
    pub credentials: Option<StaticCredentials>,
    /// The account these credentials belong to. `None` asks sts:GetCallerIdentity.
    pub account_id: Option<AccountId>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// How much of EC2's request rates to take.
    pub budget: BudgetSettings,
}

/// How much of EC2's request rates to take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetSettings {
    /// The part of each rate that is ours, above 0 and at most 1.
    pub share: f64,
    /// The account's rates as a multiple of those that EC2 documents, above 0: AWS raises them on
    /// request, and a sandbox whose clock is fast takes more calls a second.
    pub scale: f64,
}

impl Default for BudgetSettings {
    /// Half of what EC2 documents.
    fn default() -> Self {
        Self { share: 0.5, scale: 1.0 }
    }
}

/// Time limits of one call. Every call has all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For making a connection.
    pub connect: Duration,
    /// For one attempt, from sending to the last byte of the answer.
    pub attempt: Duration,
    /// For all attempts of a call and the waits between them.
    pub operation: Duration,
}

impl Default for Timeouts {
    /// 3.1 s, 30 s and 90 s: a page of 1,000 images and a launch of hundreds of instances take
    /// EC2 several seconds; the tenth over 3 s lets a lost SYN be sent again once.
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(3_100),
            attempt: Duration::from_secs(30),
            operation: Duration::from_secs(90),
        }
    }
}

/// Credentials that do not change.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticCredentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// The session token of temporary credentials.
    pub session_token: Option<String>,
}

impl fmt::Debug for StaticCredentials {
    /// The access key id only: it is in CloudTrail anyway, the rest is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticCredentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}
