//! Random histories against a model: a vector of entries, searched by looking at every one.

use std::collections::{BTreeMap, HashMap};

use proptest::collection::vec;
use proptest::prelude::*;

use super::fixture::*;
use crate::audit::{AppendError, AuditLog, LaunchQuery, Once, Operation, Order, RecordQuery, RequestKey, TakenBy};
use crate::ids::{ImageId, InstanceId, LaunchId};
use crate::record::{Entry, EntryKind, Event, ImageChoice, Launch, LaunchState, Phase, Verdict};

const LAUNCHES: u8 = 6;

#[derive(Debug, Clone)]
enum Step {
    /// Appends these, all or none.
    Append(Vec<Word>),
    /// Appends a request once.
    Once(Operation, u8, u8),
    /// Closes and opens.
    Reopen,
    /// Goes on with a copy of the directory as it is.
    Crash,
    /// Goes on without the store.
    LoseStore,
}

#[derive(Debug, Clone, Copy)]
enum Word {
    Decide(u8, Verdict),
    Preview(u8),
    Intend(u8, u8),
    Succeed(u8, u8),
    Fail(u8, u8),
    End(u8),
    Reach(u8, u8, Phase),
    ReachAlone(u8, u8, Phase),
    Terminate(u8),
    Start,
}

fn word() -> impl Strategy<Value = Word> {
    let launch = 0..LAUNCHES;
    let phase = prop::sample::select(vec![Phase::Pending, Phase::Ready, Phase::Failed, Phase::Terminated]);
    prop_oneof![
        (launch.clone(), prop::sample::select(vec![Verdict::Admitted, Verdict::Admitted, Verdict::Refused]))
            .prop_map(|(launch, verdict)| Word::Decide(launch, verdict)),
        launch.clone().prop_map(Word::Preview),
        (launch.clone(), 1..3_u8).prop_map(|(launch, attempt)| Word::Intend(launch, attempt)),
        (launch.clone(), 1..3_u8).prop_map(|(launch, attempt)| Word::Succeed(launch, attempt)),
        (launch.clone(), 1..3_u8).prop_map(|(launch, attempt)| Word::Fail(launch, attempt)),
        launch.clone().prop_map(Word::End),
        (launch.clone(), 0..2_u8, phase.clone()).prop_map(|(launch, number, phase)| Word::Reach(launch, number, phase)),
        (launch.clone(), 0..2_u8, phase).prop_map(|(launch, number, phase)| Word::ReachAlone(launch, number, phase)),
        launch.prop_map(Word::Terminate),
        Just(Word::Start),
    ]
}

const OPERATIONS: [Operation; 3] = [Operation::Launch, Operation::Terminate, Operation::Cancel];

fn step() -> impl Strategy<Value = Step> {
    let operation = prop::sample::select(OPERATIONS.to_vec());
    prop_oneof![
        30 => vec(word(), 1..4).prop_map(Step::Append),
        6 => (operation, 0..LAUNCHES, 0..4_u8).prop_map(|(operation, launch, key)| Step::Once(operation, launch, key)),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
        1 => Just(Step::LoseStore),
    ]
}

impl Word {
    fn entry(self, seconds: i64) -> Entry {
        match self {
            Self::Decide(launch, verdict) => decision(seconds, launch, None, verdict),
            Self::Preview(image) => preview(seconds, image),
            Self::Intend(launch, attempt) => intended(seconds, launch, attempt),
            Self::Succeed(launch, attempt) => succeeded(seconds, launch, attempt),
            Self::Fail(launch, attempt) => failed(seconds, launch, attempt),
            Self::End(launch) => ended(seconds, launch),
            Self::Reach(launch, number, phase) => reached(seconds, Some(launch), launch, number, phase),
            Self::ReachAlone(launch, number, phase) => reached(seconds, None, launch, number, phase),
            Self::Terminate(launch) => termination(seconds, launch, None),
            Self::Start => started(seconds),
        }
    }
}

/// What the log should hold.
#[derive(Default, Clone)]
struct Model {
    entries: Vec<Entry>,
    launches: BTreeMap<LaunchId, Launch>,
    requests: HashMap<RequestKey, TakenBy>,
}

impl Model {
    /// Whether all of `entries` follow; if so they are taken in.
    fn append(&mut self, entries: &[Entry]) -> bool {
        let mut next = self.clone();
        for entry in entries {
            if let Some(id) = entry.launch_id {
                let applied = match next.launches.get_mut(&id) {
                    Some(launch) => launch.apply(entry).map(drop),
                    None => Launch::begin(entry).map(|(launch, _)| drop(next.launches.insert(id, launch))),
                };
                if applied.is_err() {
                    return false;
                }
            }
            next.entries.push(entry.clone());
        }
        *self = next;
        true
    }

