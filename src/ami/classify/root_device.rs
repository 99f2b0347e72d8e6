//! Where the root volume comes from: EBS, or a template in S3 that fills a local disk.
//!
//! Source: EC2 User Guide, "Root volumes for your Amazon EC2 instances" (2026-04).

use serde::Serialize;

use super::basis::{Conclusion, Note, Notes, observed};
use crate::ec2::facts::Image;
use crate::record::Outcome;

/// Where the root volume comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
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
    let seen = observed(image.root_device_type.as_deref());
    match image.root_device_type.as_deref() {
        Some("ebs") => {
            notes.known(
                Conclusion::RootDevice,
                FIELD,
                seen,
                "The root is an EBS volume made from a snapshot, one per instance: an instance comes from exactly \
                 one AMI, and one AMI makes any number of instances.",
            );
            RootDevice::EbsBacked
        }
        Some("instance-store") => {
            notes.known(
                Conclusion::RootDevice,
                FIELD,
                seen.clone(),
                "The root is a local disk filled from a template in S3. The local disks of an instance are the \
                 fastest it can have, and its root ends with it.",
            );
            notes.find(Note {
                code: "INSTANCE_STORE_ROOT",
                outcome: Outcome::Warn,
                field: FIELD,
                observed: seen,
                expected: "ebs",
                message: "Instance-store-backed: it boots slowly, cannot be stopped, and loses everything when the \
                          instance ends. AWS has ended support, and only 33 types of nine earlier families (C1, C3, \
                          D2, I2, M1, M2, M3, R3, X1) boot it."
                    .into(),
                remedy: "Make an EBS-backed AMI: start an instance, copy its root to an EBS volume, and register a \
                         snapshot of it.",
            });
            RootDevice::InstanceStoreBacked
        }
        _ => {
            notes.unknown(
                Conclusion::RootDevice,
                FIELD,
                seen,
                "EC2 does not say where the root comes from, so nothing is concluded about stopping, persistence or \
                 boot time.",
            );
            RootDevice::Unknown
        }
    }
}
