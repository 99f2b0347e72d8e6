//! A process that opens the log, does one thing with it, and reports.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use gantry::audit::verify::{Leaf, Leaves, SourceFault, Trust};
use gantry::audit::{AuditLog, LogSettings, OfflineLeaf, OfflineLeaves, OfflineLog, Owner};
use serde::{Deserialize, Serialize};

use super::grow;
use super::questions::{self, Answer};
use crate::workload::Workload;

/// The first argument of such a process.
const ARGUMENT: &str = "--child";
const SEED: u64 = 11;
/// What the process that is to be killed appends.
const KILLED_SEED: u64 = 12;
/// How often the process to be killed says how far it is before it is killed.
const KILLED_AFTER: usize = 20;

/// What a process came to. What it did not do is zero.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Report {
    /// Records in the log.
    pub(super) size: u64,
    pub(super) open_seconds: f64,
    /// Records that it appended, what they took together, and how long it took.
    pub(super) appended: u64,
    pub(super) payload_bytes: u64,
    /// How long that took, or verifying.
    pub(super) seconds: f64,
    /// The launch to go on with.
    pub(super) next_serial: u64,
    /// Memory once it had opened the log, or appended to it.
    pub(super) resident_bytes: u64,
    pub(super) anonymous_bytes: u64,
    /// Memory once it had asked.
    pub(super) asked_resident_bytes: u64,
    pub(super) asked_anonymous_bytes: u64,
    pub(super) answers: Vec<Answer>,
}

/// A process to be started.
pub(super) struct Child(Command);

impl Child {
    pub(super) fn new(task: &str, log: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([ARGUMENT, task]).arg(log).stdin(Stdio::null()).stdout(Stdio::piped());
        Self(command)
    }

    pub(super) fn with(mut self, numbers: &[u64]) -> Self {
        self.0.args(numbers.iter().map(u64::to_string));
        self
    }

    /// Lets it end.
    pub(super) fn run(mut self) -> Report {
        let output = self.0.stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "{:?} failed", self.0);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Kills it while it appends; the size of the log that it was told of last.
    pub(super) fn kill(mut self) -> u64 {
        let mut child = self.0.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let last = lines.take(KILLED_AFTER).last().unwrap().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        last.parse().unwrap()
    }
}

/// Whether this process is one of these; then its task has been done.
pub(crate) fn is_child() -> bool {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [flag, task, log, numbers @ ..] = arguments.as_slice() else { return false };
    if flag != ARGUMENT {
        return false;
    }
    let numbers: Vec<u64> = numbers.iter().map(|number| number.parse().unwrap()).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let report = runtime.block_on(work(task, Path::new(log), &numbers));
    println!("{}", serde_json::to_string(&report).unwrap());
    true
}

/// The records of a directory.
struct Files(OfflineLeaves);

impl Leaves for Files {
    fn next_batch(&mut self) -> Result<Vec<Leaf>, SourceFault> {
        let leaf = |leaf| match leaf {
            OfflineLeaf::Kept(leaf) => Leaf::Kept(leaf),
            OfflineLeaf::Pruned(hash) => Leaf::Pruned(hash),
        };
        Ok(self.0.by_ref().take(1_000).map(|read| leaf(read.unwrap().1)).collect())
    }
}

/// Verifies a log that nobody has open.
fn verify(dir: &Path) -> Report {
    let begun = Instant::now();
    let log = OfflineLog::open(dir).unwrap();
    let trust = Trust::new(log.verifier_keys().all(), None).unwrap();
    let checkpoint = log.checkpoint().note.clone();
    let found = gantry::audit::verify::verify(&mut Files(log.leaves(0..u64::MAX)), &checkpoint, &[], &trust);
    assert!(found.is_sound(), "{:?}", found.failures);
    Report { size: found.records, seconds: begun.elapsed().as_secs_f64(), ..Report::default() }
}

async fn work(task: &str, dir: &Path, numbers: &[u64]) -> Report {
    if task == "verify" {
        return verify(dir);
    }
    let workload = Workload::new(SEED);
    let begun = Instant::now();
    let owner = Owner { sandbox: true, accounts: Vec::new() };
    let (log, _) = AuditLog::open(dir, owner, LogSettings::default()).unwrap();
    let mut report = Report { open_seconds: begun.elapsed().as_secs_f64(), ..Report::default() };
    (report.resident_bytes, report.anonymous_bytes) = memory();
    match (task, numbers) {
        ("empty" | "open", []) => {}
        ("grow", [first, size]) => {
            let begun = Instant::now();
            let grown = grow::to(&log, workload, *first, *size).await;
            report.seconds = begun.elapsed().as_secs_f64();
            (report.appended, report.payload_bytes, report.next_serial) =
                (grown.records, grown.payload_bytes, grown.next_serial);
            (report.resident_bytes, report.anonymous_bytes) = memory();
        }
        ("append", [first]) => {
            let mut first = *first;
            loop {
                let size = log.size() + 1_000;
                first = grow::to(&log, Workload::new(KILLED_SEED), first, size).await.next_serial;
                println!("{}", log.size());
                std::io::stdout().flush().unwrap();
            }
        }
        ("ask", [serials, is_smoke]) => {
            report.answers = questions::ask(&log, workload, *serials, *is_smoke == 1);
            (report.asked_resident_bytes, report.asked_anonymous_bytes) = memory();
        }
        _ => panic!("no such task: {task} {numbers:?}"),
    }
    report.size = log.size();
    log.close().await;
    report
}

/// Resident memory of this process in bytes: all, and what is no file.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    };
    (field("VmRSS:"), field("RssAnon:"))
}
