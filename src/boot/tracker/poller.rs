//! The poller of one Region of one account: when it looks, and what it records of what it saw.
//!
//! What it is told, and by whom, is in [`follow`].

mod follow;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::TrackerSettings;
use super::followed::Followed;
use crate::audit::{APPEND_ENTRIES_MAX, AppendError, AuditLog};
use crate::boot::observe::observe;
use crate::clock::Clock;
use crate::ec2::facts::{Instance, InstanceState, InstanceStatus};
use crate::ec2::{Client, Ec2Error};
use crate::ids::{AccountId, InstanceId, LaunchId, Region};
use crate::record::{ENTRY_VERSION, Entry, Event, InstancePhase};

pub(in crate::boot) use follow::Shown;
pub(super) use follow::{Command, Follow};

/// How much longer the pauses become while EC2 does not answer.
const ERROR_PAUSES_MAX: u32 = 5;

pub(super) struct Poller {
    client: Client,
    log: AuditLog,
    clock: Arc<dyn Clock>,
    settings: TrackerSettings,
    commands: mpsc::UnboundedReceiver<Command>,
    followed: HashMap<InstanceId, Followed>,
    /// When status checks were last asked for, on the clock's uptime.
    status_asked: Option<Duration>,
    errors: u32,
}

impl Poller {
    pub(super) fn new(
        client: Client,
        log: AuditLog,
        clock: Arc<dyn Clock>,
        settings: TrackerSettings,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Self {
        Self { client, log, clock, settings, commands, followed: HashMap::new(), status_asked: None, errors: 0 }
    }

    pub(super) fn account_id(&self) -> &AccountId {
        self.client.account_id()
    }

    pub(super) fn region(&self) -> &Region {
        self.client.region()
    }

    pub(super) async fn run(mut self, shutdown: CancellationToken, note: impl Fn(Timestamp) + Send) {
        let mut next_look = self.clock.uptime();
        while !shutdown.is_cancelled() {
            let idle = self.followed.is_empty();
            let pause = next_look.saturating_sub(self.clock.uptime());
            // A look that is due comes before any command: however many streams are opened, the
            // instances of the Region are looked at.
            if idle || !pause.is_zero() {
                let command = tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return,
                    command = self.commands.recv() => Some(command),
                    () = self.clock.sleep(pause), if !idle => None,
                };
                match command {
                    Some(Some(command)) => {
                        let batch = self.batch(command);
                        // What follows for a stream has just been looked at; a launch has not.
                        if idle && batch.iter().any(|command| matches!(command, Command::Launch(_) | Command::Check(_)))
                        {
                            next_look = self.clock.uptime();
                        }
                        if let Err(stop) = self.take(batch).await {
                            stop.log(self.client.region());
                            if stop.is_final() {
                                return;
                            }
                        }
                        continue;
                    }
                    // Every handle is gone: nobody can ask for anything any more.
                    Some(None) => return,
                    None => {}
                }
            }
            let asked = self.clock.now();
            match self.look().await {
                Ok(()) => {
                    self.errors = 0;
                    note(asked);
                }
                Err(stop) => {
                    self.errors = (self.errors + 1).min(ERROR_PAUSES_MAX);
                    stop.log(self.client.region());
                    if stop.is_final() {
                        return;
                    }
                }
            }
            next_look = self.clock.uptime() + self.settings.state_period * (1 << self.errors);
        }
    }

    /// Asks EC2 about everything followed and records what changed.
    async fn look(&mut self) -> Result<(), LookError> {
        let ids: Vec<InstanceId> = self.followed.keys().cloned().collect();
        let instances = by_id(self.client.instances(&ids).await?);
        let statuses = self.statuses(&instances).await?;
        self.record_changes(&ids, &instances, &statuses).await?;
        self.let_go(self.clock.now());
        Ok(())
    }

    /// The status checks of running instances, when it is time to ask.
    async fn statuses(
        &mut self,
        instances: &HashMap<InstanceId, Instance>,
    ) -> Result<HashMap<InstanceId, InstanceStatus>, LookError> {
        let uptime = self.clock.uptime();
        let due = self.status_asked.is_none_or(|asked| uptime.saturating_sub(asked) >= self.settings.status_period);
        let is_checked = |id: &InstanceId| self.followed.get(id).is_some_and(|followed| followed.is_checked);
        let running = instances.values().filter(|instance| instance.state == Some(InstanceState::Running));
        let running = running.filter(|instance| !is_checked(&instance.instance_id));
        let running: Vec<InstanceId> = running.map(|instance| instance.instance_id.clone()).collect();
        if !due || running.is_empty() {
            return Ok(HashMap::new());
        }
        self.status_asked = Some(uptime);
        Ok(self.ask_statuses(&running).await?)
    }

