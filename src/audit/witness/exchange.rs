//! The request `add-checkpoint`, and what an answer to it means (C2SP tlog-witness v1.0.0).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::{SignedDuration, Timestamp};

use super::checkpoint::{CheckpointNote, signature_lines};
use super::cosignature::{Cosignature, WitnessKey};
use super::verdict::{BadAnswer, NotCosigned, Said};

/// The most lines of proof; a log of fewer than 2^63 records needs no more.
const PROOF_LINES_MAX: usize = 63;

/// The media type of the size in a conflict.
const SIZE_TYPE: &str = "text/x.tlog.size";

/// How far a cosignature's time may be after ours: clocks differ, and verifiers may refuse a time
/// that is in their future.
pub const TIME_AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// How far it may be before ours. A witness may answer a repeated question with the cosignature
/// that it made first; one older than this is a replay, or its clock has stopped.
pub const TIME_BEHIND_MAX: SignedDuration = SignedDuration::from_hours(24);

/// What a witness answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header `Content-Type`, if there is one that is text.
    pub content_type: Option<String>,
    /// The body, at most [`super::ANSWER_BYTES_MAX`] bytes.
    pub body: Vec<u8>,
}

/// A question to a witness.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// The size that it is thought to have cosigned; not above the checkpoint's.
    pub(super) old: u64,
    /// What it is to cosign.
    pub(super) checkpoint: &'a CheckpointNote,
}

/// How the exchange goes on.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// It is done.
    Cosigned(Cosignature),
    /// The witness has cosigned another size, not above ours, and is to be asked again from there.
    Repeat {
        /// That size.
        from: u64,
    },
}

/// The log made a proof that cannot be sent.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a consistency proof of {0} hashes, more than {PROOF_LINES_MAX}")]
pub(super) struct ProofTooLong(usize);

impl Asked<'_> {
    /// The request's body.
    pub(super) fn body(&self, proof: &[[u8; 32]]) -> Result<Vec<u8>, ProofTooLong> {
        if PROOF_LINES_MAX < proof.len() {
            return Err(ProofTooLong(proof.len()));
        }
        let mut body = format!("old {}\n", self.old);
        for hash in proof {
            BASE64_STANDARD.encode_string(hash, &mut body);
            body.push('\n');
        }
        body.push('\n');
        let mut body = body.into_bytes();
        body.extend(self.checkpoint.to_bytes());
        Ok(body)
    }

    /// What the answer means, at the time `now`.
    pub(super) fn judge(&self, response: &Response, key: &WitnessKey, now: Timestamp) -> Result<Step, NotCosigned> {
        let said = || Said::of(&response.body);
        match response.status {
            200 => Ok(Step::Cosigned(self.cosignature(&response.body, key, now)?)),
            409 => self.conflict(response),
            // A proof from nothing is empty and proves nothing, so there is nothing in it to refuse.
            422 if self.old == 0 => Err(BadAnswer::NothingToProve.into()),
            422 => Err(NotCosigned::Forked { size: self.old, said: said() }),
            400 => Err(NotCosigned::RequestRefused { said: said() }),
            403 => Err(NotCosigned::SignatureRefused { said: said() }),
            404 => Err(NotCosigned::UnknownOrigin { said: said() }),
            status @ (408 | 429 | 500..=599) => Err(NotCosigned::Unavailable { status, said: said() }),
            status => Err(NotCosigned::OtherStatus { status, said: said() }),
        }
    }

    /// The witness's cosignature in the body of an answer. Lines of other keys are ignored, as
    /// they must be; all lines of its own have to be right.
    fn cosignature(&self, body: &[u8], key: &WitnessKey, now: Timestamp) -> Result<Cosignature, BadAnswer> {
        let lines = signature_lines(body).ok_or(BadAnswer::Malformed)?;
        let own = lines.iter().filter(|line| key.is_named_by(line));
        let verified = own.map(|line| key.verify_line(self.checkpoint, line).ok_or(BadAnswer::WrongSignature));
        let verified = verified.collect::<Result<Vec<_>, _>>()?;
        let latest = verified.into_iter().max_by_key(Cosignature::time).ok_or(BadAnswer::NotItsKey)?;
        let ahead = latest.time().duration_since(now);
        if TIME_AHEAD_MAX < ahead {
            return Err(BadAnswer::Ahead { time: latest.time() });
        }
        if ahead < -TIME_BEHIND_MAX {
            return Err(BadAnswer::Stale { time: latest.time() });
        }
        Ok(latest)
    }

    /// What a conflict is about: the old size, or two trees of the same size.
    fn conflict(&self, response: &Response) -> Result<Step, NotCosigned> {
        let ours = self.checkpoint.size();
        let forked = || NotCosigned::Forked { size: ours, said: Said::of(&response.body) };
        match size_in(response) {
            Some(witness) if ours < witness => Err(NotCosigned::Behind { witness, ours }),
            Some(witness) if witness != self.old => Ok(Step::Repeat { from: witness }),
            // It was asked from the size that it has. Then it can only mean that the roots differ,
            // for which the protocol has the same status, and names no size.
            _ if self.old == ours && 0 < ours => Err(forked()),
            Some(_) => Err(BadAnswer::NoConflict.into()),
            None => Err(BadAnswer::NoSize.into()),
        }
    }
}

/// The size that a conflict names: decimal digits without leading zeros, and a newline.
fn size_in(response: &Response) -> Option<u64> {
    let media_type = response.content_type.as_deref()?.split(';').next()?.trim();
    if !media_type.eq_ignore_ascii_case(SIZE_TYPE) {
        return None;
    }
    let digits = std::str::from_utf8(&response.body).ok()?.strip_suffix('\n')?;
    let size = digits.parse::<u64>().ok()?;
    // `parse` also takes a plus and leading zeros.
    (size.to_string() == digits).then_some(size)
}
