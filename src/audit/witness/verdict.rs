//! Why there is no cosignature, in words, and what is to be done about it.

use std::error::Error;
use std::fmt;

use jiff::Timestamp;

/// The most characters of a witness's words that are kept.
const SAID_CHARS_MAX: usize = 200;

/// Why a witness did not cosign a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum NotCosigned {
    /// **The log was set back**: the witness has cosigned more records than there are.
    #[error("the witness has cosigned {witness} records of this log, which has only {ours}")]
    Behind {
        /// How many records it has cosigned.
        witness: u64,
        /// How many there are in the latest checkpoint.
        ours: u64,
    },
    /// **The log was rewritten**, as the witness sees it: the records that it has cosigned are not
    /// the beginning of those there are.
    #[error("the first {size} records that the witness has cosigned are not the first {size} of this log{said}")]
    Forked {
        /// How many records it has cosigned.
        size: u64,
        /// What it said.
        said: Said,
    },
    /// It does not know this log (404).
    #[error("the witness does not know this log{said}")]
    UnknownOrigin {
        /// What it said.
        said: Said,
    },
    /// It knows the log by another key (403).
    #[error("the witness does not accept the log's signature{said}")]
    SignatureRefused {
        /// What it said.
        said: Said,
    },
    /// It could not read the request (400).
    #[error("the witness could not read the request{said}")]
    RequestRefused {
        /// What it said.
        said: Said,
    },
    /// It named another size each time that it was asked.
    #[error("the witness named another size again, {size}: somebody else shows it checkpoints of this log")]
    Moving {
        /// The size it named last, not above ours.
        size: u64,
    },
    /// It has trouble of its own, or is asked too much (5xx, 429, 408).
    #[error("the witness is unavailable: HTTP status {status}{said}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// What it said.
        said: Said,
    },
    /// It answered with a status that the protocol does not have.
    #[error("the witness answered with HTTP status {status}{said}")]
    OtherStatus {
        /// The HTTP status.
        status: u16,
        /// What it said.
        said: Said,
    },
    /// Its answer is not what the protocol says.
    #[error("the witness's answer is not usable")]
    BadAnswer(#[from] BadAnswer),
    /// It was not reached, or its answer was lost. It may have cosigned all the same.
    #[error("the witness was not reached")]
    Unreachable(#[from] TransportError),
    /// Our own log could not be read. The witness may not have been asked.
    #[error("the log could not be read")]
    Log(#[source] Box<dyn Error + Send + Sync>),
}

/// What is wrong with an answer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadAnswer {
    /// The body is no sequence of signature lines.
    #[error("the body is not made of signature lines")]
    Malformed,
    /// No signature line has the witness's name and key id.
    #[error("there is no cosignature of the configured key")]
    NotItsKey,
    /// A line with its name and key id is no cosignature of the checkpoint.
    #[error("the cosignature does not verify")]
    WrongSignature,
    /// The cosignature is from the future.
    #[error("the cosignature is dated {time}, in the future")]
    Ahead {
        /// Its time.
        time: Timestamp,
    },
    /// The cosignature is from long ago.
    #[error("the cosignature is dated {time}, long ago")]
    Stale {
        /// Its time.
        time: Timestamp,
    },
    /// A conflict about the size, without a size.
    #[error("it says that the size is another, and does not say which")]
    NoSize,
    /// A conflict about the size, with the size that was given.
    #[error("it says that the size is another, and names the same")]
    NoConflict,
    /// A proof was refused where there is nothing to prove.
    #[error("it refuses a proof where nothing was to be proved")]
    NothingToProve,
}

/// Why an exchange of HTTP messages failed.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// There was no answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The answer is longer than [`super::ANSWER_BYTES_MAX`].
    #[error("the answer is longer than {} bytes", super::ANSWER_BYTES_MAX)]
    TooLong,
    /// No connection, or it broke.
    #[error("the connection failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl NotCosigned {
    pub(super) fn log(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Log(Box::new(error))
    }

    /// Whether records may have been lost or rewritten. It is what the witness says, which it has
    /// not signed, so it is for a person to look into. Everything else is a matter of settings or of
    /// time, and takes nothing away from the log.
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::Behind { .. } | Self::Forked { .. })
    }

    /// A word for it, for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Behind { .. } => "behind",
            Self::Forked { .. } => "forked",
            Self::UnknownOrigin { .. } => "unknown_origin",
            Self::SignatureRefused { .. } => "signature_refused",
            Self::RequestRefused { .. } => "request_refused",
            Self::Moving { .. } => "moving",
            Self::Unavailable { .. } => "unavailable",
            Self::OtherStatus { .. } => "other_status",
            Self::BadAnswer(_) => "bad_answer",
            Self::Unreachable(_) => "unreachable",
            Self::Log(_) => "log",
        }
    }

    /// What is to be done, in a sentence or two for the operator.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Behind { .. } => {
                "The data directory was rolled back or restored from an older copy, or another service signs with the \
                 same key. Stop the service, keep the directory as it is, and find the one that has the missing records \
                 before anything is launched from this one."
            }
            Self::Forked { .. } => {
                "Stop the service and keep the data directory as it is. Verify it against the last checkpoint that \
                 the witness cosigned: records were changed or lost and written anew, or two services sign with the \
                 same key."
            }
            Self::UnknownOrigin { .. } => {
                "Ask the operator of the witness to add this log's origin and verifier key, and check the address of \
                 the witness."
            }
            Self::SignatureRefused { .. } => {
                "Give the operator of the witness this log's verifier key: the one it has is another, or it does not \
                 know the log at all."
            }
            Self::RequestRefused { .. } => {
                "Check that the address is that of a witness of the protocol c2sp.org/tlog-witness version 1; if it \
                 is, this is a defect to be reported."
            }
            Self::Moving { .. } => {
                "Nothing, if it passes. If it stays, look for a second service that signs with this log's key."
            }
            Self::Unavailable { .. } => "Nothing: it is asked again. If it stays, tell the operator of the witness.",
            Self::OtherStatus { .. } => {
                "Check the address of the witness: redirects are not followed, and no witness answers so."
            }
            Self::BadAnswer(BadAnswer::NotItsKey | BadAnswer::WrongSignature) => {
                "Check the verifier key that is configured for the witness against the one its operator gives out."
            }
            Self::BadAnswer(BadAnswer::Ahead { .. } | BadAnswer::Stale { .. }) => {
                "Compare the clock of this machine with the true time; if it is right, tell the operator of the \
                 witness."
            }
            Self::BadAnswer(_) => {
                "Check the address of the witness; if it is right, tell its operator what it answered."
            }
            Self::Unreachable(_) => {
                "Nothing, if it passes: it is asked again. If it stays, check the address of the witness and the way \
                 to it."
            }
            Self::Log(_) => "Look at the data directory: the log could not be read, whatever the witness says.",
        }
    }
}

/// The first words of a body, made fit for a line of a journal. They are the witness's and prove
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said(String);

impl Said {
    pub(super) fn of(body: &[u8]) -> Self {
        // Four bytes to a character at most.
        let start = &body[..body.len().min(4 * SAID_CHARS_MAX)];
        let text = String::from_utf8_lossy(start);
        let line = text.trim_start().lines().next().unwrap_or_default().trim_end();
        Self(line.chars().filter(|character| !character.is_control()).take(SAID_CHARS_MAX).collect())
    }
}

impl fmt::Display for Said {
    /// Nothing, or a colon and the words in quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {:?}", self.0) }
    }
}
