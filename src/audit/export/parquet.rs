//! The log as an Apache Parquet file: one row for each record, with what is asked for most in
//! columns of its own, and the whole leaf beside it.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use ::parquet::basic::{Compression, Encoding};
use ::parquet::data_type::{ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::parser::parse_message_type;
use ::parquet::schema::types::ColumnPath;

use super::Exported;
use crate::audit::topics::instances_of;
use crate::record::{Decision, Entry, Event};

/// The columns, in the order in which a row group is written.
const SCHEMA: &str = "
message gantry_audit_record {
  required int64 index (INTEGER(64, false));
  required fixed_len_byte_array(32) leaf_hash;
  required int64 time (TIMESTAMP(MICROS, true));
  required binary kind (STRING);
  optional binary launch_id (STRING);
  optional binary principal (STRING);
  optional binary account_id (STRING);
  optional binary region (STRING);
  optional binary image_id (STRING);
  optional binary verdict (STRING);
  required group instance_ids (LIST) {
    repeated group list {
      required binary element (STRING);
    }
  }
  required binary leaf (STRING);
}";

/// Of which log, and of what state of it, a file was written. It stands in the file's key-value
/// metadata.
#[derive(Debug, Clone, Copy)]
pub struct LogState<'a> {
    /// The log's origin, as in its checkpoints; key `gantry.origin`.
    pub origin: &'a str,
    /// How many records the log had; key `gantry.size`.
    pub size: u64,
    /// The signed checkpoint of that size, a C2SP signed note; key `gantry.checkpoint`.
    pub checkpoint: &'a str,
}

/// Why a Parquet file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ParquetExportError {
    /// The output failed, or took less than it was given.
    #[error("cannot write Parquet: {0}")]
    Write(#[from] ParquetError),
    /// The leaf of this record is not UTF-8, so it is no leaf of this log.
    #[error("record {0} is not UTF-8")]
    NotText(u64),
}

/// Writes records to a Parquet file, a row group at a time.
///
/// A row group is made in memory before it is written: give it as many records as may be held
/// twice. Readers skip row groups by the least and greatest index and time of each, so records
/// should come in the order of the log. The file is one only after [`ParquetWriter::finish`].
pub struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
}

impl<W: Write + Send> fmt::Debug for ParquetWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetWriter").field("bytes_written", &self.file.bytes_written()).finish_non_exhaustive()
    }
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// If `output` cannot be written to.
    pub fn new(output: W, state: &LogState<'_>) -> Result<Self, ParquetExportError> {
        let schema = parse_message_type(SCHEMA)?;
        let file = SerializedFileWriter::new(output, Arc::new(schema), Arc::new(properties(state)))?;
        Ok(Self { file })
    }

    /// Writes these records as one row group; no records make none.
    ///
    /// # Errors
    /// If the output cannot be written to or a leaf is not text. The file cannot be used then.
    pub fn row_group(&mut self, rows: &[Exported<'_>]) -> Result<(), ParquetExportError> {
        if rows.is_empty() {
            return Ok(());
        }
        if let Some(row) = rows.iter().find(|row| str::from_utf8(row.leaf).is_err()) {
            return Err(ParquetExportError::NotText(row.index));
        }
        let mut group = self.file.next_row_group()?;
        // The bits of an unsigned index are what Parquet keeps in a signed column marked unsigned.
        values::<Int64Type>(&mut group, rows.iter().map(|row| row.index.cast_signed()))?;
        values::<FixedLenByteArrayType>(
            &mut group,
            rows.iter().map(|row| FixedLenByteArray::from(row.leaf_hash.to_vec())),
        )?;
        values::<Int64Type>(&mut group, rows.iter().map(|row| row.entry.time.as_microsecond()))?;
        values::<ByteArrayType>(&mut group, rows.iter().map(|row| text(row.entry.kind().as_str())))?;
        optional(&mut group, rows, |entry| entry.launch_id.map(|id| ByteArray::from(id.to_string().into_bytes())))?;
        optional(&mut group, rows, |entry| entry.principal.as_ref().map(|principal| text(principal.as_str())))?;
        optional(&mut group, rows, |entry| entry.account_id.as_ref().map(|account| text(account.as_str())))?;
        optional(&mut group, rows, |entry| entry.region.as_ref().map(|region| text(region.as_str())))?;
        optional(&mut group, rows, |entry| decision(entry)?.image_id().map(|image| text(image.as_str())))?;
        optional(&mut group, rows, |entry| decision(entry).map(|decision| text(decision.verdict.as_str())))?;
        lists(&mut group, rows)?;
        values::<ByteArrayType>(&mut group, rows.iter().map(|row| ByteArray::from(row.leaf.to_vec())))?;
        group.close()?;
        Ok(())
    }

    /// Writes the footer and gives the output back, flushed but not synced.
    ///
    /// # Errors
    /// If the output cannot be written to.
    pub fn finish(self) -> Result<W, ParquetExportError> {
        Ok(self.file.into_inner()?)
    }
}

