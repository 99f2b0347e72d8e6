//! Audit records, on their way out: what an entry is about, for lists. The whole of it is the
//! leaf, which goes out byte for byte and never through here.

use super::time::to_timestamp;
use super::violation::Violations;
use crate::api::pb;
use crate::ids::{AttemptId, InstanceId};
use crate::record::{Entry, EntryKind, Event, InstancePlace, Verdict};

/// An entry and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct LocatedEntry<'a> {
    /// The log.
    pub log_id: &'a str,
    /// Its index there.
    pub index: u64,
    /// The entry.
    pub entry: &'a Entry,
}

impl From<LocatedEntry<'_>> for pb::AuditRecord {
    fn from(located: LocatedEntry<'_>) -> Self {
        let LocatedEntry { log_id, index, entry } = located;
        let Entry { v: _, time, launch_id, account_id, region, principal, event } = entry;
        let Subject { attempt_id, instance_ids, image_id, verdict, reason, preview } = subject(event);
        Self {
            log_id: log_id.to_owned(),
            index,
            time: Some(to_timestamp(*time)),
            kind: pb::RecordKind::from(entry.kind()).into(),
            launch_id: launch_id.map(|id| id.to_string()).unwrap_or_default(),
            attempt_id: attempt_id.map(|id| id.to_string()).unwrap_or_default(),
            instance_ids: instance_ids.into_iter().map(ToString::to_string).collect(),
            image_id,
            principal: principal.as_ref().map(ToString::to_string).unwrap_or_default(),
            account_id: account_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            region: region.as_ref().map(ToString::to_string).unwrap_or_default(),
            verdict: verdict.map_or(pb::DecisionVerdict::Unspecified, Into::into).into(),
            reason,
            preview,
        }
    }
}

#[derive(Default)]
struct Subject<'a> {
    attempt_id: Option<AttemptId>,
    instance_ids: Vec<&'a InstanceId>,
    image_id: String,
    verdict: Option<Verdict>,
    reason: String,
    preview: bool,
}

fn subject(event: &Event) -> Subject<'_> {
    match event {
        Event::Decision(decision) => Subject {
            image_id: decision.image_id().map(ToString::to_string).unwrap_or_default(),
            verdict: Some(decision.verdict),
            reason: decision.reason.clone(),
            preview: decision.preview,
            ..Subject::default()
        },
        Event::AttemptIntended(intended) => Subject { attempt_id: Some(intended.attempt_id), ..Subject::default() },
        Event::AttemptSucceeded(succeeded) => Subject {
            attempt_id: Some(succeeded.attempt_id),
            instance_ids: succeeded.instances.iter().map(|InstancePlace { instance_id, .. }| instance_id).collect(),
            ..Subject::default()
        },
        Event::AttemptFailed(failed) => {
            Subject { attempt_id: Some(failed.attempt_id), reason: failed.error.message.clone(), ..Subject::default() }
        }
        Event::AttemptUnknown(unknown) => Subject {
            attempt_id: Some(unknown.attempt_id),
            reason: unknown.error.message.clone(),
            ..Subject::default()
        },
        Event::LaunchEnded(ended) => Subject { reason: ended.reason.message.clone(), ..Subject::default() },
        Event::InstancePhase(phase) => Subject {
            instance_ids: vec![&phase.instance_id],
            reason: match (&phase.failure, &phase.state_reason) {
                (Some(failure), _) => failure.cause.clone(),
                (None, Some(reason)) => reason.message.clone(),
                (None, None) => String::new(),
            },
            ..Subject::default()
        },
        Event::Termination(termination) => Subject {
            instance_ids: termination.instance_ids.iter().chain(&termination.others).collect(),
            reason: termination.reason.clone(),
            ..Subject::default()
        },
        Event::ServiceStarted(started) => {
            Subject { reason: format!("gantry {}", started.version), ..Subject::default() }
        }
        Event::RecordsPruned(pruned) => {
            let reason = format!("{} records older than {} below {}", pruned.removed, pruned.before, pruned.end);
            Subject { reason, ..Subject::default() }
        }
        Event::PolicyLoaded(loaded) => {
            let hash = loaded.hash.map_or_else(|| "no policy".to_owned(), |hash| hash.to_string());
            let reason = format!("{hash} from {}, part {} of {}", loaded.source, loaded.part, loaded.parts);
            Subject { reason, ..Subject::default() }
        }
        Event::LaunchSwitch(switch) => Subject { reason: switch.reason.clone(), ..Subject::default() },
        Event::Cancellation(cancellation) => Subject { reason: cancellation.reason.clone(), ..Subject::default() },
    }
}

