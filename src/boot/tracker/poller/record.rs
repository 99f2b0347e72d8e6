//! What a poller writes down of what EC2 showed.

use std::collections::BTreeMap;

use futures::{FutureExt, StreamExt, stream};
use jiff::Timestamp;

use super::Poller;
use super::question::{Instances, Statuses};
use crate::audit::{APPEND_ENTRIES_MAX, AppendError, AuditLog};
use crate::boot::console::ConsoleTail;
use crate::boot::observe::{observe, overdue};
use crate::boot::tracker::console::Console;
use crate::ids::{InstanceId, LaunchId};
use crate::record::{ApplyError, ENTRY_VERSION, Entry, Event, InstancePhase, Phase};

/// Launches whose phases are handed to the log at once: it makes them durable together.
const APPENDS_MAX: usize = 64;

/// Phases to be recorded, by launch.
type Changes = BTreeMap<Option<LaunchId>, Vec<InstancePhase>>;

/// Whether what is recorded is EC2's answer, or what is known without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answered {
    Yes,
    No,
}

impl Poller {
    /// Keeps what EC2 showed of `ids` when it was asked at `asked`.
    pub(super) fn note_states(&mut self, ids: &[InstanceId], mut shown: Instances, asked: Timestamp) {
        let uptime = self.clock.uptime();
        for id in ids {
            let Some(followed) = self.followed.get_mut(id) else { continue };
            followed.seen(shown.remove(id), asked, uptime);
        }
        let followed = ids.iter().filter_map(|id| Some((id, self.followed.get(id)?.has_checks())));
        self.observed.note(followed, asked);
    }

    /// Records what is not ready in time, by what is known of it: EC2 has not answered about it since its time was up, and
    /// watchers need not wait for that.
    pub(super) async fn record_late(&mut self) -> Result<(), AppendError> {
        let (now, uptime) = (self.clock.now(), self.clock.uptime());
        let (mut late, mut without_console) = (Vec::new(), Vec::new());
        let mut statuses = Statuses::new();
        for (id, followed) in &mut self.followed {
            if let Some(status) = followed.console.give_up(uptime) {
                without_console.push(id.clone());
                followed.unrecorded = status.or_else(|| followed.unrecorded.take());
            }
            if followed.is_late(now, uptime, self.settings.state_period) {
                late.push(id.clone());
            }
            if [&late, &without_console].into_iter().any(|ids| ids.last() == Some(id)) {
                let status = followed.console.waiting().or(followed.unrecorded.as_deref());
                statuses.extend(status.map(|status| (id.clone(), status.clone())));
            }
        }
        self.record(&without_console, &statuses, Answered::Yes).await?;
        if late.is_empty() {
            return Ok(());
        }
        self.record(&late, &statuses, Answered::No).await
    }

    /// Records what became of those of `ids` that are followed.
    pub(super) async fn record_changes(&mut self, ids: &[InstanceId], statuses: &Statuses) -> Result<(), AppendError> {
        self.record(ids, statuses, Answered::Yes).await
    }

    async fn record(&mut self, ids: &[InstanceId], statuses: &Statuses, answered: Answered) -> Result<(), AppendError> {
        let (now, uptime) = (self.clock.now(), self.clock.uptime());
        let mut changes = Changes::new();
        for id in ids {
            let Some(followed) = self.followed.get_mut(id) else { continue };
            let look = followed.look(statuses.get(id));
            let mut phases = match followed.seen_at {
                Some(_) => observe(&followed.tracked, look, now),
                // Of what EC2 was not asked about yet there is nothing to say but that.
                None => overdue(&followed.tracked, look, now).into_iter().collect(),
            };
            // The other half of the answer may say that it is ready.
            if answered == Answered::Yes && !followed.is_surely_late(statuses.get(id)) {
                phases.retain(|phase| phase.phase != Phase::TimedOut);
            }
            if let Some(status) = statuses.get(id) {
                followed.unrecorded = (!phases.is_empty()).then(|| Box::new(status.clone()));
            }
            // The record of a failure says what it was explained from, so the console is read first. Where EC2 does not
            // even say what state the instance is in, that is not waited for.
            let is_silent = answered == Answered::No && followed.due.is_silent(uptime);
            if phases.iter().any(|phase| phase.failure.is_some()) && !is_silent && followed.wants_console(uptime) {
                if followed.console.want(statuses.get(id), uptime) {
                    self.consoles_wanted.push_back(id.clone());
                }
                continue;
            }
            if !phases.is_empty() {
                changes.entry(followed.launch_id).or_default().extend(phases);
            }
        }
        self.append(changes, now).await
    }

    pub(super) async fn append(&mut self, mut changes: Changes, now: Timestamp) -> Result<(), AppendError> {
        let mut outcome = Ok(());
        while !changes.is_empty() {
            let appends: Vec<_> = std::mem::take(&mut changes)
                .into_iter()
                .map(|(launch_id, phases)| {
                    let entries = phases.iter().map(|phase| self.entry(launch_id, phase, now)).collect();
                    append_in_parts(self.log.clone(), entries)
                        .map(move |(count, result)| (launch_id, phases, count, result))
                })
                .collect();
            let appended: Vec<_> = stream::iter(appends).buffer_unordered(APPENDS_MAX).collect().await;
            for (launch_id, mut phases, count, result) in appended {
                let left = phases.split_off(count);
                self.recorded(phases);
                match result {
                    Ok(()) => {}
                    // The queue drains by itself, and somebody makes room; the next look sees the same and tries
                    // again.
                    Err(AppendError::Full | AppendError::NoSpace) => self.unrecorded(&left),
                    Err(AppendError::Conflict(error)) => {
                        let watched = self.left_of_conflict(launch_id, &error, left);
                        if !watched.is_empty() {
                            changes.entry(None).or_default().extend(watched);
                        }
                    }
                    Err(error) => outcome = Err(error),
                }
            }
        }
        outcome
    }

