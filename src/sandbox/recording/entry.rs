//! The lines of a recording: what a call needs to be asked again, and what it was answered.

use std::fmt;
use std::time::Duration;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{AccountId, Region, Sha256Digest};
use crate::sandbox::actions::{Answer, Delivery};
use crate::sandbox::calls::By;
use crate::sandbox::wire::auth;
use crate::sandbox::wire::query::Query;

/// The format that is written. A reader knows this one and all before it.
pub(crate) const VERSION: u32 = 2;
/// Bytes of an answer that are kept as they are; of a longer one the digest says whether another
/// is the same.
const BODY_BYTES_MAX: usize = 4 * 1024;
/// Parameters that prove who the caller is (Signature Versions 2 and 4, session tokens). Their
/// values are never written down; nothing in an answer follows from them.
const PROOFS: [&str; 4] = ["Signature", "SecurityToken", "X-Amz-Signature", "X-Amz-Security-Token"];

/// The first line: what the sandbox was made with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) version: u32,
    /// When the recording began.
    pub(crate) started: Timestamp,
    pub(crate) seed: u64,
    pub(crate) regions: Vec<Region>,
    /// The accounts beside the sandbox's own.
    #[serde(default)]
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) images: usize,
    pub(crate) speed: f64,
    /// The plan of faults that it started with, in TOML.
    pub(crate) faults: Option<String>,
}

/// One line. `L` is a saved change, owned when read and borrowed when written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub(super) enum Entry<L> {
    /// What the sandbox was made with; the first line and no other.
    Header(Header),
    /// Something that the sandbox found saved when it started.
    Saved { line: L },
    /// A call of EC2.
    Call {
        number: u64,
        time: Timestamp,
        request_id: String,
        credentials: Credentials,
        /// Who made it, for whoever reads the recording; a replay finds it out again.
        #[serde(default)]
        by: By,
        form: Form,
        answer: Outcome,
    },
    /// The plan of faults was replaced by this, in TOML.
    Faults { time: Timestamp, plan: String },
    /// Time jumped; this far ahead in all. The time of every line has it in it already.
    Clock { time: Timestamp, ahead_ms: u64 },
}

/// What the `Authorization` header said, without what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Credentials {
    /// There was none; a presigned request has its scope in the form.
    Absent,
    /// It lacks fields.
    Incomplete,
    /// It is none that EC2 reads.
    Unusable,
    /// A credential scope.
    Scope { access_key: String, region: String, service: String },
}

impl Credentials {
    /// Reads the header as the call path does.
    pub(super) fn read(headers: &HeaderMap, query: Option<&Query>) -> Self {
        let Some(query) = query.filter(|_| headers.contains_key(AUTHORIZATION)) else { return Self::Absent };
        match auth::scope(headers, query) {
            Ok(auth::Scope { access_key, region, service }) => Self::Scope { access_key, region, service },
            Err(error) if error.code == "IncompleteSignature" => Self::Incomplete,
            Err(_) => Self::Unusable,
        }
    }

    /// A header that reads the same.
    pub(super) fn headers(&self) -> HeaderMap {
        let text = match self {
            Self::Absent => return HeaderMap::new(),
            Self::Incomplete => "AWS4-HMAC-SHA256 Credential=none".to_owned(),
            Self::Unusable => "none".to_owned(),
            Self::Scope { access_key, region, service } => format!(
                "AWS4-HMAC-SHA256 Credential={access_key}/00000000/{region}/{service}/aws4_request, SignedHeaders=host, \
                 Signature=none"
            ),
        };
        // The words came out of a header, so they fit into one.
        let value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("none"));
        HeaderMap::from_iter([(AUTHORIZATION, value)])
    }
}

/// The bytes of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    /// As every client of EC2 writes it.
    Text(String),
    /// Bytes that are no text, in hexadecimal.
    Hex(String),
}

impl Form {
    /// The form without the values of [`PROOFS`]; names and number of parameters stay.
    pub(super) fn redacted(form: &[u8]) -> Self {
        let mut kept = Vec::with_capacity(form.len());
        for (nth, pair) in form.split(|byte| *byte == b'&').enumerate() {
            if nth > 0 {
                kept.push(b'&');
            }
            let is_proof = form_urlencoded::parse(pair).any(|(name, _)| PROOFS.contains(&name.as_ref()));
            match pair.iter().position(|byte| *byte == b'=').filter(|_| is_proof) {
                Some(equals) => kept.extend_from_slice(&pair[..=equals]),
                None => kept.extend_from_slice(pair),
            }
        }
        String::from_utf8(kept).map_or_else(|error| Self::Hex(hex::encode(error.as_bytes())), Self::Text)
    }

    /// The bytes, or `None` if the hexadecimal is none.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.as_bytes().to_vec()),
            Self::Hex(digits) => hex::decode(digits).ok(),
        }
    }
}

/// What went back, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    #[serde(flatten)]
    kept: Kept,
    /// How much later it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay: Option<Duration>,
    /// The connection was reset after so many bytes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reset_after: Option<u64>,
}

/// What is kept of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    /// A document.
    Xml { status: u16, body: String },
    /// A long document: how many bytes, and their digest.
    Digest { status: u16, bytes: usize, sha256: Sha256Digest },
    /// A page of HTML.
    Html { status: u16 },
    /// Nothing: the connection was closed.
    Lost,
}

impl Outcome {
    /// What is kept of a delivery.
    pub(super) fn of(delivery: &Delivery) -> Self {
        let kept = match &delivery.answer {
            // JSON is kept as XML is: another name would be another version of the format.
            Answer::Xml(status, body) | Answer::Json(status, body) if body.len() <= BODY_BYTES_MAX => {
                Kept::Xml { status: *status, body: body.clone() }
            }
            Answer::Xml(status, body) | Answer::Json(status, body) => {
                Kept::Digest { status: *status, bytes: body.len(), sha256: Sha256Digest::of(body.as_bytes()) }
            }
            Answer::Html(status) => Kept::Html { status: *status },
            Answer::Lost => Kept::Lost,
        };
        Self { kept, delay: delivery.delay, reset_after: delivery.reset_after }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kept {
            Kept::Xml { status, body } => write!(f, "{status} {body}")?,
            Kept::Digest { status, bytes, sha256 } => {
                write!(f, "{status}, {bytes} bytes of XML with SHA-256 {sha256}")?;
            }
            Kept::Html { status } => write!(f, "{status}, a page of HTML")?,
            Kept::Lost => f.write_str("no answer")?,
        }
        if let Some(delay) = self.delay {
            write!(f, ", after {delay:?}")?;
        }
        match self.reset_after {
            Some(bytes) => write!(f, ", reset after {bytes} bytes"),
            None => Ok(()),
        }
    }
}
