//! Where the leaves come from: a data directory, an export, a server.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use std::sync::Arc;

use crate::audit::verify::{Leaf, Leaves, Snapshots, SourceFault};
use crate::audit::{OfflineError, OfflineLeaf, OfflineLeaves, OfflineLog};
use crate::cli::failure::Failure;
use crate::client::{Client, pb};

/// Records in a batch.
const BATCH_RECORDS: usize = 1000;

/// The longest line that is read: C2SP tlog-tiles counts a leaf's bytes in sixteen bits.
const LINE_BYTES_MAX: u64 = 65_536;

/// Chunks of an export that are received ahead of the verification.
const CHUNKS_AHEAD_MAX: usize = 16;

/// A log to be verified.
pub(super) struct Source {
    keys: Vec<String>,
    checkpoint: Vec<u8>,
    leaves: Box<dyn Leaves + Send>,
    /// Set if retention has overtaken the reading: what is found then says nothing.
    overtaken: Arc<AtomicBool>,
}

impl Source {
    /// The log in a data directory.
    pub(super) fn directory(dir: &Path) -> Result<Self, Failure> {
        let log = crate::cli::audit::log_in(dir)?;
        let overtaken = Arc::new(AtomicBool::new(false));
        Ok(Self {
            keys: log.verifier_keys().all().to_vec(),
            checkpoint: log.checkpoint().note.clone(),
            overtaken: Arc::clone(&overtaken),
            leaves: Box::new(Directory { leaves: log.leaves(0..u64::MAX), log, next: 0, fault: None, overtaken }),
        })
    }

    /// An export. Of JSON Lines, the first of the `kept` checkpoints is the log's.
    pub(super) fn export(path: &Path, kept: &[Vec<u8>]) -> Result<Self, Failure> {
        let fail = |error: std::io::Error| anyhow::anyhow!("{}: {error}", path.display());
        if path.is_dir() {
            let (checkpoint, leaves) = super::tiles::open(path)?;
            return Ok(Self { keys: Vec::new(), checkpoint, leaves, overtaken: Arc::default() });
        }
        let Some(checkpoint) = kept.first() else {
            return Err(Failure::Usage("a file of JSON Lines needs its --checkpoint".to_owned()));
        };
        let file = File::open(path).map_err(fail)?;
        Ok(Self {
            keys: Vec::new(),
            checkpoint: checkpoint.clone(),
            leaves: Box::new(Lines { file: BufReader::with_capacity(1 << 20, file), next: 0 }),
            overtaken: Arc::default(),
        })
    }

    /// The log of a server, as far as its checkpoint is now.
    pub(super) async fn server(client: Client, log_id: String) -> Result<Self, Failure> {
        let prunings = pb::ListRecordsRequest {
            log_id: log_id.clone(),
            kind: pb::RecordKind::RecordsPruned.into(),
            page_size: 1,
            ..Default::default()
        };
        if !client.list_records(prunings).await?.records.is_empty() {
            let text = "retention has removed records of this log, and a server exports only those that are left: \
                        verify its directory (--data-dir) or tiles made from it (--export), which hold their hashes";
            return Err(anyhow::anyhow!(text).into());
        }
        let info = client.get_log_info(pb::GetLogInfoRequest {}).await?;
        let wanted = |log: &pb::LogInfo| log_id.is_empty() || log.log_id == log_id;
        let keys = info.logs.into_iter().find(wanted).map(|log| log.verifier_keys).unwrap_or_default();
        let head = client.get_checkpoint(pb::GetCheckpointRequest { log_id: log_id.clone() }).await?;
        let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD_MAX);
        if 0 < head.size {
            let request = pb::ExportRecordsRequest {
                log_id,
                start_index: 0,
                end_index: head.size,
                format: pb::ExportFormat::Jsonl.into(),
                ..Default::default()
            };
            let mut answers = client.export_records(request).await?;
            // Ends with the stream, or when the verification has seen enough.
            tokio::spawn(async move {
                loop {
                    let chunk = match answers.next().await {
                        Ok(Some(answer)) => Ok(answer.chunk),
                        Ok(None) => return,
                        Err(error) => Err(error.to_string()),
                    };
                    let is_last = chunk.is_err();
                    if sender.send(chunk).await.is_err() || is_last {
                        return;
                    }
                }
            });
        }
        let leaves = Box::new(Chunks { chunks, rest: Vec::new() });
        Ok(Self { keys, checkpoint: head.checkpoint, leaves, overtaken: Arc::default() })
    }

    /// The keys that the log names itself.
    pub(super) fn verifier_keys(&self) -> &[String] {
        &self.keys
    }

    /// Set once retention has overtaken the reading: what is found then says nothing.
    pub(super) fn overtaken(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.overtaken)
    }

    /// The log's checkpoint, and its leaves.
    pub(super) fn open(self) -> (Vec<u8>, Box<dyn Leaves + Send>) {
        (self.checkpoint, self.leaves)
    }
}

