//! ExportRecords: a range of the log for other systems, in chunks.

use std::collections::VecDeque;

use tokio::sync::OwnedSemaphorePermit;

use crate::api::convert::{ViolationReason, Violations, time_range};
use crate::api::status::Failure;
use crate::api::{blocking, pb};
use crate::audit::export::Exported;
use crate::audit::export::ocsf::{LogOrigin, event};
use crate::audit::{AuditLog, Order, RecordQuery};

use super::{Audit, Records};

/// Bytes of a chunk at most.
const CHUNK_BYTES_MAX: usize = 64 << 10;

/// Records that are read at a time.
const BATCH_RECORDS: usize = 100;

impl Audit {
    pub(super) fn export(
        &self,
        request: &pb::ExportRecordsRequest,
    ) -> Result<Records<pb::ExportRecordsResponse>, Failure> {
        let mut violations = Violations::new();
        let format = match pb::ExportFormat::try_from(request.format) {
            Ok(pb::ExportFormat::Jsonl) => Some(Format::Jsonl),
            Ok(pb::ExportFormat::Ocsf) => Some(Format::Ocsf),
            Ok(pb::ExportFormat::Unspecified) => {
                violations.add("format", ViolationReason::InvalidEnum, "expected JSONL or OCSF");
                None
            }
            Err(_) => {
                violations.add("format", ViolationReason::InvalidEnum, "expected JSONL or OCSF");
                None
            }
        };
        let log = self.services.log.clone();
        let size = log.checkpoint().size;
        let end = if request.end_index == 0 { size } else { request.end_index };
        if end < request.start_index && request.end_index != 0 {
            violations.add("start_index", ViolationReason::InvalidField, "expected at most end_index");
        }
        let (since, until) = time_range(request.start_time.as_ref(), request.end_time.as_ref(), &mut violations);
        let format = violations.finish(format)?;
        self.check_log(&request.log_id)?;
        if size < end.max(request.start_index) {
            return Err(Failure::CursorAhead { after: end.max(request.start_index), last: size });
        }
        let query = RecordQuery {
            start: since,
            end: until,
            order: Order::OldestFirst,
            limit: BATCH_RECORDS,
            ..RecordQuery::default()
        };
        let permit = self.place()?;
        let export =
            Export { _permit: permit, log, format, query, next: request.start_index, end, lines: VecDeque::new() };
        Ok(Box::pin(futures::stream::try_unfold(export, |mut export| async move {
            if export.end <= export.next && export.lines.is_empty() {
                return Ok(None);
            }
            let (chunk, export) = blocking(move || export.chunk().map(|chunk| (chunk, export))).await??;
            Ok(Some((chunk, export)))
        })))
    }
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Jsonl,
    Ocsf,
}

struct Export {
    _permit: OwnedSemaphorePermit,
    log: AuditLog,
    format: Format,
    query: RecordQuery,
    /// The next record to read.
    next: u64,
    end: u64,
    /// Lines that were read and not sent yet, each with the index after its record.
    lines: VecDeque<(u64, Vec<u8>)>,
}

impl Export {
    /// The next chunk: whole lines, as many as fit, or a part of one that is longer.
    fn chunk(&mut self) -> Result<pb::ExportRecordsResponse, Failure> {
        if self.lines.is_empty() {
            self.read()?;
        }
        let (mut chunk, mut complete) = (Vec::new(), self.next);
        while let Some((after, line)) = self.lines.front_mut() {
            let room = CHUNK_BYTES_MAX - chunk.len();
            if line.len() <= room {
                chunk.append(line);
                self.lines.pop_front();
                continue;
            }
            // Until its end is sent, its record is to be asked for again.
            complete = *after - 1;
            if chunk.is_empty() {
                chunk = line.drain(..room).collect();
            }
            break;
        }
        Ok(pb::ExportRecordsResponse { chunk, next_index: complete })
    }

    /// Reads the next records that are wanted.
    fn read(&mut self) -> Result<(), Failure> {
        let page = self.log.records(&RecordQuery { from: Some(self.next), ..self.query.clone() })?;
        self.next = page.next.unwrap_or(self.end).min(self.end);
        let origin = LogOrigin {
            log_id: self.log.log_id(),
            origin: self.log.origin(),
            version: env!("CARGO_PKG_VERSION"),
            sandbox: self.log.is_sandbox(),
        };
        for record in page.records.into_iter().take_while(|record| record.index < self.end) {
            let mut line = match self.format {
                Format::Jsonl => record.leaf,
                Format::Ocsf => event(&Exported::from(&record), &origin).to_string().into_bytes(),
            };
            line.push(b'\n');
            self.lines.push_back((record.index + 1, line));
        }
        Ok(())
    }
}
