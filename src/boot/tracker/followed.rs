//! What a poller knows of an instance it follows, made from the log.
//!
//! It asks nobody: what EC2 shows is compared with this in [`crate::boot::observe`].

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::audit::{AuditLog, ReadError};
use crate::boot::console::ConsoleTail;
use crate::boot::observe::{ABSENT_LIMIT, Checks, Look, Tracked};
use crate::ec2::facts::{Instance, InstanceState, InstanceStatus};
use crate::ids::{InstanceId, LaunchId};
use crate::record::{Event, InstancePhase, Launch, LaunchInstance, Phase, ScheduledEvent};

use super::due::Due;
use super::poller::Interruption;

/// How long an instance that was not ready in time is still looked at.
const LATE_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How often it must be looked for, beside [`ABSENT_LIMIT`].
const ABSENT_LOOKS: u32 = 10;

/// How often in a row it must be looked for in vain to be taken for ended, where its end was asked for.
const MISSING_LOOKS: u32 = 3;

/// The longest that a failure waits for its console. Where thousands of boots go wrong at once, most are told without.
const CONSOLE_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long a console that was read stands for the present one.
const CONSOLE_FRESH: Duration = Duration::from_secs(60);

/// What a Spot interruption is called among the scheduled events.
const SPOT_INTERRUPTION: &str = "spot-interruption";

/// An instance and why it is followed.
pub(super) struct Followed {
    pub(super) tracked: Tracked,
    pub(super) launch_id: Option<LaunchId>,
    /// How many streams watch it directly.
    pub(super) watchers: usize,
    /// Whether its launch still waits for it.
    pub(super) awaited: bool,
    /// Whether nobody waits for it, and all that is to be known is whether it is still there.
    pub(super) is_checked: bool,
    /// Since when EC2 does not show it, on the clock's uptime, and how often it was looked for since.
    pub(super) absent: Option<(Duration, u32)>,
    /// What EC2 showed last; none before it shows the instance and after it has ceased to.
    pub(super) shown: Option<Box<Instance>>,
    /// When the question was asked that EC2 has answered last.
    pub(super) asked: Option<Timestamp>,
    /// When EC2 last answered about it, on the clock's uptime.
    pub(super) seen_at: Option<Duration>,
    /// What EC2 has warned of, beside its status.
    pub(super) warned: Option<ScheduledEvent>,
    /// When it is to be looked at.
    pub(super) due: Due,
    /// What is known of its console.
    pub(super) console: Console,
}

/// What is known of an instance's console, which is read when its boot goes wrong.
#[derive(Debug, Default)]
pub(super) enum Console {
    /// Nothing.
    #[default]
    Unread,
    /// It is to be read, since then on the clock's uptime. What was seen with the failure waits for it.
    Wanted { since: Duration, status: Option<Box<InstanceStatus>> },
    /// What it ended with, and when that was, on the clock's uptime.
    Read { tail: Option<ConsoleTail>, at: Duration },
}

impl Followed {
    /// An instance that is looked at from `uptime` on.
    pub(super) fn new(tracked: Tracked, launch_id: Option<LaunchId>, uptime: Duration) -> Self {
        // What was told before is not taken back by a restart.
        let warned = tracked.scheduled.iter().find(|event| event.code == SPOT_INTERRUPTION).cloned();
        Self {
            tracked,
            launch_id,
            watchers: 0,
            awaited: false,
            is_checked: false,
            absent: None,
            shown: None,
            asked: None,
            seen_at: None,
            warned,
            due: Due::new(uptime),
            console: Console::Unread,
        }
    }

    /// Notes that EC2 takes a Spot Instance back at `time`, doing `action` to it. The first warning counts: it may be
    /// delivered again.
    pub(super) fn warn(&mut self, Interruption { action, time }: Interruption) {
        self.warned.get_or_insert_with(|| ScheduledEvent {
            id: None,
            code: SPOT_INTERRUPTION.to_owned(),
            description: Some(action).filter(|action| !action.is_empty()),
            not_before: Some(time),
            not_after: None,
        });
    }

    /// What is known of it, with its status checks where they were just asked for.
    pub(super) fn look<'a>(&'a self, status: Option<&'a InstanceStatus>) -> Look<'a> {
        let console = match &self.console {
            Console::Read { tail, .. } => tail.as_ref(),
            Console::Unread | Console::Wanted { .. } => None,
        };
        Look {
            instance: self.shown.as_deref(),
            status: status.filter(|_| self.has_checks()),
            warned: self.warned.as_ref(),
            console,
        }
    }

    /// Whether a failure is to wait until its console is read: it has one, that was not read just now, and the failure
    /// has not waited for too long.
    pub(super) fn wants_console(&self, uptime: Duration) -> bool {
        self.shown.is_some()
            && match &self.console {
                Console::Unread => true,
                Console::Wanted { since, .. } => uptime.saturating_sub(*since) < CONSOLE_WAIT_MAX,
                Console::Read { at, .. } => CONSOLE_FRESH <= uptime.saturating_sub(*at),
            }
    }

