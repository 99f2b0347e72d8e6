//! Instances that have this Gantry's tag and belong to no launch.
//!
//! A launch may have ended with its outcome unknown before EC2 showed what it made, and a log that was set back has
//! forgotten attempts. Such instances run and cost, and nobody watches them. They are found and shown; nothing here
//! ends one.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::audit::{AuditLog, Order, ReadError, RecordQuery};
use crate::ec2::budget::Priority;
use crate::ec2::facts::{Instance, InstanceState};
use crate::ids::{AccountId, AttemptId, LaunchId, Region};
use crate::record::{AttemptState, EntryKind, Event, LaunchState};

use super::tag::{ATTEMPT_TAG, LAUNCH_TAG, LOG_TAG};
use super::{LaunchError, Launcher};

/// An attempt is recorded at most this long after its id was made; both are made together.
const RECORDED_WITHIN: Duration = Duration::from_secs(60);

/// An instance of this Gantry's without a launch.
#[derive(Debug, Clone, PartialEq)]
pub struct Orphan {
    /// What EC2 shows.
    pub instance: Instance,
    /// The attempt that its tag names.
    pub attempt_id: Option<AttemptId>,
    /// A launch that the attempt was made for; the one that has no instances of its own, if there is one.
    pub launch_id: Option<LaunchId>,
    /// Why it belongs to none.
    pub reason: OrphanReason,
    /// Whether that launch has instances, which would be terminated with it.
    pub launch_has_instances: bool,
}

/// Why an instance belongs to no launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanReason {
    /// The log has no record of the attempt.
    NoRecord,
    /// The launch ended before the instance was seen.
    LaunchEnded,
    /// The log says that the attempt made other instances, or none.
    NotOfAttempt,
    /// It is a launch's, and the log says that it has ended.
    RecordedAsEnded,
}

/// What a look at the instances with this log's tag brought.
#[derive(Debug, Default)]
pub struct Swept {
    /// Those that belong to no launch, the oldest first.
    pub orphans: Vec<Orphan>,
    /// Launches with an instance that lacks the launch's tag: a crash may have come before it.
    pub untagged: BTreeSet<LaunchId>,
}

impl Launcher {
    /// Asks EC2 for the instances with this log's tag, and holds them against the log.
    ///
    /// # Errors
    /// [`LaunchError::UnknownRegion`], [`LaunchError::Facts`] if EC2 does not answer, [`LaunchError::Read`].
    pub async fn sweep(
        &self,
        account_id: &AccountId,
        region: &Region,
        priority: Priority,
    ) -> Result<Swept, LaunchError> {
        let client = self.shared.client(account_id, region)?.at(priority);
        let log = self.shared.log.clone();
        let instances = client.instances_by_tag(LOG_TAG, log.log_id()).await.map_err(LaunchError::Facts)?;
        let judging = tokio::task::spawn_blocking(move || judge_all(&log, instances));
        Ok(judging.await.unwrap_or(Err(ReadError::Closed))?)
    }

    /// Tags the instances of a launch with it, if the log has it.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn tag(&self, launch_id: LaunchId) -> Result<(), ReadError> {
        if let Some(launch) = self.shared.log.launch(launch_id)? {
            self.spawn_tagging(&launch);
        }
        Ok(())
    }
}

/// Blocking.
fn judge_all(log: &AuditLog, instances: Vec<Instance>) -> Result<Swept, ReadError> {
    let mut swept = Swept::default();
    let mut known = HashMap::new();
    for instance in instances {
        if matches!(instance.state, Some(InstanceState::Terminated | InstanceState::ShuttingDown)) {
            continue;
        }
        let owner = |swept: &mut Swept| -> Result<bool, ReadError> {
            let Some(launch_id) = log.launch_of_instance(&instance.instance_id)? else { return Ok(false) };
            if !instance.tags.contains_key(LAUNCH_TAG) {
                swept.untagged.insert(launch_id);
            }
            if !log.is_living(launch_id)? {
                swept.orphans.push(Orphan {
                    instance: instance.clone(),
                    attempt_id: attempt_of(&instance),
                    launch_id: Some(launch_id),
                    reason: OrphanReason::RecordedAsEnded,
                    launch_has_instances: false,
                });
            }
            Ok(true)
        };
        if owner(&mut swept)? {
            continue;
        }
        let attempt_id = attempt_of(&instance);
        let makers = match attempt_id {
            Some(attempt_id) => match known.entry(attempt_id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(vacant) => vacant.insert(makers(log, attempt_id)?),
            },
            None => &mut Vec::new(),
        };
        // Asked once more after the attempt was looked at: if that is over, what it made has its owner by now.
        if makers.iter().any(|maker| maker.is_under_way) || owner(&mut swept)? {
            continue;
        }
        let maker = makers.iter().min_by_key(|maker| maker.has_instances);
        swept.orphans.push(Orphan {
            attempt_id,
            launch_id: maker.map(|maker| maker.launch_id),
            reason: maker.map_or(OrphanReason::NoRecord, |maker| maker.reason),
            launch_has_instances: maker.is_some_and(|maker| maker.has_instances),
            instance,
        });
    }
    swept.orphans.sort_by_key(|orphan| (orphan.instance.launch_time, orphan.instance.instance_id.clone()));
    Ok(swept)
}

