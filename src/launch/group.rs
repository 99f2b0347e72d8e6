//! The launches that one attempt serves, and how what it made is shared out among them.
//!
//! Most attempts serve one launch. One that serves several has the input in its leader's record, with
//! the list of all of them; whoever finds out what became of it finds it out for all.

use jiff::Timestamp;

use super::Launcher;
use super::resolve::REPEAT_LIMIT;
use super::step::is_older;
use crate::audit::ReadError;
use crate::ec2::RunInstances;
use crate::ids::{AttemptId, LaunchId};
use crate::record::{Attempt, AttemptIntended, AttemptState, Candidate, Event, InstancePlace, Launch, LaunchState};

/// An attempt, and those of its launches for which it has no outcome yet.
#[derive(Debug)]
pub(super) struct Group {
    /// The attempt.
    pub(super) attempt: Attempt,
    /// Launches that are LAUNCHING, in the order in which they get instances; at least one.
    pub(super) launches: Vec<Launch>,
}

impl Group {
    /// The launch whose record has the input.
    fn leader(&self) -> LaunchId {
        let share = self.attempt.share.as_ref();
        share.map_or_else(|| self.first().launch_id, |share| share.leader)
    }

    /// The first of the launches.
    pub(super) fn first(&self) -> &Launch {
        &self.launches[0]
    }

    /// Whether the attempt serves more than one launch, or did.
    pub(super) fn is_shared(&self) -> bool {
        self.attempt.share.is_some()
    }

    /// With fewer instances than this EC2 launches nothing.
    pub(super) fn min_count(&self) -> u32 {
        if self.is_shared() { 1 } else { self.first().spec.min_count }
    }

    /// The most that the launches that are left want.
    pub(super) fn wanted(&self) -> u32 {
        self.launches.iter().fold(0, |sum: u32, launch| sum.saturating_add(launch.spec.max_count))
    }

    /// No call is made for any of them after the first of their deadlines, or in the attempt's second hour.
    pub(super) fn may_be_called(&self, now: Timestamp) -> bool {
        now < self.deadline() && !is_older(&self.attempt, REPEAT_LIMIT, now)
    }

    /// The first deadline of the launches.
    pub(super) fn deadline(&self) -> Timestamp {
        self.launches.iter().filter_map(|launch| launch.deadline).min().unwrap_or(Timestamp::MAX)
    }

    /// The candidate that the attempt asks for.
    pub(super) fn candidate(&self) -> Candidate {
        let Attempt { instance_type, placement, .. } = &self.attempt;
        let is_its =
            |candidate: &&Candidate| candidate.instance_type == *instance_type && candidate.placement == *placement;
        let decided = self.first().candidates.iter().find(is_its).cloned();
        decided.unwrap_or_else(|| Candidate {
            instance_type: instance_type.clone(),
            placement: placement.clone(),
            zone: placement.availability_zone.clone(),
        })
    }
}

impl Launcher {
    /// The attempt that has no outcome for `launch`, with the launches that share it. None if the launch has
    /// gone on meanwhile.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn group(&self, launch_id: LaunchId, attempt_id: AttemptId) -> Result<Option<Group>, ReadError> {
        let undecided = |launch_id| -> Result<Option<(Launch, Attempt)>, ReadError> {
            let Some(launch) = self.shared.log.launch(launch_id)? else { return Ok(None) };
            let attempt = launch.attempts.iter().find(|attempt| attempt.attempt_id == attempt_id);
            let open = |attempt: &&Attempt| matches!(attempt.state, AttemptState::Intended | AttemptState::Unknown);
            let attempt = attempt.filter(open).filter(|_| launch.state == LaunchState::Launching).cloned();
            Ok(attempt.map(|attempt| (launch, attempt)))
        };
        let Some((launch, attempt)) = undecided(launch_id)? else { return Ok(None) };
        let Some(share) = &attempt.share else { return Ok(Some(Group { attempt, launches: vec![launch] })) };
        let served = match self.intention(share.leader, attempt_id)? {
            Some(AttemptIntended { share: Some(share), .. }) => share.serves,
            // Retention removes a launch only whole; its own record is all there is of the attempt then.
            _ => vec![launch_id],
        };
        let mut launches = Vec::new();
        for id in served {
            launches.extend(undecided(id)?.map(|(launch, _)| launch));
        }
        Ok((!launches.is_empty()).then_some(Group { attempt, launches }))
    }

    /// What the attempt of a group asks for, read back from the log.
    ///
    /// # Errors
    /// If the log cannot be read, or does not have it.
    pub(super) fn frozen_input(&self, group: &Group) -> Result<RunInstances, ReadError> {
        let damaged = || ReadError::Damaged { index: 0 };
        let intended = self.intention(group.leader(), group.attempt.attempt_id)?.ok_or_else(damaged)?;
        serde_json::from_value(intended.input).map_err(|_| damaged())
    }

    fn intention(&self, launch_id: LaunchId, attempt_id: AttemptId) -> Result<Option<AttemptIntended>, ReadError> {
        let entries = self.shared.log.launch_entries(launch_id, 0)?;
        Ok(entries.into_iter().find_map(|indexed| match indexed.entry.event {
            Event::AttemptIntended(intended) if intended.attempt_id == attempt_id => Some(*intended),
            _ => None,
        }))
    }
}

/// Shares instances out among launches that want at most so many each: one to each in their order, then more
/// to each in its turn. What nobody wants stays over.
pub(super) fn share_out(wants: &[u32], instances: Vec<InstancePlace>) -> (Vec<Vec<InstancePlace>>, Vec<InstancePlace>) {
    let mut shares: Vec<Vec<InstancePlace>> = wants.iter().map(|_| Vec::new()).collect();
    let mut instances = instances.into_iter();
    for (share, _) in shares.iter_mut().zip(wants).filter(|(_, wants)| **wants > 0) {
        share.extend(instances.next());
    }
    for (share, wants) in shares.iter_mut().zip(wants) {
        let more = usize::try_from(*wants).unwrap_or(usize::MAX).saturating_sub(share.len());
        share.extend(instances.by_ref().take(more));
    }
    (shares, instances.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(count: u32) -> Vec<InstancePlace> {
        let place = |number| serde_json::json!({ "instance_id": format!("i-{number:017x}") });
        (0..count).map(|number| serde_json::from_value(place(number)).unwrap()).collect()
    }

    #[test]
    fn everyone_gets_one_before_anyone_gets_two_and_nobody_more_than_is_wanted() {
        for (wants, given, expected, over) in [
            (&[1, 1, 1][..], 3, &[1, 1, 1][..], 0),
            (&[1, 1, 1], 2, &[1, 1, 0], 0),
            (&[3, 2, 1], 4, &[2, 1, 1], 0),
            (&[3, 2, 1], 5, &[3, 1, 1], 0),
            (&[1, 2], 5, &[1, 2], 2),
            (&[2], 1, &[1], 0),
        ] {
            let (shares, left) = share_out(wants, places(given));
            let sizes: Vec<usize> = shares.iter().map(Vec::len).collect();
            assert_eq!((sizes.as_slice(), left.len()), (expected, over), "{wants:?} of {given}");
            let mut all: Vec<_> = shares.into_iter().flatten().chain(left).map(|place| place.instance_id).collect();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), given as usize, "each instance goes to one launch");
        }
    }
}
