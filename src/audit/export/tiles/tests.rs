//! That an exported directory is the log: read back through tlog_tiles' own verifying reader.

use std::cell::RefCell;
use std::fs;

use proptest::prelude::*;
use signed_note::StandardSigner;
use tlog_tiles::{EMPTY_HASH, TileHashReader, TileReader, prove_record, stored_hash_index, stored_hashes};

use super::*;

const ORIGIN: &str = "gantry.example/audit";

/// A log in memory.
#[derive(Default)]
struct Log {
    leaves: Vec<Vec<u8>>,
    hashes: Vec<Hash>,
}

impl HashReader for Log {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let hash = |&index: &u64| self.hashes.get(usize::try_from(index).unwrap()).copied();
        indexes.iter().map(hash).collect::<Option<_>>().ok_or(tlog_tiles::Error::IndexesNotInTree)
    }
}

impl Log {
    fn of(size: u64, word: &str) -> Self {
        let mut log = Self::default();
        for index in 0..size {
            let leaf = format!("{{\"{word}\":{index}}}").into_bytes();
            let hashes = stored_hashes(index, &leaf, &log).unwrap();
            log.hashes.extend(hashes);
            log.leaves.push(leaf);
        }
        log
    }

    fn checkpoint(&self, size: u64) -> Vec<u8> {
        let text = Checkpoint::new(ORIGIN, size, tree_hash(size, self).unwrap(), "").unwrap().to_bytes();
        let mut note = Note::new(&text, &[]).unwrap();
        note.add_sigs(&[&signer()]).unwrap();
        note.to_bytes()
    }

    fn leaf(&self, index: u64) -> Result<Option<Vec<u8>>, std::io::Error> {
        Ok(Some(self.leaves[usize::try_from(index).unwrap()].clone()))
    }

    fn export(&self, directory: &Path, size: u64) -> Result<TilesReport, TilesError> {
        write(directory, size, self, |index| self.leaf(index), &self.checkpoint(size))
    }
}

fn signer() -> StandardSigner {
    use base64::prelude::{BASE64_STANDARD, Engine};
    let seed = [7; 32];
    let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
    let typed = |key: &[u8; 32]| [&[1], key.as_slice()].concat();
    let id = signed_note::key_id(ORIGIN, &typed(public.as_bytes()));
    StandardSigner::new(&format!("PRIVATE+KEY+{ORIGIN}+{id:08x}+{}", BASE64_STANDARD.encode(typed(&seed)))).unwrap()
}

/// Reads tiles from an exported directory.
struct Exported<'a>(&'a Path);

impl TileReader for Exported<'_> {
    fn height(&self) -> u8 {
        TILE_HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &Tile| {
            // The crate's own path, in the form of C2SP: without the height.
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            fs::read(self.0.join(path)).map_err(|_| tlog_tiles::Error::InvalidTile)
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// The leaves in all bundles of a log of this size; those of missing bundles are left out.
fn entries(directory: &Path, size: u64) -> Vec<Vec<u8>> {
    let mut leaves = Vec::new();
    for number in 0..size.div_ceil(256) {
        let width = (size - number * 256).min(256);
        let Ok(bytes) = fs::read(directory.join(path("entries", number, width))) else { continue };
        let mut rest = bytes.as_slice();
        while let Some((length, after)) = rest.split_first_chunk() {
            let (leaf, after) = after.split_at(u16::from_be_bytes(*length).into());
            leaves.push(leaf.to_vec());
            rest = after;
        }
    }
    leaves
}

/// Files below a directory.
fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|below| format!("{}/{below}", name(&path))));
        } else {
            found.push(name(&path));
        }
    }
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Whether the directory is the first `size` records of the log, by root, leaves and a proof of each of some.
fn assert_is(directory: &Path, log: &Log, size: u64) {
    let note = Note::from_bytes(&fs::read(directory.join("checkpoint")).unwrap()).unwrap();
    let checkpoint = Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((checkpoint.size(), checkpoint.origin()), (size, ORIGIN));
    assert_eq!(entries(directory, size), log.leaves[..usize::try_from(size).unwrap()]);
    if size == 0 {
        assert_eq!(*checkpoint.hash(), EMPTY_HASH);
        return;
    }
    let tiles = Exported(directory);
    let verified = TileHashReader::new(size, *checkpoint.hash(), &tiles);
    assert_eq!(tree_hash(size, &verified).unwrap(), *checkpoint.hash());
    let leaves: Vec<u64> = (0..size).map(|index| stored_hash_index(0, index)).collect();
    assert_eq!(verified.read_hashes(&leaves).unwrap(), log.read_hashes(&leaves).unwrap());
    for index in [0, size / 2, size - 1] {
        let proof = prove_record(size, index, &verified).unwrap();
        let hash = record_hash(&log.leaves[usize::try_from(index).unwrap()]);
        tlog_tiles::check_record(&proof, size, *checkpoint.hash(), index, hash).unwrap();
    }
}

