//! Appending in bulk: whole appends, many of them waiting at once.

use std::pin::Pin;

use futures::stream::{FuturesUnordered, StreamExt as _};
use gantry::audit::{APPEND_ENTRIES_MAX, AppendError, AuditLog};
use gantry::record::Entry;
use tokio::sync::mpsc;

use crate::workload::Workload;
use crate::woven::Woven;

/// Appends that wait at once.
const IN_FLIGHT: usize = 32;
/// Appends that are made ahead of those.
const AHEAD: usize = 4;

/// An append on its way.
type Waiting<'a> = Pin<Box<dyn Future<Output = Result<u64, AppendError>> + Send + 'a>>;

/// What was appended.
pub(super) struct Grown {
    pub(super) records: u64,
    pub(super) payload_bytes: u64,
    /// The launch to go on with.
    pub(super) next_serial: u64,
}

/// Appends launches from `first` on until the log has `size` records or a few more.
pub(super) async fn to(log: &AuditLog, workload: Workload, first: u64, size: u64) -> Grown {
    let wanted = size.saturating_sub(log.size());
    let (batches, mut made) = mpsc::channel(AHEAD);
    let maker = tokio::task::spawn_blocking(move || make(&batches, workload, first, wanted));
    let mut waiting: FuturesUnordered<Waiting<'_>> = FuturesUnordered::new();
    while let Some(batch) = made.recv().await {
        let mut append: Waiting<'_> = Box::pin(log.append(batch));
        // Polled here once, so that it is queued before the next one, whose records follow from its.
        match futures::poll!(&mut append) {
            std::task::Poll::Ready(done) => drop(done.unwrap()),
            std::task::Poll::Pending => waiting.push(append),
        }
        if IN_FLIGHT <= waiting.len() {
            waiting.next().await.unwrap().unwrap();
        }
    }
    while let Some(done) = waiting.next().await {
        done.unwrap();
    }
    maker.await.unwrap()
}

/// Makes what is appended: `wanted` records, and the few more that belong between the last launch
/// and the next, so that every launch begun is in the log.
fn make(batches: &mpsc::Sender<Vec<Entry>>, workload: Workload, first: u64, wanted: u64) -> Grown {
    let mut woven = Woven::new(workload, first);
    let mut grown = Grown { records: 0, payload_bytes: 0, next_serial: first };
    let mut records = Vec::new();
    while grown.records < wanted || !records.is_empty() {
        while grown.records < wanted && records.len() < APPEND_ENTRIES_MAX {
            woven.begin(&mut records);
        }
        let batch: Vec<Entry> = records.drain(..APPEND_ENTRIES_MAX.min(records.len())).collect();
        grown.records += batch.len() as u64;
        grown.payload_bytes += batch.iter().map(|entry| entry.to_leaf().len() as u64).sum::<u64>();
        if batches.blocking_send(batch).is_err() {
            break;
        }
    }
    grown.next_serial = woven.next_serial();
    grown
}
