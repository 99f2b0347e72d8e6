//! A record is durable and queryable in at most four times what one write and one fdatasync of the
//! same bytes take on the same disk: one caller at a time, nobody to share a sync with.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use gantry::audit::{AuditLog, Owner};
use gantry::clock::Timestamp;
use gantry::record::{ENTRY_VERSION, Entry, Event, ServiceStarted};

use super::{Effort, Measured, median};

const LIMIT: f64 = 4.0;

pub(super) async fn measure(effort: Effort) -> Measured {
    let dir = tempfile::tempdir_in(".").unwrap();
    let entry = Entry {
        v: ENTRY_VERSION,
        time: Timestamp::UNIX_EPOCH,
        launch_id: None,
        account_id: None,
        region: None,
        principal: None,
        event: Event::ServiceStarted(ServiceStarted {
            version: "x".repeat(400),
            sandbox: true,
            regions: Vec::new(),
            open_launches: 0,
            verifier_key: None,
            accepted: None,
        }),
    };
    let leaf = entry.to_leaf();

    let mut file = File::create(dir.path().join("raw")).unwrap();
    file.write_all(&vec![0; leaf.len() * effort.repetitions]).unwrap();
    file.sync_all().unwrap();
    let mut file = File::options().write(true).open(dir.path().join("raw")).unwrap();
    let owner = Owner { sandbox: true, accounts: Vec::new() };
    let (log, _) = AuditLog::open(&dir.path().join("log"), owner, gantry::audit::LogSettings::default()).unwrap();
    let (mut raw, mut appended): (Vec<Duration>, Vec<Duration>) = (Vec::new(), Vec::new());
    for _ in 0..effort.repetitions {
        let begun = Instant::now();
        file.write_all(&leaf).unwrap();
        file.sync_data().unwrap();
        raw.push(begun.elapsed());
        let begun = Instant::now();
        log.append(vec![entry.clone()]).await.unwrap();
        appended.push(begun.elapsed());
    }
    log.close().await;
    let (raw, appended) = (median(raw), median(appended));
    Measured {
        promise: "make a record durable and queryable",
        measured: format!("{appended:.0?}"),
        against: format!("write + fdatasync {raw:.0?}"),
        ratio: appended.div_duration_f64(raw),
        limit: LIMIT,
    }
}
