//! Which boots are asked about, and why there may be no answer. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::boots::Boot;
use super::groups::{Dimension, TooManyGroups};
use crate::audit::{LaunchQuery, Order, ReadError};
use crate::ids::{AccountId, Region};
use crate::record::LaunchState;

/// Boots that are read from the log for one question, where the memory does not have them all.
pub const BOOTS_READ_MAX: usize = 500_000;

/// How long one question may read the log.
pub const READ_TIME_MAX: Duration = Duration::from_secs(30);

/// Which boots, and what to group them by. What is not given is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// Of this account.
    pub account_id: Option<AccountId>,
    /// Of this Region.
    pub region: Option<Region>,
    /// Asked for at this time or later.
    pub start: Option<Timestamp>,
    /// Asked for before this time.
    pub end: Option<Timestamp>,
    /// Each once.
    pub by: Vec<Dimension>,
}

impl Question {
    /// Whether a boot is among them.
    pub(super) fn is_about(&self, boot: &Boot) -> bool {
        self.account_id.as_ref().is_none_or(|account| *account == boot.kind.account_id)
            && self.region.as_ref().is_none_or(|region| *region == boot.kind.region)
            && self.start.is_none_or(|start| start <= boot.asked)
            && self.end.is_none_or(|end| boot.asked < end)
    }

    /// The launches that may have made them, the newest first, so many at a time.
    pub(super) fn launches(&self, limit: usize) -> LaunchQuery {
        LaunchQuery {
            // The others never had an instance.
            states: vec![
                LaunchState::Booting,
                LaunchState::Ready,
                LaunchState::Partial,
                LaunchState::Failed,
                LaunchState::Terminating,
                LaunchState::Terminated,
            ],
            account_id: self.account_id.clone(),
            region: self.region.clone(),
            start: self.start,
            end: self.end,
            order: Order::NewestFirst,
            limit,
            ..LaunchQuery::default()
        }
    }
}

/// Why there are no statistics.
#[derive(Debug, thiserror::Error)]
pub enum StatisticsError {
    /// There are more groups than one answer has.
    #[error(transparent)]
    TooManyGroups(#[from] TooManyGroups),
    /// The memory does not have all that is asked about, and the log has more than is read for one question.
    #[error("more boots than are read for one question: {BOOTS_READ_MAX}, and {} seconds", READ_TIME_MAX.as_secs())]
    TooManyBoots,
    /// The log is being read for others.
    #[error("the log is being read for other questions")]
    Busy,
    /// The server is about to end.
    #[error("the server is shutting down")]
    Stopped,
    /// The log cannot be read.
    #[error("the audit log could not be read")]
    Read(#[from] ReadError),
}
