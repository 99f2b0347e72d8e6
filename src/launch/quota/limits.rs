//! What is limited, and for whom.

use std::collections::BTreeMap;

use crate::ids::Principal;

/// The limits of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuotaLimits {
    /// For all principals together.
    pub total: Limits,
    /// For each principal.
    pub each: Limits,
    /// For these principals, in place of `each`.
    pub named: BTreeMap<Principal, Limits>,
}

/// Limits for one principal or for all together. What is none is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Launches that are admitted within any hour.
    pub launches_per_hour: Option<u32>,
    /// Instances of launches that are admitted within any hour.
    pub instances_per_hour: Option<u32>,
    /// Instances at once that have not ended, stopped ones among them, and those that launches may yet get.
    pub running_instances: Option<u32>,
}

/// One thing that is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is explained at the field of the same name of [`Limits`]")]
pub enum Quota {
    LaunchesPerHour,
    InstancesPerHour,
    RunningInstances,
}

impl Quota {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LaunchesPerHour, Self::InstancesPerHour, Self::RunningInstances];

    /// Its name in settings, findings and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LaunchesPerHour => "launches_per_hour",
            Self::InstancesPerHour => "instances_per_hour",
            Self::RunningInstances => "running_instances",
        }
    }
}

impl Limits {
    /// The limit of one thing; none if it is not limited.
    pub fn of(&self, quota: Quota) -> Option<u32> {
        match quota {
            Quota::LaunchesPerHour => self.launches_per_hour,
            Quota::InstancesPerHour => self.instances_per_hour,
            Quota::RunningInstances => self.running_instances,
        }
    }
}

impl QuotaLimits {
    /// Whether nothing is limited for anybody.
    pub fn is_unlimited(&self) -> bool {
        let none = Limits::default();
        self.total == none && self.each == none && self.named.values().all(|limits| *limits == none)
    }

    /// The limits of one principal.
    pub fn of(&self, principal: &Principal) -> &Limits {
        self.named.get(principal).unwrap_or(&self.each)
    }
}
