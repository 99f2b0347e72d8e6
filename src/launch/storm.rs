//! Launches that are alike and wait together, asked for in one call.
//!
//! EC2 refills RunInstances requests at two a second for a whole account and Region, and instances by the
//! thousand (EC2 Developer Guide, "Request throttling"): a thousand launches of one instance each would
//! take eight minutes for their requests alone. So a launch that has to wait for its turn waits in a room
//! with those that ask for the same, and the first of them takes all along: one RunInstances with MinCount 1
//! and MaxCount for everyone. Where the turn comes at once the launch goes alone, unless more that ask for the
//! same are being decided than there are requests left (`expected`): these it waits for, half a second at most.
//! Where requests are few it gives others ten milliseconds to be heard of.
//!
//! CreateFleet of type `instant` would take as many instances in one request, from several pools. It is
//! not used, because it needs a launch template that would have to be made and kept for each request, and
//! because it chooses the pool itself, which the record is to say before the call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::freeze::freeze;
use super::tag::ATTEMPT_TAG;
use crate::ec2::RunInstances;
use crate::ids::{AccountId, AttemptId, ImageId, LaunchId, Principal, Region, Sha256Digest};
use crate::record::{Candidate, Launch};

/// The most launches that one attempt serves: their records are appended at once.
pub(super) const LAUNCHES_PER_ATTEMPT_MAX: usize = 100;

/// The most instances that one attempt asks for, the batch that AWS advises (EC2 API Reference,
/// RunInstances).
pub(super) const INSTANCES_PER_ATTEMPT_MAX: u32 = 100;

/// Bytes of an input, in JSON, of an attempt that may be shared: of the 60 KiB of a record the ids of a hundred
/// launches take four.
const INPUT_BYTES_MAX: usize = 48 << 10;

/// What launches that can share an attempt have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Likeness {
    account_id: AccountId,
    region: Region,
    /// Who asks, where AWS is told: one call has one source identity.
    principal: Option<Principal>,
    /// Of the frozen input, but for its token, its attempt's tag and how many it wants.
    input: Sha256Digest,
}

impl Likeness {
    /// What `launch` has in common with those that could share its attempt. None if it goes alone: it needs
    /// more than one instance, has redacted values that the log cannot compare, attaches an interface of its
    /// own, or has an input beside which a record has no room for the names of others.
    /// With `names_principals` only launches of one principal are alike.
    pub(super) fn of(
        launch: &Launch,
        image_id: &ImageId,
        candidate: &Candidate,
        names_principals: bool,
    ) -> Option<Self> {
        let spec = &launch.spec;
        let own_interface = spec.network_interfaces.iter().any(|it| it.network_interface_id.is_some());
        if spec.min_count != 1 || own_interface || spec.is_redacted() {
            return None;
        }
        // Whatever the id, it is taken out again.
        let attempt_id = AttemptId::from_bytes([0; 16]);
        let mut input = freeze(spec, image_id, candidate, ("", attempt_id));
        input.instance_tags.remove(ATTEMPT_TAG);
        let input = RunInstances { max_count: 1, ..input };
        let json = serde_json::to_vec(&input).expect("an input has string keys and no failing serialiser");
        if INPUT_BYTES_MAX < json.len() {
            return None;
        }
        Some(Self {
            account_id: launch.account_id.clone(),
            region: launch.region.clone(),
            principal: names_principals.then(|| launch.principal.clone()),
            input: Sha256Digest::of(&json),
        })
    }
}

/// The rooms in which launches wait for their turn.
#[derive(Debug, Clone, Default)]
pub(super) struct Storms {
    rooms: Arc<Mutex<HashMap<Likeness, Vec<Waiting>>>>,
}

#[derive(Debug)]
struct Waiting {
    launch_id: LaunchId,
    max_count: u32,
    /// Dropped once it was taken along, or its leader is gone.
    _taken: oneshot::Sender<()>,
}

/// What to do about a turn.
#[derive(Debug)]
pub(super) enum Place {
    /// Wait for the turn, and take all along.
    First(Room),
    /// Somebody else waits for the turn; this ends once that one has taken it, or has gone.
    Behind(oneshot::Receiver<()>),
}

