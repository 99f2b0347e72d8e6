//! A witness's key, and the cosignatures that it makes (C2SP tlog-cosignature v1.0.1, Ed25519).

use std::fmt;
use std::str::FromStr;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ed25519_dalek::VerifyingKey;
use jiff::Timestamp;
use signed_note::{Signature, Verifier};

use super::checkpoint::CheckpointNote;
use crate::ids::Sha256Digest;

/// The signature types of C2SP signed-note that a key given for a witness may turn out to have.
const TYPE_ED25519: u8 = 0x01;
const TYPE_COSIGNATURE: u8 = 0x04;
const TYPE_ML_DSA_44: u8 = 0x06;

/// The public key of a witness, with its name: type 0x04, Ed25519 cosignatures with a time.
///
/// As a [`Verifier`] it verifies whole notes, whenever their cosignatures were made.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: u32,
    key: VerifyingKey,
}

/// Why a text is not the key of a witness.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VkeyError {
    /// It is not `<name>+<key id>+<key>`.
    #[error("not a key: it must be <name>+<8 hexadecimal digits>+<base64>, and the name must have no space or plus")]
    Malformed,
    /// The id is not the one of this name and key: something was left out or mistyped.
    #[error("the key id does not belong to this name and key: copy the whole line again")]
    Id,
    /// It is an ordinary note key.
    #[error(
        "this key is of type 0x01, which signs notes as a log does; a witness cosigns with a key of type 0x04, which \
         its operator gives out"
    )]
    LogKey,
    /// It is the witness's key for the other kind of cosignature.
    #[error("this key is of type 0x06 (ML-DSA-44), which is not supported; give the witness's Ed25519 key, type 0x04")]
    MlDsa,
    /// It is for something else.
    #[error("this key is of type {0:#04x}; a witness cosigns with a key of type 0x04")]
    Type(u8),
    /// It is no point of the curve, or one for which anybody can sign.
    #[error("this is no usable Ed25519 key")]
    Unusable,
}

impl FromStr for WitnessKey {
    type Err = VkeyError;

    /// Reads a vkey (C2SP signed-note, "Verifier keys").
    fn from_str(vkey: &str) -> Result<Self, VkeyError> {
        // The base64 may have plus signs of its own.
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VkeyError::Malformed);
        };
        let digits = id.len() == 8 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !digits || !signed_note::is_key_name_valid(name) || name.contains(char::is_control) {
            return Err(VkeyError::Malformed);
        }
        let id = u32::from_str_radix(id, 16).map_err(|_| VkeyError::Malformed)?;
        let typed = BASE64_STANDARD.decode(key).map_err(|_| VkeyError::Malformed)?;
        let (&kind, key) = typed.split_first().ok_or(VkeyError::Malformed)?;
        if id != signed_note::key_id(name, &typed) {
            return Err(VkeyError::Id);
        }
        match kind {
            TYPE_COSIGNATURE => {}
            TYPE_ED25519 => return Err(VkeyError::LogKey),
            TYPE_ML_DSA_44 => return Err(VkeyError::MlDsa),
            other => return Err(VkeyError::Type(other)),
        }
        let key = VerifyingKey::try_from(key).map_err(|_| VkeyError::Unusable)?;
        if key.is_weak() {
            return Err(VkeyError::Unusable);
        }
        Ok(Self { name: name.to_owned(), id, key })
    }
}

impl fmt::Display for WitnessKey {
    /// The vkey.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[TYPE_COSIGNATURE], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.id, BASE64_STANDARD.encode(typed))
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessKey({self})")
    }
}

impl Verifier for WitnessKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        self.time_signed(text, signature).is_some()
    }
}

impl WitnessKey {
    /// Whether a signature line says that it is this key's. It may say so wrongly.
    pub(super) fn is_named_by(&self, line: &Signature) -> bool {
        line.name() == self.name && line.id() == self.id
    }

    /// The cosignature that `line` is over `checkpoint`, whatever its time; `None` if it is none
    /// of this key.
    pub(super) fn verify_line(&self, checkpoint: &CheckpointNote, line: &Signature) -> Option<Cosignature> {
        if !self.is_named_by(line) {
            return None;
        }
        let seconds = self.time_signed(checkpoint.text(), line.signature())?;
        Some(Cosignature {
            // Years of five digits are one moment here, which is in the future like all of them.
            time: Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX),
            signature: line.clone(),
            over: Sha256Digest::of(checkpoint.text()),
        })
    }

    /// The time that a signature of this key over `text` holds, in seconds since 1970.
    fn time_signed(&self, text: &[u8], signature: &[u8]) -> Option<i64> {
        let (time, signature) = signature.split_first_chunk::<8>()?;
        // A time above 2^63 - 1 is not allowed.
        let seconds = i64::try_from(u64::from_be_bytes(*time)).ok()?;
        let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
        let message = [format!("cosignature/v1\ntime {seconds}\n").as_bytes(), text].concat();
        // Strict: what is accepted here is accepted by every other verifier too.
        self.key.verify_strict(&message, &signature).ok().map(|()| seconds)
    }
}

/// A cosignature that was verified. It says that at its time the checkpoint was the largest of
/// the log that the witness had seen, and consistent with all it had seen before.
#[derive(Debug, Clone, PartialEq)]
pub struct Cosignature {
    time: Timestamp,
    signature: Signature,
    over: Sha256Digest,
}

impl Cosignature {
    /// When the witness made it, by its own clock, to the second.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The line that is put on the note.
    pub(super) fn signature(&self) -> &Signature {
        &self.signature
    }

    /// SHA-256 of the text it is over.
    pub(super) fn over(&self) -> &Sha256Digest {
        &self.over
    }
}
