//! How fast an image boots, by its kind of root device. Measured boots are joined to this by
//! `api`, which knows both.
//!
//! Source: EC2 User Guide, "Root volumes for your Amazon EC2 instances" (2026-04): usually less
//! than a minute against usually less than five.

use serde::Serialize;

use super::RootDevice;
use super::basis::{Notes, known, unknown};
use super::observed::{fixed, observed};
use crate::ec2::facts::Image;

/// How fast an image boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BootSpeed {
    /// Usually in less than a minute.
    Fast,
    /// Usually in less than five minutes.
    Slow,
    /// The facts do not tell.
    Unknown,
}

const FAST: &str = "An EBS root is ready at once, usually within a minute, and loads its blocks from the snapshot as they \
                    are read: the first reads are slow, unless the volume has an initialization rate.";
const SLOW: &str = "The whole image is fetched from S3 before the instance starts, usually within five minutes; after that \
                    its local disks are the fastest there are.";
const UNKNOWN: &str = "The kind of root device is not known, and boot time follows from it.";

impl BootSpeed {
    /// Why, in one sentence.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Fast => FAST,
            Self::Slow => SLOW,
            Self::Unknown => UNKNOWN,
        }
    }
}

const FIELD: &str = "image.root_device_type";

pub(super) fn conclude(image: &Image, root_device: RootDevice, notes: &mut Notes) -> BootSpeed {
    match root_device {
        RootDevice::EbsBacked => {
            known!(notes, BootSpeed, FIELD, fixed("ebs"), FAST);
            BootSpeed::Fast
        }
        RootDevice::InstanceStoreBacked => {
            known!(notes, BootSpeed, FIELD, fixed("instance-store"), SLOW);
            BootSpeed::Slow
        }
        RootDevice::Unknown => {
            unknown!(notes, BootSpeed, FIELD, observed(image.root_device_type.as_deref()), UNKNOWN);
            BootSpeed::Unknown
        }
    }
}
