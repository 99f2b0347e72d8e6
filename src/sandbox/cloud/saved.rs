//! The cloud on disk: a file of JSON lines, so that a restarted sandbox finds its instances.
//!
//! A change is written before it is answered. It is not synced: the sandbox promises to survive a
//! killed process, not a lost power supply. The last line about a thing wins; a torn last line is
//! a change that was never answered, and is dropped.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Instance, KeyPair, LaunchTemplate, Tags, TemplateVersion, Token, TokenKey};
use crate::sandbox::callers::Session;
use crate::sandbox::images::allowed::AllowedImages;
use crate::sandbox::images::changes::ImageChange;

const FILE: &str = "cloud.jsonl";
const LOCK: &str = "cloud.lock";
/// The file is not written anew below this many bytes: it does no harm.
const COMPACT_BYTES_MIN: u64 = 64 * 1024 * 1024;
/// It is written anew once it is so many times what was left the last time. So writing everything
/// costs at most a third of what the changes cost, however much there is.
const COMPACT_GROWTH: u64 = 4;

/// Why the saved cloud cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SavedError {
    /// Another process has it open.
    #[error("the sandbox's state directory {0} is in use by another sandbox")]
    InUse(PathBuf),
    /// The directory cannot be read or written.
    #[error("cannot use the sandbox's state file {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line in the middle is not a change: the file was damaged or comes from elsewhere.
    #[error("the sandbox's state file {path} cannot be read at line {line}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

/// One change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(crate) enum Line {
    /// A launch with all its instances, so that a torn line leaves all of it or nothing.
    Launch {
        region: String,
        token: Option<(TokenKey, Token)>,
        instances: Vec<Instance>,
        tags: BTreeMap<String, Tags>,
        launches: u64,
    },
    /// Instances as they now are.
    Instances { region: String, instances: Vec<Instance> },
    /// All tags of a resource.
    Tags { region: String, resource: String, tags: Tags },
    /// A launch template as it now is, with the versions that are new or gone.
    LaunchTemplate {
        region: String,
        template: LaunchTemplate,
        versions: Vec<TemplateVersion>,
        deleted: Vec<u64>,
        /// Those that a new one comes with.
        #[serde(default, skip_serializing_if = "Tags::is_empty")]
        tags: Tags,
    },
    /// A launch template is deleted.
    LaunchTemplateGone { region: String, id: String },
    /// A key pair.
    KeyPair {
        region: String,
        pair: KeyPair,
        /// Those that a new one comes with.
        #[serde(default, skip_serializing_if = "Tags::is_empty")]
        tags: Tags,
    },
    /// A key pair is deleted.
    KeyPairGone { region: String, name: String },
    /// Everything that an image's owner has changed about it.
    Image { region: String, image: String, changes: ImageChange },
    /// The account's Allowed AMIs settings.
    AllowedImages { region: String, settings: AllowedImages },
    /// How far ids have been given out.
    Counters {
        region: String,
        launched: u64,
        launches: u64,
        #[serde(default)]
        templates: u64,
        #[serde(default)]
        key_pairs: u64,
    },
    /// A session of a role began.
    Session { session: Session },
    /// How far the sandbox's time is ahead of its clock, in milliseconds.
    Clock { ahead_ms: u64 },
}

impl Line {
    /// The account's part of a Region that it belongs to, see `zones::place`; none for what is the whole sandbox's.
    pub(crate) fn region(&self) -> &str {
        match self {
            Self::Launch { region, .. }
            | Self::Instances { region, .. }
            | Self::Tags { region, .. }
            | Self::LaunchTemplate { region, .. }
            | Self::LaunchTemplateGone { region, .. }
            | Self::KeyPair { region, .. }
            | Self::KeyPairGone { region, .. }
            | Self::Image { region, .. }
            | Self::AllowedImages { region, .. }
            | Self::Counters { region, .. } => region,
            Self::Session { .. } | Self::Clock { .. } => "",
        }
    }
}

/// The open file.
#[derive(Debug)]
pub(crate) struct Saved {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines in it.
    length: u64,
    /// From this length on it is to be written anew.
    due_from: u64,
    /// Lines of Regions that are not served this time, which are kept as they are.
    unserved: Vec<Line>,
    /// Held as long as this sandbox lives.
    _lock: File,
}

