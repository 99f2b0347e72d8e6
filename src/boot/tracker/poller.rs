//! One Region's poller.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::TrackerSettings;
use crate::audit::{APPEND_ENTRIES_MAX, AppendError, AuditLog, ReadError};
use crate::boot::observe::{Tracked, observe};
use crate::clock::Clock;
use crate::ec2::facts::{Instance, InstanceState, InstanceStatus};
use crate::ec2::{Client, Ec2Error};
use crate::ids::{InstanceId, LaunchId, Region};
use crate::record::{ENTRY_VERSION, Entry, Event, InstancePhase, Launch, LaunchInstance, Phase};

/// How long an instance that was not ready in time is still looked at.
const LATE_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How much longer the pauses become while EC2 does not answer.
const ERROR_PAUSES_MAX: u32 = 5;

/// What a poller is told.
#[derive(Debug)]
pub(super) enum Command {
    /// This launch has instances to watch, or something to be seen.
    Launch(LaunchId),
    /// Somebody watches these instances.
    Follow { instance_ids: Vec<InstanceId>, answer: oneshot::Sender<Result<Vec<InstanceId>, Ec2Error>> },
    /// Somebody watches them no more.
    Release(Vec<InstanceId>),
}

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

/// An instance and why it is followed.
struct Followed {
    tracked: Tracked,
    launch_id: Option<LaunchId>,
    /// How many streams watch it directly.
    watchers: usize,
    /// Whether its launch still waits for it.
    awaited: bool,
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

