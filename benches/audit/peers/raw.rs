//! What the disk can do: the bytes of a group written to a file and synced, and nothing else.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;

use super::facets::Facet;
use super::{Job, Peer};

/// The file is made this long and written once before it is used, and begun again at its end: a
/// sync that finds a file grown takes longer.
const FILE_BYTES: usize = 64 << 20;

pub(super) struct Raw {
    file: File,
    written: usize,
    group: Vec<u8>,
}

impl Raw {
    pub(super) fn create(dir: &Path) -> Self {
        let mut file = File::create(dir.join("raw")).unwrap();
        file.write_all(&vec![0; FILE_BYTES]).unwrap();
        file.sync_all().unwrap();
        file.rewind().unwrap();
        Self { file, written: 0, group: Vec::new() }
    }
}

impl Peer for Raw {
    fn commit(&mut self, _first: u64, group: &[Job]) {
        self.group.clear();
        group.iter().for_each(|job| self.group.extend_from_slice(job.leaf()));
        self.written += self.group.len();
        if FILE_BYTES < self.written {
            self.file.rewind().unwrap();
            self.written = self.group.len();
        }
        self.file.write_all(&self.group).unwrap();
        self.file.sync_data().unwrap();
    }

    fn find(&mut self, _: &Facet, _: usize) -> Vec<u64> {
        unreachable!("a raw file finds nothing")
    }
}
