//! Beginning an attempt, for one launch or for those that wait together: durable before the call.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::Launcher;
use super::drive::{Drive, PAUSE_FIRST, Stop};
use super::entry::to_json;
use super::expected::OnItsWay;
use super::freeze::freeze;
use super::resolve::REPEAT_LIMIT;
use super::step::Step;
use super::storm::{INSTANCES_PER_ATTEMPT_MAX, Likeness, Place, Room};
use crate::audit::{AppendError, ReadError};
use crate::clock::within;
use crate::ec2::budget::RunTurn;
use crate::ec2::{Client, RunInstances};
use crate::ids::{AttemptId, ImageId, LaunchId, RoleSessionName};
use crate::record::{AttemptIntended, AttemptShare, Candidate, Entry, Event, Launch};

/// With less time than this to its deadline a launch shares no attempt: the first deadline of all bounds how
/// long a call may be repeated.
const ALONE_WITHIN: Duration = Duration::from_secs(2 * 60);

/// How long a launch that has its turn waits for others: in this time EC2 gives back one request of RunInstances
/// (EC2 Developer Guide, "Request throttling"), which is what the wait may save.
const COMPANY_WAIT_MAX: Duration = Duration::from_millis(500);

/// With fewer requests left than a rested bucket of EC2's holds (the same page), a launch that is about to go alone
/// waits a moment: the others of a storm may not have been read from their connections yet.
const REQUESTS_FEW: u32 = 5;
const MOMENT: Duration = Duration::from_millis(10);

/// An attempt that is on record and was never called.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) attempt_id: AttemptId,
    pub(super) input: RunInstances,
    /// The turn that it was begun with.
    pub(super) turn: Option<RunTurn>,
}

