//! What a poller is told: launches, which are in [`super::launches`], and who watches which instances.
//!
//! Commands are taken by the batch, so that any number of streams that open at once cost EC2 one
//! question and never keep the poller from its periodic look.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::Poller;
use super::question::{self, Instances, Statuses};
use crate::audit::{AppendError, ReadError};
use crate::boot::tracker::followed::Followed;
use crate::boot::tracker::on_record::{OnRecord, without_launch};
use crate::boot::tracker::{FollowError, Interest};
use crate::ec2::Ec2Error;
use crate::ec2::facts::{Instance, InstanceState};
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
    /// Something is known to have happened to an instance.
    Hint(Hint),
}

/// Something is known to have happened to an instance, by another way than asking EC2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// To which.
    pub instance_id: InstanceId,
    /// That EC2 takes the Spot Instance back; absent where it said that the state changed.
    pub interruption: Option<Interruption>,
}

/// EC2 takes a Spot Instance back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interruption {
    /// `terminate`, `stop` or `hibernate`.
    pub action: String,
    /// When.
    pub time: Timestamp,
}

/// Somebody wants to watch instances, and to hear which of them EC2 shows.
#[derive(Debug)]
pub(in crate::boot::tracker) struct Follow {
    pub(in crate::boot::tracker) instance_ids: Vec<InstanceId>,
    /// In nothing, until they are followed.
    pub(in crate::boot::tracker) interest: Interest,
    /// Answered once what EC2 shows now is on record.
    pub(in crate::boot::tracker) answer: oneshot::Sender<FollowAnswer>,
}

/// The interest in what was to be followed, and what EC2 shows of it.
pub(in crate::boot::tracker) type FollowAnswer = Result<(Interest, Shown), FollowError>;

