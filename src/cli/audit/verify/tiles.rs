//! Leaves from a directory of tiles (c2sp.org/tlog-tiles), whoever wrote it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::audit::verify::{Leaf, Leaves, SourceFault};
use crate::cli::failure::Failure;

/// Leaves in a bundle, and hashes in a tile.
const TILE_WIDTH: u64 = 256;

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Bytes of a full tile, and of a bundle at most.
const TILE_BYTES: u64 = TILE_WIDTH * HASH_BYTES as u64;
const BUNDLE_BYTES_MAX: u64 = TILE_WIDTH * (2 + u16::MAX as u64);

/// The checkpoint of the tiles in `dir`, and the leaves of as many records as it states.
pub(super) fn open(dir: &Path) -> Result<(Vec<u8>, Box<dyn Leaves + Send>), Failure> {
    let path = dir.join("checkpoint");
    let checkpoint =
        read(&path, super::FILE_BYTES_MAX).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
    // The second line of a checkpoint. What it says is verified with the rest.
    let text = String::from_utf8_lossy(&checkpoint);
    let size = text.lines().nth(1).and_then(|line| line.parse().ok());
    let size = size.ok_or_else(|| anyhow::anyhow!("{} is no checkpoint", path.display()))?;
    Ok((checkpoint, Box::new(Tiles { dir: dir.to_owned(), size, bundle: 0 })))
}

struct Tiles {
    dir: PathBuf,
    size: u64,
    /// The bundle that is read next.
    bundle: u64,
}

impl Leaves for Tiles {
    fn next_batch(&mut self) -> Result<Vec<Leaf>, SourceFault> {
        let first = self.bundle.saturating_mul(TILE_WIDTH);
        if self.size <= first {
            return Ok(Vec::new());
        }
        let width = (self.size - first).min(TILE_WIDTH);
        let fault = |reason: String| SourceFault { index: Some(first), reason };
        let entries = tile_path("tile/entries", self.bundle, width);
        let leaves = match read(&self.dir.join(&entries), BUNDLE_BYTES_MAX) {
            Ok(bytes) => {
                leaves(&bytes, width).ok_or_else(|| fault(format!("{entries} is no bundle of {width} records")))?
            }
            // Without the records there are their hashes.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let tile = tile_path("tile/0", self.bundle, width);
                let bytes =
                    read(&self.dir.join(&tile), TILE_BYTES).map_err(|error| fault(format!("{tile}: {error}")))?;
                hashes(&bytes, width).ok_or_else(|| fault(format!("{tile} is no tile of {width} hashes")))?
            }
            Err(error) => return Err(fault(format!("{entries}: {error}"))),
        };
        self.bundle += 1;
        Ok(leaves)
    }
}

/// The beginning of a file, one byte more than it may have: a longer one is then seen not to fit.
fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Each leaf after its length in two bytes, most significant first.
fn leaves(mut bytes: &[u8], width: u64) -> Option<Vec<Leaf>> {
    let mut leaves = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (leaf, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        leaves.push(Leaf::Kept(leaf.to_vec()));
        bytes = rest;
    }
    (bytes.is_empty() && leaves.len() as u64 == width).then_some(leaves)
}

fn hashes(bytes: &[u8], width: u64) -> Option<Vec<Leaf>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    (rest.is_empty() && hashes.len() as u64 == width).then(|| hashes.iter().map(|hash| Leaf::NotHeld(*hash)).collect())
}

/// The path of a tile: its number in groups of three digits, all but the last after an `x`; of one that is
/// not full, its width.
fn tile_path(kind: &str, number: u64, width: u64) -> String {
    let mut groups = format!("{:03}", number % 1000);
    let mut rest = number / 1000;
    while 0 < rest {
        groups = format!("x{:03}/{groups}", rest % 1000);
        rest /= 1000;
    }
    let partial = if width < TILE_WIDTH { format!(".p/{width}") } else { String::new() };
    format!("{kind}/{groups}{partial}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(tile_path("tile/0", 0, 256), "tile/0/000");
        assert_eq!(tile_path("tile/entries", 1_234_067, 256), "tile/entries/x001/x234/067");
        assert_eq!(tile_path("tile/entries", 999, 5), "tile/entries/999.p/5");
        assert_eq!(tile_path("tile/0", 1000, 255), "tile/0/x001/000.p/255");
    }
}
