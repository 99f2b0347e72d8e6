//! The poller of one Region of one account: one loop that asks EC2 what is due, takes its answers as they come, and
//! does what it is told.
//!
//! Questions are under way beside each other, so that a Region with thousands of young instances is looked at as fast
//! as its share of EC2's rates allows, and a slow answer keeps nobody waiting but those it is about. What is asked is
//! in [`question`], what is recorded of an answer in [`record`], what it is told and by whom in [`follow`] and
//! [`launches`].

mod asking;
mod follow;
mod launches;
mod question;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::console::Console;
use super::followed::Followed;
use super::unread::Unread;
use super::{Observed, TrackerSettings};
use crate::audit::{AppendError, AuditLog};
use crate::boot::tails::Tails;
use crate::clock::Clock;
use crate::ec2::{CALL_STATUS_IDS_MAX, Client, FILTER_VALUES_MAX};
use crate::ids::{AccountId, InstanceId, Region};

use asking::Asking;
pub(in crate::boot) use follow::Shown;
pub(super) use follow::{Command, Follow};
pub use follow::{Hint, Interruption};
use question::Answer;

pub(super) struct Poller {
    client: Client,
    log: AuditLog,
    clock: Arc<dyn Clock>,
    settings: TrackerSettings,
    commands: mpsc::UnboundedReceiver<Command>,
    followed: HashMap<InstanceId, Followed>,
    observed: Arc<Observed>,
    under_way: FuturesUnordered<BoxFuture<'static, Answer>>,
    states: Asking,
    statuses: Asking,
    consoles: Asking,
    /// Whether EC2 is being asked for streams that open, and those that wait for the next such question.
    is_following: bool,
    follows_waiting: Vec<Follow>,
    /// Whose console is to be read, in the order in which that was found.
    consoles_wanted: VecDeque<InstanceId>,
    tails: Tails,
    unread: Unread,
    /// From where on the log was whole when it was last looked whether it still has what is followed.
    gone_below: u64,
    /// When that is looked at again which could not be read, on the clock's uptime.
    removals_due: Duration,
}

impl Poller {
    pub(super) fn new(
        client: Client,
        log: AuditLog,
        clock: Arc<dyn Clock>,
        settings: TrackerSettings,
        commands: mpsc::UnboundedReceiver<Command>,
        tails: Tails,
    ) -> Self {
        Self {
            gone_below: log.gone_below_index(),
            removals_due: Duration::ZERO,
            client,
            log,
            clock,
            settings,
            commands,
            followed: HashMap::new(),
            observed: Arc::default(),
            under_way: FuturesUnordered::new(),
            states: Asking::default(),
            statuses: Asking::default(),
            consoles: Asking::default(),
            is_following: false,
            follows_waiting: Vec::new(),
            consoles_wanted: VecDeque::new(),
            tails,
            unread: Unread::default(),
        }
    }

    pub(super) fn account_id(&self) -> &AccountId {
        self.client.account_id()
    }

    pub(super) fn region(&self) -> &Region {
        self.client.region()
    }