/// A room whose first is waiting for its turn. Dropping it sends everybody out, to begin anew.
#[derive(Debug)]
pub(super) struct Room {
    storms: Storms,
    likeness: Likeness,
    taken: bool,
}

impl Storms {
    /// Takes a place among those that are alike.
    pub(super) fn enter(&self, likeness: Likeness, launch: &Launch) -> Place {
        let mut rooms = self.lock();
        let (taken, is_taken) = oneshot::channel();
        let waiting = Waiting { launch_id: launch.launch_id, max_count: launch.spec.max_count, _taken: taken };
        if let Some(room) = rooms.get_mut(&likeness) {
            room.push(waiting);
            return Place::Behind(is_taken);
        }
        rooms.insert(likeness.clone(), vec![waiting]);
        drop(rooms);
        Place::First(Room { storms: self.clone(), likeness, taken: false })
    }

    /// Leaves a room before its turn has come. False if the launch was taken along already: then what it goes
    /// with is being put on record, and nothing else may be recorded of it before that is done.
    pub(super) fn leave(&self, likeness: &Likeness, launch_id: LaunchId) -> bool {
        let mut rooms = self.lock();
        let Some(room) = rooms.get_mut(likeness) else { return false };
        let before = room.len();
        room.retain(|waiting| waiting.launch_id != launch_id);
        room.len() < before
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Likeness, Vec<Waiting>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Launches that go together. Those that came along are told when this is dropped, and look at the record.
#[derive(Debug)]
pub(super) struct Company {
    members: Vec<Waiting>,
}

impl Company {
    /// The launches, in the order in which they came; the first of them took the turn.
    pub(super) fn launch_ids(&self) -> impl Iterator<Item = LaunchId> {
        self.members.iter().map(|member| member.launch_id)
    }
}

impl Room {
    /// Whether no more launches would fit into one attempt of at most so many instances.
    pub(super) fn is_full(&self, instances: u32) -> bool {
        let rooms = self.storms.lock();
        let Some(waiting) = rooms.get(&self.likeness) else { return true };
        let wanted = waiting.iter().fold(0, |sum: u32, it| sum.saturating_add(it.max_count));
        LAUNCHES_PER_ATTEMPT_MAX <= waiting.len() || instances.min(INSTANCES_PER_ATTEMPT_MAX) <= wanted
    }

    /// Whether nobody has come to the first of them.
    pub(super) fn is_alone(&self) -> bool {
        self.storms.lock().get(&self.likeness).is_none_or(|waiting| waiting.len() <= 1)
    }

    /// The turn has come: as many as fit into one attempt go, at most `instances` in all but for the first
    /// launch. Those that do not fit begin anew, and wait for the next turn.
    pub(super) fn take(mut self, instances: u32) -> Company {
        self.taken = true;
        let mut waiting = self.storms.lock().remove(&self.likeness).unwrap_or_default();
        let mut sum: u32 = 0;
        let most = instances.min(INSTANCES_PER_ATTEMPT_MAX);
        let fitting = waiting.iter().enumerate().take_while(|(place, it)| {
            sum = sum.saturating_add(it.max_count);
            *place == 0 || (*place < LAUNCHES_PER_ATTEMPT_MAX && sum <= most)
        });
        let count = fitting.count();
        drop(waiting.split_off(count));
        Company { members: waiting }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if !self.taken {
            self.storms.lock().remove(&self.likeness);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launch::step::tests::admitted;

    fn launch(max_count: u32) -> (Launch, Likeness) {
        let mut launch = admitted(1, 100);
        launch.spec.max_count = max_count;
        let likeness = Likeness::of(&launch, launch.image_id().unwrap(), &launch.candidates[0], false).unwrap();
        (launch, likeness)
    }

    #[test]
    fn who_comes_while_the_first_waits_goes_along_as_far_as_there_is_room() {
        let storms = Storms::default();
        let (first, likeness) = launch(1);
        let Place::First(room) = storms.enter(likeness.clone(), &first) else { panic!("nobody was there") };
        let mut behind = Vec::new();
        for _ in 0..150 {
            let (launch, likeness) = launch(1);
            let Place::Behind(taken) = storms.enter(likeness, &launch) else { panic!("somebody is there") };
            behind.push(taken);
        }
        let company = room.take(1_000);
        assert_eq!(company.launch_ids().count(), LAUNCHES_PER_ATTEMPT_MAX);
        let told = |taken: &mut oneshot::Receiver<()>| taken.try_recv() == Err(oneshot::error::TryRecvError::Closed);
        assert_eq!(behind.iter_mut().filter_map(|it| told(it).then_some(())).count(), 51, "the others begin anew");
        let Place::First(room) = storms.enter(likeness.clone(), &first) else { panic!("the room is free again") };
        drop(company);
        assert!(behind.iter_mut().all(told));
        let (many, likeness) = launch(60);
        let Place::Behind(_taken) = storms.enter(likeness.clone(), &many) else { panic!("counts do not tell apart") };
        let Place::Behind(_taken) = storms.enter(likeness, &many) else { panic!("counts do not tell apart") };
        assert_eq!(room.take(100).launch_ids().count(), 2, "sixty more would be too many");
    }

    #[test]
    fn who_leaves_before_the_turn_is_gone_and_who_was_taken_along_cannot() {
        let storms = Storms::default();
        let (first, likeness) = launch(1);
        let (second, _) = launch(1);
        let (third, _) = launch(1);
        let Place::First(room) = storms.enter(likeness.clone(), &first) else { panic!("nobody was there") };
        let Place::Behind(_second) = storms.enter(likeness.clone(), &second) else { panic!("somebody is there") };
        let Place::Behind(_third) = storms.enter(likeness.clone(), &third) else { panic!("somebody is there") };
        assert!(storms.leave(&likeness, second.launch_id));
        let company = room.take(100);
        assert_eq!(company.launch_ids().collect::<Vec<_>>(), [first.launch_id, third.launch_id]);
        assert!(!storms.leave(&likeness, third.launch_id), "it goes with the first");
    }

    #[test]
    fn a_first_that_goes_without_its_turn_leaves_nobody_waiting() {
        let storms = Storms::default();
        let (first, likeness) = launch(1);
        let Place::First(room) = storms.enter(likeness.clone(), &first) else { panic!("nobody was there") };
        let Place::Behind(mut taken) = storms.enter(likeness.clone(), &first) else { panic!("somebody is there") };
        drop(room);
        assert!(taken.try_recv().is_err());
        assert!(matches!(storms.enter(likeness, &first), Place::First(_)));
    }

    #[test]
    fn only_what_ec2_would_see_as_the_same_is_alike() {
        let (launch, likeness) = launch(1);
        let image = launch.image_id().unwrap().clone();
        let of = |change: &dyn Fn(&mut Launch)| {
            let mut other = launch.clone();
            change(&mut other);
            let candidate = other.candidates[0].clone();
            Likeness::of(&other, &image, &candidate, false)
        };
        assert_eq!(of(&|other| other.reason = "another".to_owned()), Some(likeness.clone()));
        assert_eq!(of(&|other| other.spec.max_count = 3), Some(likeness.clone()));
        assert_ne!(of(&|other| drop(other.spec.tags.insert("a".into(), "b".into()))), Some(likeness.clone()));
        assert_ne!(of(&|other| other.candidates[0].instance_type = "m6i.large".parse().unwrap()), Some(likeness));
        assert_eq!(of(&|other| other.spec.min_count = 2), None);
        let by = |principal: &str| {
            let other = Launch { principal: principal.parse().unwrap(), ..launch.clone() };
            [false, true].map(|named| Likeness::of(&other, &image, &launch.candidates[0], named))
        };
        assert_eq!(by("ada")[0], by("grace")[0]);
        assert_ne!(by("ada")[1], by("grace")[1], "CloudTrail shows one of them");
        assert_eq!(of(&|other| drop(other.spec.tags.insert("a".into(), crate::record::REDACTED.into()))), None);
    }
}
