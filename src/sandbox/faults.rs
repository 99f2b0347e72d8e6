//! Misbehaviour on purpose: what goes wrong with the next calls of an action.
//!
//! All of it is decided here, once per call, before the action runs. The wire acts on what happens
//! around an answer, and RunInstances on the two things that only it can do.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Something that goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// EC2's own error, answered instead of doing anything.
    ErrorBefore {
        /// The error code, such as `RequestLimitExceeded`.
        code: String,
        /// The message for people.
        message: String,
        /// The HTTP status.
        status: u16,
    },
    /// The action takes effect and the connection is closed without an answer.
    ReplyLost,
    /// A page of HTML with this HTTP status, as a proxy or a load balancer answers; no effect.
    Html {
        /// The HTTP status, 502 for example.
        status: u16,
    },
    /// RunInstances finds capacity for only so many instances. Fewer than MinCount is
    /// `InsufficientInstanceCapacity` (HTTP 500); more launches what there is.
    InsufficientInstanceCapacity {
        /// Instances for which there is capacity.
        available: u32,
    },
    /// The instances of this RunInstances call cannot be found by other calls for a while
    /// (eventual consistency).
    InvisibleFor(Duration),
}

/// The faults that are waiting for their calls.
#[derive(Debug, Default)]
pub struct Faults {
    planned: Mutex<HashMap<String, VecDeque<(u32, Fault)>>>,
}

/// What a RunInstances call meets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    pub(crate) available: Option<u32>,
    pub(crate) invisible_for: Option<Duration>,
}

/// What happens to one call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    pub(crate) error: Option<(u16, String, String)>,
    pub(crate) html: Option<u16>,
    pub(crate) reply_lost: bool,
    pub(crate) conditions: Conditions,
}

impl Faults {
    /// Lets the next `calls` calls of `action` (in any Region, such as `RunInstances`) meet
    /// `fault`. Faults of one action queue up: the first is used up before the second begins.
    pub fn inject(&self, action: &str, calls: u32, fault: Fault) {
        if calls > 0 {
            self.planned().entry(action.to_owned()).or_default().push_back((calls, fault));
        }
    }

    /// Takes back every fault that is still waiting.
    pub fn clear(&self) {
        self.planned().clear();
    }

    /// What happens to a call of `action`; uses up one call of its fault.
    pub(crate) fn take(&self, action: &str) -> Verdict {
        let mut verdict = Verdict::default();
        let mut planned = self.planned();
        let Some(queue) = planned.get_mut(action) else { return verdict };
        let Some((calls, fault)) = queue.front_mut() else { return verdict };
        match fault.clone() {
            Fault::ErrorBefore { code, message, status } => verdict.error = Some((status, code, message)),
            Fault::ReplyLost => verdict.reply_lost = true,
            Fault::Html { status } => verdict.html = Some(status),
            Fault::InsufficientInstanceCapacity { available } => verdict.conditions.available = Some(available),
            Fault::InvisibleFor(duration) => verdict.conditions.invisible_for = Some(duration),
        }
        *calls -= 1;
        if *calls == 0 {
            queue.pop_front();
        }
        verdict
    }

    fn planned(&self) -> std::sync::MutexGuard<'_, HashMap<String, VecDeque<(u32, Fault)>>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
