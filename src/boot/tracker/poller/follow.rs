//! What a poller is told: launches, and who watches which instances.
//!
//! Commands are taken by the batch, so that any number of streams that open at once cost EC2 one
//! question and never keep the poller from its periodic look.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use tokio::sync::oneshot;

use super::{LookError, Poller, by_id};
use crate::audit::ReadError;
use crate::boot::tracker::followed::{Followed, OnRecord, without_launch};
use crate::ec2::Ec2Error;
use crate::ec2::budget::Priority;
use crate::ec2::facts::{Instance, InstanceState, InstanceStatus};
use crate::ids::{InstanceId, LaunchId};

/// The most commands taken between two looks at the time.
const BATCH_COMMANDS_MAX: usize = 1_000;

/// No more commands are added to a batch that follows this many instances: five calls of
/// DescribeInstances with 200 ids each.
const BATCH_INSTANCES_MAX: usize = 1_000;

/// The state of each instance that EC2 shows; none where this version does not know the state.
pub(in crate::boot) type Shown = HashMap<InstanceId, Option<InstanceState>>;

/// What a poller is told.
#[derive(Debug)]
pub(in crate::boot::tracker) enum Command {
    /// This launch has instances to watch, or something to be seen.
    Launch(LaunchId),
    /// Whether the instances of this launch are still there is to be seen once.
    Check(LaunchId),
    /// Somebody watches these instances.
    Follow(Follow),
    /// Somebody watches them no more.
    Release(Vec<InstanceId>),
}

/// Somebody wants to watch instances, and to hear which of them EC2 shows.
#[derive(Debug)]
pub(in crate::boot::tracker) struct Follow {
    pub(in crate::boot::tracker) instance_ids: Vec<InstanceId>,
    /// Answered once what EC2 shows now is on record.
    pub(in crate::boot::tracker) answer: oneshot::Sender<Result<Shown, Ec2Error>>,
}

impl Poller {
    /// `first` and whatever else is waiting, up to the bounds of a batch.
    pub(super) fn batch(&mut self, first: Command) -> Vec<Command> {
        let named = |command: &Command| match command {
            Command::Follow(follow) => follow.instance_ids.len(),
            Command::Launch(_) | Command::Check(_) | Command::Release(_) => 0,
        };
        let mut instances = named(&first);
        let mut batch = vec![first];
        while batch.len() < BATCH_COMMANDS_MAX && instances < BATCH_INSTANCES_MAX {
            let Ok(command) = self.commands.try_recv() else { break };
            instances += named(&command);
            batch.push(command);
        }
        batch
    }

    pub(super) async fn take(&mut self, batch: Vec<Command>) -> Result<(), LookError> {
        let mut follows = Vec::new();
        for command in batch {
            match command {
                Command::Launch(launch_id) => {
                    if let Err(error) = self.take_launch(launch_id) {
                        tracing::error!(%launch_id, %error, "launch not watched");
                    }
                }
                Command::Check(launch_id) => {
                    if let Err(error) = self.take_check(launch_id) {
                        tracing::error!(%launch_id, %error, "launch not looked at");
                    }
                }
                // A follow that stands before it in the queue is another stream's: its own has
                // been answered before.
                Command::Release(instance_ids) => self.release(&instance_ids),
                Command::Follow(follow) => follows.push(follow),
            }
        }
        // Whoever has gone away while waiting is no reason to ask.
        follows.retain(|follow| !follow.answer.is_closed());
        if follows.is_empty() {
            return Ok(());
        }
        self.take_follows(follows).await
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
        let Some(on_record) = OnRecord::read(&self.log, launch_id)? else { return Ok(()) };
        for tracked in on_record.awaited(self.clock.now()) {
            let watchers = self.followed.get(&tracked.instance_id).map_or(0, |followed| followed.watchers);
            let instance_id = tracked.instance_id.clone();
            let launch_id = Some(launch_id);
            let followed = Followed { tracked, launch_id, watchers, awaited: true, is_checked: false, absent: None };
            self.followed.insert(instance_id, followed);
        }
        Ok(())
    }

