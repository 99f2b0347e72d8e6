//! What a poller knows of an instance it follows: what is on record, and what EC2 showed.
//!
//! It asks nobody: what EC2 shows is compared with this in [`crate::boot::observe`].

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::boot::observe::{ABSENT_LIMIT, Checks, Look, Tracked, is_possible_launch};
use crate::ec2::facts::{Instance, InstanceState, InstanceStatus};
use crate::ids::LaunchId;
use crate::record::{InstancePhase, Phase, ScheduledEvent};

use super::console::Console;
use super::due::Due;
use super::on_record::is_long_past;
use super::poller::Interruption;

/// How often it must be looked for, beside [`ABSENT_LIMIT`].
const ABSENT_LOOKS: u32 = 10;

/// How often in a row it must be looked for in vain to be taken for ended, where its end was asked for.
const MISSING_LOOKS: u32 = 3;

/// What a Spot interruption is called among the scheduled events.
const SPOT_INTERRUPTION: &str = "spot-interruption";

/// How long after its time an interruption is still believed to come. EC2 warns two minutes ahead (EC2 User Guide, "Spot
/// Instance interruption notices"), and a queue may keep what it has for days.
const INTERRUPTION_LATE_MAX: Duration = Duration::from_secs(10 * 60);

/// How long EC2 has to be asked and to answer once more about one that is not ready in time. It is given up on sooner
/// where it is silent; this is for a Region with so many questions that some wait for their turn.
const LAST_LOOK_MAX: Duration = Duration::from_secs(30);

/// That the time of an instance to be ready is up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Late {
    /// Since when that is known, on the clock's uptime.
    since: Duration,
    /// When it is thought of next.
    next: Duration,
}

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
    /// When the question was asked, on the clock's uptime, that EC2 answered last about its status checks.
    pub(super) checks_asked: Option<Duration>,
    /// The status with which it was seen in a phase that is not recorded yet.
    pub(super) unrecorded: Option<Box<InstanceStatus>>,
    /// That its time to be ready is up; none before.
    pub(super) late: Option<Late>,
    /// What is known of its console.
    pub(super) console: Console,
}

