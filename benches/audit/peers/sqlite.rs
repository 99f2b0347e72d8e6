//! SQLite: one table, an index for every facet, one transaction for every group.
//!
//! Settings as its documentation has them for this job (sqlite.org/wal.html, /pragma.html):
//! `journal_mode=WAL`, because readers must not wait for the writer; `synchronous=FULL`, with which
//! alone a transaction in WAL mode survives a power cut; `wal_autocheckpoint` above the default, "to
//! amortize the cost of each checkpoint over as many writes as possible"; a page cache that holds
//! the inner pages of every index; statements prepared once. Keys that a search compares as bytes
//! are stored as such, so that no index is larger than it must be. `locking_mode=EXCLUSIVE` would be
//! faster and leaves no room for a reader.

use std::path::Path;

use gantry::ids::{AccountId, ImageId, Principal, Region};
use rusqlite::{Connection, Statement, params, params_from_iter, types::Value};

use super::facets::{self, Facet, INDEXES};
use super::{Job, Peer};

/// Pages of 4 KiB in the write-ahead log after which they are copied into the database.
const CHECKPOINT_PAGES: u32 = 10_000;
/// Page cache in KiB.
const CACHE_KIB: u32 = 256 << 10;

const SCHEMA: &str = "
    CREATE TABLE records (
        idx INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind BLOB NOT NULL, principal TEXT, account TEXT,
        region TEXT, image TEXT, launch BLOB, verdict BLOB, leaf BLOB NOT NULL
    ) STRICT;
    CREATE INDEX by_time ON records (time);
    CREATE INDEX by_kind ON records (kind);
    CREATE INDEX by_principal ON records (principal);
    CREATE INDEX by_account ON records (account);
    CREATE INDEX by_region ON records (region);
    CREATE INDEX by_image ON records (image);
    CREATE INDEX by_launch ON records (launch);
    CREATE INDEX by_verdict ON records (verdict) WHERE verdict IS NOT NULL;
    CREATE TABLE instances (instance TEXT, idx INTEGER, PRIMARY KEY (instance, idx)) STRICT, WITHOUT ROWID;
    CREATE TABLE requests (request BLOB PRIMARY KEY, idx INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

struct Sqlite<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    record: Statement<'c>,
    instance: Statement<'c>,
    request: Statement<'c>,
    commit: Statement<'c>,
}

/// Makes a database in `dir` and lends it, its statements prepared.
pub(super) fn with(dir: &Path, body: &mut dyn FnMut(&mut dyn Peer)) {
    let connection = Connection::open(dir.join("records.sqlite")).unwrap();
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    connection
        .execute_batch(&format!(
            "PRAGMA synchronous = FULL; PRAGMA cache_size = -{CACHE_KIB};
             PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; {SCHEMA}"
        ))
        .unwrap();
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
    assert_eq!(synchronous, 2, "FULL");
    let prepare = |text| connection.prepare(text).unwrap();
    let mut sqlite = Sqlite {
        connection: &connection,
        begin: prepare("BEGIN IMMEDIATE"),
        record: prepare("INSERT INTO records VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
        instance: prepare("INSERT OR IGNORE INTO instances VALUES (?1, ?2)"),
        request: prepare("INSERT INTO requests VALUES (?1, ?2)"),
        commit: prepare("COMMIT"),
    };
    body(&mut sqlite);
}

impl Peer for Sqlite<'_> {
    fn commit(&mut self, first: u64, group: &[Job]) {
        self.begin.execute([]).unwrap();
        for (index, job) in (first..).zip(group) {
            let entry = job.entry();
            self.record
                .execute(params![
                    index as i64,
                    entry.time.as_microsecond(),
                    [entry.kind() as u8].as_slice(),
                    entry.principal.as_ref().map(Principal::as_str),
                    entry.account_id.as_ref().map(AccountId::as_str),
                    entry.region.as_ref().map(Region::as_str),
                    job.image.as_ref().map(ImageId::as_str),
                    entry.launch_id.as_ref().map(|id| id.as_bytes().as_slice()),
                    facets::verdict(entry).map(|verdict| [verdict as u8]).as_ref().map(<[u8; 1]>::as_slice),
                    job.leaf(),
                ])
                .unwrap();
            for instance in facets::instances(entry) {
                self.instance.execute(params![instance.as_str(), index as i64]).unwrap();
            }
            if let Some(request) = facets::request(entry) {
                self.request.execute(params![request, index as i64]).unwrap();
            }
        }
        self.commit.execute([]).unwrap();
    }

    fn find(&mut self, facet: &Facet, limit: usize) -> Vec<u64> {
        let (text, mut values) = match (facet, facet.key()) {
            (Facet::Time(start, end), _) => (
                "SELECT idx FROM records WHERE ?1 <= time AND time < ?2 ORDER BY idx DESC LIMIT ?3".to_owned(),
                vec![Value::from(start.as_microsecond()), Value::from(end.as_microsecond())],
            ),
            (Facet::Instance(id), _) => (
                "SELECT idx FROM instances WHERE instance = ?1 ORDER BY idx DESC LIMIT ?2".to_owned(),
                vec![Value::from(id.as_str().to_owned())],
            ),
            (_, Some((index, bytes))) => {
                let column = INDEXES[index];
                let value = match facet {
                    Facet::Kind(_) | Facet::Launch(_) | Facet::Verdict(_) => Value::from(bytes),
                    _ => Value::from(String::from_utf8(bytes).unwrap()),
                };
                (format!("SELECT idx FROM records WHERE {column} = ?1 ORDER BY idx DESC LIMIT ?2"), vec![value])
            }
            (_, None) => unreachable!("only a time has no key"),
        };
        values.push(Value::from(limit as i64));
        let mut find = self.connection.prepare(&text).unwrap();
        let indexes = find.query_map(params_from_iter(values), |row| row.get::<_, i64>(0)).unwrap();
        indexes.map(|index| index.unwrap() as u64).collect()
    }
}