impl From<EntryKind> for pb::RecordKind {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::Decision => Self::Decision,
            EntryKind::AttemptIntended => Self::AttemptIntended,
            EntryKind::AttemptSucceeded => Self::AttemptSucceeded,
            EntryKind::AttemptFailed => Self::AttemptFailed,
            EntryKind::AttemptUnknown => Self::AttemptUnknown,
            EntryKind::LaunchEnded => Self::LaunchEnded,
            EntryKind::InstancePhase => Self::InstancePhase,
            EntryKind::Termination => Self::Termination,
            EntryKind::ServiceStarted => Self::ServiceStarted,
            EntryKind::RecordsPruned => Self::RecordsPruned,
            EntryKind::PolicyLoaded => Self::PolicyLoaded,
            EntryKind::LaunchSwitch => Self::LaunchSwitch,
            EntryKind::Cancellation => Self::Cancellation,
        }
    }
}

/// The kind that a request asks for; UNSPECIFIED asks for every kind.
pub fn record_kind(field: &str, number: i32, violations: &mut Violations) -> Option<EntryKind> {
    Some(match violations.enumeration(field, number)? {
        pb::RecordKind::Unspecified => return None,
        pb::RecordKind::Decision => EntryKind::Decision,
        pb::RecordKind::AttemptIntended => EntryKind::AttemptIntended,
        pb::RecordKind::AttemptSucceeded => EntryKind::AttemptSucceeded,
        pb::RecordKind::AttemptFailed => EntryKind::AttemptFailed,
        pb::RecordKind::AttemptUnknown => EntryKind::AttemptUnknown,
        pb::RecordKind::LaunchEnded => EntryKind::LaunchEnded,
        pb::RecordKind::InstancePhase => EntryKind::InstancePhase,
        pb::RecordKind::Termination => EntryKind::Termination,
        pb::RecordKind::ServiceStarted => EntryKind::ServiceStarted,
        pb::RecordKind::RecordsPruned => EntryKind::RecordsPruned,
        pb::RecordKind::PolicyLoaded => EntryKind::PolicyLoaded,
        pb::RecordKind::LaunchSwitch => EntryKind::LaunchSwitch,
        pb::RecordKind::Cancellation => EntryKind::Cancellation,
    })
}

/// The verdict that a request asks for; UNSPECIFIED asks for none in particular.
pub fn record_verdict(field: &str, number: i32, violations: &mut Violations) -> Option<Verdict> {
    match violations.enumeration(field, number)? {
        pb::DecisionVerdict::Unspecified => None,
        pb::DecisionVerdict::Admitted => Some(Verdict::Admitted),
        pb::DecisionVerdict::Refused => Some(Verdict::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ENTRY_VERSION, ServiceStarted};

    #[test]
    fn every_kind_survives_the_way_in_and_out_and_no_other_number_does() {
        for number in -1..15 {
            let mut violations = Violations::new();
            match record_kind("kind", number, &mut violations) {
                Some(kind) => assert_eq!(i32::from(pb::RecordKind::from(kind)), number),
                None => assert_eq!(violations.is_empty(), number == 0, "{number}"),
            }
        }
    }

    #[test]
    fn an_entry_about_nothing_in_particular_has_empty_fields() {
        let started = ServiceStarted {
            version: "0.1.0".to_owned(),
            sandbox: true,
            regions: Vec::new(),
            open_launches: 0,
            verifier_key: None,
            accepted: None,
        };
        let entry = Entry {
            v: ENTRY_VERSION,
            time: jiff::Timestamp::UNIX_EPOCH,
            launch_id: None,
            account_id: None,
            region: None,
            principal: None,
            event: Event::ServiceStarted(started),
        };
        let record = pb::AuditRecord::from(LocatedEntry { log_id: "log", index: 3, entry: &entry });
        let expected = pb::AuditRecord {
            log_id: "log".to_owned(),
            index: 3,
            time: Some(prost_types::Timestamp::default()),
            kind: pb::RecordKind::ServiceStarted.into(),
            reason: "gantry 0.1.0".to_owned(),
            ..Default::default()
        };
        assert_eq!(record, expected);
    }
}
