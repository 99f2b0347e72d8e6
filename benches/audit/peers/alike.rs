//! The peers do the same job: asked the same questions about the same records, all answer alike.

use std::collections::HashMap;
use std::time::Duration;

use gantry::audit::{AuditLog, Owner, RecordQuery};
use gantry::ids::{ImageId, LaunchId};
use gantry::record::{Entry, EntryKind, Event, Verdict};

use super::facets::{self, Facet};
use super::{Job, Leaf, System};
use crate::workload::{self, Workload};
use crate::woven::Woven;

const LAUNCHES: u64 = 300;
const GROUP_RECORDS: usize = 60;
const LIMIT: usize = 50;

/// Fails if any system finds other records than a look at all of them does.
pub(super) async fn check(workload: Workload) {
    let mut records = Vec::new();
    let mut woven = Woven::new(workload, 0);
    (0..LAUNCHES).for_each(|_| woven.begin(&mut records));
    let images = images(&records);
    let questions = questions(workload);
    let answers: Vec<Vec<u64>> = questions.iter().map(|facet| look(facet, &records, &images)).collect();
    assert!(answers.iter().filter(|answer| !answer.is_empty()).count() >= 10, "the questions ask for nothing");

    for system in System::ALL {
        let dir = tempfile::tempdir_in(".").unwrap();
        match system {
            System::Raw => {}
            System::Gantry => {
                let owner = Owner { sandbox: true, accounts: Vec::new() };
                let (log, _) =
                    AuditLog::open(&dir.path().join("log"), owner, gantry::audit::LogSettings::default()).unwrap();
                for group in records.chunks(GROUP_RECORDS) {
                    log.append(group.to_vec()).await.unwrap();
                }
                for (facet, answer) in questions.iter().zip(&answers) {
                    assert_eq!(&ask_gantry(&log, facet), answer, "Gantry, {facet:?}");
                }
                log.close().await;
            }
            System::Sqlite | System::Redb | System::Fjall => system.with_peer(dir.path(), &mut |peer| {
                for (place, group) in records.chunks(GROUP_RECORDS).enumerate() {
                    let jobs: Vec<Job> = group.iter().map(|entry| job(entry, &images)).collect();
                    peer.commit((place * GROUP_RECORDS) as u64, &jobs);
                }
                for (facet, answer) in questions.iter().zip(&answers) {
                    assert_eq!(&peer.find(facet, LIMIT), answer, "{system}, {facet:?}");
                }
            }),
        }
    }
}

fn images(records: &[Entry]) -> HashMap<LaunchId, ImageId> {
    let decided = records.iter().filter_map(|entry| match &entry.event {
        Event::Decision(decision) => Some((entry.launch_id?, decision.image_id()?.clone())),
        _ => None,
    });
    decided.collect()
}

fn job(entry: &Entry, images: &HashMap<LaunchId, ImageId>) -> Job {
    let image = entry.launch_id.and_then(|id| images.get(&id).cloned());
    Job { leaf: Leaf::Made(entry.to_leaf()), entry: Some(Box::new(entry.clone())), image, reply: None }
}

/// Values that are common, rare and absent.
fn questions(workload: Workload) -> Vec<Facet> {
    let (launch, instance, image) = workload.ids(LAUNCHES / 2);
    let (no_launch, no_instance, _) = workload.ids(LAUNCHES * 2);
    let (start, end) = (workload.time(LAUNCHES / 3), workload.time(LAUNCHES / 2));
    let mut questions = vec![
        Facet::Kind(EntryKind::ServiceStarted),
        Facet::Kind(EntryKind::InstancePhase),
        Facet::Kind(EntryKind::AttemptUnknown),
        Facet::Image(image),
        Facet::Launch(launch),
        Facet::Launch(no_launch),
        Facet::Instance(instance),
        Facet::Instance(no_instance),
        Facet::Verdict(Verdict::Admitted),
        Facet::Verdict(Verdict::Refused),
        Facet::Time(start, end),
        Facet::Time(start, start + Duration::from_secs(2)),
    ];
    for rank in [0, 1, workload::PRINCIPALS / 2, workload::PRINCIPALS] {
        questions.push(Facet::Principal(workload::principal(rank)));
    }
    for rank in [0, 1, workload::IMAGES] {
        questions.push(Facet::Image(workload::image(rank)));
    }
    for rank in 0..4 {
        questions.extend([Facet::Account(workload::account(rank)), Facet::Region(workload::region(rank))]);
    }
    questions
}

/// The answer, from a look at every record.
fn look(facet: &Facet, records: &[Entry], images: &HashMap<LaunchId, ImageId>) -> Vec<u64> {
    let holds = |entry: &Entry| match facet {
        Facet::Time(start, end) => *start <= entry.time && entry.time < *end,
        Facet::Kind(kind) => entry.kind() == *kind,
        Facet::Principal(id) => entry.principal.as_ref() == Some(id),
        Facet::Account(id) => entry.account_id.as_ref() == Some(id),
        Facet::Region(id) => entry.region.as_ref() == Some(id),
        Facet::Launch(id) => entry.launch_id == Some(*id),
        Facet::Image(id) => entry.launch_id.is_some_and(|launch| images.get(&launch) == Some(id)),
        Facet::Instance(id) => facets::instances(entry).contains(&id),
        Facet::Verdict(verdict) => facets::verdict(entry) == Some(*verdict),
    };
    let found = (0..).zip(records).filter(|(_, entry)| holds(entry)).map(|(index, _)| index);
    facets::newest(found, LIMIT)
}

fn ask_gantry(log: &AuditLog, facet: &Facet) -> Vec<u64> {
    let mut query = RecordQuery { limit: LIMIT, ..RecordQuery::default() };
    match facet.clone() {
        Facet::Time(start, end) => (query.start, query.end) = (Some(start), Some(end)),
        Facet::Kind(kind) => query.kinds = vec![kind],
        Facet::Principal(id) => query.principal = Some(id),
        Facet::Account(id) => query.account_id = Some(id),
        Facet::Region(id) => query.region = Some(id),
        Facet::Image(id) => query.image_id = Some(id),
        Facet::Launch(id) => query.launch_id = Some(id),
        Facet::Instance(id) => query.instance_id = Some(id),
        Facet::Verdict(verdict) => query.verdict = Some(verdict),
    }
    let mut found = Vec::new();
    loop {
        query.limit = LIMIT - found.len();
        let page = log.records(&query).unwrap();
        found.extend(page.records.iter().map(|record| record.index));
        query.from = page.next;
        if page.next.is_none() || LIMIT <= found.len() {
            return found;
        }
    }
}
