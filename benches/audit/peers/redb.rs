//! redb: a table of records, a table for every facet, one transaction for every group with
//! `Durability::Immediate`, which syncs at commit and is the default. Its other defaults stand too.

use std::path::Path;

use redb::{Database, Durability, ReadableDatabase as _, TableDefinition};

use super::facets::{self, Facet, INDEXES};
use super::{Job, Peer};

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
const REQUESTS: TableDefinition<'_, &[u8], u64> = TableDefinition::new("requests");
/// Rows of a value and an index, in order.
type Index<'a> = TableDefinition<'a, &'static [u8], ()>;
const TIMES: Index<'_> = TableDefinition::new("time");

pub(super) struct Redb(Database);

impl Redb {
    pub(super) fn create(dir: &Path) -> Self {
        let redb = Self(Database::create(dir.join("records.redb")).unwrap());
        let begun = redb.0.begin_write().unwrap();
        INDEXES.iter().for_each(|name| drop(begun.open_table(Index::new(name)).unwrap()));
        begun.commit().unwrap();
        redb
    }
}

impl Peer for Redb {
    fn commit(&mut self, first: u64, group: &[Job]) {
        let mut begun = self.0.begin_write().unwrap();
        begun.set_durability(Durability::Immediate).unwrap();
        {
            let mut records = begun.open_table(RECORDS).unwrap();
            let mut requests = begun.open_table(REQUESTS).unwrap();
            let mut times = begun.open_table(TIMES).unwrap();
            let mut indexes = INDEXES.map(|name| begun.open_table(Index::new(name)).unwrap());
            let mut row = Vec::new();
            for (index, job) in (first..).zip(group) {
                records.insert(index, job.leaf()).unwrap();
                facets::row(&facets::time_key(job.entry().time), index, &mut row);
                times.insert(row.as_slice(), ()).unwrap();
                facets::keys(job, |which, value| {
                    facets::row(value, index, &mut row);
                    indexes[which].insert(row.as_slice(), ()).unwrap();
                });
                if let Some(request) = facets::request(job.entry()) {
                    let taken = requests.insert(request.as_slice(), index).unwrap();
                    assert!(taken.is_none(), "a request was made twice");
                }
            }
        }
        begun.commit().unwrap();
    }

    fn find(&mut self, facet: &Facet, limit: usize) -> Vec<u64> {
        let begun = self.0.begin_read().unwrap();
        if let Facet::Time(start, end) = facet {
            let (start, end) = (facets::time_key(*start), facets::time_key(*end));
            let rows = begun.open_table(TIMES).unwrap();
            let rows = rows.range(start.as_slice()..end.as_slice()).unwrap();
            return facets::newest(rows.map(|row| facets::index_of(row.unwrap().0.value())), limit);
        }
        let (which, value) = facet.key().unwrap();
        let (mut start, mut end) = (Vec::new(), Vec::new());
        facets::row(&value, 0, &mut start);
        facets::row(&value, u64::MAX, &mut end);
        let rows = begun.open_table(Index::new(INDEXES[which])).unwrap();
        let rows = rows.range(start.as_slice()..end.as_slice()).unwrap().rev();
        rows.take(limit).map(|row| facets::index_of(row.unwrap().0.value())).collect()
    }
}
