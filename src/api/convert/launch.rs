//! Launches, on their way out, and the previews that look like them.

use super::time::to_timestamp;
use super::violation::{ViolationReason, Violations};
use crate::api::pb;
use crate::record::{
    Attempt, AttemptError, AttemptState, Candidate, Decision, Entry, Event, InstancePlace, Launch, LaunchInstance,
    LaunchState, PolicyStamp, Verdict,
};

impl From<&Launch> for pb::Launch {
    fn from(launch: &Launch) -> Self {
        let Launch {
            launch_id,
            request_id,
            principal,
            account_id,
            region,
            reason,
            // The policy's stamp says what came of it.
            break_glass: _,
            spec,
            launch_template,
            verdict,
            findings,
            policy,
            candidates,
            deadline,
            image_receipt,
            // For estimates of boot time, and to be read at the image.
            root_device_type: _,
            virtualization_type: _,
            attempts,
            instances,
            state,
            state_reason,
            create_time,
            update_time,
            settle_time,
            // The state says so.
            terminating: _,
            // Bookkeeping of a termination whose answer is still out.
            pending_termination: _,
            pending_others: _,
            cancelled: _,
            last_sequence,
        } = launch;
        Self {
            launch_id: launch_id.to_string(),
            request_id: request_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            principal: principal.to_string(),
            account_id: account_id.to_string(),
            region: region.to_string(),
            reason: reason.clone(),
            spec: Some(spec.into()),
            decision: Some(pb::Decision {
                verdict: pb::DecisionVerdict::from(*verdict).into(),
                findings: findings.iter().map(Into::into).collect(),
                policy: Some(policy.into()),
                image_receipt: image_receipt.as_ref().map(Into::into),
                candidates: candidates.iter().map(Into::into).collect(),
                deadline: deadline.map(to_timestamp),
                launch_template: launch_template.as_ref().map(Into::into),
            }),
            attempts: attempts_of(attempts, *state),
            instances: instances.iter().map(Into::into).collect(),
            state: pb::LaunchState::from(*state).into(),
            state_reason: state_reason.as_ref().map(Into::into),
            preview: false,
            create_time: Some(to_timestamp(*create_time)),
            update_time: Some(to_timestamp(*update_time)),
            settle_time: settle_time.map(to_timestamp),
            last_sequence: *last_sequence,
        }
    }
}

impl From<&Decision> for pb::Decision {
    fn from(decision: &Decision) -> Self {
        let Decision {
            request_id: _,
            body_sha256: _,
            preview: _,
            break_glass: _,
            reason: _,
            spec: _,
            launch_template,
            verdict,
            findings,
            candidates,
            deadline,
            policy,
            image_receipt,
            // The record keeps the facts whole; the contract shows their receipt.
            image_facts: _,
            type_facts: _,
            governed_types: _,
            facts_time: _,
        } = decision;
        Self {
            verdict: pb::DecisionVerdict::from(*verdict).into(),
            findings: findings.iter().map(Into::into).collect(),
            policy: Some(policy.into()),
            image_receipt: image_receipt.as_ref().map(Into::into),
            candidates: candidates.iter().map(Into::into).collect(),
            deadline: deadline.map(to_timestamp),
            launch_template: launch_template.as_ref().map(Into::into),
        }
    }
}

/// The answer to a request that only asked for the decision: a launch that is none, and so has no
/// attempts and, if it was admitted, no state. `None` if the entry is no decision.
pub fn preview(entry: &Entry) -> Option<pb::Launch> {
    let Entry { v: _, time, launch_id, account_id, region, principal, event } = entry;
    let Event::Decision(decision) = event else { return None };
    let state = match decision.verdict {
        Verdict::Admitted => pb::LaunchState::Unspecified,
        Verdict::Refused => pb::LaunchState::Refused,
    };
    Some(pb::Launch {
        launch_id: launch_id.map(|id| id.to_string()).unwrap_or_default(),
        request_id: decision.request_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        principal: principal.as_ref().map(ToString::to_string).unwrap_or_default(),
        account_id: account_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        region: region.as_ref().map(ToString::to_string).unwrap_or_default(),
        reason: decision.reason.clone(),
        spec: Some((&decision.spec).into()),
        decision: Some(decision.as_ref().into()),
        attempts: Vec::new(),
        instances: Vec::new(),
        state: state.into(),
        state_reason: None,
        preview: decision.preview,
        create_time: Some(to_timestamp(*time)),
        update_time: Some(to_timestamp(*time)),
        settle_time: Some(to_timestamp(*time)),
        last_sequence: 0,
    })
}

/// The state that a request asks for; UNSPECIFIED is none.
pub fn launch_state(field: &str, number: i32, violations: &mut Violations) -> Option<LaunchState> {
    Some(match violations.enumeration(field, number)? {
        pb::LaunchState::Unspecified => {
            violations.add(field, ViolationReason::InvalidEnum, "UNSPECIFIED is no state");
            return None;
        }
        pb::LaunchState::Refused => LaunchState::Refused,
        pb::LaunchState::Launching => LaunchState::Launching,
        pb::LaunchState::Booting => LaunchState::Booting,
        pb::LaunchState::Ready => LaunchState::Ready,
        pb::LaunchState::Partial => LaunchState::Partial,
        pb::LaunchState::Failed => LaunchState::Failed,
        pb::LaunchState::Cancelled => LaunchState::Cancelled,
        pb::LaunchState::Terminating => LaunchState::Terminating,
        pb::LaunchState::Terminated => LaunchState::Terminated,
    })
}

