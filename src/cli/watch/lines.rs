//! Boot events as plain lines, for logs and pipes.

use std::time::Duration;

use crate::cli::describe;
use crate::cli::output::amounts::span;
use crate::cli::output::{or_dash, printable, word};
use crate::client::{self, ClientError, pb};

/// One line for an event; none for a heartbeat.
pub(super) fn event(event: &pb::BootEvent) -> Option<String> {
    let time = or_dash(describe::time(event.observed_time));
    if event.launch_state() != pb::LaunchState::Unspecified {
        let reason = event.state_reason.as_ref().map(said);
        let state = word!(pb::LaunchState, event.launch_state);
        let launch_id = printable(&event.launch_id);
        return Some(format!("{time} launch {launch_id} {state}{}", reason.unwrap_or_default()));
    }
    if event.instance_id.is_empty() {
        return None;
    }
    let phase = word!(pb::BootPhase, event.phase);
    let after = elapsed(event).map(|elapsed| format!(" after {elapsed}")).unwrap_or_default();
    Some(format!("{time} {} {phase}{after}{}", printable(&event.instance_id), details(event)))
}

/// EC2's status checks as far as it says anything.
fn said_checks(event: &pb::BootEvent) -> impl Iterator<Item = (&'static str, String)> {
    let checks = [
        ("system", &event.system_status),
        ("instance", &event.instance_status),
        ("ebs", &event.ebs_status),
        ("application", &event.application_status),
        ("performance", &event.performance_status),
    ];
    checks.into_iter().filter(|(_, status)| !status.is_empty()).map(|(name, status)| (name, printable(status)))
}

/// The status checks in few words, those that say the same together, and what is not ok first:
/// `instance=initializing`, `system,ebs=ok`.
pub(super) fn checks(event: &pb::BootEvent) -> Vec<String> {
    let mut groups: Vec<(String, String)> = Vec::new();
    for (name, status) in said_checks(event) {
        match groups.iter_mut().find(|(_, known)| *known == status) {
            Some((names, _)) => names.push_str(&format!(",{name}")),
            None => groups.push((name.to_owned(), status)),
        }
    }
    groups.sort_by_key(|(_, status)| status == "ok");
    groups.into_iter().map(|(names, status)| format!("{names}={status}")).collect()
}

/// What EC2 has scheduled for an instance: what, when and why.
pub(super) fn scheduled(event: &pb::ScheduledEvent) -> String {
    let mut text = match event.code.as_str() {
        "spot-interruption" => "EC2 takes this Spot Instance back".to_owned(),
        code => format!("{} scheduled", printable(code)),
    };
    for (word, time) in [("not before", event.not_before), ("ends by", event.not_after)] {
        if let Some(time) = time {
            text.push_str(&format!(", {word} {time}"));
        }
    }
    if !event.description.is_empty() {
        text.push_str(&format!(": {}", printable(&event.description)));
    }
    text
}

/// That what is shown is old.
pub(super) fn staleness(age: Duration) -> String {
    format!("EC2 last answered {} ago", span(Duration::from_secs(age.as_secs())))
}

/// Checks, what is scheduled, what is still expected, and why it failed if it did.
fn details(event: &pb::BootEvent) -> String {
    let mut text: String = said_checks(event).map(|(name, status)| format!(" {name}={status}")).collect();
    for event in &event.scheduled_events {
        text.push_str(&format!(" [{}]", scheduled(event)));
    }
    if let Some(remaining) = event.expected_remaining.as_ref().and_then(client::length).filter(|left| !left.is_zero()) {
        text.push_str(&format!(" about {} left", seconds(remaining)));
    }
    if let Some(failure) = &event.failure {
        text.push_str(&format!(" {}: {}", word!(pb::BootStage, failure.stage), printable(&failure.cause)));
        if !failure.remedy.is_empty() {
            text.push_str(&format!(" -> {}", printable(&failure.remedy)));
        }
    } else if let Some(reason) = event.state_reason.as_ref().filter(|_| went_wrong(event.phase())) {
        text.push_str(&said(reason));
    }
    text
}

