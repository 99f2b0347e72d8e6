//! Whatever EC2 says, a record has room for it.

use super::*;
use crate::audit::RECORD_BYTES_MAX;
use crate::record::{ENTRY_VERSION, Entry, Event, ScheduledEvent};

/// An instance all of whose texts are `text`.
fn hostile(state: InstanceState, text: &str) -> Instance {
    let said = || Some(text.to_owned());
    Instance {
        instance_type: said(),
        availability_zone: said(),
        subnet_id: said(),
        private_ip: said(),
        private_dns_name: said(),
        public_dns_name: said(),
        launch_time: Some(at(0)),
        root_device_type: said(),
        ..instance(state, Some((text, text)))
    }
}

/// Status checks of which some fail, with more events than are told, all of whose texts are `text`.
fn impaired(text: &str) -> InstanceStatus {
    let summary = |status: &str| {
        let details = vec![(text.to_owned(), text.to_owned()); 20];
        Some(StatusSummary { status: status.to_owned(), details, impaired_since: None })
    };
    let event = |number| crate::ec2::facts::ScheduledEvent {
        id: Some(format!("{text}{number}")),
        code: Some(text.to_owned()),
        description: Some(text.to_owned()),
        not_before: Some(Timestamp::MAX),
        not_after: Some(Timestamp::MAX),
    };
    InstanceStatus {
        system: summary("impaired"),
        attached_ebs: summary(text),
        application: summary(text),
        performance: summary(text),
        events: (0..50).map(event).collect(),
        ..checks("", text)
    }
}

#[test]
fn whatever_ec2_says_a_record_has_room_for_it() {
    let warning = ScheduledEvent {
        id: None,
        code: "spot-interruption".to_owned(),
        description: Some("x".repeat(32)),
        not_before: Some(Timestamp::MAX),
        not_after: None,
    };
    let (mut longest, mut told) = (0, Vec::new());
    for text in ["\u{1}", "\"", "\\", "東", "🦀", "e\u{301}", "x"].map(|text| text.repeat(5_000)) {
        for state in [Pending, Running, Stopped, Terminated] {
            let (shown, status) = (hostile(state, &text), impaired(&text));
            let look = Look { instance: Some(&shown), status: Some(&status), warned: Some(&warning), console: None };
            let known = InstancePhase { failure: None, ..history(fresh(), &[(Some(shown.clone()), None)]).remove(0) };
            let failure = explain::impaired(&status, &crate::boot::explain::BootFacts::default(), None);
            for late in [None, Some(Phase::Impaired)] {
                let tracked = Tracked {
                    phase: late.or(Some(Phase::Requested)),
                    failure: late.map(|_| failure.clone()),
                    ready_by: Some(at(1)),
                    // Another place than the one that is shown, so that this is told.
                    place: known.place.clone().map(|place| InstancePlace { subnet_id: None, ..place }),
                    ..fresh()
                };
                for phase in observe(&tracked, look, at(1)) {
                    assert!(!phase.scheduled_events.is_empty() && phase.place.is_some(), "{phase:?}");
                    told.push(phase.phase);
                    let entry = Entry {
                        v: ENTRY_VERSION,
                        time: Timestamp::MAX,
                        launch_id: Some(uuid::Uuid::max().to_string().parse().unwrap()),
                        account_id: Some("123456789012".parse().unwrap()),
                        region: Some("us-gov-northeast-1".parse().unwrap()),
                        principal: None,
                        event: Event::InstancePhase(phase),
                    };
                    longest = longest.max(entry.to_leaf().len());
                }
            }
        }
    }
    for phase in [Phase::Pending, Phase::Running, Phase::Impaired, Phase::Stopped, Phase::Failed, Phase::TimedOut] {
        assert!(told.contains(&phase), "{phase:?}");
    }
    assert!(longest <= RECORD_BYTES_MAX, "{longest}");
}

#[test]
fn more_events_than_are_told_are_told_once_in_whatever_order_they_come() {
    let mut status = impaired("x");
    let mut looks = vec![(Some(instance(Running, None)), Some(status.clone()))];
    status.events.reverse();
    looks.push((Some(instance(Running, None)), Some(status)));
    let told: Vec<_> = history(fresh(), &looks).iter().map(|phase| phase.scheduled_events.len()).collect();
    assert_eq!(told, [20, 20], "running and impaired, and nothing new");
}
