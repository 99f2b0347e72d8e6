//! What Gantry promises about memory, measured at the allocator and not at the operating system,
//! which gives back late. A bench of its own, because counting makes every allocation slower and
//! what others leave would be in the way.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a bench reads real time")]

#[expect(dead_code, reason = "the other bench uses all of it")]
mod measured;
mod region;

use std::time::Duration;

use measured::{Effort, Measured, Rows, Wanted};
use region::OtherProcess;
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// Bytes that an image may take, its share of every index included.
const IMAGE_BYTES_LIMIT: f64 = 1024.0;
/// Memory at the height of a swap, in snapshots.
const PEAK_LIMIT: f64 = 2.2;
const MIB: f64 = 1_048_576.0;

fn main() {
    let wanted = Wanted::from_command_line();
    let mut rows = Rows::default();
    rows.add(tokio::runtime::Runtime::new().unwrap().block_on(catalogue(wanted.effort)));
    rows.finish("memory", &wanted);
}

async fn catalogue(effort: Effort) -> [Measured; 2] {
    let images = region::images(effort);
    let sandbox = OtherProcess::start(images);
    // One crawl after another: the second finds a snapshot to replace.
    let dir = tempfile::tempdir().unwrap();
    let kept = Some(dir.path().to_owned());
    let (catalog, keeping) = region::catalog(&sandbox, images, Duration::from_millis(1), kept).await;
    let before = ALLOCATOR.current_usage();
    let above = |bytes: usize| bytes.saturating_sub(before) as f64;
    let shutdown = CancellationToken::new();
    let tasks = catalog.keep(&keeping, &shutdown).await;
    let mut standing = catalog.standings().remove(0);
    let first = standing.wait_for(|standing| standing.crawl_time.is_some()).await.unwrap().clone();
    let taken = above(ALLOCATOR.current_usage());
    ALLOCATOR.reset_peak_usage();
    standing.wait_for(|standing| standing.observed_time != first.observed_time).await.unwrap();
    let peak = above(ALLOCATOR.peak_usage());
    shutdown.cancel();
    futures::future::join_all(tasks).await;
    assert!(taken > 0.0 && peak > taken, "the allocator does not count");
    let one = catalog.newest_snapshot(&region::region()).unwrap().unwrap().heap_bytes() as f64;
    let count = images as f64;
    [
        Measured {
            promise: "memory of an image in the catalogue, indexes included",
            measured: format!("{:.0} bytes ({images} images, {:.0} MiB)", one / count, one / MIB),
            against: format!("limit {IMAGE_BYTES_LIMIT} bytes; the allocator says {:.0}", taken / count),
            ratio: one.max(taken) / count / IMAGE_BYTES_LIMIT,
            limit: 1.0,
        },
        Measured {
            promise: "memory at the height of a swap",
            measured: format!("{:.0} MiB", peak / MIB),
            against: format!("one snapshot {:.0} MiB", one / MIB),
            ratio: peak / one,
            limit: PEAK_LIMIT,
        },
    ]
}
