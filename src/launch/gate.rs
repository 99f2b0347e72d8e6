//! What may stand against a launch that facts and policy admit: the kill switch, and quotas.

use std::time::Duration;

use super::decide::{Decision, Governed, LAUNCHES_PAUSED, QUOTA_EXCEEDED};
use super::quota::{Excess, Reservation, Whose};
use super::switch::{Pass, SwitchState};
use super::{LaunchError, LaunchRequest, Shared};
use crate::audit::RequestKey;
use crate::clock::Timestamp;
use crate::ids::{LaunchId, Principal};
use crate::record::Finding;

/// Why a launch that would be admitted is refused for the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Barrier {
    /// Launches are paused.
    Paused(SwitchState),
    /// It would go beyond these quotas.
    OverQuota(Vec<Excess>),
}

/// What an admission is recorded with.
#[derive(Debug)]
pub(super) struct Admission {
    /// Let go once the record is durable or is not to be.
    _pass: Pass,
    reservation: Option<Reservation>,
}

impl Admission {
    /// The decision is on record.
    pub(super) fn recorded(self, launch_id: LaunchId, time: Timestamp) {
        if let Some(reservation) = self.reservation {
            reservation.recorded(launch_id, time);
        }
    }
}

impl Shared {
    /// Takes what a launch of `count` instances needs beside being admitted; or says what stands against it.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) async fn admission(
        &self,
        key: &RequestKey,
        count: u32,
        now: Timestamp,
    ) -> Result<Result<Admission, Barrier>, LaunchError> {
        let pass = match self.switch.pass().await {
            Ok(pass) => pass,
            Err(state) => return Ok(Err(Barrier::Paused(state))),
        };
        let reserved = self.quotas.reserve(key, count, now).await?;
        Ok(reserved.map(|reservation| Admission { _pass: pass, reservation }).map_err(Barrier::OverQuota))
    }

    /// What would stand against a launch now. Takes nothing.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) async fn barrier(
        &self,
        request: &LaunchRequest,
        now: Timestamp,
    ) -> Result<Option<Barrier>, LaunchError> {
        let state = self.switch.state();
        if state.paused {
            return Ok(Some(Barrier::Paused(state)));
        }
        let excesses = self.quotas.excesses(&request.principal, request.spec.max_count, now).await?;
        Ok((!excesses.is_empty()).then_some(Barrier::OverQuota(excesses)))
    }
}

impl Barrier {
    /// What the record of the refusal says.
    fn findings(&self) -> Vec<Finding> {
        match self {
            Self::Paused(state) => vec![paused(state)],
            Self::OverQuota(excesses) => excesses.iter().map(over_quota).collect(),
        }
    }

    /// Makes a refusal of an admission. No policy could have changed it, so there are no types that policy decides.
    pub(super) fn refuse(&self, governed: &mut Governed) {
        if let Decision::Admit(plan) = &mut governed.decision {
            self.findings().into_iter().for_each(|finding| plan.note(finding));
            governed.decision = Decision::Refuse(plan.findings().to_vec());
            governed.types.clear();
        }
    }

    /// What the caller is told.
    pub(super) fn refusal(self, launch_id: Option<LaunchId>, now: Timestamp) -> LaunchError {
        let findings = self.findings();
        match self {
            Self::Paused(_) => LaunchError::Paused { launch_id, findings },
            Self::OverQuota(excesses) => {
                // There is room when there is room in all of them.
                let free: Option<Vec<Timestamp>> = excesses.iter().map(|excess| excess.free_time).collect();
                let free = free.and_then(|times| times.into_iter().max());
                let retry_delay = free.map(|free| Duration::try_from(free.duration_since(now)).unwrap_or_default());
                LaunchError::QuotaExceeded { launch_id, findings, excesses, retry_delay }
            }
        }
    }
}

fn paused(state: &SwitchState) -> Finding {
    let who = state.principal.as_ref().map_or("somebody", Principal::as_str);
    let when = state.time.map(|time| format!(" at {time}")).unwrap_or_default();
    Finding {
        message: format!("New launches were stopped by {who}{when}: {}", state.reason),
        ..LAUNCHES_PAUSED.finding("paused")
    }
}

fn over_quota(excess: &Excess) -> Finding {
    let Excess { whose, quota, taken, wanted, limit, free_time } = excess;
    let (scope, who) = match whose {
        Whose::Principal(principal) => ("principal", principal.as_str()),
        Whose::Total => ("total", "All together"),
    };
    let what = quota.as_str();
    let then = match free_time {
        Some(time) => format!(" There is room again at {time}, if nothing else comes."),
        None if limit < wanted => " It can never have room.".to_owned(),
        None => String::new(),
    };
    Finding {
        field: format!("quota.{scope}.{what}"),
        expected: format!("at most {limit}"),
        message: format!("{who} would have {} of at most {limit} {what}.{then}", taken + u64::from(*wanted)),
        ..QUOTA_EXCEEDED.finding(format!("{taken} taken, {wanted} wanted"))
    }
}
