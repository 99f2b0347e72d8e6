//! Asks a recording again, and compares.
//!
//! The sandbox that answers is a fresh one with the options of the recording; its time is that of
//! each line. Nothing is saved and nothing waits.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entry::{Entry, Form, Header, Outcome, VERSION};
use crate::clock::SimClock;
use crate::sandbox::cloud::Line;
use crate::sandbox::{Options, Plan, PlanErrors, Sandbox, SandboxError};

/// What a replay found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// Calls in the recording.
    pub calls: u64,
    /// Those that were answered as they had been, to the byte.
    pub equal: u64,
    /// The first that was not.
    pub first_difference: Option<Difference>,
    /// Whether the recording's last line was cut off, and left out.
    pub torn: bool,
}

/// A call that was answered differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The call's number in the recording.
    pub call: u64,
    /// What it asked.
    pub asked: String,
    /// What the recording says.
    pub recorded: String,
    /// What the replay answered.
    pub answered: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, asked, recorded, answered } = self;
        write!(f, "call {call} differs\n  asked:    {asked}\n  recorded: {recorded}\n  answered: {answered}")
    }
}

impl fmt::Display for ReplayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let torn = if self.torn { "; the last line was cut off and is left out" } else { "" };
        write!(f, "{} of {} calls answered as recorded{torn}", self.equal, self.calls)
    }
}

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read.
    #[error("cannot read the recording {}", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// It does not begin with what the sandbox was made with.
    #[error("{} is not a recording of a sandbox", .0.display())]
    NotARecording(PathBuf),
    /// A later Gantry wrote it.
    #[error("the recording has version {0}, and this Gantry reads up to {VERSION}")]
    Version(u32),
    /// A line that is whole and yet none of a recording.
    #[error("the recording is damaged at line {0}")]
    Damaged(usize, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// Its plan of faults is none.
    #[error("the recording's fault plan at line {0} cannot be used")]
    Faults(usize, #[source] PlanErrors),
    /// No sandbox can be made as it says.
    #[error("the recorded sandbox cannot be opened")]
    Sandbox(#[from] SandboxError),
}

/// Replays the recording at `path`. Blocks for as long as the answers take.
///
/// # Errors
/// If the recording cannot be read; an answer that differs is no error but in the report.
pub fn replay(path: &Path) -> Result<ReplayReport, ReplayError> {
    let unreadable = |error| ReplayError::Unreadable(path.to_owned(), error);
    let mut lines = Lines { file: BufReader::new(File::open(path).map_err(unreadable)?), number: 0, torn: false };
    let Some(first) = lines.next().map_err(unreadable)? else {
        return Err(ReplayError::NotARecording(path.to_owned()));
    };
    let header = header(&first).ok_or_else(|| ReplayError::NotARecording(path.to_owned()))??;
    let plan = header.faults.as_deref().map(|text| Plan::parse(text).map_err(|error| ReplayError::Faults(1, error)));
    let clock = SimClock::new(header.started);
    let sandbox = Sandbox::open(
        Options {
            regions: header.regions,
            accounts: header.accounts,
            images: header.images,
            speed: header.speed,
            seed: header.seed,
            faults: plan.transpose()?,
            ..Options::default()
        },
        Arc::new(clock),
    )?;
    let mut report = ReplayReport::default();
    while let Some(text) = lines.next().map_err(unreadable)? {
        let entry: Entry<Line> =
            serde_json::from_slice(&text).map_err(|error| ReplayError::Damaged(lines.number, error.into()))?;
        step(&sandbox, entry, lines.number, &mut report)?;
    }
    report.torn = lines.torn;
    Ok(report)
}

/// Reads the first line: nothing if it is no header, or the error that its version is too new.
fn header(text: &[u8]) -> Option<Result<Header, ReplayError>> {
    // A later version may have other fields, so its number is read first and alone.
    let version: u32 =
        serde_json::from_slice::<serde_json::Value>(text).ok()?.get("version")?.as_u64()?.try_into().ok()?;
    if version > VERSION {
        return Some(Err(ReplayError::Version(version)));
    }
    match serde_json::from_slice(text) {
        Ok(Entry::<Line>::Header(header)) => Some(Ok(header)),
        Ok(_) | Err(_) => None,
    }
}

/// Does again what one line says was done.
fn step(sandbox: &Sandbox, entry: Entry<Line>, line: usize, report: &mut ReplayReport) -> Result<(), ReplayError> {
    let damaged = |what: &str| ReplayError::Damaged(line, what.into());
    match entry {
        Entry::Header(_) => return Err(damaged("a second header")),
        Entry::Saved { line } => sandbox.restore(line),
        Entry::Call { number, time, request_id, credentials, by: _, form, answer: recorded } => {
            sandbox.shared.clock.hold(time);
            let bytes = form.bytes().ok_or_else(|| damaged("a form that is no hexadecimal"))?;
            let answered = Outcome::of(&sandbox.ask(&credentials.headers(), &bytes, &request_id));
            report.calls += 1;
            if answered == recorded {
                report.equal += 1;
            } else if report.first_difference.is_none() {
                let (Form::Text(asked) | Form::Hex(asked)) = form;
                let (recorded, answered) = (recorded.to_string(), answered.to_string());
                report.first_difference = Some(Difference { call: number, asked, recorded, answered });
            }
        }
        Entry::Faults { time, plan } => {
            sandbox.shared.clock.hold(time);
            sandbox.plan_faults(Plan::parse(&plan).map_err(|error| ReplayError::Faults(line, error))?);
        }
        // The lines that follow have the new time.
        Entry::Clock { .. } => {}
    }
    Ok(())
}

/// The whole lines of a file.
struct Lines {
    file: BufReader<File>,
    /// Of the line read last, from 1.
    number: usize,
    /// Whether the file ended within a line.
    torn: bool,
}

impl Lines {
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut text = Vec::new();
        self.file.read_until(b'\n', &mut text)?;
        self.number += 1;
        if text.pop_if(|last| *last == b'\n').is_some() {
            return Ok(Some(text));
        }
        self.torn = !text.is_empty();
        Ok(None)
    }
}
