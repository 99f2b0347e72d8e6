//! A poller over a log on disk that is full, damaged or pruned, and EC2's answers by hand: no question is sent.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde_json::json;
use tokio::sync::oneshot;

use super::follow::FollowAnswer;
use super::question::{Instances, Statuses};
use super::*;
use crate::audit::{LogSettings, Owner, Retention};
use crate::boot::statistics::tests::{EBS, at, entries};
use crate::boot::tails::TailLimits;
use crate::boot::tracker::on_record::without_launch;
use crate::boot::tracker::{FollowError, Interest};
use crate::clock::SimClock;
use crate::ec2::{BudgetSettings, Clients, Ec2Error, Settings, StaticCredentials, Timeouts};
use crate::record::{ENTRY_VERSION, Entry, Event, InstancePhase, Phase, ScheduledEvent};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";

mod hints;

struct World {
    poller: Poller,
    log: AuditLog,
    clock: SimClock,
    commands: mpsc::UnboundedSender<Command>,
}

async fn world(dir: &Path) -> World {
    let owner = Owner { sandbox: true, accounts: vec![ACCOUNT.parse().unwrap()] };
    let (log, _) = AuditLog::open(&dir.join("log"), owner, LogSettings::default()).unwrap();
    let sim = SimClock::new(at(0));
    let clock: Arc<dyn Clock> = Arc::new(sim.clone());
    let (access_key_id, secret_access_key) = ("AKIDEXAMPLE".to_owned(), "secret".to_owned());
    let settings = Settings {
        regions: vec![REGION.parse().unwrap()],
        endpoint: Some("http://127.0.0.1:9".to_owned()),
        credentials: Some(StaticCredentials { access_key_id, secret_access_key, session_token: None }),
        account_id: Some(ACCOUNT.parse().unwrap()),
        timeouts: Timeouts::default(),
        budget: BudgetSettings::default(),
    };
    let clients = Clients::connect(&settings, &clock).await.unwrap();
    let client = clients.get(&REGION.parse().unwrap()).unwrap().clone();
    let limits = TailLimits { age: Duration::from_secs(60), bytes: 1 << 20, free: 0 };
    let tails = Tails::open(&dir.join("tails"), Arc::clone(&clock), limits).unwrap();
    let (commands, receiver) = mpsc::unbounded_channel();
    let poller = Poller::new(client, log.clone(), clock, TrackerSettings::default(), receiver, tails);
    World { poller, log, clock: sim, commands }
}

fn id(number: u32) -> InstanceId {
    format!("i-{number:08x}").parse().unwrap()
}

impl World {
    /// Has an instance followed that no launch made and somebody watches.
    fn watch(&mut self, id: &InstanceId) {
        let tracked = without_launch(&self.log, id, at(0)).unwrap();
        let followed = Followed { watchers: 1, ..Followed::new(tracked, None, self.clock.uptime()) };
        self.poller.followed.insert(id.clone(), followed);
    }

    /// EC2 answers that an instance is in a state, for a reason, with the same word for its checks.
    async fn show(&mut self, id: &InstanceId, state: &str, reason: Option<&str>, checks: Option<&str>) {
        let (shown, statuses) = answer(id, state, reason, checks);
        self.poller.note_states(std::slice::from_ref(id), shown, self.clock.now());
        self.poller.record_changes(std::slice::from_ref(id), &statuses).await.unwrap();
    }

    /// Somebody who wants to watch an instance, and the answer.
    fn follow(&self, id: &InstanceId) -> (Follow, oneshot::Receiver<FollowAnswer>) {
        let (answer, answered) = oneshot::channel();
        let interest = Interest { commands: Some(self.commands.clone()), instance_ids: Vec::new() };
        (Follow { instance_ids: vec![id.clone()], interest, answer }, answered)
    }

    fn phases(&self, id: &InstanceId) -> Vec<Phase> {
        let recorded = self.log.instance_entries(id, 0).unwrap().into_iter();
        let phases = recorded.filter_map(|indexed| match indexed.entry.event {
            Event::InstancePhase(phase) => Some(phase.phase),
            _ => None,
        });
        phases.collect()
    }
}

