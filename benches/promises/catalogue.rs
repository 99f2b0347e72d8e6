//! A Region of 150,000 images in memory: how fast it is crawled, searched and classified.

use std::time::{Duration, Instant};

use gantry::ami::classify::{Viewer, classify};
use gantry::ami::filter::Filters;
use gantry::ami::order::OrderBy;
use gantry::ami::snapshot::{Query, Slot, Snapshot, SnapshotBuilder};
use gantry::ec2::facts::Image;
use gantry::ids::ImageId;
use tokio_util::sync::CancellationToken;

use super::region::{self, OtherProcess};
use super::{Effort, Measured, median};

/// Gantry's share of the bucket for DescribeImages, and images on a page.
const BUDGET_BURST: f64 = 50.0;
const BUDGET_PER_SECOND: f64 = 10.0;
const PAGE: f64 = 1_000.0;
/// How much longer than the budget allows a crawl may take: the index is made after the last page.
const CRAWL_LIMIT: f64 = 1.2;
const FILTER_LIMIT: Duration = Duration::from_micros(100);
/// How much longer it may take to find one image among 40 times as many: it takes two microseconds, so
/// there is room for noise.
const ONE_OF_MANY_LIMIT: f64 = 4.0;
const CLASSIFICATIONS_A_SECOND: f64 = 1_000_000.0;

/// What people ask for: the newest Amazon Linux for Graviton.
pub(super) const FILTERS: [(&str, &str); 4] =
    [("architecture", "arm64"), ("root-device-type", "ebs"), ("state", "available"), ("name", "al2023-ami-2023.*")];
/// Images on a page.
pub(super) const PAGE_SIZE: usize = 50;

pub(super) async fn measure(effort: Effort) -> Vec<Measured> {
    let images = region::images(effort);
    let sandbox = OtherProcess::start(images);
    let (catalog, keeping) = region::catalog(&sandbox, images, Duration::from_secs(3600), None).await;
    let shutdown = CancellationToken::new();
    let tasks = catalog.keep(&keeping, &shutdown).await;
    let mut standing = catalog.standings().remove(0);
    let crawled = standing.wait_for(|standing| standing.crawl_time.is_some()).await.unwrap().clone();
    shutdown.cancel();
    futures::future::join_all(tasks).await;
    drop(sandbox);
    let region = region::region();
    let snapshot = catalog.newest_snapshot(&region).unwrap().unwrap();
    let crawl = crawled.crawl_time.unwrap_or_default();
    let pages = (crawled.images as f64 / PAGE).ceil();
    let allowed = Duration::from_secs_f64(((pages - BUDGET_BURST) / BUDGET_PER_SECOND).max(1.0));
    let crawled = Measured {
        promise: "crawl every image into the catalogue",
        measured: format!("{crawl:.1?}"),
        against: format!("Gantry's half of EC2's bucket {allowed:.1?}"),
        ratio: crawl.div_duration_f64(allowed),
        limit: CRAWL_LIMIT,
    };
    let viewer = catalog.viewer(&region).unwrap();
    let mut rows = vec![crawled, filters(&snapshot, effort)];
    rows.extend(growth(&snapshot, effort));
    rows.push(classifications(&snapshot, &viewer, effort));
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

fn parsed(conditions: &[(&str, &str)]) -> Filters {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), vec![(*value).to_owned()]);
    Filters::parse(&conditions.iter().map(owned).collect::<Vec<_>>()).unwrap()
}

fn search_time(snapshot: &Snapshot, conditions: &[(&str, &str)], effort: Effort) -> (Duration, usize) {
    let (filters, order) = (parsed(conditions), OrderBy::default());
    let found = search(snapshot, &filters, &order);
    let timed = |_| {
        let begun = Instant::now();
        search(snapshot, &filters, &order);
        begun.elapsed()
    };
    (median((0..effort.repetitions).map(timed).collect()), found)
}

fn filters(snapshot: &Snapshot, effort: Effort) -> Measured {
    let (time, found) = search_time(snapshot, &FILTERS, effort);
    Measured {
        promise: "evaluate 4 filters, newest first, page of 50",
        measured: format!("{time:.1?}, {found} images found"),
        against: format!("limit {FILTER_LIMIT:?}"),
        ratio: time.div_duration_f64(FILTER_LIMIT),
        limit: 1.0,
    }
}