    /// Has the failure wait for the console; false if it does already.
    pub(super) fn defer(&mut self, status: Option<&InstanceStatus>, uptime: Duration) -> bool {
        let latest = status.cloned().map(Box::new);
        match &mut self.console {
            Console::Wanted { status, .. } => {
                *status = latest.or_else(|| status.take());
                false
            }
            Console::Unread | Console::Read { .. } => {
                self.console = Console::Wanted { since: uptime, status: latest };
                true
            }
        }
    }

    /// Keeps what was recorded, so that it is not recorded again.
    pub(super) fn recorded(&mut self, phase: InstancePhase, uptime: Duration) {
        self.due.moved(uptime);
        if let Console::Wanted { status, .. } = &mut self.console {
            // What waited is older than this.
            *status = None;
        }
        if phase.phase == Phase::Stopped {
            // It has happened, or will not: a start brings another host.
            self.warned = None;
        }
        self.tracked.phase = Some(phase.phase);
        if phase.phase == Phase::Ready {
            self.tracked.was_ready = true;
            self.tracked.ready_by = None;
        }
        self.tracked.checks = Checks::recorded(&phase);
        self.tracked.failure = phase.failure.as_deref().cloned();
        self.tracked.scheduled = phase.scheduled_events;
        if phase.place.is_some() {
            self.tracked.place = phase.place;
        }
    }

    /// Notes what EC2 showed of it when it was asked at `asked`. Answers may come in another order than the questions
    /// were asked; an older one is no news.
    pub(super) fn seen(&mut self, shown: Option<Instance>, asked: Timestamp, uptime: Duration) {
        if self.asked.is_some_and(|latest| asked < latest) {
            return;
        }
        self.asked = Some(asked);
        self.absent = match self.absent {
            _ if shown.is_some() => None,
            Some((since, looks)) => Some((since, looks.saturating_add(1))),
            None => Some((uptime, 1)),
        };
        let is_absent = |(since, looks)| ABSENT_LOOKS <= looks && ABSENT_LIMIT <= uptime.saturating_sub(since);
        self.tracked.is_absent = self.absent.is_some_and(is_absent);
        self.tracked.is_missing = self.absent.is_some_and(|(_, looks)| MISSING_LOOKS <= looks);
        self.shown = shown.map(Box::new);
        self.seen_at = Some(uptime);
    }

    /// Whether EC2 showed it running, so that it has status checks that somebody wants to know.
    pub(super) fn has_checks(&self) -> bool {
        let state = self.shown.as_ref().and_then(|shown| shown.state);
        state == Some(InstanceState::Running) && !self.is_checked
    }

    /// Whether its launch has nothing more to learn of it.
    pub(super) fn is_settled(&self, now: Timestamp) -> bool {
        let tracked = &self.tracked;
        if self.is_checked && !matches!(tracked.phase, Some(Phase::Failed | Phase::Terminated)) {
            return self.seen_at.is_some() && self.absent.is_none();
        }
        match tracked.phase {
            Some(Phase::Ready) => !tracked.terminating,
            Some(Phase::Failed | Phase::Terminated) => true,
            Some(Phase::TimedOut) => {
                let late = tracked.ready_by.is_some_and(|ready_by| is_past(ready_by, LATE_LIMIT, now));
                late && !tracked.terminating
            }
            _ => false,
        }
    }
}

/// A launch as the log has it.
pub(super) struct OnRecord {
    pub(super) launch: Launch,
    /// The last phase of the instances, of those launches where more of it is needed than its name.
    last: HashMap<InstanceId, InstancePhase>,
}

