//! When instances get where their launch is to bring them: the truth against which is measured how soon a watcher knows.
//!
//! It follows from what was drawn at the launch, and says nothing of what was done to an instance since.

use super::Sandbox;
use super::callers;
use super::cloud::{Fate, Instance, after};
use crate::clock::Timestamp;

/// The first boot of one instance; its times may lie in the future.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// The instance.
    pub instance_id: String,
    /// When it was launched.
    pub launched: Timestamp,
    /// When it is `running`. Absent for one that is terminated instead.
    pub running: Option<Timestamp>,
    /// When its last status check passes. Absent for one that never passes it.
    pub ready: Option<Timestamp>,
    /// When it is `terminated` without ever having run. Absent for one that runs.
    pub terminated: Option<Timestamp>,
}

impl Boot {
    fn of(instance: &Instance) -> Self {
        let at = |ms| Some(after(instance.launched, ms));
        let pending_ends = at(instance.boot.running_ms);
        let (running, ready, terminated) = match instance.fate {
            Fate::Healthy => (pending_ends, at(instance.boot.instance_ok_ms), None),
            Fate::ChecksFail | Fate::BootFails(_) | Fate::NothingToBoot => (pending_ends, None, None),
            Fate::ImmediateTermination { .. } => (None, None, pending_ends),
        };
        Self { instance_id: instance.id.clone(), launched: instance.launched, running, ready, terminated }
    }
}

impl Sandbox {
    /// The boots of a Region in the sandbox's own account, in the order of launch; none for a Region that is not
    /// served.
    pub fn boots(&self, region: &str) -> Vec<Boot> {
        let Ok(cloud) = self.cloud(&callers::home(), region) else { return Vec::new() };
        cloud.state().remembered().map(Boot::of).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::DEFAULT_REGION;
    use super::super::landmarks::{BROKEN_VOLUME, NEVER_READY};
    use super::super::tests::{ask, clock, open, texts};

    #[test]
    fn boots_are_what_ec2_shows_when_their_time_has_come() {
        let clock = clock();
        let sandbox = open(&clock, None);
        for image in ["ami-05a4db0c500000001", NEVER_READY, BROKEN_VOLUME] {
            let run = format!("Action=RunInstances&ImageId={image}&InstanceType=t3.micro&MinCount=1&MaxCount=1");
            assert_eq!(ask(&sandbox, &run).0, 200, "{image}");
        }
        let [healthy, never, broken] = sandbox.boots(DEFAULT_REGION).try_into().unwrap();
        assert_eq!((never.ready, never.terminated, broken.running, healthy.terminated), (None, None, None, None));
        let mut times = [
            (healthy.running.unwrap(), &healthy, "instance-state-name", "running"),
            (never.running.unwrap(), &never, "instance-state-name", "running"),
            (broken.terminated.unwrap(), &broken, "instance-state-name", "terminated"),
            (healthy.ready.unwrap(), &healthy, "instance-status.status", "ok"),
        ];
        times.sort_by_key(|(time, ..)| *time);
        for (time, boot, name, value) in times {
            let id = &boot.instance_id;
            let form = format!(
                "Action=DescribeInstanceStatus&IncludeAllInstances=true&InstanceId.1={id}&Filter.1.Name={name}\
                 &Filter.1.Value.1={value}"
            );
            let is_shown = || !texts(&ask(&sandbox, &form).1, "instanceId").is_empty();
            let wait = Duration::try_from(time.duration_since(sandbox.clock().now())).unwrap();
            let moment = Duration::from_millis(1);
            clock.advance(wait - moment);
            assert!(!is_shown(), "{value}: {boot:?}");
            clock.advance(moment);
            assert!(is_shown(), "{value}: {boot:?}");
        }
    }
}
