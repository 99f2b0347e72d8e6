//! How the log does as it grows: memory, disk, starting again, finding.
//!
//! Every step of the growth is looked at from processes of its own, which are this program again:
//! one that appends, one that opens what the first left and asks, one that is killed while it
//! appends, and one that opens what that left.

mod child;
mod grow;
mod questions;

use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use crate::measured::{Effort, Measured};
use child::{Child, Report};
use questions::Answer;

pub(crate) use child::is_child;

/// Records of the smallest log that is looked at; each step is ten times the one before.
const FIRST_STEP: u64 = 100_000;
const RECORDS: u64 = 1_000_000;
const SMOKE_RECORDS: u64 = 20_000;
/// The file system counts disk space in these.
const BLOCK_BYTES: u64 = 512;
const MIB: f64 = 1_048_576.0;
/// What all files of a log take together, over the bytes of its records.
const DISK_LIMIT: f64 = 2.5;
/// From asking to fifty records, or fewer if there are no more.
const LIST_LIMIT: Duration = Duration::from_millis(3);
const LAUNCH_LIMIT: Duration = Duration::from_micros(200);
const VERIFIED_A_SECOND: f64 = 300_000.0;

/// Only logs of so many records are judged.
const JUDGED_RECORDS: u64 = 1_000_000;

/// Memory above that of an empty log, and how long a start may take, for a log of so many records.
struct Limits {
    records: u64,
    memory_mib: f64,
    opened: Duration,
}

const LIMITS: [Limits; 2] = [
    Limits { records: 1_100_000, memory_mib: 150.0, opened: Duration::from_secs(1) },
    Limits { records: u64::MAX, memory_mib: 700.0, opened: Duration::from_secs(5) },
];

/// What one step came to.
struct Step {
    /// Records in the log.
    size: u64,
    records_a_second: f64,
    /// Resident bytes above those of an empty open log: of the process that appended, of the one
    /// that has just opened it, and of that one after all questions.
    appended_bytes: f64,
    opened_bytes: f64,
    asked_bytes: f64,
    /// The part of the last that is no file mapped into memory.
    asked_anonymous_bytes: f64,
    disk_to_payload: f64,
    opened: Duration,
    opened_after_kill: Duration,
    /// Records that the killed process had not been told of, or had.
    found_after_kill: u64,
    /// By another process, from the files alone.
    verified_a_second: f64,
    answers: Vec<Answer>,
}