impl Poller {
    /// `first` and whatever else is waiting, up to the bounds of a batch.
    pub(super) fn batch(&mut self, first: Command) -> Vec<Command> {
        let named = |command: &Command| match command {
            Command::Follow(follow) => follow.instance_ids.len(),
            Command::Launch(_) | Command::Check(_) | Command::Release(_) | Command::Hint(_) => 0,
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

    pub(super) async fn take(&mut self, batch: Vec<Command>) -> Result<(), AppendError> {
        let mut follows = Vec::new();
        let mut warned = Vec::new();
        for command in batch {
            match command {
                Command::Launch(launch_id) => self.watch_launch(launch_id),
                Command::Check(launch_id) => {
                    if let Err(error) = self.take_check(launch_id) {
                        tracing::error!(%launch_id, %error, "launch not looked at");
                    }
                }
                // A follow that stands before it in the queue is another stream's: its own has
                // been answered before.
                Command::Release(instance_ids) => self.release(&instance_ids),
                Command::Follow(follow) => follows.push(follow),
                Command::Hint(hint) => warned.extend(self.take_hint(hint)),
            }
        }
        let recorded = self.record_changes(&warned, &Statuses::new()).await;
        // Also where a warning could not be recorded: somebody waits for the answer.
        self.take_follows(follows);
        recorded
    }

    fn release(&mut self, instance_ids: &[InstanceId]) {
        for id in instance_ids {
            if let Some(followed) = self.followed.get_mut(id) {
                followed.watchers = followed.watchers.saturating_sub(1);
            }
        }
        self.forget(|followed| !followed.awaited && followed.watchers == 0);
    }

    /// Looks at an instance sooner, if it is followed; the instance if there is a warning to be recorded.
    fn take_hint(&mut self, hint: Hint) -> Option<InstanceId> {
        let Hint { instance_id, interruption } = hint;
        let followed = self.followed.get_mut(&instance_id)?;
        followed.due.hurry(self.clock.uptime());
        followed.warn(interruption?, self.clock.now()).then_some(instance_id)
    }

    /// Answers `follows`: those about what was looked at just now from what is known, so that any number of watchers
    /// of the same instances costs EC2 nothing, and the others by one question at a time for all that have come
    /// meanwhile.
    fn take_follows(&mut self, follows: Vec<Follow>) {
        self.follows_waiting.extend(follows);
        if self.is_following {
            return;
        }
        self.take_pruned();
        // Whoever has gone away while waiting is no reason to ask.
        let waiting = std::mem::take(&mut self.follows_waiting).into_iter().filter(|follow| !follow.answer.is_closed());
        let (fresh, mut stale): (Vec<_>, Vec<_>) = waiting.partition(|follow| self.is_fresh(follow));
        let fresh = self.follow_all(fresh, &Instances::new());
        self.tell(fresh);
        let mut ids = HashSet::new();
        let fits = stale.iter().take_while(|follow| {
            let fits = ids.len() < BATCH_INSTANCES_MAX;
            ids.extend(follow.instance_ids.iter().filter(|_| fits).cloned());
            fits
        });
        let fits = fits.count();
        self.follows_waiting = stale.split_off(fits);
        if stale.is_empty() {
            return;
        }
        self.is_following = true;
        let is_recorded = |id: &&InstanceId| self.followed.get(*id).is_some_and(|it| it.tracked.phase.is_some());
        let recorded = ids.iter().filter(is_recorded).cloned().collect();
        let (client, clock) = (&self.client, Arc::clone(&self.clock));
        self.under_way.push(question::follow(client, clock, stale, ids.into_iter().collect(), recorded));
    }

    /// Whether EC2 was asked about all of them within about the time between two looks.
    fn is_fresh(&self, follow: &Follow) -> bool {
        let (uptime, fresh) = (self.clock.uptime(), self.settings.state_period * 2);
        follow.instance_ids.iter().all(|id| {
            let seen_at = self.followed.get(id).and_then(|followed| followed.seen_at);
            seen_at.is_some_and(|at| uptime.saturating_sub(at) <= fresh)
        })
    }

    pub(super) async fn follow_answered(
        &mut self,
        asked: Timestamp,
        follows: Vec<Follow>,
        answer: Result<(Instances, Statuses), Ec2Error>,
    ) -> Result<(), AppendError> {
        self.is_following = false;
        let (instances, statuses) = match answer {
            Ok(shown) => shown,
            Err(error) => {
                for follow in follows {
                    // Whoever asked may be gone.
                    let _ = follow.answer.send(Err(error.clone().into()));
                }
                self.take_follows(Vec::new());
                return Ok(());
            }
        };
        let follows = self.follow_all(follows, &instances);
        let distinct: HashSet<&InstanceId> = follows.iter().flat_map(|follow| &follow.instance_ids).collect();
        let ids: Vec<InstanceId> = distinct.into_iter().cloned().collect();
        self.note_states(&ids, instances, asked);
        let recorded = self.record_changes(&ids, &statuses).await;
        self.tell(follows);
        self.take_follows(Vec::new());
        recorded
    }

    /// Tells whoever waits what EC2 shows.
    fn tell(&mut self, follows: Vec<Follow>) {
        for Follow { instance_ids, mut interest, answer } in follows {
            let shown = instance_ids.iter().filter_map(|id| {
                let shown = self.followed.get(id)?.shown.as_ref()?;
                Some((id.clone(), shown.state))
            });
            let shown = shown.collect();
            // From here on it lets go of them when it is dropped, also on the way to a stream that is gone.
            interest.instance_ids = instance_ids;
            let _ = answer.send(Ok((interest, shown)));
        }
    }

    /// Has everything followed that is wanted; whoever wants what cannot be read hears of it. The others.
    fn follow_all(&mut self, follows: Vec<Follow>, instances: &Instances) -> Vec<Follow> {
        // The instances of one launch are often watched together: it is read once.
        let mut launches = HashMap::new();
        let follow = |follow: Follow| match self.follow_each(&follow.instance_ids, instances, &mut launches) {
            Ok(()) => Some(follow),
            Err(error) => {
                tracing::error!(%error, "instances not watched");
                // Whoever asked may be gone.
                let _ = follow.answer.send(Err(error.into()));
                None
            }
        };
        follows.into_iter().filter_map(follow).collect()
    }

    /// All of them, or none.
    fn follow_each(
        &mut self,
        instance_ids: &[InstanceId],
        instances: &Instances,
        launches: &mut HashMap<LaunchId, Option<OnRecord>>,
    ) -> Result<(), ReadError> {
        let uptime = self.clock.uptime();
        let unknown = instance_ids.iter().filter(|id| !self.followed.contains_key(*id));
        let new = unknown.map(|id| Ok((id, self.follow_one(id, instances.get(id), uptime, launches)?)));
        for (id, followed) in new.collect::<Result<Vec<_>, ReadError>>()? {
            self.followed.insert(id.clone(), followed);
        }
        for id in instance_ids {
            let Some(followed) = self.followed.get_mut(id) else { continue };
            followed.watchers += 1;
            // Nobody waits for what was only looked at.
            followed.awaited &= !std::mem::take(&mut followed.is_checked);
        }
        Ok(())
    }

    fn follow_one(
        &self,
        instance_id: &InstanceId,
        seen: Option<&Instance>,
        uptime: Duration,
        launches: &mut HashMap<LaunchId, Option<OnRecord>>,
    ) -> Result<Followed, ReadError> {
        let launch_id = self.log.launch_of_instance(instance_id)?;
        if let Some(launch_id) = launch_id {
            if let Entry::Vacant(vacant) = launches.entry(launch_id) {
                vacant.insert(OnRecord::read(&self.log, launch_id)?);
            }
            let tracked = launches.get(&launch_id).and_then(|of| of.as_ref()?.find(instance_id));
            if let Some(tracked) = tracked {
                return Ok(Followed::new(tracked, Some(launch_id), uptime));
            }
        }
        let since = seen.and_then(|instance| instance.launch_time).unwrap_or_else(|| self.clock.now());
        let tracked = without_launch(&self.log, instance_id, since)?;
        Ok(Followed::new(tracked, launch_id, uptime))
    }
}
