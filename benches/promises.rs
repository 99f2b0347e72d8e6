//! What Gantry promises about speed, measured: one file per promise, each a ratio against its
//! limit or against a peer in the same run, because machines are noisy and ratios less so.
//!
//! `cargo bench` measures, prints a table and keeps it in `benches/RESULTS.md`. With `-- --smoke`
//! every promise runs for a moment, to show that it runs; nothing is kept and nothing is judged.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]

#[path = "promises/append.rs"]
mod append;
#[path = "promises/booting.rs"]
mod booting;
#[path = "promises/catalogue.rs"]
mod catalogue;
#[path = "promises/catalogue_peers.rs"]
mod catalogue_peers;
#[path = "promises/catalogue_rpc.rs"]
mod catalogue_rpc;
#[path = "promises/compatibility.rs"]
mod compatibility;
#[path = "promises/decide.rs"]
mod decide;
#[path = "promises/launch.rs"]
mod launch;
#[path = "measured.rs"]
#[expect(dead_code, reason = "another bench uses all of it")]
mod measured;
#[path = "promises/policy.rs"]
mod policy;
#[path = "region.rs"]
mod region;
#[path = "promises/sandbox.rs"]
mod sandbox;
#[path = "promises/storm.rs"]
mod storm;
#[path = "promises/waiter.rs"]
mod waiter;
#[path = "promises/watchers.rs"]
mod watchers;

use measured::{Effort, Measured, Rows, Wanted, median};

/// As the program has it, because records are made by many threads and freed by one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let wanted = Wanted::from_command_line();
    let effort = wanted.effort;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut rows = Rows::default();
    if wanted.has("catalogue") {
        rows.add(runtime.block_on(catalogue::measure(effort)));
    }
    if wanted.has("catalogue_rpc") {
        rows.add(runtime.block_on(catalogue_rpc::measure(effort)));
    }
    if wanted.has("catalogue_peers") {
        rows.add(runtime.block_on(catalogue_peers::measure(effort)));
    }
    if wanted.has("compatibility") {
        rows.add([compatibility::measure(effort)]);
    }
    if wanted.has("policy") {
        rows.add(policy::measure(effort));
    }
    if wanted.has("append") {
        rows.add([runtime.block_on(append::measure(effort))]);
    }
    if wanted.has("launch") {
        rows.add([runtime.block_on(launch::measure(effort))]);
    }
    if wanted.has("decide") {
        rows.add(runtime.block_on(decide::measure(effort)));
    }
    if wanted.has("storm") {
        rows.add(runtime.block_on(storm::measure(effort)));
    }
    if wanted.has("watchers") {
        rows.add(runtime.block_on(watchers::measure(effort)));
    }
    if wanted.has("booting") {
        rows.add(runtime.block_on(booting::measure(effort)));
    }
    if wanted.has("waiter") {
        rows.add(runtime.block_on(waiter::measure(effort)));
    }
    if wanted.has("sandbox") {
        rows.add(runtime.block_on(sandbox::measure(effort)));
    }
    rows.finish("promises", &wanted);
}