    fn indexes(&self, matches: impl Fn(&Entry) -> bool) -> Vec<u64> {
        (0..).zip(&self.entries).filter(|(_, entry)| matches(entry)).map(|(index, _)| index).collect()
    }

    fn launch_of_instance(&self, id: &InstanceId) -> Option<LaunchId> {
        let made = |launch: &&Launch| launch.instances.iter().any(|instance| instance.place.instance_id == *id);
        self.launches.values().find(made).map(|launch| launch.launch_id)
    }

    fn image_of<'a>(&'a self, entry: &'a Entry) -> Option<&'a str> {
        let image = match (&entry.event, entry.launch_id) {
            (Event::Decision(decision), _) => decision.image_id(),
            (_, Some(id)) => self.launches[&id].image_id(),
            (_, None) => None,
        };
        image.map(ImageId::as_str)
    }

    /// Asks the log everything, and compares.
    fn check(&self, log: &AuditLog) {
        assert_eq!(log.size(), self.entries.len() as u64);
        assert_eq!(log.record(log.size()).unwrap(), None);
        for (index, entry) in (0..).zip(&self.entries) {
            let record = log.record(index).unwrap().unwrap();
            assert_eq!((record.index, &record.entry, record.leaf), (index, entry, entry.to_leaf()));
        }
        let open: Vec<_> = self.launches.values().filter(|launch| launch.is_open()).cloned().collect();
        assert_eq!(log.open_launches().unwrap(), open);
        for number in 0..LAUNCHES {
            let id = launch_id(number);
            assert_eq!(log.launch(id).unwrap().as_ref(), self.launches.get(&id));
            let entries = log.launch_entries(id, 3).unwrap();
            let wanted = self.indexes(|entry| entry.launch_id == Some(id));
            assert_eq!(
                entries.iter().map(|indexed| indexed.index).collect::<Vec<_>>(),
                wanted.into_iter().filter(|&index| 3 <= index).collect::<Vec<_>>()
            );
            let id = instance_id(number, 1);
            assert_eq!(log.launch_of_instance(&id).unwrap(), self.launch_of_instance(&id));
            let entries = log.instance_entries(&id, 0).unwrap();
            let wanted = self.indexes(|entry| match &entry.event {
                Event::InstancePhase(phase) => phase.instance_id == id,
                _ => false,
            });
            assert_eq!(entries.iter().map(|indexed| indexed.index).collect::<Vec<_>>(), wanted);
        }
        for operation in OPERATIONS {
            for number in 0..4 {
                let key = request_key(operation, number);
                assert_eq!(log.request(&key).unwrap(), self.requests.get(&key).copied());
            }
        }
        self.check_launch_searches(log);
        self.check_record_searches(log);
    }