    fn take_check(&mut self, launch_id: LaunchId) -> Result<(), ReadError> {
        let Some(on_record) = OnRecord::read(&self.log, launch_id)? else { return Ok(()) };
        for tracked in on_record.living() {
            // Whatever is followed anyway is looked at anyway.
            self.followed.entry(tracked.instance_id.clone()).or_insert_with(|| Followed {
                tracked,
                launch_id: Some(launch_id),
                watchers: 0,
                awaited: true,
                is_checked: true,
                absent: None,
            });
        }
        Ok(())
    }

    /// Answers all of `follows` from one question, once what it changes is on record: a watcher
    /// begins with what the instances are now.
    async fn take_follows(&mut self, follows: Vec<Follow>) -> Result<(), LookError> {
        let distinct: HashSet<&InstanceId> = follows.iter().flat_map(|follow| &follow.instance_ids).collect();
        let ids: Vec<InstanceId> = distinct.into_iter().cloned().collect();
        let instances = match self.client.at(Priority::Question).instances(&ids).await {
            Ok(instances) => by_id(instances),
            Err(error) => {
                for follow in follows {
                    // Whoever asked may be gone.
                    let _ = follow.answer.send(Err(error.clone()));
                }
                return Ok(());
            }
        };
        let statuses = self.statuses_of_new(&instances).await;
        self.follow_all(&follows, &instances);
        let recorded = self.record_changes(&ids, &instances, &statuses).await;
        for Follow { instance_ids, answer } in follows {
            let shown = instance_ids.iter().filter_map(|id| Some((id.clone(), instances.get(id)?.state)));
            // The stream may be gone already, and with it whoever would have released them.
            if answer.send(Ok(shown.collect())).is_err() {
                self.release(&instance_ids);
            }
        }
        recorded
    }

    /// The status checks of running instances that are not followed yet; the periodic look has
    /// those of the others. Without an answer the next look asks again.
    async fn statuses_of_new(&self, instances: &HashMap<InstanceId, Instance>) -> HashMap<InstanceId, InstanceStatus> {
        let new = instances.values().filter(|instance| {
            instance.state == Some(InstanceState::Running) && !self.followed.contains_key(&instance.instance_id)
        });
        let new: Vec<InstanceId> = new.map(|instance| instance.instance_id.clone()).collect();
        match self.ask_statuses(&new).await {
            Ok(statuses) => statuses,
            Err(error) => {
                tracing::warn!(region = %self.client.region(), %error, "status checks not seen");
                HashMap::new()
            }
        }
    }

    fn follow_all(&mut self, follows: &[Follow], instances: &HashMap<InstanceId, Instance>) {
        // The instances of one launch are often watched together: it is read once.
        let mut launches = HashMap::new();
        for instance_id in follows.iter().flat_map(|follow| &follow.instance_ids) {
            if let Some(followed) = self.followed.get_mut(instance_id) {
                followed.watchers += 1;
                // Nobody waits for what was only looked at.
                followed.awaited &= !std::mem::take(&mut followed.is_checked);
                continue;
            }
            match self.follow_one(instance_id, instances.get(instance_id), &mut launches) {
                Ok(followed) => {
                    self.followed.insert(instance_id.clone(), followed);
                }
                Err(error) => tracing::error!(%instance_id, %error, "instance not watched"),
            }
        }
    }

    fn follow_one(
        &self,
        instance_id: &InstanceId,
        seen: Option<&Instance>,
        launches: &mut HashMap<LaunchId, Option<OnRecord>>,
    ) -> Result<Followed, ReadError> {
        let launch_id = self.log.launch_of_instance(instance_id)?;
        if let Some(launch_id) = launch_id {
            if let Entry::Vacant(vacant) = launches.entry(launch_id) {
                vacant.insert(OnRecord::read(&self.log, launch_id)?);
            }
            let tracked = launches.get(&launch_id).and_then(|of| of.as_ref()?.find(instance_id));
            if let Some(tracked) = tracked {
                let launch_id = Some(launch_id);
                return Ok(Followed {
                    tracked,
                    launch_id,
                    watchers: 1,
                    awaited: false,
                    is_checked: false,
                    absent: None,
                });
            }
        }
        let since = seen.and_then(|instance| instance.launch_time).unwrap_or_else(|| self.clock.now());
        let tracked = without_launch(&self.log, instance_id, since)?;
        Ok(Followed { tracked, launch_id, watchers: 1, awaited: false, is_checked: false, absent: None })
    }
}