/// The same questions of a tenth, of all, and of four times as many images: what a query costs grows
/// at most as its matches do. The one finds more where there are more images; the other finds one
/// image, by its name, however many there are.
fn growth(snapshot: &Snapshot, effort: Effort) -> [Measured; 2] {
    let mut of_every_size = snapshot.slots().step_by(10).map(|slot| snapshot.image(slot).image);
    let is_usual = |image: &Image| {
        let lives = image.deprecation_time.is_none_or(|time| time > snapshot.observed_time());
        image.architecture.as_deref() == Some("x86_64") && image.state.as_deref() == Some("available") && lives
    };
    let name = of_every_size.find(is_usual).and_then(|image| image.name).unwrap();
    let one = [("architecture", "x86_64"), ("state", "available"), ("name", name.as_str())];
    let sizes = [(1, 10), (1, 1), (4, 1)].map(|(times, part)| {
        let resized = resized(snapshot, times, part);
        (resized.len(), search_time(&resized, &FILTERS, effort), search_time(&resized, &one, effort))
    });
    let measured = |promise, limit, [small, middle, large]: [(usize, (Duration, usize)); 3]| {
        let time = large.1.0.div_duration_f64(small.1.0);
        let matches = large.1.1 as f64 / (small.1.1 as f64).max(1.0);
        Measured {
            promise,
            measured: format!(
                "{} → {} → {} images: {:.1?} → {:.1?} → {:.1?}, time × {time:.1}",
                small.0, middle.0, large.0, small.1.0, middle.1.0, large.1.0
            ),
            against: format!("matches × {matches:.1} ({} → {} → {})", small.1.1, middle.1.1, large.1.1),
            ratio: time / matches,
            limit,
        }
    };
    [
        measured("growth: the same question of 40 times as many images", 1.0, sizes.map(|(len, many, _)| (len, many))),
        measured("growth: one image among 40 times as many", ONE_OF_MANY_LIMIT, sizes.map(|(len, _, one)| (len, one))),
    ]
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

/// Images that are read from their rows before they are classified: few enough to stay in the cache,
/// as the one image does that the server reads into.
const BLOCK: usize = 64;

/// Every image of the catalogue is classified, on as many threads as there are cores: what
/// classifying alone takes, and what it takes with reading each from the catalogue's compact rows.
fn classifications(snapshot: &Snapshot, viewer: &Viewer, effort: Effort) -> Measured {
    let now = snapshot.observed_time();
    let slots: Vec<_> = snapshot.slots().collect();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let in_blocks = |part: &[Slot]| {
        let mut taken = Duration::ZERO;
        let mut images: Vec<Image> = part.iter().take(BLOCK).map(|slot| snapshot.image(*slot).image).collect();
        for block in part.chunks(BLOCK) {
            for (slot, image) in block.iter().zip(&mut images) {
                snapshot.load(*slot, image);
            }
            let begun = Instant::now();
            for image in &images[..block.len()] {
                std::hint::black_box(classify(image, viewer, None, now));
            }
            taken += begun.elapsed();
        }
        taken
    };
    let of_images = |threads: usize| {
        let parts = slots.chunks(slots.len().div_ceil(threads));
        let slowest = std::thread::scope(|scope| {
            let running: Vec<_> = parts.map(|part| scope.spawn(move || in_blocks(part))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).max().unwrap()
        });
        slots.len() as f64 / slowest.as_secs_f64()
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
    // The best of passes over some seconds: what it can do, and not what else the machine does.
    let passes = if effort.is_smoke { 1 } else { 25 };
    let best = |rate: &dyn Fn(usize) -> f64, threads| (0..passes).map(|_| rate(threads)).fold(0.0, f64::max);
    let (one, all, read) = (best(&of_images, 1), best(&of_images, threads), best(&of_rows, threads));
    Measured {
        promise: "classify the whole catalogue, in the core",
        measured: format!("{all:.0} images/s on {threads} threads, {one:.0} on one; {read:.0} with reading the rows"),
        against: format!("at least {CLASSIFICATIONS_A_SECOND:.0}"),
        ratio: CLASSIFICATIONS_A_SECOND / all,
        limit: 1.0,
    }
}
