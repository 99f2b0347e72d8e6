//! What Gantry promises about its audit log, measured against its peers on the same disk, and how
//! the log does as it grows.
//!
//! `cargo bench --bench audit` measures all and keeps it in `benches/RESULTS.md`; `-- peers` or
//! `-- scale` only a part; `-- scale --records=10000000` grows the log further. With `-- --smoke`
//! everything runs for a moment and nothing is judged.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]

#[expect(dead_code, reason = "another bench uses all of it")]
#[path = "../measured.rs"]
mod measured;
mod peers;
mod scale;
mod workload;
mod woven;

use measured::{Rows, Wanted};

/// As the program itself has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // The log is also looked at from processes of its own, which are this program again.
    if scale::is_child() {
        return;
    }
    let wanted = Wanted::from_command_line();
    let mut rows = Rows::default();
    if wanted.has("peers") {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let before = load();
        let (promises, table) = runtime.block_on(Box::pin(peers::measure(wanted.effort)));
        rows.add(promises);
        let busy = format!("Load of the machine before and after: {before}, {}.", load());
        println!("{busy}");
        rows.note("Appending, medians of rounds:", &format!("{table}\n{busy}\n"));
    }
    if wanted.has("scale") {
        let records = wanted.value("--records").map(|count| count.parse().unwrap());
        let (promises, tables) = scale::measure(wanted.effort, records);
        rows.add(promises);
        for (title, table) in tables {
            rows.note(title, &table);
        }
    }
    rows.finish("audit", &wanted);
}

/// How busy the machine is, whoever it is that keeps it so: the load average of the last minute. More
/// than its processors, and rates say little.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    load.split(' ').next().unwrap().to_owned()
}
