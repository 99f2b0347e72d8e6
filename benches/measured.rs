//! What the benches have in common: a measured promise, how much to measure, and where the last
//! measurements are kept.

use std::fmt::Write as _;
use std::time::Duration;

/// Where the last measurements are kept, each bench in a section of its own.
const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/RESULTS.md");

/// One measured promise.
pub(crate) struct Measured {
    pub(crate) promise: &'static str,
    pub(crate) measured: String,
    pub(crate) against: String,
    /// Measured over limit or peer.
    pub(crate) ratio: f64,
    /// The ratio that is promised at most.
    pub(crate) limit: f64,
}

/// How much to measure.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Repetitions of a promise's unit of work.
    pub(crate) repetitions: usize,
    /// Just enough to show that it runs.
    pub(crate) is_smoke: bool,
}

/// What the command line asks for.
pub(crate) struct Wanted {
    pub(crate) effort: Effort,
    parts: Vec<String>,
    options: Vec<String>,
}

impl Wanted {
    pub(crate) fn from_command_line() -> Self {
        let (options, parts): (Vec<_>, Vec<_>) =
            std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
        let is_smoke = options.iter().any(|option| option == "--smoke");
        Self { effort: Effort { repetitions: if is_smoke { 20 } else { 2_000 }, is_smoke }, parts, options }
    }

    /// The value of an option such as `--records=1000000`.
    pub(crate) fn value(&self, option: &str) -> Option<&str> {
        self.options.iter().find_map(|given| given.strip_prefix(option)?.strip_prefix('='))
    }

    /// Whether this part is to run: a part by its name, or all.
    pub(crate) fn has(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|name| name == part)
    }
}

/// Rows as they are measured: a run takes minutes. Below them stands what was measured besides.
#[derive(Default)]
pub(crate) struct Rows {
    promises: Vec<Measured>,
    notes: Vec<String>,
}

impl Rows {
    pub(crate) fn add(&mut self, some: impl IntoIterator<Item = Measured>) {
        for row in some {
            println!("{}: {} ({:.2} of {:.2})", row.promise, row.measured, row.ratio, row.limit);
            self.promises.push(row);
        }
    }

    /// A table of what was measured besides the promises, kept below theirs.
    pub(crate) fn note(&mut self, title: &str, table: &str) {
        self.notes.push(format!("{title}\n\n{table}"));
    }

    /// Prints the table, keeps it in the section `bench` if everything was measured, and fails if
    /// a promise was not kept.
    pub(crate) fn finish(self, bench: &str, wanted: &Wanted) {
        let mut table = table(&self.promises);
        println!("{table}");
        if wanted.effort.is_smoke {
            println!("smoke: {} promises ran; nothing is judged", self.promises.len());
            return;
        }
        self.notes.iter().for_each(|note| table.extend(["\n", note.as_str()]));
        if wanted.parts.is_empty() {
            keep(bench, &table);
        }
        let broken: Vec<_> = self.promises.iter().filter(|row| row.ratio > row.limit).map(|row| row.promise).collect();
        assert!(broken.is_empty(), "not kept: {broken:?}");
    }
}

fn table(rows: &[Measured]) -> String {
    let mut text = String::from(
        "| promise | measured | against | ratio | at most | verdict |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        writeln!(
            text,
            "| {} | {} | {} | {:.2} | {:.2} | {} |",
            row.promise,
            row.measured,
            row.against,
            row.ratio,
            row.limit,
            if row.ratio <= row.limit { "kept" } else { "NOT KEPT" }
        )
        .unwrap();
    }
    text
}

/// Writes a section of the results over the one that is there. A build without optimisation has a section of its
/// own: its times say little, and its ratios something.
fn keep(bench: &str, table: &str) {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let (profile, bench) = match cfg!(debug_assertions) {
        true => ("dev", format!("{bench}, dev profile")),
        false => ("release", bench.to_owned()),
    };
    // Of the last minute, five and fifteen, at the end of the run: who else was at work.
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(", ");
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let section = format!("{bench}\n\n{date}, {cores} × {model}, {profile} profile, load {load}.\n\n{table}");
    let known = std::fs::read_to_string(RESULTS).unwrap_or_default();
    let others = known.split("\n## ").skip(1).filter(|other| other.lines().next() != Some(bench.as_str()));
    let mut sections: Vec<&str> = others.map(str::trim_end).collect();
    sections.push(section.trim_end());
    sections.sort_unstable();
    let mut text = String::from(
        "# The last measurements\n\nMade by `cargo bench`; what each line means is said in the bench of its name.\n",
    );
    sections.iter().for_each(|section| {
        let _ = write!(text, "\n## {section}\n");
    });
    std::fs::write(RESULTS, text).unwrap();
}

/// The median of some durations.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