    pub(super) async fn run(mut self, shutdown: CancellationToken, note: impl Fn(&Region, Timestamp) + Send) {
        let mut next_look = self.clock.uptime();
        loop {
            let idle = self.followed.is_empty();
            let pause = next_look.saturating_sub(self.clock.uptime());
            let command = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                command = self.commands.recv() => Some(command),
                () = self.clock.sleep(pause), if !idle => None,
            };
            match command {
                Some(Some(command)) => {
                    if idle {
                        next_look = self.clock.uptime();
                    }
                    self.take(command).await;
                    continue;
                }
                // Every handle is gone: nobody can ask for anything any more.
                Some(None) => return,
                None => {}
            }
            let asked = self.clock.now();
            match self.look().await {
                Ok(()) => {
                    self.errors = 0;
                    note(self.client.region(), asked);
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

    async fn take(&mut self, command: Command) {
        match command {
            Command::Launch(launch_id) => {
                if let Err(error) = self.take_launch(launch_id) {
                    tracing::error!(%launch_id, %error, "launch not watched");
                }
            }
            Command::Follow { instance_ids, answer } => {
                let shown = self.take_follow(instance_ids.clone()).await;
                // The stream may be gone already, and with it whoever would have released them.
                if let Err(Ok(_)) = answer.send(shown) {
                    self.release(&instance_ids);
                }
            }
            Command::Release(instance_ids) => self.release(&instance_ids),
        }
    }

    fn release(&mut self, instance_ids: &[InstanceId]) {
        for id in instance_ids {
            if let Some(followed) = self.followed.get_mut(id) {
                followed.watchers = followed.watchers.saturating_sub(1);
            }
        }
        self.followed.retain(|_, followed| followed.awaited || followed.watchers > 0);
    }

    fn take_launch(&mut self, launch_id: LaunchId) -> Result<(), ReadError> {
        let Some(launch) = self.log.launch(launch_id)? else { return Ok(()) };
        let now = self.clock.now();
        for instance in launch.instances.iter().filter(|instance| is_awaited(&launch, instance, now)) {
            let watchers = self.followed.get(&instance.place.instance_id).map_or(0, |followed| followed.watchers);
            let followed =
                Followed { tracked: tracked(&launch, instance), launch_id: Some(launch_id), watchers, awaited: true };
            self.followed.insert(instance.place.instance_id.clone(), followed);
        }
        Ok(())
    }

    async fn take_follow(&mut self, instance_ids: Vec<InstanceId>) -> Result<Vec<InstanceId>, Ec2Error> {
        let instances = self.client.instances(&instance_ids).await?;
        for instance_id in instance_ids {
            if let Some(followed) = self.followed.get_mut(&instance_id) {
                followed.watchers += 1;
                continue;
            }
            let seen = instances.iter().find(|instance| instance.instance_id == instance_id);
            match self.follow_one(&instance_id, seen) {
                Ok(followed) => {
                    self.followed.insert(instance_id, followed);
                }
                Err(error) => tracing::error!(%instance_id, %error, "instance not watched"),
            }
        }
        Ok(instances.into_iter().map(|instance| instance.instance_id).collect())
    }

    fn follow_one(&self, instance_id: &InstanceId, seen: Option<&Instance>) -> Result<Followed, ReadError> {
        let launch = match self.log.launch_of_instance(instance_id)? {
            Some(launch_id) => self.log.launch(launch_id)?,
            None => None,
        };
        let of_launch = launch.as_ref().and_then(|launch| {
            let instance = launch.instances.iter().find(|instance| instance.place.instance_id == *instance_id)?;
            Some(tracked(launch, instance))
        });
        let tracked = match of_launch {
            Some(tracked) => tracked,
            None => {
                let last = self.log.instance_entries(instance_id, 0)?.pop();
                let (phase, place) = match last.map(|indexed| indexed.entry.event) {
                    Some(Event::InstancePhase(last)) => (Some(last.phase), last.place),
                    _ => (None, None),
                };
                let since = seen.and_then(|instance| instance.launch_time).unwrap_or_else(|| self.clock.now());
                Tracked {
                    instance_id: instance_id.clone(),
                    phase,
                    place,
                    checks: [None, None, None],
                    since,
                    ready_by: None,
                    terminating: false,
                }
            }
        };
        Ok(Followed { tracked, launch_id: launch.map(|launch| launch.launch_id), watchers: 1, awaited: false })
    }

    /// Asks EC2 about everything followed and records what changed.
    async fn look(&mut self) -> Result<(), LookError> {
        let ids: Vec<InstanceId> = self.followed.keys().cloned().collect();
        let instances: HashMap<InstanceId, Instance> = self
            .client
            .instances(&ids)
            .await?
            .into_iter()
            .map(|instance| (instance.instance_id.clone(), instance))
            .collect();
        let statuses = self.statuses(&instances).await?;
        let now = self.clock.now();
        let mut changes: BTreeMap<Option<LaunchId>, Vec<InstancePhase>> = BTreeMap::new();
        for (id, followed) in &self.followed {
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
        self.let_go(now);
        Ok(())
    }

    /// The status checks of running instances, when it is time to ask.
    async fn statuses(
        &mut self,
        instances: &HashMap<InstanceId, Instance>,
    ) -> Result<HashMap<InstanceId, InstanceStatus>, LookError> {
        let uptime = self.clock.uptime();
        let due = self.status_asked.is_none_or(|asked| uptime.saturating_sub(asked) >= self.settings.status_period);
        let running: HashSet<InstanceId> = instances
            .values()
            .filter(|instance| instance.state == Some(InstanceState::Running))
            .map(|instance| instance.instance_id.clone())
            .collect();
        if !due || running.is_empty() {
            return Ok(HashMap::new());
        }
        self.status_asked = Some(uptime);
        let running: Vec<InstanceId> = running.into_iter().collect();
        match self.client.instance_status(&running).await {
            Ok(statuses) => Ok(statuses.into_iter().map(|status| (status.instance_id.clone(), status)).collect()),
            // One instance that this call does not know yet fails it for all; the next look asks
            // again.
            Err(Ec2Error::Answered(answer)) if answer.code == "InvalidInstanceID.NotFound" => Ok(HashMap::new()),
            Err(error) => Err(error.into()),
        }
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
            // The queue drains by itself; the next look sees the same and tries again.
            Err(AppendError::Full) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        for phase in phases {
            if let Some(followed) = self.followed.get_mut(&phase.instance_id) {
                followed.tracked.phase = Some(phase.phase);
                if phase.phase == Phase::Ready {
                    followed.tracked.ready_by = None;
                }
                followed.tracked.checks = [phase.system_status, phase.instance_status, phase.ebs_status];
                if phase.place.is_some() {
                    followed.tracked.place = phase.place;
                }
            }
        }
        Ok(())
    }

    /// Lets go of what nobody waits for any more.
    fn let_go(&mut self, now: Timestamp) {
        for followed in self.followed.values_mut() {
            let tracked = &followed.tracked;
            let late = tracked.ready_by.is_some_and(|ready_by| is_past(ready_by, LATE_LIMIT, now));
            let settled = match tracked.phase {
                Some(Phase::Ready) => !tracked.terminating,
                Some(Phase::Failed | Phase::Terminated) => true,
                Some(Phase::TimedOut) => late && !tracked.terminating,
                _ => false,
            };
            if settled {
                followed.awaited = false;
            }
        }
        self.followed.retain(|_, followed| followed.awaited || followed.watchers > 0);
    }
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

fn tracked(launch: &Launch, instance: &LaunchInstance) -> Tracked {
    let launched = launch
        .attempts
        .iter()
        .find(|attempt| attempt.attempt_id == instance.attempt_id)
        .and_then(|attempt| attempt.end_time)
        .unwrap_or(launch.create_time);
    Tracked {
        instance_id: instance.place.instance_id.clone(),
        phase: Some(instance.phase),
        place: Some(instance.place.clone()),
        checks: [None, None, None],
        since: launch.create_time,
        ready_by: match instance.ready_time {
            Some(_) => None,
            None => launched.checked_add(launch.spec.ready_timeout).ok(),
        },
        terminating: launch.terminating,
    }
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
