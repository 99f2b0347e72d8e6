//! Where an instance stands at a moment: its state, why, and its checks.
//!
//! All of it follows from the launch, the deeds since then and the time that is asked about. Deeds
//! that do not apply in the state they find have no effect.

use super::{BootTimes, Cause, Check, CheckStatus, DeedKind, Fate, Instance, InstanceState, after};
use crate::clock::Timestamp;

/// Where an instance stands at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: InstanceState,
    /// Since when it is in this state.
    pub(crate) since: Timestamp,
    /// When its last boot began: its launch, or its last start. EC2 calls it `LaunchTime`.
    pub(crate) booted: Timestamp,
    /// When its operating system was last restarted since then, if it was.
    pub(crate) rebooted: Option<Timestamp>,
    /// How often it was started after a stop; every start brings another public address.
    pub(crate) starts: u64,
    /// Code and message of `StateReason`.
    pub(crate) reason: Option<(String, String)>,
    /// `StateTransitionReason`; often empty.
    pub(crate) transition_reason: String,
    pub(crate) system: CheckStatus,
    pub(crate) instance: CheckStatus,
    pub(crate) ebs: CheckStatus,
}

impl Standing {
    /// Its zone is out since then: what runs there is not reached any more.
    pub(crate) fn lose_zone(&mut self, since: Timestamp) {
        if self.state == InstanceState::Running {
            let since = since.max(self.since);
            self.system = CheckStatus::Impaired(since);
            self.instance = CheckStatus::Impaired(since);
        }
    }
}

impl Instance {
    /// Where it stands at `now`.
    pub(crate) fn standing(&self, now: Timestamp) -> Standing {
        let mut course = Course::launch(self);
        for deed in self.deeds.iter().take_while(|deed| deed.at <= now) {
            course.settle(deed.at);
            course.meet(deed.at, &deed.kind);
        }
        course.settle(now);
        course.standing(now)
    }
}

/// One of the checks is failing, from a time on.
#[derive(Debug, Clone, Copy)]
struct Impairment {
    check: Check,
    since: Timestamp,
    until: Option<Timestamp>,
}

/// An instance on its way through its deeds.
#[derive(Debug)]
struct Course<'a> {
    instance: &'a Instance,
    state: InstanceState,
    since: Timestamp,
    /// The state it will enter by itself.
    next: Option<(Timestamp, InstanceState)>,
    booted: Timestamp,
    starts: u64,
    rebooted: Option<Timestamp>,
    impairments: Vec<Impairment>,
    reason: Option<(String, String)>,
    transition_reason: String,
}

impl<'a> Course<'a> {
    fn launch(instance: &'a Instance) -> Self {
        let becomes = match &instance.fate {
            Fate::ImmediateTermination { .. } => InstanceState::Terminated,
            Fate::Healthy | Fate::ChecksFail | Fate::BootFails(_) | Fate::NothingToBoot => InstanceState::Running,
        };
        Self {
            instance,
            state: InstanceState::Pending,
            since: instance.launched,
            next: Some((after(instance.launched, instance.boot.running_ms), becomes)),
            booted: instance.launched,
            starts: instance.starts_forgotten,
            rebooted: None,
            impairments: Vec::new(),
            reason: Some(pending_reason()),
            transition_reason: String::new(),
        }
    }

    /// Lets time pass until `at`.
    fn settle(&mut self, at: Timestamp) {
        let Some((when, state)) = self.next.filter(|(when, _)| *when <= at) else { return };
        self.state = state;
        self.since = when;
        self.next = None;
        if let (InstanceState::Running, _) | (InstanceState::Terminated, Fate::ImmediateTermination { .. }) =
            (state, &self.instance.fate)
            && self.reason.as_ref() == Some(&pending_reason())
        {
            self.reason = None;
            if let Fate::ImmediateTermination { code, message } = &self.instance.fate {
                self.reason = Some((code.to_string(), message.to_string()));
                self.transition_reason = code.to_string();
            }
        }
    }

    fn enter(&mut self, state: InstanceState, at: Timestamp, next: Option<(u64, InstanceState)>) {
        self.state = state;
        self.since = at;
        self.next = next.map(|(ms, state)| (after(at, ms), state));
    }

