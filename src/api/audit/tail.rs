//! TailRecords: what is there, then what comes.
//!
//! A stream reads the store by index and is only told that there is more, so nothing is queued for
//! it: a slow reader costs no memory and misses nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use super::{Audit, Records};
use crate::api::convert::Violations;
use crate::api::status::Failure;
use crate::api::{blocking, pb};
use crate::audit::{AuditLog, Order, Record, RecordQuery, Topic};

/// Streams of TailRecords and ExportRecords that may be open at once, over all connections. Each holds a
/// hundred records at most.
pub(super) const STREAMS_MAX: usize = 1_000;

/// Records that are read at a time, and the most that a stream holds.
const BATCH_RECORDS: usize = 100;

impl Audit {
    /// A place for a stream.
    pub(super) fn place(&self) -> Result<OwnedSemaphorePermit, Failure> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| Failure::TooManyWatchers { limit: STREAMS_MAX })
    }

    pub(super) fn tail(&self, request: &pb::TailRecordsRequest) -> Result<Records<pb::TailRecordsResponse>, Failure> {
        let mut violations = Violations::new();
        let query = super::conditions(&request.conditions(), &mut violations);
        violations.finish(Some(()))?;
        self.check_log(&request.log_id)?;
        let permit = self.place()?;
        let log = self.services.log.clone();
        let told = log.subscribe(Topic::Log);
        let size = log.size();
        let from = request.start_index.unwrap_or(size);
        if size < from {
            return Err(Failure::CursorAhead { after: from, last: size });
        }
        let tail = Tail {
            log,
            query: RecordQuery { order: Order::OldestFirst, limit: BATCH_RECORDS, ..query },
            from,
            read: VecDeque::new(),
            told,
            shutdown: self.services.shutdown.clone(),
            _permit: permit,
        };
        Ok(Box::pin(futures::stream::try_unfold(tail, |mut tail| async move {
            let record = tail.next().await?;
            let log_id = tail.log.log_id();
            let response = pb::TailRecordsResponse { record: Some(super::message(log_id, &record)) };
            Ok(Some((response, tail)))
        })))
    }
}

struct Tail {
    log: AuditLog,
    query: RecordQuery,
    /// Where to read on.
    from: u64,
    /// Read and not yet sent.
    read: VecDeque<Record>,
    told: watch::Receiver<u64>,
    shutdown: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Tail {
    /// The next record, however long it takes to come.
    async fn next(&mut self) -> Result<Record, Failure> {
        loop {
            if let Some(record) = self.read.pop_front() {
                return Ok(record);
            }
            self.told.borrow_and_update();
            // Before the search: it may see more, and must not be taken to have seen less.
            let size = self.log.size();
            let (log, query) = (self.log.clone(), RecordQuery { from: Some(self.from), ..self.query.clone() });
            let page = blocking(move || log.records(&query)).await??;
            let after_last = page.records.last().map_or(0, |record| record.index + 1);
            self.from = page.next.unwrap_or_else(|| size.max(after_last).max(self.from));
            self.read.extend(page.records);
            if self.read.is_empty() && page.next.is_none() {
                tokio::select! {
                    changed = self.told.changed() => changed.map_err(|_| Failure::ShuttingDown)?,
                    () = self.shutdown.cancelled() => return Err(Failure::ShuttingDown),
                }
            }
        }
    }
}