impl Saved {
    /// Opens `directory`, making it if need be, and reads what is there.
    pub(crate) fn open(directory: &Path) -> Result<(Self, Vec<Line>), SavedError> {
        let path = directory.join(FILE);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| SavedError::Io { path, source }
        };
        fs::create_dir_all(directory).map_err(failed(directory))?;
        let lock_path = directory.join(LOCK);
        let lock = File::create(&lock_path).map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SavedError::InUse(directory.to_owned())),
            Err(TryLockError::Error(source)) => return Err(SavedError::Io { path: lock_path, source }),
        }
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(SavedError::Io { path, source }),
        };
        let lines = read_lines(&path, &text)?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed(&path))?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let length = u64::try_from(whole).unwrap_or(u64::MAX);
        // What follows the last line break was cut off while being written.
        file.set_len(length).map_err(failed(&path))?;
        Ok((Self { path, file, length, due_from: COMPACT_BYTES_MIN, unserved: Vec::new(), _lock: lock }, lines))
    }

    /// Keeps lines that belong to none of the Regions served, for the next sandbox that serves them.
    pub(crate) fn keep(&mut self, unserved: Vec<Line>) {
        self.unserved = unserved;
    }

    /// Whether the file has grown so much that [`Self::compact`] is worth its time.
    pub(crate) fn is_due(&self) -> bool {
        self.length >= self.due_from
    }

    /// Lets the file be due from so few bytes on.
    #[cfg(test)]
    pub(crate) fn set_due_from(&mut self, bytes: u64) {
        self.due_from = bytes;
    }

    /// Writes the file anew with only what matters, and atomically takes the old one's place. If
    /// that fails, the old one stays in use and is not due again before it has doubled.
    pub(crate) fn compact(&mut self, lines: impl Iterator<Item = Line>) -> Result<(), SavedError> {
        let beside = self.path.with_extension("jsonl.new");
        let write = || -> io::Result<(File, u64)> {
            // What a sandbox that was killed here has left.
            File::create(&beside)?;
            let mut file = BufWriter::new(OpenOptions::new().append(true).open(&beside)?);
            let mut length = 0;
            let mut text = Vec::new();
            let mut add = |line: &Line| {
                text.clear();
                serde_json::to_writer(&mut text, line)?;
                text.push(b'\n');
                length += u64::try_from(text.len()).unwrap_or(0);
                file.write_all(&text)
            };
            self.unserved.iter().try_for_each(&mut add)?;
            lines.into_iter().try_for_each(|line| add(&line))?;
            let file = file.into_inner()?;
            fs::rename(&beside, &self.path)?;
            Ok((file, length))
        };
        match write() {
            Ok((file, length)) => {
                self.file = file;
                self.length = length;
                self.due_from = length.saturating_mul(COMPACT_GROWTH).max(COMPACT_BYTES_MIN);
                Ok(())
            }
            Err(source) => {
                self.due_from = self.length.saturating_mul(2);
                Err(self.failed(source))
            }
        }
    }

    /// Appends one change. On failure nothing of it may be applied.
    pub(crate) fn append(&mut self, line: &Line) -> Result<(), SavedError> {
        let mut text = serde_json::to_vec(line).map_err(|source| self.failed(source.into()))?;
        text.push(b'\n');
        // Half a line of an earlier failure would spoil the lines after it.
        let write = |file: &mut File, length| file.set_len(length).and_then(|()| file.write_all(&text));
        write(&mut self.file, self.length).map_err(|source| self.failed(source))?;
        self.length += u64::try_from(text.len()).unwrap_or(0);
        Ok(())
    }

    fn failed(&self, source: io::Error) -> SavedError {
        SavedError::Io { path: self.path.clone(), source }
    }
}

fn read_lines(path: &Path, text: &[u8]) -> Result<Vec<Line>, SavedError> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = serde_json::from_slice(&rest[..end]).map_err(|source| SavedError::Malformed {
            path: path.to_owned(),
            line: lines.len() + 1,
            source,
        })?;
        lines.push(line);
        rest = &rest[end + 1..];
    }
    Ok(lines)
}
