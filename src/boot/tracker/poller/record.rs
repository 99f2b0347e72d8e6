//! What a poller writes down of what EC2 showed.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::Poller;
use super::question::{Instances, Statuses};
use crate::audit::{APPEND_ENTRIES_MAX, AppendError};
use crate::boot::console::ConsoleTail;
use crate::boot::observe::{observe, overdue};
use crate::boot::tracker::followed::Console;
use crate::ids::{InstanceId, LaunchId};
use crate::record::{ENTRY_VERSION, Entry, Event, InstancePhase};

/// Launches whose phases are handed to the log at once: it makes them durable together.
const APPENDS_MAX: usize = 64;

/// Phases to be recorded, by launch.
type Changes = BTreeMap<Option<LaunchId>, Vec<InstancePhase>>;

impl Poller {
    /// Keeps what EC2 showed of `ids` when it was asked at `asked`.
    pub(super) fn note_states(&mut self, ids: &[InstanceId], mut shown: Instances, asked: Timestamp) {
        let uptime = self.clock.uptime();
        for id in ids {
            let Some(followed) = self.followed.get_mut(id) else { continue };
            followed.seen(shown.remove(id), asked, uptime);
        }
        self.observed.note(ids.iter().filter(|id| self.followed.contains_key(id)), asked);
    }

    /// Records what is not ready in time, by what is known of it: EC2 does not answer, and watchers need not wait for it.
    pub(super) async fn record_overdue(&mut self) -> Result<(), AppendError> {
        let now = self.clock.now();
        let mut changes = Changes::new();
        for followed in self.followed.values() {
            let phase = overdue(&followed.tracked, followed.look(None), now);
            changes.entry(followed.launch_id).or_default().extend(phase);
        }
        changes.retain(|_, phases| !phases.is_empty());
        self.append(changes, now).await
    }

    /// Records what became of those of `ids` that are followed.
    pub(super) async fn record_changes(&mut self, ids: &[InstanceId], statuses: &Statuses) -> Result<(), AppendError> {
        let (now, uptime) = (self.clock.now(), self.clock.uptime());
        let mut changes = Changes::new();
        for id in ids {
            // Of what EC2 was not asked about yet there is nothing to say.
            let Some(followed) = self.followed.get_mut(id).filter(|followed| followed.seen_at.is_some()) else {
                continue;
            };
            let phases = observe(&followed.tracked, followed.look(statuses.get(id)), now);
            // The record of a failure says what it was explained from, so the console is read first.
            if phases.iter().any(|phase| phase.failure.is_some()) && followed.wants_console(uptime) {
                if followed.defer(statuses.get(id), uptime) {
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

    async fn append(&mut self, changes: Changes, now: Timestamp) -> Result<(), AppendError> {
        let append = |(launch_id, phases): (Option<LaunchId>, Vec<InstancePhase>)| {
            let log = self.log.clone();
            let entries: Vec<Entry> = phases.iter().map(|phase| self.entry(launch_id, phase, now)).collect();
            async move {
                let mut recorded = 0;
                for part in entries.chunks(APPEND_ENTRIES_MAX) {
                    if let Err(error) = log.append(part.to_vec()).await {
                        return (launch_id, phases, recorded, Err(error));
                    }
                    recorded += part.len();
                }
                (launch_id, phases, recorded, Ok(()))
            }
        };
        let appends: Vec<_> = changes.into_iter().map(append).collect();
        let appended: Vec<_> = stream::iter(appends).buffer_unordered(APPENDS_MAX).collect().await;
        let mut outcome = Ok(());
        for (launch_id, mut phases, recorded, result) in appended {
            phases.truncate(recorded);
            self.recorded(phases);
            match result {
                Ok(()) => {}
                // The queue drains by itself, and somebody makes room; the next look sees the same and tries
                // again.
                Err(AppendError::Full | AppendError::NoSpace) => {}
                // What is known of this launch here is not what the log knows: a defect, which must not
                // keep the other launches of the Region from being recorded.
                Err(AppendError::Conflict(error)) => {
                    tracing::error!(?launch_id, %error, "phases do not follow from the record; no longer watched");
                    self.forget(|followed| followed.launch_id == launch_id);
                }
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// Records what waited for the console of an instance.
    pub(super) async fn console_read(&mut self, id: &InstanceId, tail: Option<ConsoleTail>) -> Result<(), AppendError> {
        let at = self.clock.uptime();
        let Some(followed) = self.followed.get_mut(id) else { return Ok(()) };
        let waited = std::mem::replace(&mut followed.console, Console::Read { tail, at });
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