impl OnRecord {
    /// Reads a launch; none if there is no such launch.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn read(log: &AuditLog, launch_id: LaunchId) -> Result<Option<Self>, ReadError> {
        let Some(launch) = log.launch(launch_id)? else { return Ok(None) };
        let mut last = HashMap::new();
        // Only then are the records of the launch worth reading, once for all its instances: others have neither
        // checks nor scheduled events.
        let is_compared = |phase| matches!(phase, Phase::Pending | Phase::Running | Phase::Checking | Phase::Impaired);
        if launch.instances.iter().any(|instance| is_compared(instance.phase)) {
            for indexed in log.launch_entries(launch_id, 0)? {
                if let Event::InstancePhase(phase) = indexed.entry.event {
                    last.insert(phase.instance_id.clone(), phase);
                }
            }
        }
        Ok(Some(Self { launch, last }))
    }

    /// The instances that the launch still waits for.
    pub(super) fn awaited(&self, now: Timestamp) -> impl Iterator<Item = Tracked> {
        let instances = self.launch.instances.iter().filter(move |instance| is_awaited(&self.launch, instance, now));
        instances.map(|instance| self.tracked(instance))
    }

    /// The instances that have not ended.
    pub(super) fn living(&self) -> impl Iterator<Item = Tracked> {
        let living = self.launch.instances.iter().filter(|instance| !instance.has_ended());
        living.map(|instance| self.tracked(instance))
    }

    /// One of its instances.
    pub(super) fn find(&self, instance_id: &InstanceId) -> Option<Tracked> {
        let instance = self.launch.instances.iter().find(|instance| instance.place.instance_id == *instance_id)?;
        Some(self.tracked(instance))
    }

    fn tracked(&self, instance: &LaunchInstance) -> Tracked {
        let launch = &self.launch;
        let last = self.last.get(&instance.place.instance_id);
        Tracked {
            instance_id: instance.place.instance_id.clone(),
            phase: Some(instance.phase),
            place: Some(instance.place.clone()),
            checks: last.map(Checks::recorded).unwrap_or_default(),
            failure: last.and_then(|last| last.failure.as_deref().cloned()),
            scheduled: last.map(|last| last.scheduled_events.clone()).unwrap_or_default(),
            since: launch.create_time,
            ready_by: launch.ready_by(instance),
            terminating: launch.terminating,
            was_ready: instance.ready_time.is_some(),
            is_missing: false,
            is_absent: false,
        }
    }
}

/// An instance that no launch of Gantry made, as the log has it; `since` is what its boot is
/// measured from.
///
/// # Errors
/// If the log cannot be read.
pub(super) fn without_launch(log: &AuditLog, instance_id: &InstanceId, since: Timestamp) -> Result<Tracked, ReadError> {
    let mut place = None;
    let mut last = None;
    for indexed in log.instance_entries(instance_id, 0)? {
        if let Event::InstancePhase(phase) = indexed.entry.event {
            place = phase.place.clone().or(place);
            last = Some(phase);
        }
    }
    let phase = last.as_ref().map(|last| last.phase);
    Ok(Tracked {
        instance_id: instance_id.clone(),
        phase,
        place,
        checks: last.as_ref().map(Checks::recorded).unwrap_or_default(),
        failure: last.as_ref().and_then(|last| last.failure.as_deref().cloned()),
        scheduled: last.map(|last| last.scheduled_events).unwrap_or_default(),
        since,
        ready_by: None,
        terminating: false,
        was_ready: phase == Some(Phase::Ready),
        is_missing: false,
        is_absent: false,
    })
}

/// Whether a launch still waits for an instance.
fn is_awaited(launch: &Launch, instance: &LaunchInstance, now: Timestamp) -> bool {
    if instance.ready_time.is_some() && !launch.terminating {
        return false;
    }
    match instance.phase {
        Phase::Failed | Phase::Terminated => false,
        Phase::Ready => launch.terminating,
        Phase::TimedOut => launch.terminating || !is_past(instance.phase_time, LATE_LIMIT, now),
        Phase::Requested | Phase::Pending | Phase::Running | Phase::Checking | Phase::Impaired | Phase::Stopped => true,
    }
}

fn is_past(time: Timestamp, limit: Duration, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(time)).is_ok_and(|age| age >= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn followed() -> Followed {
        let tracked = Tracked {
            instance_id: "i-0123456789abcdef0".parse().unwrap(),
            phase: Some(Phase::Pending),
            place: None,
            checks: Checks::default(),
            failure: None,
            scheduled: Vec::new(),
            since: at(0),
            ready_by: None,
            terminating: true,
            was_ready: false,
            is_missing: false,
            is_absent: false,
        };
        Followed::new(tracked, None, Duration::ZERO)
    }

    #[test]
    fn an_older_answer_is_no_news_and_one_look_is_no_proof() {
        let mut followed = followed();
        followed.seen(None, at(10), Duration::from_secs(10));
        followed.seen(None, at(9), Duration::from_secs(11));
        followed.seen(None, at(8), Duration::from_secs(12));
        assert!(!followed.tracked.is_missing, "two of three were asked before the first");
        followed.seen(None, at(12), Duration::from_secs(12));
        assert!(!followed.tracked.is_missing);
        followed.seen(None, at(14), Duration::from_secs(14));
        assert!(followed.tracked.is_missing && !followed.tracked.is_absent);
    }

    #[test]
    fn what_is_only_checked_is_kept_until_ec2_has_answered_about_it() {
        let mut checked = Followed { is_checked: true, awaited: true, ..followed() };
        checked.tracked.phase = Some(Phase::Ready);
        assert!(!checked.is_settled(at(0)), "others may be answered about first");
        checked.seen(None, at(1), Duration::from_secs(1));
        assert!(!checked.is_settled(at(1)), "it may be gone");
    }
}
