//! Instances as RunInstances and DescribeInstances describe them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StateReason;
use crate::ids::InstanceId;

/// What RunInstances answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The reservation, `r-…`.
    pub reservation_id: Option<String>,
    /// The account it belongs to.
    pub owner_id: Option<String>,
    /// EC2's id of the request, for support cases.
    pub ec2_request_id: Option<String>,
    /// The instances; at least min_count of them.
    pub instances: Vec<Instance>,
}

/// The six states of an instance, from the low byte of EC2's state code. A code that is none of
/// them is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// Code 0.
    Pending,
    /// Code 16. Not the same as reachable.
    Running,
    /// Code 32.
    ShuttingDown,
    /// Code 48.
    Terminated,
    /// Code 64.
    Stopping,
    /// Code 80.
    Stopped,
    /// A code this version does not know.
    Other(u8),
}

impl InstanceState {
    /// The state for EC2's 16-bit code, of which only the low byte has a public meaning
    /// (API Reference, `InstanceState`).
    pub fn from_code(code: i32) -> Self {
        match (code & 0xFF) as u8 {
            0 => Self::Pending,
            16 => Self::Running,
            32 => Self::ShuttingDown,
            48 => Self::Terminated,
            64 => Self::Stopping,
            80 => Self::Stopped,
            other => Self::Other(other),
        }
    }
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The instance's id.
    pub instance_id: InstanceId,
    /// The AMI it came from: exactly one.
    pub image_id: Option<String>,
    /// Its type.
    pub instance_type: Option<String>,
    /// Its state.
    pub state: Option<InstanceState>,
    /// Why it is in that state; code and message can disagree.
    pub state_reason: Option<StateReason>,
    /// Free text about the last transition; may be empty.
    pub state_transition_reason: Option<String>,
    /// When it was last launched.
    pub launch_time: Option<Timestamp>,
    /// Its zone.
    pub availability_zone: Option<String>,
    /// Its subnet.
    pub subnet_id: Option<String>,
    /// Its VPC.
    pub vpc_id: Option<String>,
    /// Private IPv4 address.
    pub private_ip: Option<String>,
    /// Public IPv4 address.
    pub public_ip: Option<String>,
    /// Private DNS name.
    pub private_dns_name: Option<String>,
    /// Public DNS name.
    pub public_dns_name: Option<String>,
    /// The client token of the RunInstances call that made it.
    pub client_token: Option<String>,
    /// `ebs` or `instance-store`.
    pub root_device_type: Option<String>,
    /// `hvm` or `paravirtual`.
    pub virtualization_type: Option<String>,
    /// `i386`, `x86_64`, ….
    pub architecture: Option<String>,
    /// The AMI's boot mode.
    pub boot_mode: Option<String>,
    /// `legacy-bios` or `uefi`: how it really booted.
    pub current_instance_boot_mode: Option<String>,
    /// `spot`, `scheduled`, `capacity-block`, or absent for On-Demand.
    pub instance_lifecycle: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}
