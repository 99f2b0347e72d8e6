//! The files of retention in a data directory, each durable before anything rests on it.
//!
//! ```text
//! retention/{end}.jsonl   snapshots: what stays of the launches that a pruning removed, for ever
//! retention/{end}.plan    the pruning is not finished; a checksum and which records stay
//! ```

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::plan::{Kept, Plan};
use super::snapshot::Snapshot;
use crate::audit::directory::{make_dir, sync_dir};
use crate::ids::Sha256Digest;

/// The directory, which is made when it is first written to.
#[derive(Debug)]
pub(in crate::audit) struct Files {
    dir: PathBuf,
}

/// A plan as it is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PlanFile {
    /// Records below this are removed.
    pub(super) end: u64,
    /// Records that the log had when it was made: the record that says so has this index or a later one.
    pub(super) size: u64,
    /// The file of snapshots that belongs to it.
    pub(super) snapshots_sha256: Sha256Digest,
    /// But these stay.
    pub(super) kept: Kept,
}

impl Files {
    /// Those of the data directory at `path`.
    pub(in crate::audit) fn in_dir(path: &Path) -> Self {
        Self { dir: path.join("retention") }
    }

    /// Where the snapshots of the pruning of the records below `end` are.
    pub(in crate::audit) fn snapshots(&self, end: u64) -> PathBuf {
        self.dir.join(format!("{end:020}.jsonl"))
    }

    fn plan(&self, end: u64) -> PathBuf {
        self.dir.join(format!("{end:020}.plan"))
    }

    /// The end of the last pruning; 0 if there was none.
    pub(in crate::audit) fn last_end(&self) -> io::Result<u64> {
        Ok(self.ends("jsonl")?.pop().unwrap_or(0))
    }

    /// The plans that are not finished, by their ends.
    pub(super) fn plans(&self) -> io::Result<Vec<u64>> {
        self.ends("plan")
    }

    /// Removes what a crash left of a file that was being written.
    pub(super) fn clean(&self) -> io::Result<()> {
        for path in self.list()? {
            if path.extension().is_some_and(|extension| extension == "new") {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Writes a plan down, durably.
    pub(super) fn write_plan(&self, plan: &Plan) -> io::Result<()> {
        let file = PlanFile {
            end: plan.record.end,
            size: plan.size,
            snapshots_sha256: plan.record.snapshots_sha256,
            kept: plan.kept.clone(),
        };
        let body = serde_json::to_vec(&file).map_err(io::Error::from)?;
        let mut text = format!("{:08x} ", crc32c::crc32c(&body)).into_bytes();
        text.extend(body);
        text.push(b'\n');
        self.write(&self.plan(file.end), &text)
    }

    /// Reads the plan of the pruning below `end`.
    ///
    /// # Errors
    /// If it cannot be read, or is not what was written: records are removed by it, so nothing is guessed.
    pub(super) fn read_plan(&self, end: u64) -> io::Result<PlanFile> {
        let path = self.plan(end);
        let text = fs::read_to_string(&path)?;
        let damaged = || {
            let text = format!("{} is damaged: restore it from a backup", path.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        };
        let (checksum, body) = text.trim_end_matches('\n').split_once(' ').ok_or_else(damaged)?;
        if u32::from_str_radix(checksum, 16).ok() != Some(crc32c::crc32c(body.as_bytes())) {
            return Err(damaged());
        }
        let plan: PlanFile = serde_json::from_str(body).map_err(|_| damaged())?;
        if plan.end == end { Ok(plan) } else { Err(damaged()) }
    }

    /// Writes snapshots, durably.
    pub(super) fn write_snapshots(&self, end: u64, snapshots: &[u8]) -> io::Result<()> {
        self.write(&self.snapshots(end), snapshots)
    }

    /// Removes a plan that was carried out.
    pub(super) fn finish(&self, end: u64) -> io::Result<()> {
        remove(&self.plan(end))?;
        sync_dir(&self.dir)
    }

    /// Removes a plan that is not on record, and its snapshots; not those of another plan to the same end,
    /// which may be. The plan goes last: as long as it is there, a start looks at both.
    pub(super) fn discard(&self, plan: &PlanFile) -> io::Result<()> {
        let path = self.snapshots(plan.end);
        match fs::read(&path) {
            Ok(snapshots) if Sha256Digest::of(&snapshots) == plan.snapshots_sha256 => remove(&path)?,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        sync_dir(&self.dir)?;
        self.finish(plan.end)
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        make_dir(&self.dir)?;
        let unfinished = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        sync_dir(&self.dir)
    }

    fn ends(&self, extension: &str) -> io::Result<Vec<u64>> {
        let end = |path: &PathBuf| {
            let is_one = path.extension().is_some_and(|found| found == extension);
            path.file_stem().filter(|_| is_one)?.to_str()?.parse().ok()
        };
        let mut ends: Vec<_> = self.list()?.iter().filter_map(end).collect();
        ends.sort_unstable();
        Ok(ends)
    }

    fn list(&self) -> io::Result<Vec<PathBuf>> {
        match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            items => items?.map(|item| Ok(item?.path())).collect(),
        }
    }
}

/// The lines of snapshots, and how to tell the file.
pub(super) fn lines_of<'a>(snapshots: impl Iterator<Item = &'a Snapshot>) -> (Vec<u8>, Sha256Digest) {
    let mut lines = Vec::new();
    snapshots.for_each(|snapshot| snapshot.write(&mut lines));
    let sha256 = Sha256Digest::of(&lines);
    (lines, sha256)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
