//! What Gantry promises about speed, measured: one file per promise, each a ratio against its
//! limit or against a peer in the same run, because machines are noisy and ratios less so.
//!
//! `cargo bench` measures, prints a table and keeps it in `benches/RESULTS.md`. With `-- --smoke`
//! every promise runs for a moment, to show that it runs; nothing is kept and nothing is judged.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]

#[path = "promises/append.rs"]
mod append;
#[path = "promises/catalogue.rs"]
mod catalogue;
#[path = "promises/catalogue_peers.rs"]
mod catalogue_peers;
#[path = "promises/catalogue_rpc.rs"]
mod catalogue_rpc;
#[path = "promises/compatibility.rs"]
mod compatibility;
#[path = "promises/launch.rs"]
mod launch;
#[path = "promises/sandbox.rs"]
mod sandbox;

use std::fmt::Write as _;
use std::time::Duration;

/// Counts what is allocated: promises about memory are measured here and not at the operating
/// system, which gives back late.
#[global_allocator]
static ALLOCATOR: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// One measured promise.
struct Measured {
    promise: &'static str,
    measured: String,
    against: String,
    /// Measured over limit or peer.
    ratio: f64,
    /// The ratio that is promised at most.
    limit: f64,
}

/// How much to measure.
#[derive(Clone, Copy)]
struct Effort {
    /// Repetitions of a promise's unit of work.
    repetitions: usize,
    /// Just enough to show that it runs.
    is_smoke: bool,
}

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--smoke");
    let effort = Effort { repetitions: if smoke { 20 } else { 2_000 }, is_smoke: smoke };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // A part by its name: `cargo bench -- catalogue`. Only a whole run is kept.
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    let mut rows = Vec::new();
    let mut measured = |some: Vec<Measured>| {
        // As they come: a run takes minutes.
        some.iter()
            .for_each(|row| println!("{}: {} ({:.2} of {:.2})", row.promise, row.measured, row.ratio, row.limit));
        rows.extend(some);
    };
    // The catalogue first: its memory is measured, and what the others leave would be in the way.
    if wanted("catalogue") {
        measured(runtime.block_on(catalogue::measure(effort)));
    }
    if wanted("catalogue_rpc") {
        measured(runtime.block_on(catalogue_rpc::measure(effort)));
    }
    if wanted("catalogue_peers") {
        measured(runtime.block_on(catalogue_peers::measure(effort)));
    }
    if wanted("compatibility") {
        measured(vec![compatibility::measure(effort)]);
    }
    if wanted("append") {
        measured(vec![runtime.block_on(append::measure(effort))]);
    }
    if wanted("launch") {
        measured(vec![runtime.block_on(launch::measure(effort))]);
    }
    if wanted("sandbox") {
        measured(runtime.block_on(sandbox::measure(effort)));
    }
    let table = table(&rows);
    println!("{table}");
    if smoke {
        println!("smoke: {} promises ran; nothing is judged", rows.len());
        return;
    }
    if named.is_empty() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/RESULTS.md"), results(&table)).unwrap();
    }
    let broken: Vec<_> = rows.iter().filter(|row| row.ratio > row.limit).map(|row| row.promise).collect();
    assert!(broken.is_empty(), "not kept: {broken:?}");
}

fn table(rows: &[Measured]) -> String {
    let mut text =
        String::from("| promise | measured | against | ratio | at most |\n| --- | --- | --- | --- | --- |\n");
    for row in rows {
        writeln!(
            text,
            "| {} | {} | {} | {:.2} | {:.2} |",
            row.promise, row.measured, row.against, row.ratio, row.limit
        )
        .unwrap();
    }
    text
}

fn results(table: &str) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    format!(
        "# The last measurements\n\nMade by `cargo bench`; what each line means is said in the bench of its name.\n\n\
         {}, {cores} × {model}, {profile} profile.\n\n{table}",
        jiff::Timestamp::now().strftime("%Y-%m-%d"),
    )
}

/// The median of some durations.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
