//! What stays of launches whose records were removed: a line of JSON each.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::store::{Operation, PrunedLaunch, RequestKey, TakenBy};
use crate::ids::{AccountId, InstanceId, LaunchId, Principal, RequestId, Sha256Digest};
use crate::record::LaunchState;

/// The longest line that is read, in bytes: a launch of some ten thousand instances.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// One launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::audit) struct Snapshot {
    pub(super) launch_id: LaunchId,
    /// The state that it ended in.
    pub(super) state: LaunchState,
    /// When it was decided.
    pub(super) create_time: Timestamp,
    /// The instances that it launched.
    #[serde(default)]
    pub(super) instance_ids: Vec<InstanceId>,
    /// Whether values of its spec were redacted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) redacted: bool,
    /// The request keys that its records took.
    #[serde(default)]
    pub(super) requests: Vec<TakenRequest>,
}

/// One request key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TakenRequest {
    pub(super) operation: Operation,
    pub(super) principal: Principal,
    pub(super) account_id: AccountId,
    pub(super) request_id: RequestId,
    /// What "the same body" means.
    pub(super) body_sha256: Sha256Digest,
    /// The record that took it.
    pub(super) index: u64,
}

impl TakenRequest {
    pub(super) fn of(key: &RequestKey, taken: &TakenBy) -> Self {
        Self {
            operation: key.operation,
            principal: key.principal.clone(),
            account_id: key.account_id.clone(),
            request_id: key.request_id.clone(),
            body_sha256: taken.body_sha256,
            index: taken.index,
        }
    }
}

impl Snapshot {
    /// What is kept of the launch by its id.
    pub(in crate::audit) fn launch(&self) -> (LaunchId, PrunedLaunch) {
        let Self { launch_id, state, create_time, instance_ids, redacted, requests: _ } = self;
        let (state, create_time, redacted) = (*state, *create_time, *redacted);
        (*launch_id, PrunedLaunch { state, create_time, instance_ids: instance_ids.clone(), redacted })
    }

    /// The keys that it took, and what they stand for.
    pub(in crate::audit) fn requests(&self) -> impl Iterator<Item = (RequestKey, TakenBy)> {
        self.requests.iter().map(|request| {
            let key = RequestKey {
                operation: request.operation,
                principal: request.principal.clone(),
                account_id: request.account_id.clone(),
                request_id: request.request_id.clone(),
            };
            let taken = TakenBy { launch_id: self.launch_id, body_sha256: request.body_sha256, index: request.index };
            (key, taken)
        })
    }

    /// Appends its line.
    pub(super) fn write(&self, lines: &mut Vec<u8>) {
        serde_json::to_writer(&mut *lines, self).expect("a snapshot has string keys only and goes to memory");
        lines.push(b'\n');
    }
}

/// Which file of snapshots it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotsDigest {
    /// SHA-256 of the file.
    pub sha256: Sha256Digest,
    /// Its lines.
    pub lines: u64,
}

impl SnapshotsDigest {
    /// Of the file at `path`; none if there is none.
    pub(in crate::audit) fn of_file(path: &Path) -> io::Result<Option<Self>> {
        use sha2::{Digest, Sha256};
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let (mut reader, mut hasher, mut lines) = (BufReader::with_capacity(1 << 16, file), Sha256::new(), 0);
        loop {
            let bytes = reader.fill_buf()?;
            if bytes.is_empty() {
                break;
            }
            lines += bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
            hasher.update(bytes);
            let read = bytes.len();
            reader.consume(read);
        }
        let digest: [u8; 32] = hasher.finalize().into();
        Ok(Some(Self { sha256: hex::encode(digest).parse().map_err(io::Error::other)?, lines }))
    }
}

/// The snapshots of the file at `path`, in order; ends with the first line that is none.
pub(super) fn read(path: &Path) -> io::Result<impl Iterator<Item = io::Result<Snapshot>>> {
    use std::io::Read as _;
    let mut reader = BufReader::new(File::open(path)?);
    let mut ended = false;
    Ok(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let mut line = Vec::new();
        let read = (&mut reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        let snapshot = match read {
            Ok(0) => return None,
            Ok(_) => serde_json::from_slice(&line).map_err(io::Error::from),
            Err(error) => Err(error),
        };
        ended = snapshot.is_err();
        Some(snapshot)
    }))
}
