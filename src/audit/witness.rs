//! Witnesses: others who sign that this log only ever grew (C2SP tlog-witness v1.0.0).
//!
//! A witness remembers the largest checkpoint of the log that it has cosigned, and cosigns a
//! larger one when it is shown that the old one is its beginning. So a log that was cut, set back
//! or rewritten is found out by somebody who does not stand on this disk. Here is one exchange
//! with one witness, without any I/O: when to ask, and how to reach it, is decided elsewhere.

mod checkpoint;
mod cosignature;
mod exchange;
mod verdict;

use std::error::Error;
use std::future::Future;

pub use self::checkpoint::{AddError, CheckpointNote, MalformedCheckpoint, SIGNATURES_MAX};
pub use self::cosignature::{Cosignature, VkeyError, WitnessKey};
use self::exchange::{Asked, Step};
pub use self::exchange::{Response, TIME_AHEAD_MAX, TIME_BEHIND_MAX};
pub use self::verdict::{BadAnswer, NotCosigned, TransportError};
use crate::clock::Clock;

/// The longest answer of a witness that is read, in bytes. A cosignature takes about 200.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The log that is witnessed.
pub trait WitnessedLog {
    /// Why the log cannot be read.
    type Error: Error + Send + Sync + 'static;

    /// The checkpoint to be cosigned: the latest that the log has signed, which must be on disk
    /// before it is shown to anybody. Witnesses asked about the same one cosign the same note.
    fn latest_checkpoint(&self) -> impl Future<Output = Result<CheckpointNote, Self::Error>> + Send;

    /// The RFC 6962 proof that the first `old` records are the beginning of the first `new`;
    /// `0 < old < new`, and `new` is the size of a checkpoint that was given out.
    fn consistency_proof(&self, old: u64, new: u64) -> impl Future<Output = Result<Vec<[u8; 32]>, Self::Error>> + Send;
}

/// The way to a witness.
pub trait AddCheckpoint {
    /// Sends `body` to the witness's `add-checkpoint`, and returns what it answers, whatever the
    /// status. The answer's body is at most [`ANSWER_BYTES_MAX`] long, and the wait is bounded.
    fn add_checkpoint(&self, body: Vec<u8>) -> impl Future<Output = Result<Response, TransportError>> + Send;
}

/// What came of asking a witness once.
pub type Outcome = Result<Cosigned, NotCosigned>;

/// A checkpoint and the cosignature over it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cosigned {
    /// The checkpoint that was sent, without the cosignature.
    pub checkpoint: CheckpointNote,
    /// The cosignature, verified; [`CheckpointNote::add`] puts it on a checkpoint.
    pub cosignature: Cosignature,
}

/// One witness, and what is known of it.
#[derive(Debug)]
pub struct Witness {
    key: WitnessKey,
    /// The size that it is thought to have cosigned. Only a hint, and lost with the process: the
    /// witness knows better, and says so.
    cosigned: u64,
}

impl Witness {
    /// The witness with this key, of which nothing is known yet.
    pub fn new(key: WitnessKey) -> Self {
        Self { key, cosigned: 0 }
    }

    /// Its key.
    pub fn key(&self) -> &WitnessKey {
        &self.key
    }

    /// Asks it to cosign the log's latest checkpoint; twice if it has cosigned another size than
    /// was thought.
    ///
    /// May be dropped at any point: the witness may then have cosigned what nobody received, and
    /// says so next time.
    ///
    /// # Errors
    /// Why there is no cosignature. [`NotCosigned::is_alarm`] is true if the log itself may have
    /// been tampered with.
    pub async fn cosign_once<L: WitnessedLog, W: AddCheckpoint>(
        &mut self,
        log: &L,
        witness: &W,
        clock: &dyn Clock,
    ) -> Outcome {
        let checkpoint = log.latest_checkpoint().await.map_err(NotCosigned::log)?;
        // If the log is now shorter than what was cosigned, the witness is to say so.
        let mut old = self.cosigned.min(checkpoint.size());
        let mut repeated = false;
        loop {
            let asked = Asked { old, checkpoint: &checkpoint };
            let proof = match old {
                0 => Vec::new(),
                _ if old == checkpoint.size() => Vec::new(),
                _ => log.consistency_proof(old, checkpoint.size()).await.map_err(NotCosigned::log)?,
            };
            let body = asked.body(&proof).map_err(NotCosigned::log)?;
            let response = witness.add_checkpoint(body).await?;
            match asked.judge(&response, &self.key, clock.now())? {
                Step::Cosigned(cosignature) => {
                    self.cosigned = checkpoint.size();
                    return Ok(Cosigned { checkpoint, cosignature });
                }
                Step::Repeat { from } => {
                    self.cosigned = from;
                    if repeated {
                        return Err(NotCosigned::Moving { size: from });
                    }
                    (old, repeated) = (from, true);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
