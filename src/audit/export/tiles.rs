//! The whole log as a directory of files after C2SP tlog-tiles (c2sp.org/tlog-tiles v0.1.0), which
//! anybody's verifier can read, from a disk or behind a plain web server.
//!
//! ```text
//! checkpoint             the signed note that says size and root
//! tile/<L>/<N>           256 hashes of level 8·L of the tree
//! tile/entries/<N>       the 256 leaves under tile/0/<N>, each after its length in two bytes
//! ….p/<W>                the last of each, as long as it has only W
//! ```
//!
//! `<N>` is written in groups of three digits, all but the last after an `x`: `x001/x234/067`.

use std::error::Error;
use std::path::Path;

use signed_note::Note;
use tlog_tiles::{Checkpoint, HASH_SIZE, Hash, HashReader, Tile, record_hash, tree_hash};

use self::files::TileFiles;

mod files;

/// Height of a tile: it holds the hashes of 2⁸ nodes.
const TILE_HEIGHT: u8 = 8;

/// The most hashes in a tile, and leaves in a bundle.
const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;

/// Why a log could not be written as tiles. What was written stays and is taken up by the next
/// export; the checkpoint is the one from before, or none.
#[derive(Debug, thiserror::Error)]
pub enum TilesError {
    /// A file could not be read or written.
    #[error("cannot write tiles: {0}")]
    Io(#[from] std::io::Error),
    /// The stored hashes could not be read.
    #[error("cannot read the hashes of the log: {0}")]
    Hashes(tlog_tiles::Error),
    /// A leaf could not be read.
    #[error("cannot read record {index}: {source}")]
    Leaf {
        /// Its index.
        index: u64,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A leaf is longer than the 65,535 bytes that a bundle has room for.
    #[error("record {0} is longer than 65535 bytes")]
    LeafTooLong(u64),
    /// A leaf is not the one that the log has the hash of.
    #[error("record {0} is not the one that was logged")]
    OtherLeaf(u64),
    /// The checkpoint is none, or one of another size or root than the hashes have.
    #[error("the checkpoint is not that of the {0} records to export")]
    OtherCheckpoint(u64),
    /// The directory holds tiles or a checkpoint of another log.
    #[error("{0} belongs to another log")]
    OtherLog(String),
    /// The directory holds a later state of the log.
    #[error("the directory has {0} records already")]
    Behind(u64),
}

/// What an export did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TilesReport {
    /// Hash tiles written.
    pub tiles_written: u64,
    /// Entry bundles written.
    pub bundles_written: u64,
    /// Entry bundles that the directory lacks, because retention took a leaf of theirs. Proofs can
    /// be made all the same.
    pub bundles_missing: u64,
}

/// Writes the first `size` records of a log into `directory`, and last `checkpoint`.
///
/// `leaf` gives the leaf with an index, or none if its payload was pruned. It is asked in order,
/// and not at all for bundles that are there already. No more than one bundle is in memory.
///
/// Full tiles and bundles that are there are left alone, so the next export of a log that grew
/// writes what is new, and an interrupted one is gone on with. Partial ones go once the full one is
/// there, as the specification allows. Only one export may write into a directory at a time.
///
/// # Errors
/// If the log or the directory cannot be read or written, or do not belong together.
pub fn write<E: Into<Box<dyn Error + Send + Sync>>>(
    directory: &Path,
    size: u64,
    hashes: &dyn HashReader,
    mut leaf: impl FnMut(u64) -> Result<Option<Vec<u8>>, E>,
    checkpoint: &[u8],
) -> Result<TilesReport, TilesError> {
    let hashes = Stored(hashes);
    check(directory, size, &hashes, checkpoint)?;
    let mut files = TileFiles::new(directory);
    let mut report = TilesReport::default();
    let mut level = 0;
    // Level by level, each from the left. A full tile stands for one hash of the next level.
    loop {
        let nodes = size.checked_shr(u32::from(TILE_HEIGHT) * u32::from(level)).unwrap_or(0);
        if nodes == 0 {
            break;
        }
        for number in 0..nodes.div_ceil(TILE_WIDTH) {
            let width = (nodes - number * TILE_WIDTH).min(TILE_WIDTH);
            let tile = tile(level, number, width);
            let data = tile.read_data(&hashes).map_err(TilesError::Hashes)?;
            let path = path(&level.to_string(), number, width);
            let there = match files.read(&path)? {
                Some(old) if old == data => true,
                Some(_) => return Err(TilesError::OtherLog(path)),
                None => false,
            };
            // The bundle is written first: a tile that is there vouches for the bundle beside it.
            if level == 0 {
                bundle(&mut files, number, &data, there, &mut leaf, &mut report)?;
            }
            if !there {
                files.write(&path, &data)?;
                report.tiles_written += 1;
            }
        }
        level += 1;
    }
    files.sync()?;
    files.write("checkpoint", checkpoint)?;
    files.sync()?;
    Ok(report)
}

/// Writes the bundle of the leaves whose hashes are in `tile`, if it is not there.
fn bundle<E: Into<Box<dyn Error + Send + Sync>>>(
    files: &mut TileFiles<'_>,
    number: u64,
    tile: &[u8],
    tile_there: bool,
    leaf: &mut impl FnMut(u64) -> Result<Option<Vec<u8>>, E>,
    report: &mut TilesReport,
) -> Result<(), TilesError> {
    let (hashes, _) = tile.as_chunks::<HASH_SIZE>();
    let path = path("entries", number, hashes.len() as u64);
    if tile_there && files.has(&path)? {
        return Ok(());
    }
    let mut bytes = Vec::new();
    for (index, hash) in (number * TILE_WIDTH..).zip(hashes) {
        let leaf = leaf(index).map_err(|error| TilesError::Leaf { index, source: error.into() })?;
        let Some(leaf) = leaf else {
            report.bundles_missing += 1;
            return Ok(());
        };
        if record_hash(&leaf) != Hash(*hash) {
            return Err(TilesError::OtherLeaf(index));
        }
        let length = u16::try_from(leaf.len()).map_err(|_| TilesError::LeafTooLong(index))?;
        bytes.extend(length.to_be_bytes());
        bytes.extend(leaf);
    }
    files.write(&path, &bytes)?;
    report.bundles_written += 1;
    Ok(())
}

/// Whether the checkpoint is that of these hashes, and the directory's, if it has one, an earlier
/// one of the same log.
fn check(directory: &Path, size: u64, hashes: &Stored<'_>, checkpoint: &[u8]) -> Result<(), TilesError> {
    let root = |size| tree_hash(size, hashes).map_err(TilesError::Hashes);
    let new = read_checkpoint(checkpoint).ok_or(TilesError::OtherCheckpoint(size))?;
    if new.size() != size || *new.hash() != root(size)? {
        return Err(TilesError::OtherCheckpoint(size));
    }
    let Some(old) = TileFiles::new(directory).read("checkpoint")? else {
        return Ok(());
    };
    let other_log = || TilesError::OtherLog("checkpoint".to_owned());
    let old = read_checkpoint(&old).ok_or_else(other_log)?;
    if old.origin() != new.origin() {
        return Err(other_log());
    }
    if size < old.size() {
        return Err(TilesError::Behind(old.size()));
    }
    if *old.hash() == root(old.size())? { Ok(()) } else { Err(other_log()) }
}

fn read_checkpoint(note: &[u8]) -> Option<Checkpoint> {
    Checkpoint::from_bytes(Note::from_bytes(note).ok()?.text()).ok()
}

fn tile(level: u8, number: u64, width: u64) -> Tile {
    let width = u32::try_from(width).expect("a width is at most 256");
    Tile::new(TILE_HEIGHT, level, number, width, false)
}

/// The path of a tile or, for `entries` as level, of a bundle.
fn path(level: &str, number: u64, width: u64) -> String {
    let mut digits = format!("{:03}", number % 1000);
    let mut rest = number / 1000;
    while rest != 0 {
        digits = format!("x{:03}/{digits}", rest % 1000);
        rest /= 1000;
    }
    let partial = if width < TILE_WIDTH { format!(".p/{width}") } else { String::new() };
    format!("tile/{level}/{digits}{partial}")
}

/// A hash reader that keeps to its contract: tlog_tiles panics over one that does not.
struct Stored<'a>(&'a dyn HashReader);

impl HashReader for Stored<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let hashes = self.0.read_hashes(indexes)?;
        if hashes.len() == indexes.len() { Ok(hashes) } else { Err(tlog_tiles::Error::BadMath) }
    }
}

#[cfg(test)]
mod tests;