#[test]
fn logs_of_every_shape_read_back() {
    let log = Log::of(65_536 + 300, "n");
    for size in [0, 1, 255, 256, 257, 512, 65_536, 65_536 + 300] {
        let directory = tempfile::tempdir().unwrap();
        log.export(directory.path(), size).unwrap();
        assert_is(directory.path(), &log, size);
    }
}

#[test]
fn paths_are_those_of_the_specification() {
    let paths = [
        (0, 0, 256, "tile/0/000"),
        (0, 999, 256, "tile/0/999"),
        (1, 1000, 256, "tile/1/x001/000"),
        (0, 1_234_067, 256, "tile/0/x001/x234/067"),
        (3, 1_234_067, 8, "tile/3/x001/x234/067.p/8"),
        (2, u64::MAX, 255, "tile/2/x018/x446/x744/x073/x709/x551/615.p/255"),
    ];
    for (level, number, width, expected) in paths {
        assert_eq!(path(&level.to_string(), number, width), expected);
    }
}

#[test]
fn a_grown_log_writes_only_what_is_new() {
    let log = Log::of(1100, "n");
    let directory = tempfile::tempdir().unwrap();
    let report = log.export(directory.path(), 600).unwrap();
    // Three tiles of leaves, one above; three bundles.
    assert_eq!(report, TilesReport { tiles_written: 4, bundles_written: 3, bundles_missing: 0 });
    assert_eq!(
        log.export(directory.path(), 600).unwrap(),
        TilesReport::default(),
        "the same again writes nothing but the checkpoint"
    );
    let asked = RefCell::new(Vec::new());
    let leaf = |index| {
        asked.borrow_mut().push(index);
        log.leaf(index)
    };
    let report = write(directory.path(), 1100, &log, leaf, &log.checkpoint(1100)).unwrap();
    assert_eq!(report, TilesReport { tiles_written: 4, bundles_written: 3, bundles_missing: 0 });
    assert_eq!(asked.into_inner(), (512..1100).collect::<Vec<_>>());
    assert_is(directory.path(), &log, 1100);
    let partial: Vec<String> = files(directory.path()).into_iter().filter(|file| file.contains(".p/")).collect();
    // The partial tiles at 600 are gone where a full one took their place. The one of level 1 stays:
    // somebody may still hold the checkpoint at 600.
    assert_eq!(partial, ["tile/0/004.p/76", "tile/1/000.p/2", "tile/1/000.p/4", "tile/entries/004.p/76"]);
}

#[test]
fn an_interrupted_export_is_gone_on_with() {
    let log = Log::of(700, "n");
    let directory = tempfile::tempdir().unwrap();
    let stop = |index| if index == 520 { Err(std::io::Error::other("the disk is gone")) } else { log.leaf(index) };
    let error = write(directory.path(), 700, &log, stop, &log.checkpoint(700)).unwrap_err();
    assert!(matches!(error, TilesError::Leaf { index: 520, .. }), "{error}");
    assert!(!directory.path().join("checkpoint").exists());
    // As a crash in the middle of a file leaves it.
    let partial = directory.path().join("tile/entries/002.p");
    fs::create_dir_all(&partial).unwrap();
    fs::write(partial.join("188.tmp"), b"half").unwrap();
    let report = log.export(directory.path(), 700).unwrap();
    assert_eq!(report, TilesReport { tiles_written: 2, bundles_written: 1, bundles_missing: 0 });
    assert_is(directory.path(), &log, 700);
}

