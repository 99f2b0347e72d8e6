//! What leaves the audit log: the record as it is given to each format, and the plainest of them.
//!
//! - JSON Lines: the leaves themselves, byte for byte.
//! - [`ocsf`]: events for a SIEM.
//! - [`parquet`]: columns for analysis.
//! - [`tiles`]: the whole log for anybody's verifier.
//!
//! Nothing here reads the log. It is given records and writes them.

use std::io::{self, Write};

use super::Record;
use crate::record::Entry;

pub mod ocsf;
pub mod parquet;
pub mod tiles;

/// One record, on its way out.
#[derive(Debug, Clone, Copy)]
pub struct Exported<'a> {
    /// Its index in the log.
    pub index: u64,
    /// The exact bytes of the leaf.
    pub leaf: &'a [u8],
    /// RFC 6962 leaf hash: SHA-256 over a zero byte and the leaf.
    pub leaf_hash: [u8; 32],
    /// What the leaf says.
    pub entry: &'a Entry,
}

impl<'a> From<&'a Record> for Exported<'a> {
    fn from(record: &'a Record) -> Self {
        Self { index: record.index, leaf: &record.leaf, leaf_hash: record.leaf_hash, entry: &record.entry }
    }
}

/// Writes the leaf and a line end. A leaf is one line of JSON, so the leaf hash is that of the
/// line without its end.
///
/// # Errors
/// Those of `output`.
pub fn write_json_line(output: &mut impl Write, record: &Exported<'_>) -> io::Result<()> {
    output.write_all(record.leaf)?;
    output.write_all(b"\n")
}

#[cfg(test)]
mod tests;
