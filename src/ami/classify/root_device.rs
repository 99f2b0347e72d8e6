//! Where the root volume comes from: EBS, or a template in S3 that fills a local disk.
//!
//! Source: EC2 User Guide, "Root volumes for your Amazon EC2 instances" (2026-04).

use serde::Serialize;

use super::basis::{Notes, known, unknown};
use super::findings;
use super::observed::{fixed, observed};
use crate::ec2::facts::Image;

/// Where the root volume comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RootDevice {
    /// An EBS volume made from a snapshot: ready at once, can be stopped, keeps its root.
    EbsBacked,
    /// A local disk filled from S3: fetched whole first, cannot be stopped, lost at the end.
    InstanceStoreBacked,
    /// EC2 does not say, or says something new.
    Unknown,
}

const FIELD: &str = "image.root_device_type";

pub(super) fn conclude(image: &Image, notes: &mut Notes) -> RootDevice {
    match image.root_device_type.as_deref() {
        Some("ebs") => {
            known!(
                notes,
                RootDevice,
                FIELD,
                fixed("ebs"),
                "The root is an EBS volume made from a snapshot, one per instance: an instance comes from exactly \
                 one AMI, and one AMI makes any number of instances.",
            );
            RootDevice::EbsBacked
        }
        Some("instance-store") => {
            known!(
                notes,
                RootDevice,
                FIELD,
                fixed("instance-store"),
                "The root is a local disk filled from a template in S3. The local disks of an instance are the \
                 fastest it can have, and its root ends with it.",
            );
            notes.find(&findings::INSTANCE_STORE_ROOT, fixed("instance-store"));
            RootDevice::InstanceStoreBacked
        }
        _ => {
            unknown!(
                notes,
                RootDevice,
                FIELD,
                observed(image.root_device_type.as_deref()),
                "EC2 does not say where the root comes from, so nothing is concluded about stopping, persistence or \
                 boot time.",
            );
            RootDevice::Unknown
        }
    }
}