/// What EC2 shows of an instance.
fn answer(id: &InstanceId, state: &str, reason: Option<&str>, checks: Option<&str>) -> (Instances, Statuses) {
    let reason = reason.map(|code| json!({ "code": code, "message": code }));
    let instance = json!({ "instance_id": id, "state": state, "state_reason": reason, "tags": {} });
    let word = checks.map(|word| json!({ "status": word, "details": [] }));
    let status = json!({ "instance_id": id, "state": state, "system": word, "instance": word, "events": [] });
    let statuses = checks.map(|_| (id.clone(), serde_json::from_value(status).unwrap()));
    let shown = Instances::from([(id.clone(), serde_json::from_value(instance).unwrap())]);
    (shown, statuses.into_iter().collect())
}

fn phase(id: &InstanceId, phase: Phase) -> InstancePhase {
    serde_json::from_value(json!({ "instance_id": id, "phase": phase, "elapsed": { "secs": 1, "nanos": 0 } })).unwrap()
}

fn entry(phase: InstancePhase) -> Entry {
    Entry {
        v: ENTRY_VERSION,
        time: at(0),
        launch_id: None,
        account_id: Some(ACCOUNT.parse().unwrap()),
        region: Some(REGION.parse().unwrap()),
        principal: None,
        event: Event::InstancePhase(phase),
    }
}

#[tokio::test]
async fn on_a_full_disk_phases_wait_in_order_and_no_console_is_read_twice_for_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    let id = id(1);
    world.watch(&id);
    world.show(&id, "pending", None, None).await;
    world.log.set_full_for_test(true);
    world.show(&id, "running", None, None).await;
    world.show(&id, "running", None, Some("initializing")).await;
    assert_eq!(world.phases(&id), [Phase::Pending]);
    world.log.set_full_for_test(false);
    world.show(&id, "running", None, Some("initializing")).await;
    assert_eq!(world.phases(&id), [Phase::Pending, Phase::Running, Phase::Checking]);

    world.log.set_full_for_test(true);
    let reason = Some("Server.InternalError");
    world.show(&id, "terminated", reason, None).await;
    assert_eq!(world.poller.consoles_wanted.pop_front().as_ref(), Some(&id), "its console is read first");
    world.poller.console_read(&id, None).await.unwrap();
    for minutes in 0..30 {
        world.clock.advance(Duration::from_secs(60));
        world.show(&id, "terminated", reason, None).await;
        assert!(world.poller.consoles_wanted.is_empty(), "it is read again after {minutes} minutes");
    }
    world.log.set_full_for_test(false);
    for _ in 0..3 {
        world.show(&id, "terminated", reason, None).await;
    }
    assert_eq!(world.phases(&id), [Phase::Pending, Phase::Running, Phase::Checking, Phase::Failed]);
}

#[tokio::test]
async fn what_is_late_is_tried_again_on_a_full_disk_and_not_all_the_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    let id = id(1);
    world.watch(&id);
    let followed = world.poller.followed.get_mut(&id).unwrap();
    (followed.tracked.phase, followed.tracked.ready_by) = (Some(Phase::Requested), Some(at(20)));
    followed.due.state_is_asked(Duration::ZERO);
    world.log.set_full_for_test(true);
    // The loop of the poller, while EC2 says nothing.
    let mut turns = 0;
    while world.clock.uptime() < Duration::from_secs(60) {
        world.poller.record_late().await.unwrap();
        turns += 1;
        let pause = world.poller.next_due().unwrap().saturating_sub(world.clock.uptime());
        assert!(!pause.is_zero(), "it turns without a pause after {turns} turns");
        world.clock.advance(pause);
    }
    assert!(turns < 40, "{turns}");
    world.log.set_full_for_test(false);
    world.poller.record_late().await.unwrap();
    assert_eq!(world.phases(&id), [Phase::TimedOut]);
    assert_eq!(world.poller.next_due(), None, "nothing is left but EC2's answer");
}

/// Has an instance followed that runs and is to be ready at 20 s.
fn watch_running(world: &mut World, id: &InstanceId) {
    world.watch(id);
    let followed = world.poller.followed.get_mut(id).unwrap();
    (followed.tracked.phase, followed.tracked.ready_by) = (Some(Phase::Running), Some(at(20)));
}

/// Lets time pass to `second` as the poller's loop does, while no answer comes.
async fn pass(world: &mut World, second: u64) {
    while world.clock.uptime() < Duration::from_secs(second) {
        world.poller.record_late().await.unwrap();
        let second = Duration::from_secs(second);
        let next = world.poller.next_due().map_or(second, |due| due.min(second));
        let pause = next.saturating_sub(world.clock.uptime()).max(Duration::from_millis(1));
        world.clock.advance(pause);
    }
    world.poller.record_late().await.unwrap();
}

