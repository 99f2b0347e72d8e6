//! Instances that have this Gantry's tag and belong to no launch.
//!
//! A launch may have ended with its outcome unknown before EC2 showed what it made, and a log that was set back has
//! forgotten attempts. Such instances run and cost, and nobody watches them. They are found and shown; nothing here
//! ends one.

use std::collections::BTreeSet;
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
    /// A launch that the attempt was made for.
    pub launch_id: Option<LaunchId>,
    /// Why it belongs to none.
    pub reason: OrphanReason,
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
}

impl Launcher {
    /// Asks EC2 for the instances with this log's tag, and returns those that no launch has or may come to have, the
    /// oldest first. Those of launches that lack the launch's tag get it: a crash may have come before that.
    ///
    /// # Errors
    /// [`LaunchError::UnknownRegion`], [`LaunchError::Facts`] if EC2 does not answer, [`LaunchError::Read`].
    pub async fn orphans(
        &self,
        account_id: &AccountId,
        region: &Region,
        priority: Priority,
    ) -> Result<Vec<Orphan>, LaunchError> {
        let client = self.shared.client(account_id, region)?.at(priority);
        let log = self.shared.log.clone();
        let instances = client.instances_by_tag(LOG_TAG, log.log_id()).await.map_err(LaunchError::Facts)?;
        let judging = tokio::task::spawn_blocking(move || orphans_of(&log, instances));
        let (orphans, untagged) = judging.await.unwrap_or(Err(ReadError::Closed))?;
        for launch_id in untagged {
            if let Some(launch) = self.shared.log.launch(launch_id)? {
                self.spawn_tagging(&launch);
            }
        }
        Ok(orphans)
    }
}

/// Those of the instances that belong to no launch, and the launches of which one is not tagged. Blocking.
fn orphans_of(log: &AuditLog, instances: Vec<Instance>) -> Result<(Vec<Orphan>, BTreeSet<LaunchId>), ReadError> {
    let (mut orphans, mut untagged) = (Vec::new(), BTreeSet::new());
    for instance in instances {
        if matches!(instance.state, Some(InstanceState::Terminated | InstanceState::ShuttingDown)) {
            continue;
        }
        // EC2 was asked first: what it shows was intended before, so whatever the log is to have of it is there.
        if let Some(launch_id) = log.launch_of_instance(&instance.instance_id)? {
            if !instance.tags.contains_key(LAUNCH_TAG) {
                untagged.insert(launch_id);
            }
            continue;
        }
        orphans.extend(judge(log, instance)?);
    }
    orphans.sort_by_key(|orphan| (orphan.instance.launch_time, orphan.instance.instance_id.clone()));
    Ok((orphans, untagged))
}

/// None if an attempt is still open that may have made the instance.
fn judge(log: &AuditLog, instance: Instance) -> Result<Option<Orphan>, ReadError> {
    let tag = |key: &str| instance.tags.get(key).map(String::as_str);
    let attempt_id: Option<AttemptId> = tag(ATTEMPT_TAG).and_then(|value| value.parse().ok());
    let launches = match attempt_id {
        Some(attempt_id) => launches_of(log, attempt_id)?,
        None => Vec::new(),
    };
    let tagged: Option<LaunchId> = tag(LAUNCH_TAG).and_then(|value| value.parse().ok());
    let mut reason = OrphanReason::NoRecord;
    for id in &launches {
        let Some(launch) = log.launch(*id)? else { continue };
        let attempt = launch.attempts.iter().find(|attempt| Some(attempt.attempt_id) == attempt_id);
        let open = |state| matches!(state, AttemptState::Intended | AttemptState::Unknown);
        reason = match attempt {
            Some(attempt) if open(attempt.state) && launch.state == LaunchState::Launching => return Ok(None),
            Some(attempt) if open(attempt.state) => OrphanReason::LaunchEnded,
            Some(_) | None => OrphanReason::NotOfAttempt,
        };
    }
    let launch_id = launches.first().copied().or(tagged);
    Ok(Some(Orphan { instance, attempt_id, launch_id, reason }))
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
        };
        let then = match self.launch_id {
            Some(id) => format!("keep it, or terminate it with launch {id} (other_instance_ids)"),
            None => "keep it, or terminate it in EC2".to_owned(),
        };
        format!("{why}: {then}.")
    }
}
