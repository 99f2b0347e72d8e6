//! Faults that a test injects at run time: they wait for the next calls of their action.
//!
//! They have no limits and no draws, and they strike before anything of a plan does.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::{Loss, Refusal, Verdict};

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
pub(super) struct Injected {
    waiting: HashMap<String, VecDeque<(u32, Fault)>>,
}

impl Injected {
    /// Lets the next `calls` calls of `action` meet `fault`, after those that wait already.
    pub(super) fn add(&mut self, action: &str, calls: u32, fault: Fault) {
        if calls > 0 {
            self.waiting.entry(action.to_owned()).or_default().push_back((calls, fault));
        }
    }

    /// Takes everything back.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// What happens to a call of `action`; uses up one call of its fault.
    pub(super) fn take(&mut self, action: &str) -> Verdict {
        let mut verdict = Verdict::default();
        let Some(queue) = self.waiting.get_mut(action) else { return verdict };
        let Some((calls, fault)) = queue.front_mut() else { return verdict };
        match fault.clone() {
            Fault::ErrorBefore { code, message, status } => {
                verdict.refusal = Some(Refusal::Error { status, code, message });
            }
            Fault::ReplyLost => verdict.loss = Some(Loss::Whole),
            Fault::Html { status } => verdict.refusal = Some(Refusal::Html(status)),
            Fault::InsufficientInstanceCapacity { available } => verdict.conditions.available = Some(available),
            Fault::InvisibleFor(duration) => verdict.conditions.invisible_for = Some(duration),
        }
        *calls -= 1;
        if *calls == 0 {
            queue.pop_front();
        }
        verdict
    }
}