    fn meet(&mut self, at: Timestamp, deed: &DeedKind) {
        let boot: &BootTimes = &self.instance.boot;
        let launch = &self.instance.launch;
        match deed {
            // An operating system that does not run cannot shut itself down.
            DeedKind::Stop { by: Cause::Guest, .. } if self.state != InstanceState::Running => {}
            // A start has brought it away from the host that the event is about.
            DeedKind::Stop { by: Cause::Schedule, .. } if self.starts > 0 => {}
            DeedKind::Stop { by: Cause::Guest, .. }
                if !self.instance.has_ebs_root() || launch.shutdown_behavior == "terminate" =>
            {
                self.terminate(at, Cause::Guest);
            }
            DeedKind::Stop { by, .. } if !self.instance.has_ebs_root() => self.terminate(at, *by),
            DeedKind::Stop { hibernate, by, force: _ } if self.state == InstanceState::Running => {
                self.enter(InstanceState::Stopping, at, Some((boot.stop_ms(*hibernate), InstanceState::Stopped)));
                self.explain(at, *by, *hibernate, false);
            }
            DeedKind::Start if self.state == InstanceState::Stopped => {
                self.enter(InstanceState::Pending, at, Some((boot.running_ms, InstanceState::Running)));
                self.booted = at;
                self.starts += 1;
                self.rebooted = None;
                // A start finds another host, and whatever was wrong with the old one stays there.
                self.impairments.clear();
                self.reason = Some(pending_reason());
                self.transition_reason = String::new();
            }
            DeedKind::Reboot if self.state == InstanceState::Running => self.rebooted = Some(at),
            DeedKind::Terminate { by } => self.terminate(at, *by),
            DeedKind::Impair { check, for_ms } => {
                let until = for_ms.map(|ms| after(at, ms));
                self.impairments.push(Impairment { check: *check, since: at, until });
            }
            DeedKind::Stop { .. } | DeedKind::Start | DeedKind::Reboot => {}
        }
    }

    fn terminate(&mut self, at: Timestamp, by: Cause) {
        match self.state {
            InstanceState::ShuttingDown | InstanceState::Terminated => return,
            // There is nothing left to shut down.
            InstanceState::Stopped => self.enter(InstanceState::Terminated, at, None),
            InstanceState::Pending | InstanceState::Running | InstanceState::Stopping => {
                let shutdown_ms = self.instance.boot.shutdown_ms;
                self.enter(InstanceState::ShuttingDown, at, Some((shutdown_ms, InstanceState::Terminated)));
            }
        }
        self.explain(at, by, false, true);
    }

    /// Sets `StateReason` and `StateTransitionReason` in EC2's words.
    fn explain(&mut self, at: Timestamp, by: Cause, hibernate: bool, terminate: bool) {
        let (code, words) = match (by, hibernate, terminate) {
            (Cause::User, true, _) => ("Client.UserInitiatedHibernate", "User initiated hibernate"),
            (Cause::User, false, _) => ("Client.UserInitiatedShutdown", "User initiated shutdown"),
            (Cause::Guest, ..) => ("Client.InstanceInitiatedShutdown", "Instance initiated shutdown"),
            (Cause::Spot, _, true) => ("Server.SpotInstanceTermination", "Spot instance termination"),
            (Cause::Spot, _, false) => ("Server.SpotInstanceShutdown", "Spot instance shutdown"),
            (Cause::Schedule, ..) => ("Server.ScheduledStop", "Stopped due to a scheduled retirement"),
        };
        self.reason = Some((code.to_owned(), format!("{code}: {words}")));
        let stamp = at.strftime("%Y-%m-%d %H:%M:%S");
        self.transition_reason = match by {
            Cause::User => format!("User initiated ({stamp} GMT)"),
            Cause::Guest => String::new(),
            Cause::Spot | Cause::Schedule => format!("{code} ({stamp} GMT)"),
        };
    }

    fn standing(self, now: Timestamp) -> Standing {
        let running = self.state == InstanceState::Running;
        let check = |check: Check| if running { self.check(check, now) } else { CheckStatus::NotApplicable };
        // The attached EBS check exists on Nitro only.
        let has_ebs_check = self.instance.launch.nitro && !self.instance.volumes.is_empty();
        Standing {
            system: check(Check::System),
            instance: check(Check::Instance),
            ebs: if has_ebs_check { check(Check::AttachedEbs) } else { CheckStatus::NotApplicable },
            state: self.state,
            since: self.since,
            booted: self.booted,
            rebooted: self.rebooted,
            starts: self.starts,
            reason: self.reason,
            transition_reason: self.transition_reason,
        }
    }

    /// One check of a running instance.
    fn check(&self, check: Check, now: Timestamp) -> CheckStatus {
        let boot = &self.instance.boot;
        let ready_ms = if check == Check::Instance { boot.instance_ok_ms } else { boot.system_ok_ms };
        let ready = after(self.booted, ready_ms);
        if now < ready {
            return CheckStatus::Initializing;
        }
        if check == Check::Instance && !matches!(self.instance.fate, Fate::Healthy) {
            return CheckStatus::Impaired(ready);
        }
        let strikes = |found: &&Impairment| found.check == check && found.until.is_none_or(|until| now < until);
        if let Some(found) = self.impairments.iter().find(strikes) {
            return CheckStatus::Impaired(found.since.max(ready));
        }
        // While the operating system restarts, nobody answers on its network (EC2 User Guide,
        // "Status checks").
        match self.rebooted {
            Some(rebooted) if check == Check::Instance && now < after(rebooted, boot.restart_ms()) => {
                CheckStatus::Impaired(rebooted)
            }
            _ => CheckStatus::Ok,
        }
    }
}

fn pending_reason() -> (String, String) {
    ("pending".to_owned(), "pending".to_owned())
}