#[test]
fn pruned_leaves_cost_their_bundles_and_no_proof() {
    let log = Log::of(700, "n");
    let directory = tempfile::tempdir().unwrap();
    let pruned = |index| if index < 300 { Ok(None) } else { log.leaf(index) };
    let report = write(directory.path(), 700, &log, pruned, &log.checkpoint(700)).unwrap();
    assert_eq!(report, TilesReport { tiles_written: 4, bundles_written: 1, bundles_missing: 2 });
    assert_eq!(entries(directory.path(), 700), log.leaves[512..]);
    let root = tree_hash(700, &log).unwrap();
    let tiles = Exported(directory.path());
    let verified = TileHashReader::new(700, root, &tiles);
    let proof = prove_record(700, 5, &verified).unwrap();
    tlog_tiles::check_record(&proof, 700, root, 5, record_hash(&log.leaves[5])).unwrap();
}

#[test]
fn what_does_not_belong_together_is_refused_and_changes_nothing() {
    let (log, other) = (Log::of(600, "n"), Log::of(600, "m"));
    let directory = tempfile::tempdir().unwrap();
    log.export(directory.path(), 500).unwrap();
    let before: Vec<_> = files(directory.path());
    let attempts: [(&str, Result<TilesReport, TilesError>); 5] = [
        ("another log", other.export(directory.path(), 600)),
        ("an earlier state", log.export(directory.path(), 400)),
        ("another root", write(directory.path(), 600, &log, |index| log.leaf(index), &other.checkpoint(600))),
        ("another size", write(directory.path(), 599, &log, |index| log.leaf(index), &log.checkpoint(600))),
        ("no note", write(directory.path(), 600, &log, |index| log.leaf(index), b"checkpoint")),
    ];
    for (name, attempt) in attempts {
        let error = attempt.unwrap_err();
        let told = match name {
            "another log" => matches!(error, TilesError::OtherLog(_)),
            "an earlier state" => matches!(error, TilesError::Behind(500)),
            _ => matches!(error, TilesError::OtherCheckpoint(_)),
        };
        assert!(told, "{name}: {error}");
    }
    let error = write(directory.path(), 600, &log, |index| other.leaf(index), &log.checkpoint(600)).unwrap_err();
    assert!(matches!(error, TilesError::OtherLeaf(256)), "{error}");
    assert_eq!(files(directory.path()), before);
    // Tiles without a checkpoint, as an interrupted export leaves them, still say whose they are.
    fs::remove_file(directory.path().join("checkpoint")).unwrap();
    let error = other.export(directory.path(), 600).unwrap_err();
    assert!(matches!(error, TilesError::OtherLog(_)), "{error}");
}

#[test]
fn a_leaf_that_fits_no_bundle_is_refused() {
    for (length, fits) in [(65_535, true), (65_536, false)] {
        let mut log = Log::default();
        log.leaves.push(vec![b'x'; length]);
        log.hashes = stored_hashes(0, &log.leaves[0], &log).unwrap();
        let directory = tempfile::tempdir().unwrap();
        match log.export(directory.path(), 1) {
            Ok(_) => assert!(fits),
            Err(error) => assert!(!fits && matches!(error, TilesError::LeafTooLong(0)), "{error}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_way_of_growing_gives_the_same_files(mut sizes in proptest::collection::vec(1..1500_u64, 1..5)) {
        let log = Log::of(1500, "n");
        sizes.sort_unstable();
        let (grown, once) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for &size in &sizes {
            log.export(grown.path(), size).unwrap();
        }
        let size = sizes[sizes.len() - 1];
        log.export(once.path(), size).unwrap();
        assert_is(grown.path(), &log, size);
        for file in files(once.path()) {
            prop_assert_eq!(fs::read(grown.path().join(&file)).unwrap(), fs::read(once.path().join(&file)).unwrap());
        }
    }
}