/// The launch whose attempt may have made an instance, and is still being found out. Blocking.
pub(super) fn maker_under_way(log: &AuditLog, instance: &Instance) -> Result<Option<LaunchId>, ReadError> {
    let Some(attempt_id) = attempt_of(instance) else { return Ok(None) };
    let makers = makers(log, attempt_id)?;
    Ok(makers.into_iter().find(|maker| maker.is_under_way).map(|maker| maker.launch_id))
}

fn attempt_of(instance: &Instance) -> Option<AttemptId> {
    instance.tags.get(ATTEMPT_TAG)?.parse().ok()
}

/// A launch that an attempt was intended for.
struct Maker {
    launch_id: LaunchId,
    /// Whether the attempt is being found out.
    is_under_way: bool,
    reason: OrphanReason,
    has_instances: bool,
}

fn makers(log: &AuditLog, attempt_id: AttemptId) -> Result<Vec<Maker>, ReadError> {
    let mut makers = Vec::new();
    for launch_id in launches_of(log, attempt_id)? {
        let Some(launch) = log.launch(launch_id)? else { continue };
        let attempt = launch.attempts.iter().find(|attempt| attempt.attempt_id == attempt_id);
        let is_open =
            attempt.is_some_and(|attempt| matches!(attempt.state, AttemptState::Intended | AttemptState::Unknown));
        makers.push(Maker {
            launch_id,
            is_under_way: is_open && launch.state == LaunchState::Launching,
            reason: if is_open { OrphanReason::LaunchEnded } else { OrphanReason::NotOfAttempt },
            has_instances: launch.instances_held() > 0,
        });
    }
    Ok(makers)
}

/// The launches that an attempt was intended for.
fn launches_of(log: &AuditLog, attempt_id: AttemptId) -> Result<Vec<LaunchId>, ReadError> {
    let Some(made) = attempt_id.time() else { return Ok(Vec::new()) };
    let mut query = RecordQuery {
        kinds: vec![EntryKind::AttemptIntended],
        // The id has milliseconds, and the record may have been made within the same one.
        start: made.checked_sub(Duration::from_secs(1)).ok(),
        end: made.checked_add(RECORDED_WITHIN).ok(),
        order: Order::OldestFirst,
        limit: crate::audit::PAGE_MAX,
        ..RecordQuery::default()
    };
    let mut launches = Vec::new();
    loop {
        let page = log.records(&query)?;
        for record in page.records {
            match (&record.entry.event, record.entry.launch_id) {
                (Event::AttemptIntended(intended), Some(id)) if intended.attempt_id == attempt_id => launches.push(id),
                _ => {}
            }
        }
        match page.next {
            Some(next) => query.from = Some(next),
            None => return Ok(launches),
        }
    }
}

impl Orphan {
    /// What it is and what to do about it.
    pub fn message(&self) -> String {
        let why = match self.reason {
            OrphanReason::NoRecord => "The log has no record of the attempt that made it",
            OrphanReason::LaunchEnded => "Its launch ended before it was seen",
            OrphanReason::NotOfAttempt => "The log says that its attempt made other instances, or none",
            OrphanReason::RecordedAsEnded => "The log says that it has ended",
        };
        let then = match self.launch_id {
            Some(id) if self.reason == OrphanReason::RecordedAsEnded => {
                format!("look at it in EC2, and at launch {id}")
            }
            Some(id) if !self.launch_has_instances => {
                format!("keep it, or terminate it with launch {id}, which has no instances (other_instance_ids)")
            }
            // With a launch that has instances those would go, too.
            _ => "keep it, or terminate it in EC2, or with a launch that is to end (other_instance_ids)".to_owned(),
        };
        format!("{why}: {then}.")
    }
}