impl From<Verdict> for pb::DecisionVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Admitted => Self::Admitted,
            Verdict::Refused => Self::Refused,
        }
    }
}

impl From<&PolicyStamp> for pb::PolicyDecision {
    fn from(policy: &PolicyStamp) -> Self {
        let PolicyStamp { hash, determining_policy_ids, overridden } = policy;
        Self {
            hash: hash.map(|hash| hash.to_string()).unwrap_or_default(),
            determining_policy_ids: determining_policy_ids.clone(),
            overridden: *overridden,
        }
    }
}

impl From<&Candidate> for pb::Candidate {
    fn from(candidate: &Candidate) -> Self {
        let Candidate { instance_type, placement, zone } = candidate;
        Self {
            instance_type: instance_type.to_string(),
            placement: super::spec::placement(placement),
            availability_zone: zone.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

/// The attempts of a launch in this state, each with what followed on it.
fn attempts_of(attempts: &[Attempt], state: LaunchState) -> Vec<pb::Attempt> {
    let last = attempts.len().saturating_sub(1);
    let step = |at: usize, attempt: &Attempt| match (attempt.state, state) {
        (AttemptState::Intended | AttemptState::Succeeded | AttemptState::Unknown, _) => "",
        (AttemptState::Failed, _) if at < last => "NEXT_ATTEMPT",
        (AttemptState::Failed, LaunchState::Launching) => "PENDING",
        (AttemptState::Failed, LaunchState::Cancelled) => "CANCELLED",
        (AttemptState::Failed, _) => "ENDED",
    };
    let with_step = |(at, attempt)| pb::Attempt { next_step: step(at, attempt).to_owned(), ..attempt.into() };
    attempts.iter().enumerate().map(with_step).collect()
}

impl From<&Attempt> for pb::Attempt {
    fn from(attempt: &Attempt) -> Self {
        let Attempt {
            attempt_id,
            instance_type,
            placement,
            client_token,
            state,
            error,
            ec2_request_id,
            reservation_id,
            intend_time,
            end_time,
            share,
            role_session,
            unknown_time,
        } = attempt;
        let state = match state {
            AttemptState::Intended => pb::AttemptState::Intended,
            AttemptState::Succeeded => pb::AttemptState::Succeeded,
            AttemptState::Failed => pb::AttemptState::Failed,
            AttemptState::Unknown => pb::AttemptState::Unknown,
        };
        Self {
            attempt_id: attempt_id.to_string(),
            instance_type: instance_type.to_string(),
            placement: super::spec::placement(placement),
            client_token: client_token.to_string(),
            state: state.into(),
            error: error.as_ref().map(Into::into),
            ec2_request_id: ec2_request_id.clone().unwrap_or_default(),
            reservation_id: reservation_id.clone().unwrap_or_default(),
            intend_time: Some(to_timestamp(*intend_time)),
            end_time: end_time.map(to_timestamp),
            unknown_time: unknown_time.map(to_timestamp),
            // Its launch says.
            next_step: String::new(),
            launches: share.as_ref().map_or(1, |share| i32::try_from(share.launches).unwrap_or(i32::MAX)),
            role_session_name: role_session.as_ref().map(|session| session.name.to_string()).unwrap_or_default(),
            source_identity: role_session
                .as_ref()
                .and_then(|session| session.source_identity.as_ref())
                .map(ToString::to_string)
                .unwrap_or_default(),
        }
    }
}

impl From<&AttemptError> for pb::AttemptError {
    fn from(error: &AttemptError) -> Self {
        let AttemptError {
            code,
            class,
            message,
            retryable,
            remedy,
            http_status,
            // The attempt has it.
            ec2_request_id: _,
        } = error;
        Self {
            code: code.clone(),
            class: class.clone(),
            message: message.clone(),
            retryable: *retryable,
            remedy: remedy.clone(),
            http_status: http_status.map(i32::from),
        }
    }
}

impl From<&LaunchInstance> for pb::LaunchedInstance {
    fn from(instance: &LaunchInstance) -> Self {
        // What becomes of it is told by its phase, and the record has the rest; GetBootStatistics has the times.
        let LaunchInstance {
            place,
            attempt_id,
            phase,
            phase_time,
            ready_time,
            late_end: _,
            boot_times: _,
            has_settled: _,
        } = instance;
        let InstancePlace {
            instance_id,
            instance_type,
            availability_zone,
            subnet_id,
            private_ip,
            private_dns_name,
            public_dns_name,
            launch_time,
        } = place;
        Self {
            instance_id: instance_id.to_string(),
            phase: pb::BootPhase::from(*phase).into(),
            instance_type: instance_type.clone().unwrap_or_default(),
            availability_zone: availability_zone.clone().unwrap_or_default(),
            subnet_id: subnet_id.clone().unwrap_or_default(),
            private_ip: private_ip.clone().unwrap_or_default(),
            private_dns_name: private_dns_name.clone().unwrap_or_default(),
            public_dns_name: public_dns_name.clone().unwrap_or_default(),
            launch_time: launch_time.map(to_timestamp),
            attempt_id: attempt_id.to_string(),
            phase_time: Some(to_timestamp(*phase_time)),
            ready_time: ready_time.map(to_timestamp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_survives_the_way_in_and_out_and_no_other_number_does() {
        for number in -1..12 {
            let mut violations = Violations::new();
            match launch_state("states[0]", number, &mut violations) {
                Some(state) => assert_eq!(i32::from(pb::LaunchState::from(state)), number),
                None => assert!(!(1..=9).contains(&number) && !violations.is_empty(), "{number}"),
            }
        }
    }
}
