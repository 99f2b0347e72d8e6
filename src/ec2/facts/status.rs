//! Status checks, console output, and the places an account has.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::InstanceState;
use crate::ids::InstanceId;

/// One row of DescribeInstanceStatus. EC2 refreshes its checks about once a minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// The instance.
    pub instance_id: InstanceId,
    /// Its state, as this call saw it.
    pub state: Option<InstanceState>,
    /// Its zone.
    pub availability_zone: Option<String>,
    /// Checks of the host and its network.
    pub system: Option<StatusSummary>,
    /// Checks of the instance: its network interface answers ARP.
    pub instance: Option<StatusSummary>,
    /// Checks of attached EBS volumes; Nitro only.
    pub attached_ebs: Option<StatusSummary>,
    /// Checks of the application, where configured.
    pub application: Option<StatusSummary>,
    /// Performance checks, where present.
    pub performance: Option<StatusSummary>,
    /// Scheduled events.
    #[serde(default)]
    pub events: Vec<ScheduledEvent>,
}

impl InstanceStatus {
    /// Whether every check that the instance has is passed: those of the system and the instance, and the others where
    /// they are made. `suppressed` is what EC2 says of application checks that somebody has switched off for a time
    /// (EC2 User Guide, "Application status checks"). The performance check is not asked: a slow instance is up.
    pub fn has_passed(&self) -> bool {
        let word = |summary: &Option<StatusSummary>| summary.as_ref().map(|summary| summary.status.clone());
        let is_ok = |summary| word(summary).as_deref() == Some("ok");
        let is_no_reason_to_wait =
            |summary| matches!(word(summary).as_deref(), None | Some("ok" | "not-applicable" | "suppressed"));
        is_ok(&self.system)
            && is_ok(&self.instance)
            && is_no_reason_to_wait(&self.attached_ebs)
            && is_no_reason_to_wait(&self.application)
    }

    /// Whether one of these checks has failed.
    pub fn is_impaired(&self) -> bool {
        let checks = [&self.system, &self.instance, &self.attached_ebs, &self.application];
        checks.into_iter().flatten().any(|summary| summary.status == "impaired")
    }
}

/// The summary of one kind of status check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusSummary {
    /// `ok`, `impaired`, `insufficient-data`, `not-applicable`, `initializing`, or a newer word.
    pub status: String,
    /// The named details, such as (`reachability`, `failed`).
    #[serde(default)]
    pub details: Vec<(String, String)>,
    /// Since when it has been impaired.
    pub impaired_since: Option<Timestamp>,
}

/// A scheduled event of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledEvent {
    /// The event's id.
    pub id: Option<String>,
    /// `instance-reboot`, `system-reboot`, `system-maintenance`, `instance-retirement`,
    /// `instance-stop`.
    pub code: Option<String>,
    /// EC2's words; done ones begin with `[Completed]`.
    pub description: Option<String>,
    /// Earliest start.
    pub not_before: Option<Timestamp>,
    /// Latest end.
    pub not_after: Option<Timestamp>,
}

/// The console of an instance, decoded from base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleOutput {
    /// When EC2 took it.
    pub taken: Option<Timestamp>,
    /// The text, with bytes that are no UTF-8 replaced; empty in the first minutes.
    pub text: String,
}

/// A subnet: where its instances go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetFacts {
    /// The subnet.
    pub subnet_id: String,
    /// Its zone.
    pub availability_zone: Option<String>,
    /// Its VPC.
    pub vpc_id: Option<String>,
    /// Whether it is its zone's default subnet.
    pub default_for_az: Option<bool>,
    /// Free IPv4 addresses.
    pub available_ip_address_count: Option<i32>,
}

/// A zone of a Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailabilityZoneFacts {
    /// Its name, which differs between accounts.
    pub zone_name: String,
    /// Its id, which does not.
    pub zone_id: Option<String>,
    /// `available`, `impaired`, ….
    pub state: Option<String>,
    /// `availability-zone`, `local-zone` or `wavelength-zone`; UEFI is not to be had in the last.
    pub zone_type: Option<String>,
}
