//! A witness for tests: an HTTP server that follows C2SP tlog-witness v1.0.0 by itself.
//!
//! It shares no code with what it tests: it takes requests apart line by line, verifies signatures
//! with ed25519-dalek and proofs with ct-merkle. It holds its memory under one lock from the
//! comparison of the old size until the new one is kept, as the protocol demands.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use ct_merkle::{ConsistencyProof, RootHash};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A refusal: the status, the media type and the body.
type Refusal = (u16, &'static str, String);

/// A log that the witness knows.
#[derive(Debug, Clone)]
pub(crate) struct KnownLog {
    /// Its origin, which is the name of its key too.
    pub(crate) origin: String,
    /// The key that it signs checkpoints with.
    pub(crate) key: VerifyingKey,
}

/// A running witness; it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct WitnessDouble {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    key: SigningKey,
    logs: Vec<KnownLog>,
    state: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// By origin: the size and the root of the latest checkpoint that was cosigned.
    cosigned: HashMap<String, (u64, [u8; 32])>,
    /// The time that goes into cosignatures.
    unix_time: u64,
    /// The first line of each request.
    asked: Vec<String>,
    /// What happens to the next answers; none is an answer that is sent as it is.
    faults: VecDeque<Fault>,
}

/// What happens to an answer.
#[derive(Debug)]
enum Fault {
    /// The request is carried out, and the connection breaks.
    Lost,
    /// Nothing is carried out, and this is said.
    Instead { status: u16, content_type: &'static str, body: Vec<u8> },
}

impl WitnessDouble {
    /// Serves on a free port of the loopback, with a key made from `seed`.
    pub(crate) async fn start(name: &str, seed: [u8; 32], logs: Vec<KnownLog>, unix_time: u64) -> Self {
        let state = Mutex::new(Memory { unix_time, ..Memory::default() });
        let shared = Arc::new(Shared { name: name.to_owned(), key: SigningKey::from_bytes(&seed), logs, state });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/w1/add-checkpoint", post(answer)).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, serving }
    }

    /// The submission prefix.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/w1", self.address)
    }

    /// Its key, as its operator gives it out.
    pub(crate) fn vkey(&self) -> String {
        self.shared.vkey()
    }

    /// Sets the time that it cosigns with, in seconds since 1970.
    pub(crate) fn set_time(&self, unix_time: u64) {
        self.shared.state.lock().unwrap().unix_time = unix_time;
    }

    /// How many records of a log it has cosigned.
    pub(crate) fn cosigned(&self, origin: &str) -> u64 {
        self.shared.state.lock().unwrap().cosigned.get(origin).map_or(0, |(size, _)| *size)
    }

    /// The first line of every request since this was last called.
    pub(crate) fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state.lock().unwrap().asked)
    }

    /// Carries out a request to come and breaks the connection instead of answering.
    pub(crate) fn lose_an_answer(&self) {
        self.shared.state.lock().unwrap().faults.push_back(Fault::Lost);
    }

    /// Answers a request to come with this, whatever it is.
    pub(crate) fn answer_instead(&self, status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) {
        let fault = Fault::Instead { status, content_type, body: body.into() };
        self.shared.state.lock().unwrap().faults.push_back(fault);
    }

    /// A cosignature line over `text`, made by `key` under this witness's name and `id`, or its
    /// own id: for answers that are wrong in one way.
    pub(crate) fn forge(&self, key: &SigningKey, id: Option<[u8; 4]>, unix_time: u64, text: &str) -> String {
        cosignature_line(&self.shared.name, id.unwrap_or(self.shared.key_id()), key, unix_time, text)
    }

    /// The key that it cosigns with.
    pub(crate) fn signing_key(&self) -> &SigningKey {
        &self.shared.key
    }
}

impl Drop for WitnessDouble {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn key_id(&self) -> [u8; 4] {
        key_id(&self.name, 0x04, &self.key.verifying_key())
    }

    fn vkey(&self) -> String {
        let typed = [&[0x04], self.key.verifying_key().as_bytes().as_slice()].concat();
        format!("{}+{}+{}", self.name, hex::encode(self.key_id()), BASE64_STANDARD.encode(typed))
    }

    /// The protocol, in the order in which it lists its checks.
    fn add_checkpoint(&self, memory: &mut Memory, body: &[u8]) -> Result<String, Refusal> {
        let plain = |status, what: &str| (status, "text/plain", format!("{what}\n"));
        let request = Request::parse(body).ok_or_else(|| plain(400, "malformed request"))?;
        let mut known = self.logs.iter().filter(|log| log.origin == request.origin);
        let log = known.next().ok_or_else(|| plain(404, "unknown origin"))?;
        if !request.is_signed_by(log) {
            return Err(plain(403, "no signature of a trusted key"));
        }
        if request.size < request.old {
            return Err(plain(400, "the old size is above the new"));
        }
        let (size, root) = memory.cosigned.get(&log.origin).copied().unwrap_or_default();
        if request.old != size {
            return Err((409, "text/x.tlog.size", format!("{size}\n")));
        }
        if size == request.size && 0 < size && root != request.root {
            return Err(plain(409, "another root at the same size"));
        }
        if !request.is_consistent_with(size, root) {
            return Err(plain(422, "the proof is not one"));
        }
        memory.cosigned.insert(log.origin.clone(), (request.size, request.root));
        Ok(cosignature_line(&self.name, self.key_id(), &self.key, memory.unix_time, request.text))
    }
}

