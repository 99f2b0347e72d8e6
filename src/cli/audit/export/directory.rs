//! Exports of a data directory, whether a server has it open or not.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use super::Format;
use crate::audit::export::Exported;
use crate::audit::export::ocsf::{LogOrigin, event};
use crate::audit::export::parquet::{LogState, ParquetWriter};
use crate::audit::export::tiles;
use crate::audit::{OfflineLeaf, OfflineLog, Record};
use crate::cli::failure::Failure;
use crate::clock::Timestamp;

/// Records of a row group of Parquet; about as many as a segment of the journal has.
const ROW_GROUP_RECORDS: usize = 100_000;

/// Bytes of leaves of a row group: it is made in memory.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// Indexes from `from` on and before `to`, and of those the records of a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
}

/// Writes an export, and says in a sentence what it holds.
pub(super) fn export(dir: &Path, range: &Range, format: Format, out: &Path) -> Result<String, Failure> {
    let log = crate::cli::audit::log_in(dir)?;
    match format {
        Format::Jsonl | Format::Ocsf => lines(&log, range, format, out),
        Format::Parquet => parquet(&log, range, out),
        Format::Tiles => tiles_of(&log, out),
    }
}

/// Where lines go: a file, or stdout for `-`.
pub(super) fn lines_to(out: &Path) -> io::Result<Box<dyn Write + Send>> {
    if out.as_os_str() == "-" {
        return Ok(Box::new(BufWriter::new(io::stdout())));
    }
    Ok(Box::new(BufWriter::new(File::create(out)?)))
}

fn lines(log: &Arc<OfflineLog>, range: &Range, format: Format, out: &Path) -> Result<String, Failure> {
    let mut file = lines_to(out)?;
    let origin = LogOrigin {
        log_id: log.log_id(),
        origin: log.origin(),
        version: env!("CARGO_PKG_VERSION"),
        sandbox: log.owner().sandbox,
    };
    let mut count = Count::from(range.from);
    for row in rows(log, range) {
        let Some(row) = count.row(row?) else { continue };
        match format {
            Format::Ocsf => serde_json::to_writer(&mut file, &event(&Exported::from(&row), &origin))?,
            Format::Jsonl | Format::Parquet | Format::Tiles => file.write_all(&row.leaf)?,
        }
        file.write_all(b"\n")?;
    }
    file.flush()?;
    Ok(count.sentence())
}

fn parquet(log: &Arc<OfflineLog>, range: &Range, out: &Path) -> Result<String, Failure> {
    let checkpoint = String::from_utf8_lossy(&log.checkpoint().note).into_owned();
    let state = LogState { origin: log.origin(), size: log.checkpoint().size, checkpoint: &checkpoint };
    let mut writer = ParquetWriter::new(BufWriter::new(File::create(out)?), &state)?;
    let mut count = Count::from(range.from);
    let (mut group, mut bytes) = (Vec::new(), 0);
    for row in rows(log, range) {
        let Some(row) = count.row(row?) else { continue };
        bytes += row.leaf.len();
        group.push(row);
        if ROW_GROUP_RECORDS <= group.len() || ROW_GROUP_BYTES <= bytes {
            writer.row_group(&group.iter().map(Exported::from).collect::<Vec<_>>())?;
            group.clear();
            bytes = 0;
        }
    }
    writer.row_group(&group.iter().map(Exported::from).collect::<Vec<_>>())?;
    writer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(count.sentence())
}

fn tiles_of(log: &Arc<OfflineLog>, out: &Path) -> Result<String, Failure> {
    std::fs::create_dir_all(out)?;
    let checkpoint = log.checkpoint();
    // Bundles that are there are not asked for, so there may be gaps, which are read over.
    let mut leaves = log.leaves(0..u64::MAX);
    let leaf = |index: u64| loop {
        match leaves.next() {
            Some(Ok((at, OfflineLeaf::Kept(leaf)))) if at == index => return Ok(Some(leaf)),
            Some(Ok((at, OfflineLeaf::Pruned(_)))) if at == index => return Ok(None),
            Some(Ok((at, _))) if at < index => {}
            Some(Err(error)) => return Err(error),
            Some(Ok(_)) | None => return Err(crate::audit::OfflineError::Damaged { index }),
        }
    };
    let report = tiles::write(out, checkpoint.size, log.hashes(), leaf, &checkpoint.note)?;
    let mut sentence = format!(
        "{} records in {}: {} tiles and {} bundles written",
        checkpoint.size,
        out.display(),
        report.tiles_written,
        report.bundles_written
    );
    if 0 < report.bundles_missing {
        sentence += &format!("; {} bundles lack records that retention has removed", report.bundles_missing);
    }
    Ok(sentence)
}

/// The records of a range: none where retention has removed one or the time is another.
fn rows<'a>(log: &Arc<OfflineLog>, range: &'a Range) -> impl Iterator<Item = Result<Read, Failure>> + 'a {
    log.leaves(range.from..range.to).map(|leaf| {
        let (index, leaf) = leaf?;
        let OfflineLeaf::Kept(leaf) = leaf else { return Ok(Read::Pruned(index)) };
        let record = Record::read(index, leaf)?;
        let time = record.entry.time;
        let is_wanted = range.since.is_none_or(|since| since <= time) && range.until.is_none_or(|until| time < until);
        if !is_wanted {
            return Ok(Read::Other(index));
        }
        Ok(Read::Wanted(Box::new(record)))
    })
}

enum Read {
    Wanted(Box<Record>),
    /// Of a time that was not asked for.
    Other(u64),
    Pruned(u64),
}

/// What was exported so far.
struct Count {
    records: u64,
    pruned: u64,
    next: u64,
}

impl Count {
    fn from(next: u64) -> Self {
        Self { records: 0, pruned: 0, next }
    }

    fn row(&mut self, read: Read) -> Option<Record> {
        match read {
            Read::Wanted(row) => {
                self.records += 1;
                self.next = row.index + 1;
                Some(*row)
            }
            Read::Other(index) => {
                self.next = index + 1;
                None
            }
            Read::Pruned(index) => {
                self.pruned += 1;
                self.next = index + 1;
                None
            }
        }
    }

    fn sentence(&self) -> String {
        let pruned = match self.pruned {
            0 => String::new(),
            pruned => format!(", {pruned} left out that retention has removed"),
        };
        format!("{} records written{pruned}; the next index is {}", self.records, self.next)
    }
}