    /// What is to be recorded all the same, of no launch, where `left` does not follow from what the log has of a launch.
    fn left_of_conflict(
        &mut self,
        launch_id: Option<LaunchId>,
        error: &ApplyError,
        mut left: Vec<InstancePhase>,
    ) -> Vec<InstancePhase> {
        match (error, launch_id.map(|id| (id, self.log.pruned_launch(id)))) {
            // Phases have no other end to come after than that the launch's records were removed.
            (ApplyError::Ended, Some((id, Ok(Some(_))))) => self.detach(id),
            // That is not readable yet. The next look tries again.
            (ApplyError::Ended, Some((_, Ok(None)))) => return Vec::new(),
            (ApplyError::Ended, Some((id, Err(error)))) => {
                tracing::error!(launch_id = %id, %error, "phases not recorded");
                return Vec::new();
            }
            // What is known of this launch here is not what the log knows: a defect, which must not keep the other
            // launches of the Region from being recorded.
            _ => {
                tracing::error!(?launch_id, %error, "phases do not follow from the record; no longer watched");
                self.forget(|followed| followed.launch_id == launch_id);
            }
        }
        left.retain(|phase| self.followed.contains_key(&phase.instance_id));
        left
    }

    /// Records what waited for the console of an instance.
    pub(super) async fn console_read(&mut self, id: &InstanceId, tail: Option<ConsoleTail>) -> Result<(), AppendError> {
        let at = self.clock.uptime();
        let Some(followed) = self.followed.get_mut(id) else { return Ok(()) };
        let waited = std::mem::replace(&mut followed.console, Console::read(tail, at));
        let statuses = match waited {
            Console::Wanted { status: Some(status), .. } => Statuses::from([(id.clone(), *status)]),
            Console::Unread | Console::Wanted { .. } | Console::Read { .. } => Statuses::new(),
        };
        self.record_changes(std::slice::from_ref(id), &statuses).await
    }

    fn recorded(&mut self, phases: Vec<InstancePhase>) {
        let uptime = self.clock.uptime();
        for phase in phases {
            if let Some(followed) = self.followed.get_mut(&phase.instance_id) {
                followed.recorded(phase, uptime);
            }
        }
    }

    /// Notes what the log has no room for.
    fn unrecorded(&mut self, phases: &[InstancePhase]) {
        let uptime = self.clock.uptime();
        for phase in phases.iter().filter(|phase| phase.failure.is_some()) {
            self.followed.get_mut(&phase.instance_id).into_iter().for_each(|it| it.console.unrecorded(uptime));
        }
    }

    fn entry(&self, launch_id: Option<LaunchId>, phase: &InstancePhase, now: Timestamp) -> Entry {
        Entry {
            v: ENTRY_VERSION,
            time: now,
            launch_id,
            account_id: Some(self.client.account_id().clone()),
            region: Some(self.client.region().clone()),
            principal: None,
            event: Event::InstancePhase(phase.clone()),
        }
    }

    /// Lets go of what nobody waits for any more.
    pub(super) fn let_go(&mut self) {
        let now = self.clock.now();
        for followed in self.followed.values_mut() {
            if followed.is_settled(now) {
                followed.awaited = false;
            }
        }
        self.forget(|followed| !followed.awaited && followed.watchers == 0);
    }

    pub(super) fn forget(&mut self, is_over: impl Fn(&super::Followed) -> bool) {
        let mut over = Vec::new();
        self.followed.retain(|id, followed| {
            let ends = is_over(followed);
            if ends {
                over.push(id.clone());
            }
            !ends
        });
        self.observed.forget(&over);
    }
}

/// Appends entries in order, in as many parts as the log wants; how many it took, and why not the others.
async fn append_in_parts(log: AuditLog, entries: Vec<Entry>) -> (usize, Result<(), AppendError>) {
    let mut count = 0;
    for part in entries.chunks(APPEND_ENTRIES_MAX) {
        let appended = match log.append(part.to_vec()).await {
            // One of them, which must not keep the others from being recorded.
            Err(AppendError::TooLarge { .. }) => append_each(&log, part, &mut count).await,
            Ok(_) => {
                count += part.len();
                Ok(())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = appended {
            return (count, Err(error));
        }
    }
    (count, Ok(()))
}

/// Appends entries one by one, and of one that is too large the phase alone. `count` counts them.
async fn append_each(log: &AuditLog, entries: &[Entry], count: &mut usize) -> Result<(), AppendError> {
    for entry in entries {
        match log.append(vec![entry.clone()]).await {
            Err(error @ AppendError::TooLarge { .. }) => {
                let Event::InstancePhase(phase) = &entry.event else { return Err(error) };
                tracing::warn!(instance_id = %phase.instance_id, %error, "a phase is recorded without what EC2 said of it");
                let alone = InstancePhase::new(phase.instance_id.clone(), phase.phase, phase.elapsed);
                let event = Event::InstancePhase(alone);
                log.append(vec![Entry { event, ..entry.clone() }]).await?;
            }
            appended => drop(appended?),
        }
        *count += 1;
    }
    Ok(())
}