    async fn ask_statuses(&self, ids: &[InstanceId]) -> Result<HashMap<InstanceId, InstanceStatus>, Ec2Error> {
        match self.client.instance_status(ids).await {
            Ok(statuses) => Ok(statuses.into_iter().map(|status| (status.instance_id.clone(), status)).collect()),
            // One instance that this call does not know yet fails it for all; the next look asks
            // again.
            Err(Ec2Error::Answered(answer)) if answer.code == "InvalidInstanceID.NotFound" => Ok(HashMap::new()),
            Err(error) => Err(error),
        }
    }

    /// Records what became of those of `ids` that are followed.
    async fn record_changes(
        &mut self,
        ids: &[InstanceId],
        instances: &HashMap<InstanceId, Instance>,
        statuses: &HashMap<InstanceId, InstanceStatus>,
    ) -> Result<(), LookError> {
        let (now, uptime) = (self.clock.now(), self.clock.uptime());
        let mut changes: BTreeMap<Option<LaunchId>, Vec<InstancePhase>> = BTreeMap::new();
        for id in ids {
            let Some(followed) = self.followed.get_mut(id) else { continue };
            followed.seen(instances.contains_key(id), uptime);
            let phases = observe(&followed.tracked, instances.get(id), statuses.get(id), now);
            if !phases.is_empty() {
                changes.entry(followed.launch_id).or_default().extend(phases);
            }
        }
        for (launch_id, phases) in changes {
            for phases in phases.chunks(APPEND_ENTRIES_MAX) {
                self.record(launch_id, phases.to_vec(), now).await?;
            }
        }
        Ok(())
    }

    async fn record(
        &mut self,
        launch_id: Option<LaunchId>,
        phases: Vec<InstancePhase>,
        now: Timestamp,
    ) -> Result<(), LookError> {
        let entry = |phase: InstancePhase| Entry {
            v: ENTRY_VERSION,
            time: now,
            launch_id,
            account_id: Some(self.client.account_id().clone()),
            region: Some(self.client.region().clone()),
            principal: None,
            event: Event::InstancePhase(phase),
        };
        let entries = phases.iter().cloned().map(entry).collect();
        match self.log.append(entries).await {
            Ok(_) => {}
            // The queue drains by itself, and somebody makes room; the next look sees the same and tries
            // again.
            Err(AppendError::Full | AppendError::NoSpace) => return Ok(()),
            // What is known of this launch here is not what the log knows: a defect, which must not
            // keep the other launches of the Region from being recorded.
            Err(AppendError::Conflict(error)) => {
                tracing::error!(?launch_id, %error, "phases do not follow from the record; no longer watched");
                self.followed.retain(|_, followed| followed.launch_id != launch_id);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        for phase in phases {
            if let Some(followed) = self.followed.get_mut(&phase.instance_id) {
                followed.recorded(phase);
            }
        }
        Ok(())
    }

    /// Lets go of what nobody waits for any more.
    fn let_go(&mut self, now: Timestamp) {
        for followed in self.followed.values_mut() {
            if followed.is_settled(now) {
                followed.awaited = false;
            }
        }
        self.followed.retain(|_, followed| followed.awaited || followed.watchers > 0);
    }
}

fn by_id(instances: Vec<Instance>) -> HashMap<InstanceId, Instance> {
    instances.into_iter().map(|instance| (instance.instance_id.clone(), instance)).collect()
}

/// Why a look brought nothing.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error("EC2 could not be asked")]
    Ec2(#[from] Ec2Error),
    #[error("the audit log did not take the records")]
    Log(#[from] AppendError),
}

impl LookError {
    fn is_final(&self) -> bool {
        matches!(self, Self::Log(AppendError::Unavailable))
    }

    fn log(&self, region: &Region) {
        match self {
            Self::Ec2(error) => tracing::warn!(%region, %error, "instances not seen"),
            Self::Log(error) => tracing::error!(%region, %error, "phases not recorded"),
        }
    }
}