    fn check_launch_searches(&self, log: &AuditLog) {
        type Matches = fn(&Launch) -> bool;
        let any = LaunchQuery::default;
        let table: [(LaunchQuery, Matches); 6] = [
            (any(), |_| true),
            (LaunchQuery { states: vec![LaunchState::Launching], ..any() }, |l| l.state == LaunchState::Launching),
            (LaunchQuery { region: Some("us-east-1".parse().unwrap()), ..any() }, |l| l.region.as_str() == "us-east-1"),
            (LaunchQuery { image_id: Some(image_of(0).parse().unwrap()), ..any() }, |l| {
                l.spec.image == ImageChoice::ImageId(image_of(0).parse().unwrap())
            }),
            (LaunchQuery { principal: Some("nobody".parse().unwrap()), ..any() }, |_| false),
            (LaunchQuery { start: Some(at(5)), end: Some(at(20)), ..any() }, |l| {
                at(5) <= l.create_time && l.create_time < at(20)
            }),
        ];
        for (query, matches) in table {
            for (order, limit) in [(Order::OldestFirst, 1), (Order::NewestFirst, 2), (Order::OldestFirst, 100)] {
                let mut wanted: Vec<_> = self.launches.values().filter(|launch| matches(launch)).cloned().collect();
                if order == Order::NewestFirst {
                    wanted.reverse();
                }
                let (mut found, mut after) = (Vec::new(), None);
                loop {
                    let page = log.launches(&LaunchQuery { order, limit, after, ..query.clone() }).unwrap();
                    assert!(page.launches.len() <= limit);
                    found.extend(page.launches);
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                assert_eq!(found, wanted, "{query:?}");
            }
        }
    }

    fn check_record_searches(&self, log: &AuditLog) {
        type Matches = fn(&Model, &Entry) -> bool;
        let any = RecordQuery::default;
        let table: [(RecordQuery, Matches); 8] = [
            (any(), |_, _| true),
            (RecordQuery { kinds: vec![EntryKind::Decision, EntryKind::Termination], ..any() }, |_, e| {
                matches!(e.event, Event::Decision(_) | Event::Termination(_))
            }),
            (RecordQuery { region: Some("us-east-1".parse().unwrap()), ..any() }, |_, e| {
                e.region.as_ref().unwrap().as_str() == "us-east-1"
            }),
            (
                RecordQuery { verdict: Some(Verdict::Refused), ..any() },
                |_, e| matches!(&e.event, Event::Decision(decision) if decision.verdict == Verdict::Refused),
            ),
            (RecordQuery { image_id: Some(image_of(0).parse().unwrap()), ..any() }, |m, e| {
                m.image_of(e) == Some(image_of(0))
            }),
            (RecordQuery { launch_id: Some(launch_id(2)), ..any() }, |_, e| e.launch_id == Some(launch_id(2))),
            (RecordQuery { instance_id: Some(instance_id(2, 0)), ..any() }, |m, e| match &e.event {
                Event::InstancePhase(phase) => phase.instance_id == instance_id(2, 0),
                Event::AttemptSucceeded(_) => e.launch_id == Some(launch_id(2)),
                // A termination is found by the instance once the instance is known to be there.
                Event::Termination(_) => {
                    e.launch_id == Some(launch_id(2)) && m.launch_of_instance(&instance_id(2, 0)).is_some()
                }
                _ => false,
            }),
            (RecordQuery { start: Some(at(5)), end: Some(at(20)), ..any() }, |_, e| at(5) <= e.time && e.time < at(20)),
        ];
        for (query, matches) in table {
            for (order, limit) in [(Order::OldestFirst, 3), (Order::NewestFirst, 2), (Order::NewestFirst, 100)] {
                let mut wanted = self.indexes(|entry| matches(self, entry));
                if order == Order::NewestFirst {
                    wanted.reverse();
                }
                let (mut found, mut from) = (Vec::new(), None);
                loop {
                    let page = log.records(&RecordQuery { order, limit, from, ..query.clone() }).unwrap();
                    assert!(page.records.len() <= limit);
                    found.extend(page.records.iter().map(|record| record.index));
                    from = page.next;
                    if from.is_none() {
                        break;
                    }
                }
                assert_eq!(found, wanted, "{query:?} {order:?} {limit}");
            }
        }
    }
}

async fn run(steps: Vec<Step>) {
    let mut dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open_with_short_segments(dir.path());
    let mut model = Model::default();
    let id = log.log_id().to_owned();
    for (seconds, step) in (0..).zip(steps) {
        match step {
            Step::Append(words) => {
                let entries: Vec<_> = words.iter().map(|word| word.entry(seconds)).collect();
                let first = model.entries.len() as u64;
                match log.append(entries.clone()).await {
                    Ok(index) => {
                        assert!(model.append(&entries), "{entries:?}");
                        assert_eq!(index, first);
                    }
                    Err(AppendError::Conflict(_)) => assert!(!model.append(&entries), "{entries:?}"),
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Once(operation, launch, number) => {
                let key = request_key(operation, number);
                let entry = match operation {
                    Operation::Launch => decision(seconds, launch, Some(number), Verdict::Admitted),
                    Operation::Terminate => termination(seconds, launch, Some(number)),
                    Operation::Cancel => cancellation(seconds, launch, number),
                };
                let taken = model.requests.get(&key).copied();
                match log.append_once(key.clone(), entry.clone()).await {
                    Ok(Once::Written { index }) => {
                        assert_eq!((taken, index), (None, model.entries.len() as u64));
                        assert!(model.append(std::slice::from_ref(&entry)));
                        let body_sha256 = crate::ids::Sha256Digest::of(&[launch]);
                        model.requests.insert(key, TakenBy { launch_id: launch_id(launch), body_sha256, index });
                    }
                    Ok(Once::Taken(taken_by)) => assert_eq!(taken, Some(taken_by)),
                    Err(AppendError::Conflict(_)) => assert!(taken.is_none() && !model.append(&[entry])),
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Reopen => {
                log.close().await;
                let report;
                (log, report) = open_with_short_segments(dir.path());
                assert_eq!((report.replayed, report.rebuilt, report.torn_bytes), (0, false, 0));
                model.check(&log);
            }
            Step::Crash => {
                dir = crash_image(dir.path());
                (log, _) = open_with_short_segments(dir.path());
                model.check(&log);
            }
            Step::LoseStore => {
                log.close().await;
                std::fs::remove_dir_all(dir.path().join("sled")).unwrap();
                let report;
                (log, report) = open_with_short_segments(dir.path());
                assert_eq!((report.replayed, report.rebuilt), (log.size(), log.size() != 0));
                model.check(&log);
            }
        }
        assert_eq!((log.size(), log.log_id()), (model.entries.len() as u64, id.as_str()));
    }
    model.check(&log);
    log.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_log_answers_as_the_model_does(steps in vec(step(), 1..120)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run(steps));
    }
}