fn properties(state: &LogState<'_>) -> WriterProperties {
    let pair = |key: &str, value: String| KeyValue::new(format!("gantry.{key}"), value);
    // Indexes and times grow by little: their differences are what to keep. Hashes and leaves are
    // all different: a dictionary of them would be kept beside the values, and for nothing.
    let (index, time) = (ColumnPath::from("index"), ColumnPath::from("time"));
    let (leaf_hash, leaf) = (ColumnPath::from("leaf_hash"), ColumnPath::from("leaf"));
    WriterProperties::builder()
        .set_created_by(format!("gantry {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::SNAPPY)
        .set_column_dictionary_enabled(index.clone(), false)
        .set_column_encoding(index, Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(time.clone(), false)
        .set_column_encoding(time, Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(leaf_hash.clone(), false)
        .set_column_compression(leaf_hash.clone(), Compression::UNCOMPRESSED)
        .set_column_statistics_enabled(leaf_hash, EnabledStatistics::None)
        .set_column_dictionary_enabled(leaf.clone(), false)
        .set_column_statistics_enabled(leaf, EnabledStatistics::None)
        .set_key_value_metadata(Some(vec![
            pair("origin", state.origin.to_owned()),
            pair("size", state.size.to_string()),
            pair("checkpoint", state.checkpoint.to_owned()),
        ]))
        .build()
}

fn decision(entry: &Entry) -> Option<&Decision> {
    match &entry.event {
        Event::Decision(decision) => Some(decision),
        _ => None,
    }
}

fn text(text: &str) -> ByteArray {
    ByteArray::from(text)
}

/// The next column, which has a value in every row.
fn values<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    values: impl Iterator<Item = T::T>,
) -> Result<(), ParquetError> {
    column::<T>(group, &values.collect::<Vec<_>>(), None, None)
}

/// The next column, which has no value in some rows.
fn optional(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    rows: &[Exported<'_>],
    value: impl Fn(&Entry) -> Option<ByteArray>,
) -> Result<(), ParquetError> {
    let cells: Vec<Option<ByteArray>> = rows.iter().map(|row| value(row.entry)).collect();
    let there: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<ByteArray> = cells.into_iter().flatten().collect();
    column::<ByteArrayType>(group, &values, Some(&there), None)
}

/// The next column, which has any number of values in a row: the instance ids.
fn lists(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    rows: &[Exported<'_>],
) -> Result<(), ParquetError> {
    let (mut values, mut there, mut goes_on) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let before = values.len();
        for id in instances_of(row.entry) {
            goes_on.push(i16::from(before < values.len()));
            there.push(1);
            values.push(text(id.as_str()));
        }
        if values.len() == before {
            goes_on.push(0);
            there.push(0);
        }
    }
    column::<ByteArrayType>(group, &values, Some(&there), Some(&goes_on))
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    values: &[T::T],
    definition_levels: Option<&[i16]>,
    repetition_levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("the schema has fewer columns than are written".to_owned()))?;
    column.typed::<T>().write_batch(values, definition_levels, repetition_levels)?;
    column.close()
}

#[cfg(test)]
mod tests;