#[tokio::test]
async fn what_is_ready_by_the_checks_after_its_time_is_not_late_by_the_state_before_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    let id = id(1);
    watch_running(&mut world, &id);
    for second in [10, 20, 21] {
        pass(&mut world, second).await;
        let followed = world.poller.followed.get_mut(&id).unwrap();
        followed.due.state_is_asked(world.clock.uptime());
        followed.due.status_is_asked(world.clock.uptime());
        world.show(&id, "running", None, None).await;
        assert_eq!(world.phases(&id), [], "after {second} s its checks are still being asked for");
    }
    world.show(&id, "running", None, Some("ok")).await;
    assert_eq!(world.phases(&id), [Phase::Ready]);
}

#[tokio::test]
async fn what_was_ready_in_time_on_a_full_disk_is_ready_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    let id = id(1);
    watch_running(&mut world, &id);
    world.log.set_full_for_test(true);
    pass(&mut world, 15).await;
    world.show(&id, "running", None, Some("ok")).await;
    pass(&mut world, 60).await;
    world.show(&id, "running", None, None).await;
    world.log.set_full_for_test(false);
    pass(&mut world, 65).await;
    assert_eq!(world.phases(&id), [Phase::Ready]);
}

#[tokio::test]
async fn after_a_start_ec2_has_time_to_answer_before_anything_is_late() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    let id = id(1);
    watch_running(&mut world, &id);
    let followed = world.poller.followed.get_mut(&id).unwrap();
    followed.tracked.ready_by = Some(at(-100));
    followed.due.state_is_asked(Duration::ZERO);
    pass(&mut world, 9).await;
    assert_eq!(world.phases(&id), []);
    pass(&mut world, 12).await;
    assert_eq!(world.phases(&id), [Phase::TimedOut]);
}

#[tokio::test]
async fn what_is_only_checked_is_kept_until_its_failure_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    let id = id(1);
    world.watch(&id);
    let followed = world.poller.followed.get_mut(&id).unwrap();
    (followed.watchers, followed.awaited, followed.is_checked) = (0, true, true);
    world.show(&id, "terminated", Some("Server.SpotInstanceTermination"), None).await;
    world.poller.let_go();
    // Nobody answers about its console.
    pass(&mut world, 31).await;
    assert_eq!(world.phases(&id), [Phase::Failed]);
    world.poller.let_go();
    assert!(world.poller.followed.is_empty());
}

#[tokio::test]
async fn one_phase_that_is_too_large_keeps_no_other_from_being_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    let text = Some("\u{1}".repeat(64 << 10));
    let event = ScheduledEvent { id: None, code: String::new(), description: text, not_before: None, not_after: None };
    let mut changes = std::collections::BTreeMap::new();
    let phases: Vec<InstancePhase> = (0..200)
        .map(|number| {
            world.watch(&id(number));
            let scheduled_events = if number == 150 { vec![event.clone()] } else { Vec::new() };
            InstancePhase { scheduled_events, ..phase(&id(number), Phase::Pending) }
        })
        .collect();
    changes.insert(None, phases);
    world.poller.append(changes, at(0)).await.unwrap();
    for number in 0..200 {
        assert_eq!(world.phases(&id(number)), [Phase::Pending], "{number}");
        assert_eq!(world.poller.followed[&id(number)].tracked.phase, Some(Phase::Pending), "{number}: told again");
    }
}

#[tokio::test]
async fn what_was_ready_once_was_ready_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    world.log.append([Phase::Ready, Phase::Impaired].map(|it| entry(phase(&id(1), it))).into()).await.unwrap();
    let tracked = without_launch(&world.log, &id(1), at(0)).unwrap();
    assert_eq!((tracked.phase, tracked.was_ready), (Some(Phase::Impaired), true));
}