struct Directory {
    log: Arc<OfflineLog>,
    leaves: OfflineLeaves,
    next: u64,
    /// Why nothing comes after what was given.
    fault: Option<SourceFault>,
    overtaken: Arc<AtomicBool>,
}

impl Leaves for Directory {
    fn next_batch(&mut self) -> Result<Vec<Leaf>, SourceFault> {
        let mut batch = Vec::new();
        let leaves = self.leaves.by_ref().take(BATCH_RECORDS);
        for (index, leaf) in (self.next..).zip(leaves) {
            if let Err(OfflineError::PrunedMeanwhile { .. }) = leaf {
                self.overtaken.store(true, Ordering::Release);
            }
            match leaf {
                Ok((_, OfflineLeaf::Kept(leaf))) => batch.push(Leaf::Kept(leaf)),
                Ok((_, OfflineLeaf::Pruned(hash))) => batch.push(Leaf::Pruned(hash)),
                // What was read is verified first; the iterator ends here, so the fault is told next time.
                Err(error) if batch.is_empty() => {
                    return Err(SourceFault { index: Some(index), reason: error.to_string() });
                }
                Err(error) => {
                    self.fault = Some(SourceFault { index: Some(index), reason: error.to_string() });
                    break;
                }
            }
        }
        self.next += batch.len() as u64;
        match self.fault.take() {
            Some(fault) if batch.is_empty() => Err(fault),
            fault => {
                self.fault = fault;
                Ok(batch)
            }
        }
    }

    fn snapshots(&mut self, end: u64) -> Result<Snapshots, SourceFault> {
        match self.log.snapshots(end) {
            Ok(Some(found)) => Ok(Snapshots::Found { sha256: found.sha256, lines: found.lines }),
            Ok(None) => Ok(Snapshots::Missing),
            Err(error) => Err(SourceFault { index: None, reason: error.to_string() }),
        }
    }
}

/// A file with a leaf a line.
struct Lines {
    file: BufReader<File>,
    next: u64,
}

impl Leaves for Lines {
    fn next_batch(&mut self) -> Result<Vec<Leaf>, SourceFault> {
        let mut batch = Vec::new();
        while batch.len() < BATCH_RECORDS {
            let mut line = Vec::new();
            let index = Some(self.next + batch.len() as u64);
            let read = (&mut self.file).take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line);
            read.map_err(|error| SourceFault { index, reason: error.to_string() })?;
            match line.pop() {
                None => break,
                Some(b'\n') => batch.push(Leaf::Kept(line)),
                Some(_) => {
                    let reason = "its line is not ended, or is longer than a record can be".to_owned();
                    return Err(SourceFault { index, reason });
                }
            }
        }
        self.next += batch.len() as u64;
        Ok(batch)
    }
}

/// Chunks of lines from a server.
struct Chunks {
    chunks: mpsc::Receiver<Result<Vec<u8>, String>>,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
}

impl Leaves for Chunks {
    fn next_batch(&mut self) -> Result<Vec<Leaf>, SourceFault> {
        let mut batch = Vec::new();
        while batch.is_empty() {
            let Some(chunk) = self.chunks.blocking_recv() else { break };
            let chunk = chunk.map_err(|reason| SourceFault { index: None, reason })?;
            self.rest.extend(chunk);
            let lines = self.rest.split_inclusive(|&byte| byte == b'\n');
            let mut rest = Vec::new();
            for line in lines {
                match line.strip_suffix(b"\n") {
                    Some(leaf) => batch.push(Leaf::Kept(leaf.to_vec())),
                    None => rest = line.to_vec(),
                }
            }
            self.rest = rest;
            if LINE_BYTES_MAX < self.rest.len() as u64 {
                return Err(SourceFault { index: None, reason: "a line is longer than a record can be".to_owned() });
            }
        }
        if batch.is_empty() && !self.rest.is_empty() {
            return Err(SourceFault { index: None, reason: "the export ends within a record".to_owned() });
        }
        Ok(batch)
    }
}
