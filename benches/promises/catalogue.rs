//! A Region of 150,000 images in memory: how large, how it is swapped, how fast it is searched and
//! classified.
//!
//! The images are crawled from a sandbox in another process, through the SDK and inside Gantry's own
//! throttle budget, so that memory is that of the catalogue alone, measured at the allocator.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry::ami::catalog::{Catalog, Keeping};
use gantry::ami::classify::{Viewer, classify};
use gantry::ami::filter::Filters;
use gantry::ami::order::OrderBy;
use gantry::ami::snapshot::{Query, Snapshot, SnapshotBuilder};
use gantry::clock::{Clock, SystemClock};
use gantry::ec2::{Clients, Settings, StaticCredentials, Timeouts};
use gantry::ids::{ImageId, Region};
use tokio_util::sync::CancellationToken;

use super::{ALLOCATOR, Effort, Measured, median};

/// Images of the Region.
pub(super) const IMAGES: usize = 150_000;
const IMAGES_SMOKE: usize = 1_000;
/// Bytes that an image may take, its share of every index included.
const IMAGE_BYTES_LIMIT: f64 = 1024.0;
/// Memory at the height of a swap, in snapshots.
const PEAK_LIMIT: f64 = 2.2;
/// Gantry's share of the bucket for DescribeImages, and images on a page.
const BUDGET_BURST: f64 = 50.0;
const BUDGET_PER_SECOND: f64 = 10.0;
const PAGE: f64 = 1_000.0;
/// How much longer than the budget allows a crawl may take: the index is made after the last page,
/// and the sandbox makes its answers on the same cores.
const CRAWL_LIMIT: f64 = 1.4;
const FILTER_LIMIT: Duration = Duration::from_micros(100);
const CLASSIFICATIONS_A_SECOND: f64 = 1_000_000.0;

/// What people ask for: the newest Amazon Linux for Graviton.
pub(super) const FILTERS: [(&str, &str); 4] =
    [("architecture", "arm64"), ("root-device-type", "ebs"), ("state", "available"), ("name", "al2023-ami-2023.*")];
/// Images on a page.
pub(super) const PAGE_SIZE: usize = 50;

pub(super) async fn measure(effort: Effort) -> Vec<Measured> {
    let images = if effort.is_smoke { IMAGES_SMOKE } else { IMAGES };
    let sandbox = OtherProcess::start(images);
    let region: Region = gantry::sandbox::DEFAULT_REGION.parse().unwrap();
    let clients = clients(&sandbox.endpoint, &region).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let before = ALLOCATOR.current_usage();
    let catalog = Catalog::new(clients, clock, images, &["all".to_owned()]);
    let shutdown = CancellationToken::new();
    // One crawl after another: the second finds a snapshot to replace.
    let tiny = Duration::from_millis(1);
    let keeping = Keeping { dir: None, crawl_period: tiny, refresh_period: tiny };
    let tasks = catalog.keep(&keeping, &shutdown).await;
    let mut standing = catalog.standings().remove(0);
    let first = standing.wait_for(|standing| standing.crawl_time.is_some()).await.unwrap().clone();
    let taken = ALLOCATOR.current_usage().saturating_sub(before) as f64;
    ALLOCATOR.reset_peak_usage();
    let second = standing.wait_for(|standing| standing.observed_time != first.observed_time).await.unwrap().clone();
    let peak = ALLOCATOR.peak_usage().saturating_sub(before) as f64;
    shutdown.cancel();
    futures::future::join_all(tasks).await;
    let snapshot = catalog.newest_snapshot(&region).unwrap().unwrap();
    let one = snapshot.heap_bytes() as f64;
    let crawl = first.crawl_time.unwrap_or_default();
    let pages = (second.images as f64 / PAGE).ceil();
    let allowed = Duration::from_secs_f64(((pages - BUDGET_BURST) / BUDGET_PER_SECOND).max(1.0));

    let mut rows = vec![
        Measured {
            promise: "memory of an image in the catalogue, indexes included",
            measured: format!("{:.0} bytes ({images} images, {:.0} MiB)", one / images as f64, one / 1_048_576.0),
            against: format!("limit {IMAGE_BYTES_LIMIT} bytes; the allocator says {:.0}", taken / images as f64),
            ratio: one.max(taken) / images as f64 / IMAGE_BYTES_LIMIT,
            limit: 1.0,
        },
        Measured {
            promise: "memory at the height of a swap",
            measured: format!("{:.0} MiB", peak / 1_048_576.0),
            against: format!("one snapshot {:.0} MiB", one / 1_048_576.0),
            ratio: peak / one,
            limit: PEAK_LIMIT,
        },
        Measured {
            promise: "crawl every image into the catalogue",
            measured: format!("{crawl:.1?}"),
            against: format!("Gantry's half of EC2's bucket {allowed:.1?}"),
            ratio: crawl.div_duration_f64(allowed),
            limit: CRAWL_LIMIT,
        },
    ];
    drop(sandbox);
    rows.push(filters(&snapshot, effort));
    rows.push(growth(&snapshot, effort));
    rows.push(classifications(&snapshot, &catalog.viewer(&region).unwrap()));
    rows
}

/// Filters, order and a page, without the images' texts.
fn search(snapshot: &Snapshot, filters: &Filters, order: &OrderBy) -> usize {
    let query = Query {
        owners: &[],
        filters,
        types: &[],
        include_deprecated: false,
        include_disabled: false,
        now: snapshot.observed_time(),
    };
    let matches = snapshot.matches(&query);
    std::hint::black_box(snapshot.page(&matches, order, 0, PAGE_SIZE));
    matches.len()
}

