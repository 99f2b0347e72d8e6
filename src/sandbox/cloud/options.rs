//! What a launch asked for beyond what every instance has: options that are only kept and shown,
//! and network interfaces.

use serde::{Deserialize, Serialize};

/// Options of a launch. A state that was saved without them reads as EC2's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LaunchOptions {
    /// User data in base64, as it is answered again.
    pub(crate) user_data: Option<String>,
    /// `CpuCredits`, of burstable types only.
    pub(crate) cpu_credits: Option<String>,
    pub(crate) amd_sev_snp: Option<String>,
    pub(crate) nested_virtualization: Option<String>,
    /// `CapacityReservationPreference`; absent is `open`.
    pub(crate) capacity_reservations: Option<String>,
    /// `AutoRecovery`; absent is `default`.
    pub(crate) auto_recovery: Option<String>,
    /// `BandwidthWeighting`, if it was named.
    pub(crate) bandwidth_weighting: Option<String>,
    pub(crate) private_dns: PrivateDns,
    /// License configurations by ARN.
    pub(crate) licenses: Vec<String>,
    /// What a Spot request asks for; absent for On-Demand Instances.
    pub(crate) spot: Option<SpotOptions>,
}

/// `PrivateDnsNameOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PrivateDns {
    /// Whether names come from instance ids (`resource-name`) and not from addresses (`ip-name`).
    pub(crate) by_resource: bool,
    pub(crate) a_record: bool,
    pub(crate) aaaa_record: bool,
}

impl PrivateDns {
    /// `HostnameType`.
    pub(crate) fn hostname_type(&self) -> &'static str {
        if self.by_resource { "resource-name" } else { "ip-name" }
    }
}

/// `SpotOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SpotOptions {
    /// USD per hour, as it was written.
    pub(crate) max_price: Option<String>,
    /// Whether the request outlives an interruption.
    pub(crate) persistent: bool,
    pub(crate) valid_until: Option<String>,
    /// `hibernate`, `stop` or `terminate`.
    pub(crate) interruption_behavior: String,
}

/// One network interface of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NetworkInterface {
    pub(crate) id: String,
    pub(crate) device_index: u32,
    pub(crate) network_card: u32,
    /// The number of its private address within the subnet; `efa-only` interfaces have none.
    pub(crate) address: Option<u32>,
    pub(crate) description: String,
    pub(crate) security_groups: Vec<String>,
    /// `interface`, `efa` or `efa-only`.
    pub(crate) interface_type: String,
    pub(crate) delete_on_termination: bool,
    pub(crate) source_dest_check: bool,
}
