//! Where each instance stands, from its events. Pure: how long this program has run is handed in, and
//! what time it is is what the server says.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::{self, pb};
use crate::clock::Timestamp;

/// How old what Gantry knows may be before that is said: it looks every few seconds.
pub(super) const DATA_AGE_USUAL: Duration = Duration::from_secs(15);
/// How far a bar goes before the instance is ready.
const BEFORE_READY_MAX: f64 = 0.95;

/// How a boot came out, or that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Booting,
    Failed,
    TimedOut,
    Stopped,
    Terminated,
    Ready,
}

/// Where the instance of an event stands. A failed check can still recover, unless the event is the
/// instance's last.
pub(super) fn standing(event: &pb::BootEvent) -> Standing {
    match event.phase() {
        pb::BootPhase::Ready => Standing::Ready,
        pb::BootPhase::Failed => Standing::Failed,
        pb::BootPhase::TimedOut => Standing::TimedOut,
        pb::BootPhase::Stopped => Standing::Stopped,
        pb::BootPhase::Terminated => Standing::Terminated,
        pb::BootPhase::Impaired if event.terminal => Standing::Failed,
        pb::BootPhase::Impaired
        | pb::BootPhase::Requested
        | pb::BootPhase::Pending
        | pb::BootPhase::Running
        | pb::BootPhase::Checking
        | pb::BootPhase::Unspecified => Standing::Booting,
    }
}

/// All instances that events were about.
#[derive(Debug, Default)]
pub(super) struct Boots {
    /// The last event of each.
    boots: BTreeMap<String, pb::BootEvent>,
    /// The last event about the launch.
    launch: Option<pb::BootEvent>,
    /// The latest time that the server has said, and how long this program had run then.
    server_time: Option<(Timestamp, Duration)>,
    /// How old the server's knowledge was by the last heartbeat, and how long this program had run then.
    data_age: Option<(Duration, Duration)>,
}

impl Boots {
    /// Takes in an event that came when this program had run for `uptime`.
    pub(super) fn apply(&mut self, event: &pb::BootEvent, uptime: Duration) {
        // A heartbeat has the time of what is known, and how old that is now.
        let age = event.data_age.as_ref().and_then(client::length).unwrap_or_default();
        let observed = event.observed_time.as_ref().and_then(client::moment);
        if let Some(time) = observed.and_then(|time| time.checked_add(age).ok()) {
            self.server_time = Some(match self.server_time {
                Some((known, heard)) if known > time => (known, heard),
                _ => (time, uptime),
            });
        }
        if event.launch_state() != pb::LaunchState::Unspecified {
            self.launch = Some(event.clone());
        } else if event.instance_id.is_empty() {
            self.data_age = event.data_age.as_ref().and_then(client::length).map(|age| (age, uptime));
        } else {
            self.data_age = None;
            self.boots.insert(event.instance_id.clone(), event.clone());
        }
    }

    /// The last event of each instance, by id.
    pub(super) fn instances(&self) -> impl ExactSizeIterator<Item = &pb::BootEvent> {
        self.boots.values()
    }

    /// The last event of an instance.
    pub(super) fn get(&self, instance_id: &str) -> Option<&pb::BootEvent> {
        self.boots.get(instance_id)
    }

    /// The last event about the launch.
    pub(super) fn launch(&self) -> Option<&pb::BootEvent> {
        self.launch.as_ref()
    }

    /// How many instances stand there.
    pub(super) fn count(&self, wanted: Standing) -> usize {
        self.boots.values().filter(|event| standing(event) == wanted).count()
    }

    /// How long an instance has been booting: by the server's times, and by how long ago it said the last.
    pub(super) fn elapsed(&self, event: &pb::BootEvent, uptime: Duration) -> Option<Duration> {
        let elapsed = event.elapsed.as_ref().and_then(client::length)?;
        if standing(event) != Standing::Booting {
            return Some(elapsed);
        }
        let seen = event.observed_time.as_ref().and_then(client::moment);
        let (Some(seen), Some((time, heard))) = (seen, self.server_time) else { return Some(elapsed) };
        let until_heard = Duration::try_from(time.duration_since(seen)).unwrap_or_default();
        Some(elapsed + until_heard + uptime.saturating_sub(heard))
    }

    /// How old the server's knowledge is, if that is more than usual.
    pub(super) fn stale(&self, uptime: Duration) -> Option<Duration> {
        let (age, heard) = self.data_age?;
        (age > DATA_AGE_USUAL).then(|| age + uptime.saturating_sub(heard))
    }
}