    /// When each instance it follows was seen last.
    pub(super) fn observed(&self) -> Arc<Observed> {
        Arc::clone(&self.observed)
    }

    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        loop {
            self.take_pruned();
            self.take_unread();
            let late = self.record_late().await;
            if !self.goes_on(late) {
                return;
            }
            // What is due is asked before any command is taken: however many streams are opened, the
            // instances of the Region are looked at.
            self.ask_what_is_due();
            let pause = self.next_due().map(|due| due.saturating_sub(self.clock.uptime()));
            let done = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                Some(answer) = self.under_way.next() => self.take_answer(answer).await,
                command = self.commands.recv() => match command {
                    Some(command) => {
                        let batch = self.batch(command);
                        self.take(batch).await
                    }
                    // Every handle is gone: nobody can ask for anything any more.
                    None => return,
                },
                () = self.clock.sleep(pause.unwrap_or_default()), if pause.is_some() => Ok(()),
            };
            if !self.goes_on(done) {
                return;
            }
        }
    }

    /// Whether there is a log to write to.
    fn goes_on(&self, done: Result<(), AppendError>) -> bool {
        let Err(error) = done else { return true };
        tracing::error!(region = %self.client.region(), %error, "phases not recorded");
        !matches!(error, AppendError::Unavailable)
    }

    /// Asks about everything that is due, as far as questions may be under way.
    fn ask_what_is_due(&mut self) {
        let uptime = self.clock.uptime();
        while self.states.has_room() {
            let ids = self.chosen(FILTER_VALUES_MAX, |followed| followed.due.next_state());
            if ids.is_empty() {
                break;
            }
            for id in &ids {
                self.followed.get_mut(id).into_iter().for_each(|followed| followed.due.state_is_asked(uptime));
            }
            self.states.asked();
            self.under_way.push(question::states(self.client.clone(), Arc::clone(&self.clock), ids));
        }
        while self.statuses.has_room() {
            let ids = self.chosen(CALL_STATUS_IDS_MAX, Followed::next_status);
            if ids.is_empty() {
                break;
            }
            for id in &ids {
                self.followed.get_mut(id).into_iter().for_each(|followed| followed.due.status_is_asked(uptime));
            }
            self.statuses.asked();
            self.under_way.push(question::statuses(self.client.clone(), Arc::clone(&self.clock), ids));
        }
        while self.consoles.has_room() {
            let Some(id) = self.consoles_wanted.pop_front() else { break };
            let is_wanted = |followed: &Followed| matches!(followed.console, Console::Wanted { .. });
            if self.followed.get(&id).is_some_and(is_wanted) {
                self.consoles.asked();
                self.under_way.push(question::console(self.client.clone(), self.tails.clone(), id));
            }
        }
    }

    /// The instances that one call asks about: those that are due, the longest overdue first. If there are fewer than a
    /// call may name and any is due, the call names those that will be due next as well, which costs nothing.
    fn chosen(&self, limit: usize, due: impl Fn(&Followed) -> Option<Duration>) -> Vec<InstanceId> {
        let now = self.clock.uptime();
        let mut candidates: Vec<(Duration, &InstanceId)> =
            self.followed.iter().filter_map(|(id, followed)| Some((due(followed)?, id))).collect();
        if candidates.iter().all(|(due, _)| now < *due) {
            return Vec::new();
        }
        if limit < candidates.len() {
            candidates.select_nth_unstable(limit);
            candidates.truncate(limit);
        }
        candidates.into_iter().map(|(_, id)| id.clone()).collect()
    }

    /// When there is something to do without an answer or a command: the next question is due that may be asked, an
    /// instance is not ready in time, or a launch is to be read again.
    fn next_due(&self) -> Option<Duration> {
        let (now, uptime) = (self.clock.now(), self.clock.uptime());
        let of_each = self.followed.values().flat_map(|followed| {
            let state = followed.due.next_state().filter(|_| self.states.has_room());
            let status = followed.next_status().filter(|_| self.statuses.has_room());
            [state, status, followed.next_late(now, uptime), followed.console.awaited_until()].into_iter().flatten()
        });
        of_each.chain(self.unread.due()).min()
    }

    async fn take_answer(&mut self, answer: Answer) -> Result<(), AppendError> {
        let region = self.client.region().clone();
        let uptime = self.clock.uptime();
        let recorded = match answer {
            Answer::States { asked, sent, ids, answer } => {
                let is_ok = answer.is_ok();
                if self.states.answered(is_ok, sent, uptime) {
                    self.followed.values_mut().for_each(|followed| followed.due.states_recovered(uptime));
                }
                let errors = self.states.errors();
                for id in &ids {
                    let Some(followed) = self.followed.get_mut(id) else { continue };
                    followed.due.state_answered(is_ok, &self.settings, uptime, errors);
                }
                match answer {
                    Ok(shown) => {
                        self.note_states(&ids, shown, asked);
                        self.record_changes(&ids, &HashMap::new()).await
                    }
                    Err(error) => {
                        tracing::warn!(%region, %error, "instances not seen");
                        Ok(())
                    }
                }
            }
            Answer::Statuses { sent, ids, answer } => {
                let is_ok = answer.is_ok();
                let now = self.clock.now();
                if self.statuses.answered(is_ok, sent, uptime) {
                    self.followed.values_mut().for_each(|followed| followed.due.statuses_recovered(uptime));
                }
                let errors = self.statuses.errors();
                for id in &ids {
                    let Some(followed) = self.followed.get_mut(id) else { continue };
                    followed.due.status_answered(is_ok, &self.settings, uptime, errors);
                    // Of one that this part of EC2 does not know the checks are not known.
                    let is_answered = answer.as_ref().is_ok_and(|statuses| statuses.contains_key(id));
                    self.observed.note_checks(id, is_answered, now);
                    if is_answered {
                        followed.checks_asked = followed.checks_asked.max(Some(sent));
                    }
                }
                match answer {
                    Ok(statuses) => self.record_changes(&ids, &statuses).await,
                    Err(error) => {
                        tracing::warn!(%region, %error, "status checks not seen");
                        Ok(())
                    }
                }
            }
            Answer::Console { id, tail } => {
                self.consoles.done();
                self.console_read(&id, tail).await
            }
            // Nothing of what it is about has changed for those who wait.
            Answer::Follow { asked, follows, answer } => return self.follow_answered(asked, follows, answer).await,
        };
        // Also where something could not be recorded: of the others nobody may wait any more.
        self.let_go();
        recorded
    }
}