async fn answer(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let mut memory = shared.state.lock().unwrap();
    let first = body.split(|&byte| byte == b'\n').next().unwrap_or_default();
    memory.asked.push(String::from_utf8_lossy(first).into_owned());
    let fault = memory.faults.pop_front();
    if let Some(Fault::Instead { status, content_type, body }) = fault {
        return (StatusCode::from_u16(status).unwrap(), [(CONTENT_TYPE, content_type)], body).into_response();
    }
    let (status, content_type, said) = match shared.add_checkpoint(&mut memory, &body) {
        Ok(line) => (200, "text/plain; charset=utf-8", line),
        Err(refusal) => refusal,
    };
    if let Some(Fault::Lost) = fault {
        let broken = futures::stream::once(async { Err::<Bytes, _>(std::io::Error::other("lost")) });
        return Body::from_stream(broken).into_response();
    }
    (StatusCode::from_u16(status).unwrap(), [(CONTENT_TYPE, content_type)], said).into_response()
}

/// A request, taken apart.
struct Request<'a> {
    old: u64,
    proof: Vec<[u8; 32]>,
    /// What is signed.
    text: &'a str,
    origin: &'a str,
    size: u64,
    root: [u8; 32],
    /// Names and blobs: the key id and the signature.
    signatures: Vec<(&'a str, Vec<u8>)>,
}

impl<'a> Request<'a> {
    fn parse(body: &'a [u8]) -> Option<Self> {
        let body = std::str::from_utf8(body).ok()?;
        let (head, note) = body.split_once("\n\n")?;
        let mut head = head.split('\n');
        let old = decimal(head.next()?.strip_prefix("old ")?)?;
        let proof = head.map(hash).collect::<Option<Vec<_>>>()?;
        let (text, signatures) = note.rsplit_once("\n\n")?;
        // With the newline of the text's last line.
        let text = &note[..=text.len()];
        let signatures = signatures.strip_suffix('\n')?.split('\n').map(signature).collect::<Option<Vec<_>>>()?;
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, decimal(lines.next()?)?, hash(lines.next()?)?);
        let sound = proof.len() <= 63 && !origin.is_empty() && lines.all(|line| !line.is_empty());
        sound.then_some(Self { old, proof, text, origin, size, root, signatures })
    }

    fn is_signed_by(&self, log: &KnownLog) -> bool {
        let id = key_id(&log.origin, 0x01, &log.key);
        let mut own = self.signatures.iter().filter(|(name, blob)| *name == log.origin && blob.starts_with(&id));
        own.any(|(_, blob)| {
            let signature = Signature::from_slice(&blob[4..]);
            signature.is_ok_and(|signature| log.key.verify_strict(self.text.as_bytes(), &signature).is_ok())
        })
    }

    fn is_consistent_with(&self, size: u64, root: [u8; 32]) -> bool {
        if size == 0 {
            return self.proof.is_empty() && (0 < self.size || self.root == *Sha256::digest(b""));
        }
        let proof = ConsistencyProof::<Sha256>::try_from_bytes(self.proof.concat()).unwrap();
        RootHash::new(self.root.into(), self.size).verify_consistency(&RootHash::new(root.into(), size), &proof).is_ok()
    }
}

fn cosignature_line(name: &str, id: [u8; 4], key: &SigningKey, unix_time: u64, text: &str) -> String {
    let signature = key.sign(format!("cosignature/v1\ntime {unix_time}\n{text}").as_bytes());
    let blob = [id.as_slice(), &unix_time.to_be_bytes(), &signature.to_bytes()].concat();
    format!("\u{2014} {name} {}\n", BASE64_STANDARD.encode(blob))
}

fn key_id(name: &str, kind: u8, key: &VerifyingKey) -> [u8; 4] {
    let hash = Sha256::digest([name.as_bytes(), b"\n", &[kind], key.as_bytes()].concat());
    [hash[0], hash[1], hash[2], hash[3]]
}

fn decimal(digits: &str) -> Option<u64> {
    let canonical = digits == "0" || !digits.starts_with('0');
    (canonical && digits.bytes().all(|digit| digit.is_ascii_digit())).then(|| digits.parse().ok())?
}

fn hash(line: &str) -> Option<[u8; 32]> {
    BASE64_STANDARD.decode(line).ok()?.try_into().ok()
}

fn signature(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, blob) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let blob = BASE64_STANDARD.decode(blob).ok()?;
    (!name.is_empty() && 4 < blob.len()).then_some((name, blob))
}