fn parsed() -> Filters {
    let conditions = FILTERS.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
    Filters::parse(&conditions).unwrap()
}

fn search_time(snapshot: &Snapshot, effort: Effort) -> (Duration, usize) {
    let (filters, order) = (parsed(), OrderBy::default());
    let found = search(snapshot, &filters, &order);
    let timed = |_| {
        let begun = Instant::now();
        search(snapshot, &filters, &order);
        begun.elapsed()
    };
    (median((0..effort.repetitions).map(timed).collect()), found)
}

fn filters(snapshot: &Snapshot, effort: Effort) -> Measured {
    let (time, found) = search_time(snapshot, effort);
    Measured {
        promise: "evaluate 4 filters, newest first, page of 50",
        measured: format!("{time:.1?}, {found} images found"),
        against: format!("limit {FILTER_LIMIT:?}"),
        ratio: time.div_duration_f64(FILTER_LIMIT),
        limit: 1.0,
    }
}

/// The same question of a tenth, of all, and of four times as many images: what a query costs grows
/// at most as its matches do.
fn growth(snapshot: &Snapshot, effort: Effort) -> Measured {
    let [small, middle, large] = [(1, 10), (1, 1), (4, 1)].map(|(times, part)| {
        let resized = resized(snapshot, times, part);
        let (time, found) = search_time(&resized, effort);
        (resized.len(), time, found)
    });
    let time = large.1.div_duration_f64(small.1);
    let matches = large.2 as f64 / (small.2 as f64).max(1.0);
    Measured {
        promise: "growth: the same question of 40 times as many images",
        measured: format!(
            "{} → {} → {} images: {:.1?} → {:.1?} → {:.1?}, time × {time:.1}",
            small.0, middle.0, large.0, small.1, middle.1, large.1
        ),
        against: format!("matches × {matches:.1} ({} → {} → {})", small.2, middle.2, large.2),
        ratio: time / matches,
        limit: 1.0,
    }
}

/// A snapshot with `times` as many images, or every `part`th.
fn resized(snapshot: &Snapshot, times: u64, part: usize) -> Snapshot {
    let viewer = Viewer::of(gantry::sandbox::ACCOUNT_ID.parse().unwrap());
    let mut builder = SnapshotBuilder::new(viewer, snapshot.observed_time(), None);
    for copy in 0..times {
        for (number, slot) in snapshot.slots().enumerate().filter(|(number, _)| number % part == 0) {
            let mut image = snapshot.image(slot).image;
            if copy > 0 {
                image.image_id = renamed(copy, number);
                image.name = image.name.map(|name| format!("{name}-{copy}"));
            }
            builder.push(&image);
        }
    }
    builder.finish()
}

fn renamed(copy: u64, number: usize) -> ImageId {
    format!("ami-{copy:01x}{number:016x}").parse().unwrap()
}

/// Every image of the catalogue is classified, on as many threads as there are cores; and once more
/// with what it takes to read each from the catalogue's compact rows.
fn classifications(snapshot: &Snapshot, viewer: &Viewer) -> Measured {
    let now = snapshot.observed_time();
    let slots: Vec<_> = snapshot.slots().collect();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let images: Vec<_> = slots.iter().map(|slot| snapshot.image(*slot).image).collect();
    let of_images = |threads: usize| {
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for part in images.chunks(images.len().div_ceil(threads)) {
                scope.spawn(move || {
                    for image in part {
                        std::hint::black_box(classify(image, viewer, None, now));
                    }
                });
            }
        });
        images.len() as f64 / begun.elapsed().as_secs_f64()
    };
    let of_rows = |threads: usize| {
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for part in slots.chunks(slots.len().div_ceil(threads)) {
                scope.spawn(move || {
                    let mut image = snapshot.image(part[0]).image;
                    for slot in part {
                        snapshot.load(*slot, &mut image);
                        std::hint::black_box(classify(&image, viewer, None, now));
                    }
                });
            }
        });
        slots.len() as f64 / begun.elapsed().as_secs_f64()
    };
    let best = |rate: &dyn Fn(usize) -> f64, threads| (0..5).map(|_| rate(threads)).fold(0.0, f64::max);
    let (one, all, read) = (best(&of_images, 1), best(&of_images, threads), best(&of_rows, threads));
    Measured {
        promise: "classify the whole catalogue, in the core",
        measured: format!("{all:.0} images/s on {threads} threads, {one:.0} on one; {read:.0} with reading the rows"),
        against: format!("at least {CLASSIFICATIONS_A_SECOND:.0}"),
        ratio: CLASSIFICATIONS_A_SECOND / all,
        limit: 1.0,
    }
}

pub(super) async fn clients(endpoint: &str, region: &Region) -> Clients {
    let settings = Settings {
        regions: vec![region.clone()],
        endpoint: Some(endpoint.to_owned()),
        credentials: Some(StaticCredentials {
            access_key_id: "bench".to_owned(),
            secret_access_key: "bench".to_owned(),
            session_token: None,
        }),
        account_id: Some(gantry::sandbox::ACCOUNT_ID.parse().unwrap()),
        timeouts: Timeouts::default(),
    };
    Clients::connect(&settings).await.unwrap()
}

/// A sandbox whose memory is not ours. It goes with this value.
pub(super) struct OtherProcess {
    child: Child,
    pub(super) endpoint: String,
}

impl OtherProcess {
    pub(super) fn start(images: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gantry"))
            .args(["sandbox", "--listen", "127.0.0.1:0", "--images", &images.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().to_owned();
        Self { child, endpoint: format!("http://{address}") }
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