/// How long the boot should take in all, if the server has said that.
pub(super) fn expected(event: &pb::BootEvent) -> Option<Duration> {
    let remaining = event.expected_remaining.as_ref().and_then(client::length).filter(|left| !left.is_zero())?;
    Some(event.elapsed.as_ref().and_then(client::length)? + remaining)
}

/// How far the bar is, 0 to 1: as measured if the server has measured, and on from there by what it
/// expected; otherwise by what usually has passed when a phase is reached. `None` where the phase says
/// nothing about progress.
pub(super) fn fraction(event: &pb::BootEvent, elapsed: Option<Duration>) -> Option<f64> {
    match standing(event) {
        Standing::Ready => return Some(1.0),
        Standing::Failed | Standing::TimedOut | Standing::Stopped | Standing::Terminated => return None,
        Standing::Booting => {}
    }
    let reached = match event.phase() {
        pb::BootPhase::Requested => Some(0.02),
        pb::BootPhase::Pending => Some(0.1),
        pb::BootPhase::Running => Some(0.3),
        pb::BootPhase::Checking => Some(0.5),
        _ => None,
    };
    let Some(measured) = event.progress.filter(|progress| progress.is_finite()) else { return reached };
    let measured = measured.clamp(0.0, 1.0);
    let then = event.elapsed.as_ref().and_then(client::length);
    let remaining = event.expected_remaining.as_ref().and_then(client::length).filter(|left| !left.is_zero());
    let (Some(now), Some(then), Some(remaining)) = (elapsed, then, remaining) else { return Some(measured) };
    let since = now.saturating_sub(then).as_secs_f64() / remaining.as_secs_f64();
    Some((measured + (1.0 - measured) * since).min(BEFORE_READY_MAX.max(measured)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn measured_progress_wins_over_the_phase_and_goes_on_by_what_is_expected() {
        let running = pb::BootEvent { phase: pb::BootPhase::Running.into(), ..pb::BootEvent::default() };
        assert_eq!(fraction(&running, None), Some(0.3));
        assert_eq!(fraction(&pb::BootEvent { progress: Some(0.8), ..running.clone() }, None), Some(0.8));
        assert_eq!(fraction(&pb::BootEvent { progress: Some(f64::NAN), ..running.clone() }, None), Some(0.3));
        let expecting = pb::BootEvent {
            progress: Some(0.5),
            elapsed: Some(client::duration(Duration::from_secs(20))),
            expected_remaining: Some(client::duration(Duration::from_secs(20))),
            ..running.clone()
        };
        assert_eq!(expected(&expecting), seconds(40));
        assert_eq!(fraction(&expecting, seconds(30)), Some(0.75));
        assert_eq!(fraction(&expecting, seconds(300)), Some(BEFORE_READY_MAX), "late, and not ready");
        let ready = pb::BootEvent { phase: pb::BootPhase::Ready.into(), progress: Some(0.9), ..running };
        assert_eq!(fraction(&ready, None), Some(1.0));
        let failed =
            pb::BootEvent { phase: pb::BootPhase::Failed.into(), progress: Some(0.3), ..pb::BootEvent::default() };
        assert_eq!(fraction(&failed, None), None);
    }

    #[test]
    fn time_goes_on_by_the_servers_clock() {
        let at = |text: &str| Some(client::timestamp(text.parse().unwrap()));
        let pending = pb::BootEvent {
            instance_id: "i-1".to_owned(),
            phase: pb::BootPhase::Pending.into(),
            observed_time: at("2026-11-23T00:00:05Z"),
            elapsed: Some(client::duration(Duration::from_secs(5))),
            ..pb::BootEvent::default()
        };
        let mut boots = Boots::default();
        boots.apply(&pending, Duration::ZERO);
        // An event of a minute ago that is replayed, and then a heartbeat of now.
        let heartbeat = |age| pb::BootEvent {
            observed_time: at("2026-11-23T00:00:17Z"),
            data_age: Some(client::duration(Duration::from_secs(age))),
            ..pb::BootEvent::default()
        };
        boots.apply(&heartbeat(48), Duration::from_secs(1));
        assert_eq!(boots.elapsed(&pending, Duration::from_secs(3)), seconds(67));
        assert_eq!(boots.stale(Duration::from_secs(3)), seconds(50));
        // EC2 is still silent, and time goes on.
        boots.apply(&heartbeat(58), Duration::from_secs(11));
        assert_eq!(boots.elapsed(&pending, Duration::from_secs(12)), seconds(76));
        boots.apply(&pending, Duration::from_secs(4));
        assert_eq!(boots.stale(Duration::from_secs(4)), None, "EC2 has answered");
    }
}
