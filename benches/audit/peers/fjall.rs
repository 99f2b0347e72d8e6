//! fjall: a keyspace of records, a keyspace for every facet, one atomic batch for every group with
//! `PersistMode::SyncData`, which is an fdatasync of its journal. Its defaults stand otherwise.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::facets::{self, Facet, INDEXES};
use super::{Job, Peer};

pub(super) struct Fjall {
    database: Database,
    records: Keyspace,
    requests: Keyspace,
    times: Keyspace,
    indexes: [Keyspace; INDEXES.len()],
}

impl Fjall {
    pub(super) fn create(dir: &Path) -> Self {
        let database = Database::builder(dir.join("fjall")).open().unwrap();
        let keyspace = |name: &str| database.keyspace(name, KeyspaceCreateOptions::default).unwrap();
        Self {
            records: keyspace("records"),
            requests: keyspace("requests"),
            times: keyspace("time"),
            indexes: INDEXES.map(keyspace),
            database,
        }
    }
}

impl Peer for Fjall {
    fn commit(&mut self, first: u64, group: &[Job]) {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        let mut row = Vec::new();
        for (index, job) in (first..).zip(group) {
            batch.insert(&self.records, index.to_be_bytes(), job.leaf());
            facets::row(&facets::time_key(job.entry().time), index, &mut row);
            batch.insert(&self.times, row.as_slice(), []);
            facets::keys(job, |which, value| {
                facets::row(value, index, &mut row);
                batch.insert(&self.indexes[which], row.as_slice(), []);
            });
            if let Some(request) = facets::request(job.entry()) {
                assert!(self.requests.get(&request).unwrap().is_none(), "a request was made twice");
                batch.insert(&self.requests, request, index.to_be_bytes());
            }
        }
        batch.commit().unwrap();
    }

    fn find(&mut self, facet: &Facet, limit: usize) -> Vec<u64> {
        if let Facet::Time(start, end) = facet {
            let rows = self.times.range(facets::time_key(*start)..facets::time_key(*end));
            return facets::newest(rows.map(|row| facets::index_of(&row.key().unwrap())), limit);
        }
        let (which, value) = facet.key().unwrap();
        let (mut start, mut end) = (Vec::new(), Vec::new());
        facets::row(&value, 0, &mut start);
        facets::row(&value, u64::MAX, &mut end);
        let rows = self.indexes[which].range(start..end).rev();
        rows.take(limit).map(|row| facets::index_of(&row.key().unwrap())).collect()
    }
}