impl Launcher {
    /// Begins the next attempt of a launch once it has its turn, or waits while another launch that is like it
    /// takes it along. The attempt that this task is to call, and the claim on it; none if there is nothing
    /// to call, and the record says what follows.
    pub(super) async fn begin(
        &self,
        launch: &Launch,
        image_id: &ImageId,
        candidate: &Candidate,
        drive: &mut Drive,
    ) -> Result<Option<Begun>, Stop> {
        let client = self.shared.client(&launch.account_id, &launch.region);
        let names_principals = client.is_ok_and(Client::names_principals);
        let likeness = Likeness::of(launch, image_id, candidate, names_principals).filter(|_| !self.is_hurried(launch));
        let place = likeness.map(|it| (self.shared.storms.enter(it.clone(), launch), it));
        if let Some(on_its_way) = &mut drive.on_its_way {
            on_its_way.arrive();
        }
        let room = match place {
            Some((Place::Behind(taken), likeness)) => {
                self.wait_behind(launch, &likeness, taken, drive).await?;
                return Ok(None);
            }
            Some((Place::First(room), _)) => Some(room),
            None => None,
        };
        let Some(turn) = self.turn(launch, drive).await? else { return Ok(None) };
        if let (Some(room), Some(turn)) = (&room, &turn) {
            self.wait_for_company(room, turn, drive).await?;
        }
        // With its own deadline so near that the call could not be repeated, a launch takes nobody along.
        let instances = match &turn {
            _ if self.is_hurried(launch) => 0,
            Some(turn) => turn.instances_left(),
            None => INSTANCES_PER_ATTEMPT_MAX,
        };
        let company = room.map(|room| room.take(instances));
        let ids: Vec<LaunchId> = match &company {
            Some(company) => company.launch_ids().collect(),
            None => vec![launch.launch_id],
        };
        let launches = self.still_wanting(&ids, image_id, candidate)?;
        if launches.first().is_none_or(|first| first.launch_id != launch.launch_id) {
            // While it waited something else has come of this launch.
            return Ok(None);
        }
        let (mut begun, entries) = self.intentions(&launches, image_id, candidate);
        begun.turn = turn;
        // Nothing is begun behind the record of a pause.
        let Ok(pass) = self.shared.switch.pass().await else { return Ok(None) };
        // Before it is on record, so that none of the others begins to deal with it.
        drive.claim = self.shared.claims.take(begun.attempt_id).ok();
        // If we crash before this, no call was made: the next start begins an attempt. If we crash
        // after it, the next start repeats this input under this token.
        let appended = self.shared.log.append(entries).await;
        drop(pass);
        match appended {
            Ok(_) => {
                drop(company);
                Ok(Some(begun))
            }
            Err(AppendError::Full | AppendError::NoSpace) => {
                drive.claim = None;
                drop(company);
                // Time passes: what is still wanted, and whether it is still in time, is asked anew.
                self.shared.clock.sleep(PAUSE_FIRST).await;
                Ok(None)
            }
            // One of them has come to its end meanwhile.
            Err(AppendError::Conflict(_)) => {
                drive.claim = None;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a launch has so little time left that it must not hold up others, or be held up by them.
    fn is_hurried(&self, launch: &Launch) -> bool {
        let soon = self.shared.clock.now().saturating_add(ALONE_WITHIN).unwrap_or(Timestamp::MAX);
        launch.deadline.is_some_and(|deadline| deadline < soon)
    }

    /// Waits while another launch waits for the turn of both, until that one has put on record what it takes, or
    /// there is something else to do about this launch. Once it was taken along nothing else is done about it
    /// before the record.
    async fn wait_behind(
        &self,
        launch: &Launch,
        likeness: &Likeness,
        mut taken: oneshot::Receiver<()>,
        drive: &mut Drive,
    ) -> Result<(), Stop> {
        // A start does not wait for those who go first.
        drop(drive.first_step.take());
        let left = self.time_left(launch);
        tokio::select! {
            _ = &mut taken => return Ok(()),
            // Somebody may have asked for its end.
            _ = drive.changes.changed() => {}
            () = self.shared.clock.sleep(left) => {}
            () = self.shared.shutdown.cancelled() => {}
        }
        if !self.shared.storms.leave(likeness, launch.launch_id) {
            let _ = taken.await;
        }
        if self.shared.shutdown.is_cancelled() { Err(Stop::Shutdown) } else { Ok(()) }
    }

    /// Waits for launches that ask for the same and are being decided, while they are more than there are requests:
    /// until they have come, the room is full, or [`COMPANY_WAIT_MAX`]. One that would go alone where there are
    /// [few](REQUESTS_FEW) waits a [`MOMENT`] first.
    async fn wait_for_company(&self, room: &Room, turn: &RunTurn, drive: &mut Drive) -> Result<(), Stop> {
        let Drive { on_its_way: Some(on_its_way), changes, .. } = drive else { return Ok(()) };
        let is_full = || room.is_full(turn.instances_left());
        let enough = |on_its_way: &OnItsWay| on_its_way.others() <= turn.requests_left() as usize || is_full();
        let company = async {
            if room.is_alone() && turn.requests_left() < REQUESTS_FEW {
                within(&*self.shared.clock, MOMENT, on_its_way.until(|_| is_full())).await;
            }
            on_its_way.until(enough).await;
        };
        tokio::select! {
            biased;
            () = company => Ok(()),
            () = self.shared.clock.sleep(COMPANY_WAIT_MAX) => Ok(()),
            // Somebody may have asked for its end.
            _ = changes.changed() => Ok(()),
            () = self.shared.shutdown.cancelled() => Err(Stop::Shutdown),
        }
    }

    pub(super) fn time_left(&self, launch: &Launch) -> Duration {
        let now = self.shared.clock.now();
        launch
            .deadline
            .map_or(REPEAT_LIMIT, |deadline| Duration::try_from(deadline.duration_since(now)).unwrap_or_default())
    }

    /// Waits until a request may be sent to EC2, and no longer than until the launch's deadline. None if it is
    /// not to be begun any more; a Region that is not served has no turns.
    async fn turn(&self, launch: &Launch, drive: &mut Drive) -> Result<Option<Option<RunTurn>>, Stop> {
        let Ok(client) = self.shared.client(&launch.account_id, &launch.region) else { return Ok(Some(None)) };
        let left = self.time_left(launch);
        tokio::select! {
            biased;
            turn = within(&*self.shared.clock, left, client.turn_to_run()) => Ok(turn.map(Some)),
            // Somebody may have asked for its end.
            _ = drive.changes.changed() => Ok(None),
            () = self.shared.shutdown.cancelled() => Err(Stop::Shutdown),
        }
    }

    /// Those of the launches whose next step is still this candidate.
    fn still_wanting(
        &self,
        ids: &[LaunchId],
        image_id: &ImageId,
        candidate: &Candidate,
    ) -> Result<Vec<Launch>, ReadError> {
        let mut launches = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(launch) = self.shared.log.launch(*id)? else { continue };
            let wants = match self.step_of(&launch) {
                Step::Begin(next, image) => {
                    image == *image_id
                        && next.instance_type == candidate.instance_type
                        && next.placement == candidate.placement
                }
                Step::Resolve(_) | Step::End(_) | Step::Cancel(_) | Step::Lost | Step::Done => false,
            };
            // The first of them decides for itself; others with little time left go alone.
            if wants && (launches.is_empty() || !self.is_hurried(&launch)) {
                launches.push(launch);
            }
        }
        Ok(launches)
    }

    /// What will be asked under which token, and the entries that say so: one for each launch.
    fn intentions(&self, launches: &[Launch], image_id: &ImageId, candidate: &Candidate) -> (Begun, Vec<Entry>) {
        let leader = &launches[0];
        let attempt_id = AttemptId::new(self.shared.clock.now());
        let mut input = freeze(&leader.spec, image_id, candidate, (self.shared.log.log_id(), attempt_id));
        // Launches that share an attempt have one principal, where it matters.
        let client = self.shared.client(&leader.account_id, &leader.region).ok();
        let role_session =
            client.and_then(|client| client.session(RoleSessionName::of_attempt(attempt_id), &leader.principal));
        let is_shared = launches.len() > 1;
        if is_shared {
            input.min_count = 1;
            input.max_count = launches.iter().fold(0, |sum: u32, launch| sum.saturating_add(launch.spec.max_count));
        }
        let share = |launch: &Launch| AttemptShare {
            leader: leader.launch_id,
            launches: u32::try_from(launches.len()).unwrap_or(u32::MAX),
            serves: if launch.launch_id == leader.launch_id {
                launches.iter().map(|launch| launch.launch_id).collect()
            } else {
                Vec::new()
            },
        };
        let entries = launches.iter().map(|launch| {
            let leads = launch.launch_id == leader.launch_id;
            let intended = AttemptIntended {
                attempt_id,
                instance_type: candidate.instance_type.clone(),
                placement: candidate.placement.clone(),
                client_token: attempt_id.client_token(),
                input: if leads { to_json(&input) } else { serde_json::Value::Null },
                share: is_shared.then(|| share(launch)),
                role_session: role_session.clone(),
            };
            self.entry(launch, Event::AttemptIntended(Box::new(intended)))
        });
        let entries = entries.collect();
        (Begun { attempt_id, input, turn: None }, entries)
    }
}
