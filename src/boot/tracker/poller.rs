//! The poller of one Region of one account: one loop that asks EC2 what is due, takes its answers as they come, and
//! does what it is told.
//!
//! Questions are under way beside each other, so that a Region with thousands of young instances is looked at as fast
//! as its share of EC2's rates allows, and a slow answer keeps nobody waiting but those it is about. What is asked is
//! in [`question`], what is recorded of an answer in [`record`], what it is told and by whom in [`follow`].

mod follow;
mod question;
mod record;

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::followed::{Console, Followed};
use super::{Observed, TrackerSettings};
use crate::audit::{AppendError, AuditLog};
use crate::boot::tails::Tails;
use crate::clock::Clock;
use crate::ec2::{CALL_STATUS_IDS_MAX, Client, FILTER_VALUES_MAX};
use crate::ids::{AccountId, InstanceId, Region};

pub(in crate::boot) use follow::Shown;
pub(super) use follow::{Command, Follow};
pub use follow::{Hint, Interruption};
use question::Answer;

/// How much longer the pauses become while EC2 does not answer: up to 2⁵ times.
const ERROR_PAUSES_MAX: u32 = 5;

/// Questions of one kind that are under way at once. At EC2's usual third of a second for an answer it is a little more
/// than half of a bucket's rate of 20 a second needs.
const QUESTIONS_MAX: usize = 4;

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
}

/// How one kind of question is doing.
#[derive(Debug, Default)]
struct Asking {
    /// How many are under way.
    under_way: usize,
    /// How many were refused in a row.
    errors: u32,
    /// When one was refused last, on the clock's uptime.
    refused: Option<Duration>,
}

impl Asking {
    fn has_room(&self) -> bool {
        self.under_way < QUESTIONS_MAX
    }

    /// Notes the answer to a question that was asked at `sent`, on the clock's uptime; whether it is the first after
    /// some that were refused. Those that were under way beside a refused one say nothing new.
    fn answered(&mut self, is_ok: bool, sent: Duration, uptime: Duration) -> bool {
        self.under_way = self.under_way.saturating_sub(1);
        if is_ok {
            return std::mem::take(&mut self.errors) > 0;
        }
        if self.refused.is_none_or(|refused| refused <= sent) {
            self.errors = (self.errors + 1).min(ERROR_PAUSES_MAX);
            self.refused = Some(uptime);
        }
        false
    }
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
            if let Err(error) = done {
                tracing::error!(region = %self.client.region(), %error, "phases not recorded");
                if matches!(error, AppendError::Unavailable) {
                    return;
                }
            }
        }
    }

    /// Asks about everything that is due, as far as questions may be under way.
    fn ask_what_is_due(&mut self) {
        while self.states.has_room() {
            let is_asked = |followed: &Followed| followed.due.state_asked;
            let ids = self.chosen(FILTER_VALUES_MAX, |followed| (!is_asked(followed)).then_some(followed.due.state));
            if ids.is_empty() {
                break;
            }
            for id in &ids {
                self.followed.get_mut(id).into_iter().for_each(|followed| followed.due.state_asked = true);
            }
            self.states.under_way += 1;
            self.under_way.push(question::states(self.client.clone(), Arc::clone(&self.clock), ids));
        }
        while self.statuses.has_room() {
            let due = |followed: &Followed| {
                (followed.has_checks() && !followed.due.status_asked).then_some(followed.due.status)
            };
            let ids = self.chosen(CALL_STATUS_IDS_MAX, due);
            if ids.is_empty() {
                break;
            }
            for id in &ids {
                self.followed.get_mut(id).into_iter().for_each(|followed| followed.due.status_asked = true);
            }
            self.statuses.under_way += 1;
            self.under_way.push(question::statuses(self.client.clone(), Arc::clone(&self.clock), ids));
        }
        while self.consoles.has_room() {
            let Some(id) = self.consoles_wanted.pop_front() else { break };
            let is_wanted = |followed: &Followed| matches!(followed.console, Console::Wanted { .. });
            if self.followed.get(&id).is_some_and(is_wanted) {
                self.consoles.under_way += 1;
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

    /// When the next question is due that may be asked; none while answers have to come first.
    fn next_due(&self) -> Option<Duration> {
        let states = self.states.has_room().then(|| {
            let waiting = self.followed.values().filter(|followed| !followed.due.state_asked);
            waiting.map(|followed| followed.due.state).min()
        });
        let statuses = self.statuses.has_room().then(|| {
            let waiting = self.followed.values().filter(|followed| followed.has_checks() && !followed.due.status_asked);
            waiting.map(|followed| followed.due.status).min()
        });
        // `Reverse`, since none is less than any time.
        [states, statuses].into_iter().flatten().flatten().map(Reverse).max().map(|Reverse(due)| due)
    }

    async fn take_answer(&mut self, answer: Answer) -> Result<(), AppendError> {
        let region = self.client.region().clone();
        match answer {
            Answer::States { asked, sent, ids, answer } => {
                let uptime = self.clock.uptime();
                if self.states.answered(answer.is_ok(), sent, uptime) {
                    self.followed.values_mut().for_each(|followed| followed.due.at_once(uptime));
                }
                for id in &ids {
                    let Some(followed) = self.followed.get_mut(id) else { continue };
                    followed.due.state_answered(&self.settings, uptime, self.states.errors);
                }
                match answer {
                    Ok(shown) => {
                        self.note_states(&ids, shown, asked);
                        self.record_changes(&ids, &HashMap::new()).await?;
                        self.let_go();
                    }
                    Err(error) => {
                        tracing::warn!(%region, %error, "instances not seen");
                        self.record_overdue().await?;
                        self.let_go();
                    }
                }
            }
            Answer::Statuses { sent, ids, answer } => {
                let uptime = self.clock.uptime();
                self.observed.note_checks(answer.is_ok(), self.clock.now());
                if self.statuses.answered(answer.is_ok(), sent, uptime) {
                    self.followed.values_mut().for_each(|followed| followed.due.at_once(uptime));
                }
                for id in &ids {
                    let Some(followed) = self.followed.get_mut(id) else { continue };
                    followed.due.status_answered(&self.settings, uptime, self.statuses.errors);
                }
                match answer {
                    Ok(statuses) => {
                        self.record_changes(&ids, &statuses).await?;
                        self.let_go();
                    }
                    Err(error) => tracing::warn!(%region, %error, "status checks not seen"),
                }
            }
            Answer::Console { id, tail } => {
                self.consoles.under_way = self.consoles.under_way.saturating_sub(1);
                self.console_read(&id, tail).await?;
                self.let_go();
            }
            Answer::Follow { asked, follows, answer } => self.follow_answered(asked, follows, answer).await?,
        }
        Ok(())
    }
}