#[tokio::test]
async fn what_is_followed_while_its_records_are_removed_is_recorded_for_whoever_begins_to_watch_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    let id = id(1);
    world.watch(&id);
    world.show(&id, "running", None, Some("ok")).await;
    assert_eq!(world.phases(&id), [Phase::Running, Phase::Ready]);
    let day = Duration::from_secs(24 * 60 * 60);
    world.clock.advance(3 * day);
    world.log.prune(Retention { now: world.clock.now(), keep: day }).await.unwrap();
    assert_eq!(world.phases(&id), []);

    world.show(&id, "running", None, Some("ok")).await;
    let (follow, _answered) = world.follow(&id);
    world.poller.take(vec![Command::Follow(follow)]).await.unwrap();
    assert!(world.poller.is_following, "EC2 is asked, since what was seen just now is on record nowhere");
    let (follow, _) = world.follow(&id);
    world
        .poller
        .follow_answered(world.clock.now(), vec![follow], Ok(answer(&id, "running", None, Some("ok"))))
        .await
        .unwrap();
    assert_eq!(world.phases(&id), [Phase::Running, Phase::Ready]);
    assert!(world.poller.followed[&id].tracked.was_ready);
}

#[tokio::test]
async fn a_launch_that_cannot_be_read_is_read_again_and_is_not_taken_for_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    let of_launch = entries(EBS, &[]);
    let launch_id = of_launch[0].launch_id.unwrap();
    world.log.append(of_launch).await.unwrap();
    let path = dir.path().join("log/journal/00000000000000000000.seg");
    let journal = std::fs::read(&path).unwrap();
    let place = journal.windows(10).position(|bytes| bytes == b"t3.nano\",\"").unwrap() as u64;
    let segment = OpenOptions::new().write(true).open(path).unwrap();
    segment.write_all_at(b"x", place).unwrap();

    let (follow, answered) = world.follow(&id(1));
    world.poller.take(vec![Command::Launch(launch_id)]).await.unwrap();
    let shown = Ok((Instances::new(), Statuses::new()));
    world.poller.follow_answered(at(0), vec![follow], shown).await.unwrap();
    assert!(matches!(answered.await.unwrap(), Err(FollowError::Read(_))), "it is taken for an instance of none");
    assert!(world.poller.followed.is_empty());
    let pause = world.poller.next_due().unwrap();

    segment.write_all_at(b"t", place).unwrap();
    world.clock.advance(pause);
    world.poller.take_unread();
    assert!(world.poller.followed[&id(1)].awaited);
}

/// Questions that are asked in two minutes about so many instances, of which `is_refused` says by number what becomes.
async fn questions(count: u32, is_refused: impl Fn(usize) -> bool) -> usize {
    const STEP: Duration = Duration::from_millis(100);
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    (0..count).for_each(|number| world.watch(&id(number)));
    let mut under_way = VecDeque::new();
    let mut asked = 0;
    while world.clock.uptime() < Duration::from_secs(120) {
        let (now, sent) = (world.clock.now(), world.clock.uptime());
        world.poller.ask_what_is_due();
        world.poller.under_way.clear();
        let is_new = |followed: &Followed| followed.due.is_asked_since(sent);
        let mut ids: Vec<_> =
            world.poller.followed.iter().filter(|(_, it)| is_new(it)).map(|(id, _)| id.clone()).collect();
        ids.sort();
        under_way.extend(ids.chunks(FILTER_VALUES_MAX).map(|ids| (now, sent, ids.to_vec())));
        world.clock.advance(STEP);
        // EC2 takes three steps for an answer.
        while under_way.front().is_some_and(|(_, sent, _)| *sent + 3 * STEP <= world.clock.uptime()) {
            let (now, sent, ids) = under_way.pop_front().unwrap();
            let answer = if is_refused(asked) { Err(Ec2Error::HeldBack) } else { Ok(Instances::new()) };
            asked += 1;
            world.poller.take_answer(Answer::States { asked: now, sent, ids, answer }).await.unwrap();
        }
    }
    asked
}

#[tokio::test]
async fn the_more_ec2_refuses_the_less_it_is_asked() {
    // Ten questions every 1.5 s and the 0.3 s that EC2 takes.
    let usual = questions(2_000, |_| false).await;
    assert!((600..=700).contains(&usual), "{usual}");
    let hardly_more = usual + usual / 10;
    let bounds = [(1, hardly_more), (2, hardly_more), (4, hardly_more), (6, usual / 2), (8, usual / 10)];
    for (refused_of_eight, most) in bounds {
        // Every refusal among others, and not many in a row.
        let asked = questions(2_000, |number| number * 3 % 8 < refused_of_eight).await;
        assert!(asked <= most, "{refused_of_eight} of eight are refused: {asked} of {most}");
    }
}