/// Grows a log to `records`, or to what the effort says: what is promised of it then, and the tables,
/// each with its title.
pub(crate) fn measure(effort: Effort, records: Option<u64>) -> (Vec<Measured>, Vec<(&'static str, String)>) {
    let records = records.unwrap_or(if effort.is_smoke { SMOKE_RECORDS } else { RECORDS });
    let dir = tempfile::tempdir_in(".").unwrap();
    let (log, empty) = (dir.path().join("log"), dir.path().join("empty"));
    let empty = Child::new("empty", &empty).run();
    let mut steps = Vec::new();
    let mut next_serial = 0;
    let sizes = std::iter::successors(Some(FIRST_STEP), |size| Some(size * 10)).take_while(|size| *size < records);
    for size in sizes.chain([records]) {
        let grown = Child::new("grow", &log).with(&[next_serial, size]).run();
        next_serial = grown.next_serial;
        steps.push(step(&log, &empty, &grown, effort));
        println!("{}", growth(&steps[steps.len() - 1..]));
    }
    let tables = vec![
        ("How the log does as it grows; memory is above that of an empty open log:", growth(&steps)),
        ("ListRecords of 50 at the last size:", questions_table(&steps)),
    ];
    tables.iter().for_each(|(_, table)| println!("{table}"));
    let judged = steps.iter().filter(|step| effort.is_smoke || JUDGED_RECORDS <= step.size);
    (judged.flat_map(promises).collect(), tables)
}

fn promises(step: &Step) -> Vec<Measured> {
    let limits = LIMITS.iter().find(|limits| step.size <= limits.records).unwrap();
    let at_most =
        |promise, measured: String, ratio, against| Measured { promise, measured, against, ratio, limit: 1.0 };
    let time = |promise, measured: Duration, limit: Duration| {
        let text = format!("{measured:.1?} at {} records", step.size);
        at_most(promise, text, measured.div_duration_f64(limit), format!("limit {limit:?}"))
    };
    let launch = step.answers.iter().find(|answer| answer.is_launch()).map(|answer| answer.p99).unwrap_or_default();
    let memory = step.appended_bytes.max(step.opened_bytes).max(step.asked_bytes) / MIB;
    vec![
        at_most(
            "resident memory of a log above that of an empty one",
            format!("{memory:.0} MiB at {} records", step.size),
            memory / limits.memory_mib,
            format!("limit {} MiB", limits.memory_mib),
        ),
        at_most(
            "all its files",
            format!("{:.2} × the payload at {} records", step.disk_to_payload, step.size),
            step.disk_to_payload / DISK_LIMIT,
            format!("limit {DISK_LIMIT} ×"),
        ),
        time("open it after a clean stop", step.opened, limits.opened),
        time("open it after a kill", step.opened_after_kill, limits.opened),
        time("ListRecords of 50, the slowest question's p99", slowest_list(step), LIST_LIMIT),
        time("GetLaunch in the core, p99", launch, LAUNCH_LIMIT),
        at_most(
            "verify it from its files",
            format!("{:.0} records/s at {} records", step.verified_a_second, step.size),
            VERIFIED_A_SECOND / step.verified_a_second,
            format!("at least {VERIFIED_A_SECOND}/s"),
        ),
    ]
}

/// Every question but for single launches.
fn lists(step: &Step) -> impl Iterator<Item = &Answer> {
    step.answers.iter().filter(|answer| !answer.is_launch() && !answer.is_first_launch())
}

fn slowest_list(step: &Step) -> Duration {
    lists(step).map(|answer| answer.p99).max().unwrap_or_default()
}

fn step(log: &Path, empty: &Report, grown: &Report, effort: Effort) -> Step {
    let above = |bytes: u64, empty: u64| bytes as f64 - empty as f64;
    let disk = disk_bytes(log);
    let asked = Child::new("ask", log).with(&[grown.next_serial, u64::from(effort.is_smoke)]).run();
    assert_eq!(asked.size, grown.size, "records appeared or were lost between two processes");
    let verified = Child::new("verify", log).run();
    let acknowledged = Child::new("append", log).with(&[grown.next_serial]).kill();
    let reopened = Child::new("open", log).run();
    assert!(acknowledged <= reopened.size, "acknowledged records were lost");
    // What was appended since is of the same kind; only the mean is known of it.
    let payload = grown.payload_bytes as f64 / grown.appended as f64 * grown.size as f64;
    Step {
        size: grown.size,
        records_a_second: grown.appended as f64 / grown.seconds,
        appended_bytes: above(grown.resident_bytes, empty.resident_bytes),
        opened_bytes: above(asked.resident_bytes, empty.resident_bytes),
        asked_bytes: above(asked.asked_resident_bytes, empty.resident_bytes),
        asked_anonymous_bytes: above(asked.asked_anonymous_bytes, empty.anonymous_bytes),
        disk_to_payload: disk as f64 / payload,
        opened: Duration::from_secs_f64(asked.open_seconds),
        opened_after_kill: Duration::from_secs_f64(reopened.open_seconds),
        found_after_kill: reopened.size - grown.size,
        verified_a_second: verified.size as f64 / verified.seconds,
        answers: asked.answers,
    }
}

fn growth(steps: &[Step]) -> String {
    let mut table = String::from(
        "| records | appended/s | MiB after appending | after opening | after asking (not of files) | disk/payload \
         | open, closed before | open, killed before (records since) | ListRecords p50 of all | slowest p99 \
         | GetLaunch p50 | p99 | p99 just after opening | verified/s |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for step in steps {
        let mut medians: Vec<_> = lists(step).map(|answer| answer.p50).collect();
        medians.sort_unstable();
        let slowest = slowest_list(step);
        let [first_launch, launch, ..] = step.answers.as_slice() else { continue };
        writeln!(
            table,
            "| {} | {:.0} | {:.1} | {:.1} | {:.1} ({:.1}) | {:.2} | {:.1?} | {:.1?} ({}) | {:.1?} | {slowest:.1?} | {:.1?} | {:.1?} | {:.1?} | {:.0} |",
            step.size,
            step.records_a_second,
            step.appended_bytes / MIB,
            step.opened_bytes / MIB,
            step.asked_bytes / MIB,
            step.asked_anonymous_bytes / MIB,
            step.disk_to_payload,
            step.opened,
            step.opened_after_kill,
            step.found_after_kill,
            medians[medians.len() / 2],
            launch.p50,
            launch.p99,
            first_launch.p99,
            step.verified_a_second,
        )
        .unwrap();
    }
    table
}

/// A row for each question, a pair of columns for each way of asking it.
fn questions_table(steps: &[Step]) -> String {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return String::new() };
    let mut table = String::from("| question |");
    questions::WAYS
        .iter()
        .for_each(|way| write!(table, " {way}: found | p50 | p99 | p50 at the first size |").unwrap());
    table.push_str("\n| --- |");
    questions::WAYS.iter().for_each(|_| table.push_str(" --- | --- | --- | --- |"));
    let mut question = "";
    for (answer, at_first) in lists(last).zip(lists(first)) {
        if question != answer.question {
            question = &answer.question;
            write!(table, "\n| {question} |").unwrap();
        }
        write!(table, " {:.0} | {:.1?} | {:.1?} | {:.1?} |", answer.found, answer.p50, answer.p99, at_first.p50)
            .unwrap();
    }
    table.push('\n');
    table
}

/// What the files below `dir` take on the disk.
fn disk_bytes(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() { disk_bytes(&entry.path()) } else { metadata.blocks() * BLOCK_BYTES }
        })
        .sum()
}
