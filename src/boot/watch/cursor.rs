//! Where a watch over instances goes on.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::WatchError;
use crate::ids::{InstanceId, MalformedId};

/// Instances that a cursor may name: as many as a watch may have.
const NAMED_MAX: usize = 100;

/// A position in the log, and what a watch has to know of its own beginning to go on as if it had never broken off.
/// Opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Every record before this index has been read.
    pub(super) after: u64,
    /// How many records the log had when the watch began: of each instance it tells its last phase before, and what came
    /// after.
    pub(super) begun: u64,
    /// The instances that EC2 was shutting down then, whose end has not been told yet.
    pub(super) leaving: Arc<BTreeSet<InstanceId>>,
}

impl Cursor {
    /// That it cannot be taken up, since only from `oldest` on nothing is missing.
    pub(super) fn expired(&self, oldest: u64) -> WatchError {
        let after = self.after.max(oldest);
        WatchError::Expired { oldest: Self { after, begun: oldest, leaving: Arc::clone(&self.leaving) } }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}.{}", self.after, self.begun)?;
        self.leaving.iter().try_for_each(|id| write!(f, ".{id}"))
    }
}

impl FromStr for Cursor {
    type Err = MalformedId;
    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let malformed = || MalformedId { kind: "cursor", expected: "a cursor from an earlier event" };
        let mut parts = text.strip_prefix('r').ok_or_else(malformed)?.splitn(3, '.');
        let mut index = || parts.next().and_then(|digits| digits.parse().ok()).ok_or_else(malformed);
        let (after, begun) = (index()?, index()?);
        let named = parts.next().map(|ids| ids.split('.').take(NAMED_MAX + 1).map(str::parse));
        let leaving: BTreeSet<InstanceId> = named.into_iter().flatten().collect::<Result<_, _>>()?;
        if NAMED_MAX < leaving.len() {
            return Err(malformed());
        }
        Ok(Self { after, begun, leaving: Arc::new(leaving) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_what_it_was_written_as_or_malformed() {
        for text in ["r0.0", "r12.7", "r12.7.i-00000001", "r12.7.i-00000001.i-0123456789abcdef0"] {
            assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        }
        let many: String = (0..=NAMED_MAX).map(|number| format!(".i-{number:08x}")).collect();
        for text in [
            "",
            "r",
            "12.7",
            "r12",
            "r12.",
            "r-1.7",
            "r12.7.",
            "r12.7.x",
            &format!("r{}0.1", u64::MAX),
            &format!("r1.1{many}"),
        ] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