/// A reason in EC2's words, or in Gantry's.
fn said(reason: &pb::LaunchStateReason) -> String {
    format!(" ({}: {})", printable(&reason.code), printable(&reason.message))
}

/// That the connection was lost, and what happens about it.
pub(super) fn interruption(cause: &ClientError, delay: Duration) -> String {
    let cause = printable(&cause.to_string());
    format!("connection lost ({cause}); going on in {}", humantime::format_duration(delay))
}

/// EC2 also gives reasons for what is as it should be, such as `pending` for an instance that is
/// pending; those are left out.
fn went_wrong(phase: pb::BootPhase) -> bool {
    use pb::BootPhase::{Failed, Impaired, Stopped, Terminated, TimedOut};
    matches!(phase, Impaired | Stopped | Failed | Terminated | TimedOut)
}

fn elapsed(event: &pb::BootEvent) -> Option<String> {
    event.elapsed.as_ref().and_then(client::length).map(seconds)
}

fn seconds(length: Duration) -> String {
    format!("{:.1}s", length.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::client::Refusal;

    #[test]
    fn lines_say_who_what_when_and_why() {
        let base = pb::BootEvent {
            launch_id: "0192".into(),
            observed_time: Some(client::timestamp("2026-11-23T00:00:41Z".parse().unwrap())),
            ..pb::BootEvent::default()
        };
        assert_eq!(event(&base), None, "a heartbeat");

        let checking = pb::BootEvent {
            instance_id: "i-12345678".into(),
            phase: pb::BootPhase::Checking.into(),
            system_status: "initializing".into(),
            elapsed: Some(client::duration(Duration::from_millis(12_340))),
            expected_remaining: Some(client::duration(Duration::from_secs(28))),
            ..base.clone()
        };
        assert_eq!(
            event(&checking).unwrap(),
            "2026-11-23T00:00:41Z i-12345678 CHECKING after 12.3s system=initializing about 28.0s left"
        );

        let failure = pb::BootFailure {
            cause: "the snapshot is gone".into(),
            stage: pb::BootStage::Snapshot.into(),
            remedy: "use another image".into(),
            ..pb::BootFailure::default()
        };
        let failed = pb::BootEvent {
            instance_id: "i-12345678".into(),
            phase: pb::BootPhase::Failed.into(),
            failure: Some(failure),
            terminal: true,
            ..base.clone()
        };
        assert_eq!(
            event(&failed).unwrap(),
            "2026-11-23T00:00:41Z i-12345678 FAILED SNAPSHOT: the snapshot is gone -> use another image"
        );

        let end = pb::BootEvent { launch_state: pb::LaunchState::Ready.into(), terminal: true, ..base };
        assert_eq!(event(&end).unwrap(), "2026-11-23T00:00:41Z launch 0192 READY");
    }

    #[test]
    fn nothing_that_a_server_sends_moves_the_cursor() {
        const HOSTILE: &str = "i-1\u{1b}[2J\r\u{202e}";
        let reason = pb::LaunchStateReason { code: HOSTILE.into(), message: HOSTILE.into() };
        let ids = pb::BootEvent { launch_id: HOSTILE.into(), state_reason: Some(reason), ..pb::BootEvent::default() };
        let of_launch = pb::BootEvent { launch_state: pb::LaunchState::Failed.into(), ..ids.clone() };
        let of_instance = pb::BootEvent { instance_id: HOSTILE.into(), phase: pb::BootPhase::Stopped.into(), ..ids };
        let lost = ClientError::Refused(Box::new(Refusal {
            code: "UNAVAILABLE",
            message: HOSTILE.to_owned(),
            reason: None,
            metadata: BTreeMap::new(),
            violations: Vec::new(),
            resource: None,
            retry_after: None,
        }));
        for line in [
            event(&of_launch).unwrap(),
            event(&of_instance).unwrap(),
            interruption(&lost, Duration::from_secs(1)),
            super::super::ended(of_launch.launch_state, &of_launch.launch_id, of_launch.state_reason.as_ref()),
        ] {
            assert!(
                !line.contains(['\u{1b}', '\r', '\u{202e}']) && line.contains("\\u{1b}[2J\\r\\u{202e}"),
                "{line:?}"
            );
        }
    }
}
