//! What is expected of the boots that one stream tells of.
//!
//! A stream asks once for boots of one kind and one launch, and keeps the answer: what it says of them does not change on
//! the way. It waits once, and briefly, for what was measured before; until that is known, nothing is expected by boots.

use std::sync::Arc;

use jiff::Timestamp;

use super::boots::Kind;
use super::expectation::Expectation;
use super::measured::{Measured, settled_before};

/// Answers that a stream keeps, the newest: each takes 4 KB at most, of which boots of the same minute share most. For
/// others it asks again.
const KEPT_MAX: usize = 4;

/// The expectations of a stream.
#[derive(Debug)]
pub struct Estimates {
    measured: Measured,
    /// How many records the log had when the stream first asked. Whatever its expectations rest on is among them.
    size: Option<u64>,
    kept: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    kind: Arc<Kind>,
    before: Timestamp,
    expectation: Option<Arc<Expectation>>,
}

impl Estimates {
    /// Of a stream that has not asked yet.
    pub fn new(measured: Measured) -> Self {
        Self { measured, size: None, kept: Vec::new() }
    }

    /// What to expect of a boot of this kind that was asked for at `asked`, by the boots that had come out before. None if
    /// they are too few, or if they are still being read: the first call waits for that, a second at most, and later ones
    /// do not. As long as the server holds these boots, the answer is always the same.
    pub async fn of(&mut self, kind: Kind, asked: Timestamp) -> Option<Arc<Expectation>> {
        let before = settled_before(asked)?;
        if let Some(kept) = self.kept.iter().find(|kept| kept.before == before && *kept.kind == kind) {
            return kept.expectation.clone();
        }
        let is_read = match self.size {
            Some(size) => self.measured.is_read(size),
            None => {
                let size = *self.size.insert(self.measured.log_size());
                self.measured.read_to(size).await
            }
        };
        if !is_read {
            return None;
        }
        let kind = Arc::new(kind);
        let expectation = self.measured.expect(&kind, before).await.ok()?;
        if KEPT_MAX <= self.kept.len() {
            self.kept.remove(0);
        }
        self.kept.push(Kept { kind, before, expectation: expectation.clone() });
        expectation
    }
}