impl Followed {
    /// An instance that is looked at from `uptime` on.
    pub(super) fn new(tracked: Tracked, launch_id: Option<LaunchId>, uptime: Duration) -> Self {
        // What was told before is not taken back by a restart. A stop is behind it.
        let is_stopped = tracked.phase == Some(Phase::Stopped);
        let warned = tracked.scheduled.iter().find(|event| event.code == SPOT_INTERRUPTION && !is_stopped).cloned();
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
            checks_asked: None,
            unrecorded: None,
            late: None,
            console: Console::Unread,
        }
    }

    /// Notes that EC2 takes a Spot Instance back; false if that is no news. A message may be delivered again and late:
    /// one about an earlier boot, or about what should have happened by now, is none, nor is one that is not later than
    /// what is known.
    pub(super) fn warn(&mut self, Interruption { action, time }: Interruption, now: Timestamp) -> bool {
        let is_of_earlier_boot = self.launched(now).is_some_and(|launched| time < launched);
        let is_over = now.duration_since(time) > SignedDuration::try_from(INTERRUPTION_LATE_MAX).unwrap_or_default();
        let is_known = self.warned.as_ref().is_some_and(|known| known.not_before.is_none_or(|known| time <= known));
        // What stands still has been interrupted.
        let is_stopped = self.tracked.phase == Some(Phase::Stopped);
        if is_of_earlier_boot || is_over || is_known || is_stopped {
            return false;
        }
        // The later takes the place of the earlier, also in what is told before the next checks.
        self.tracked.scheduled.retain(|event| event.code != SPOT_INTERRUPTION);
        self.warned = Some(ScheduledEvent {
            id: None,
            code: SPOT_INTERRUPTION.to_owned(),
            description: Some(action).filter(|action| !action.is_empty()),
            not_before: Some(time),
            not_after: None,
        });
        true
    }

    /// When its present boot began, as far as is known.
    fn launched(&self, now: Timestamp) -> Option<Timestamp> {
        let is_possible = |time: &Timestamp| is_possible_launch(*time, now);
        let shown = self.shown.as_ref().and_then(|shown| shown.launch_time).filter(is_possible);
        shown.or_else(|| self.tracked.place.as_ref()?.launch_time.filter(is_possible))
    }

    /// What is known of it, with its status checks where they were just asked for.
    pub(super) fn look<'a>(&'a self, status: Option<&'a InstanceStatus>) -> Look<'a> {
        Look {
            instance: self.shown.as_deref(),
            status: status.filter(|_| self.has_checks()),
            warned: self.warned.as_ref(),
            console: self.console.tail(),
        }
    }

    /// Whether a failure is to wait until its console is read. One that EC2 does not show has none.
    pub(super) fn wants_console(&self, uptime: Duration) -> bool {
        self.shown.is_some() && self.console.is_awaited(uptime)
    }

    /// When it is not ready in time, unless it is by then; none where nobody set a limit, or that is decided. The same
    /// as in [`crate::boot::observe`].
    fn ready_by(&self) -> Option<Timestamp> {
        let tracked = &self.tracked;
        let is_decided =
            matches!(tracked.phase, Some(Phase::TimedOut | Phase::Ready | Phase::Failed | Phase::Terminated));
        tracked.ready_by.filter(|_| !tracked.terminating && !is_decided)
    }

    /// When its time to be ready is to be thought of next, on the clock's uptime.
    pub(super) fn next_late(&self, now: Timestamp, uptime: Duration) -> Option<Duration> {
        let ready_by = self.ready_by()?;
        let left = || Duration::try_from(ready_by.duration_since(now)).unwrap_or(Duration::ZERO);
        Some(self.late.map_or_else(|| uptime + left(), |late| late.next))
    }

    /// Whether it is to be recorded now that it is not ready in time, if it is not. When its time is up it is looked at
    /// once more, whatever its pace, unless EC2 is silent; `pause` is what passes between two thoughts of it.
    pub(super) fn is_late(&mut self, now: Timestamp, uptime: Duration, pause: Duration) -> bool {
        let Some(ready_by) = self.ready_by().filter(|ready_by| *ready_by <= now) else {
            self.late = None;
            return false;
        };
        let next = uptime + pause;
        let Some(Late { since, next: at }) = self.late else {
            self.due.at_once(uptime);
            self.late = Some(Late { since: uptime, next });
            return false;
        };
        if uptime < at {
            return false;
        }
        self.late = Some(Late { since, next });
        let is_seen = self.is_seen_since(ready_by) || self.due.is_silent(uptime);
        let are_checks_seen = self.are_checks_seen_since(since) || self.due.is_silent_on_checks(uptime);
        let is_over = is_seen && are_checks_seen || LAST_LOOK_MAX <= uptime.saturating_sub(since);
        if !is_over {
            // Whatever was under way when its time was up has been answered at its pace.
            self.due.at_once(uptime);
        }
        is_over
    }

    /// Whether an answer of EC2's says for sure that it is not ready in time, where nothing else follows from it: its
    /// state and its checks were asked for after that time, and the checks are with it.
    pub(super) fn is_surely_late(&self, status: Option<&InstanceStatus>) -> bool {
        let is_seen = self.ready_by().is_some_and(|ready_by| self.is_seen_since(ready_by));
        let are_checks_seen = || self.late.is_some_and(|late| self.are_checks_seen_since(late.since));
        is_seen && (!self.has_checks() || status.is_some() && are_checks_seen())
    }

    /// Whether its checks were asked for since, or it has none.
    fn are_checks_seen_since(&self, since: Duration) -> bool {
        !self.has_checks() || self.checks_asked.is_some_and(|asked| since <= asked)
    }

    fn is_seen_since(&self, time: Timestamp) -> bool {
        self.asked.is_some_and(|asked| time <= asked)
    }

    /// Begins anew: its records were removed, and what it is now is on record nowhere.
    pub(super) fn forgotten(&mut self, uptime: Duration) {
        let tracked = &mut self.tracked;
        (tracked.phase, tracked.place, tracked.failure, tracked.ready_by) = (None, None, None, None);
        (tracked.checks, tracked.scheduled) = (Checks::default(), Vec::new());
        // Whoever begins to watch it is answered once it is looked at again.
        self.seen_at = None;
        self.due.hurry(uptime);
    }

    /// Keeps what was recorded, so that it is not recorded again.
    pub(super) fn recorded(&mut self, phase: InstancePhase, uptime: Duration) {
        self.due.moved(uptime);
        self.console.overtaken(phase.failure.is_some());
        self.unrecorded = None;
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
        let boot = |shown: &Instance| (shown.state == Some(InstanceState::Running)).then_some(shown.launch_time);
        if self.shown.as_deref().and_then(boot) != shown.as_ref().and_then(boot) {
            // It was seen in another boot.
            self.unrecorded = None;
        }
        self.shown = shown.map(Box::new);
        self.seen_at = Some(uptime);
        let launched = self.launched(asked);
        // It was started again since.
        self.warned.take_if(|warned| warned.not_before.is_some_and(|time| launched.is_some_and(|at| time < at)));
    }

    /// Whether EC2 showed it running, so that it has status checks that somebody wants to know.
    pub(super) fn has_checks(&self) -> bool {
        let state = self.shown.as_ref().and_then(|shown| shown.state);
        state == Some(InstanceState::Running) && !self.is_checked
    }

    /// When its status checks are to be asked for; none while they are, or while it has none.
    pub(super) fn next_status(&self) -> Option<Duration> {
        self.due.next_status().filter(|_| self.has_checks())
    }

    /// Whether its launch has nothing more to learn of it.
    pub(super) fn is_settled(&self, now: Timestamp) -> bool {
        let tracked = &self.tracked;
        if self.is_checked && !matches!(tracked.phase, Some(Phase::Failed | Phase::Terminated)) {
            let waits = self.console.awaited_until().is_some();
            return self.seen_at.is_some() && self.absent.is_none() && !waits;
        }
        match tracked.phase {
            Some(Phase::Ready) => !tracked.terminating,
            Some(Phase::Failed | Phase::Terminated) => true,
            Some(Phase::TimedOut) => {
                let late = tracked.ready_by.is_some_and(|ready_by| is_long_past(ready_by, now));
                late && !tracked.terminating
            }
            _ => false,
        }
    }
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
    fn an_interruption_that_is_over_is_no_news_and_a_later_one_counts() {
        let mut followed = followed();
        let mut warn = |time: i64, now: i64| {
            let interruption = Interruption { action: "terminate".to_owned(), time: at(time) };
            let is_news = followed.warn(interruption, at(now));
            let warned = followed.warned.as_ref().and_then(|warned| warned.not_before);
            (is_news, warned.map(Timestamp::as_second))
        };
        assert_eq!(warn(1_000, 10_000), (false, None), "it lay in the queue for hours");
        assert_eq!(warn(9_700, 10_000), (true, Some(9_700)));
        assert_eq!(warn(9_700, 10_000), (false, Some(9_700)), "delivered again");
        assert_eq!(warn(9_600, 10_000), (false, Some(9_700)), "an earlier one");
        assert_eq!(warn(10_120, 10_001), (true, Some(10_120)));
        let place = serde_json::from_value(serde_json::json!({
            "instance_id": "i-0123456789abcdef0", "launch_time": at(10_200)
        }));
        followed.tracked.place = Some(place.unwrap());
        followed.seen(None, at(10_201), Duration::ZERO);
        assert_eq!(followed.warned, None, "it was started since");
        let of_earlier_boot = Interruption { action: String::new(), time: at(10_150) };
        assert!(!followed.warn(of_earlier_boot, at(10_202)));
        followed.tracked.phase = Some(Phase::Stopped);
        let behind = Interruption { action: String::new(), time: at(10_300) };
        assert!(!followed.warn(behind, at(10_301)), "it has been interrupted");
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
