//! A run written down, so that it can be asked again: every call with its answer, in a file of JSON
//! lines.
//!
//! While a sandbox records, its calls are answered one at a time and time stands still during
//! each, so that the order in the file is the order of effects and the time of a line is the time
//! of everything in it. What a caller signed with is not written down; what it asked is, user data
//! included. Faults that a test injects from within the process are not part of a recording.

mod entry;
mod replay;

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;

use super::Sandbox;
use super::actions::Delivery;
use super::calls::By;
use super::cloud::Line;
use super::time::SandboxClock;
use super::wire::query::Query;
use crate::clock::{Clock as _, Timestamp};
use entry::{Credentials, Entry, Form, Outcome};

pub(crate) use entry::{Header, VERSION};
pub use replay::{Difference, ReplayError, ReplayReport, replay};

/// Recordings hold what callers asked, so only their owner reads them.
const FILE_MODE: u32 = 0o600;

/// Why nothing can be recorded.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the recording {}", path.display())]
pub(crate) struct RecordError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The open file of a recording.
#[derive(Debug)]
pub(crate) struct Recorder {
    file: Mutex<Tape>,
}

#[derive(Debug)]
struct Tape {
    path: PathBuf,
    file: File,
    /// A line could not be written: what follows it would not be a recording of this run.
    ended: bool,
}

/// One call as it was asked.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) number: u64,
    pub(crate) time: Timestamp,
    pub(crate) request_id: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) form: &'a [u8],
    /// Absent if the form could not be read.
    pub(crate) query: Option<&'a Query>,
    pub(crate) by: &'a By,
}

/// The right to answer one call, or to change the sandbox from outside EC2, while recording.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    tape: MutexGuard<'a, Tape>,
    clock: &'a SandboxClock,
}

impl Recorder {
    /// Begins a recording of a sandbox that starts with `saved`. A file that exists is left alone:
    /// it may be another run's only recording.
    pub(crate) fn create(path: &Path, header: Header, saved: impl Iterator<Item = Line>) -> Result<Self, RecordError> {
        let failed = |source| RecordError { path: path.to_owned(), source };
        let file = OpenOptions::new().create_new(true).append(true).mode(FILE_MODE).open(path).map_err(failed)?;
        let mut tape = Tape { path: path.to_owned(), file, ended: false };
        tape.write(&Entry::Header(header)).map_err(failed)?;
        for line in saved {
            tape.write(&Entry::Saved { line: &line }).map_err(failed)?;
        }
        Ok(Self { file: Mutex::new(tape) })
    }
}

impl Tape {
    fn write(&mut self, entry: &Entry<&Line>) -> io::Result<()> {
        let mut text = serde_json::to_vec(entry)?;
        text.push(b'\n');
        self.file.write_all(&text)
    }

    /// Adds a line. The call had its effect already, so a line that cannot be written ends the
    /// recording and not the sandbox.
    fn add(&mut self, entry: &Entry<&Line>) {
        if self.ended {
            return;
        }
        if let Err(error) = self.write(entry) {
            self.ended = true;
            tracing::error!(error = &error as &dyn std::error::Error, path = %self.path.display(), "recording ended");
        }
    }
}

impl Sandbox {
    /// Waits for the turn of a call, if this sandbox records. Until it is over, time stands still.
    pub(crate) fn turn(&self) -> Option<Turn<'_>> {
        let recorder = self.shared.recorder.as_ref()?;
        // A panic in a call leaves at worst a call that is not in the recording.
        let tape = recorder.file.lock().unwrap_or_else(PoisonError::into_inner);
        let clock = &*self.shared.clock;
        clock.hold(clock.now());
        Some(Turn { tape, clock })
    }
}

impl Turn<'_> {
    /// Writes down a call.
    pub(crate) fn call(&mut self, asked: &Asked<'_>, delivery: &Delivery) {
        self.tape.add(&Entry::Call {
            number: asked.number,
            time: asked.time,
            request_id: asked.request_id.to_owned(),
            credentials: Credentials::read(asked.headers, asked.query),
            by: asked.by.clone(),
            form: Form::redacted(asked.form),
            answer: Outcome::of(delivery),
        });
    }

    /// Writes down that the plan of faults was replaced; an empty one has none.
    pub(crate) fn faults(&mut self, plan: &str) {
        let time = self.clock.now();
        self.tape.add(&Entry::Faults { time, plan: plan.to_owned() });
    }

    /// Writes down that time jumped.
    pub(crate) fn clock(&mut self, ahead_ms: u64) {
        let time = self.clock.now();
        self.tape.add(&Entry::Clock { time, ahead_ms });
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.clock.release();
    }
}

#[cfg(test)]
mod tests;
