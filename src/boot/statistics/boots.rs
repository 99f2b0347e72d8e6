//! One measured boot, and what kind of boot it was. Pure.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::ami::classify::{RootDevice, Virtualization};
use crate::ids::{AccountId, ImageId, InstanceId, InstanceType, LaunchId, Region};
use crate::record::{BootOutcome, Launch, LaunchInstance, Phase};

/// The phases whose times are measured, in order.
pub(super) const PHASES: [Phase; 4] = [Phase::Pending, Phase::Running, Phase::Checking, Phase::Ready];

/// The place of READY among them.
pub(super) const READY: usize = 3;

/// The longest boot that is told apart from a longer one: 24 hours, in milliseconds.
pub(super) const BOOT_MILLIS_MAX: u32 = 24 * 60 * 60 * 1000;

/// What boots are compared by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kind {
    /// The account.
    pub account_id: AccountId,
    /// The Region.
    pub region: Region,
    /// The image.
    pub image_id: ImageId,
    /// The instance's type, which may not be the first that the launch names.
    pub instance_type: InstanceType,
    /// The image's kind of root device, from the facts that the launch was decided on.
    pub root_device: RootDevice,
    /// Its kind of virtualization, from the same.
    pub virtualization: Virtualization,
}

/// A boot that has come out, READY or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// What kind it was.
    pub kind: Arc<Kind>,
    /// The instance.
    pub instance_id: InstanceId,
    /// The launch.
    pub launch_id: LaunchId,
    /// When it was asked for: when the launch was decided.
    pub asked: Timestamp,
    /// When it came out.
    pub settled: Timestamp,
    /// Whether it failed.
    pub failed: bool,
    /// How many milliseconds after `asked` it was first seen in each of [`PHASES`].
    pub(super) reached: [Option<u32>; PHASES.len()],
}

impl Boot {
    /// How long it took to READY, in milliseconds; none of one that failed.
    pub(super) fn ready_millis(&self) -> Option<u32> {
        self.reached[READY].filter(|_| !self.failed)
    }
}

/// The boots of a launch that have come out. One that was ended before, or is under way, is not
/// counted.
pub fn boots_of(launch: &Launch) -> impl Iterator<Item = Boot> {
    launch.instances.iter().filter_map(|instance| {
        let times = &instance.boot_times;
        let failed = match times.outcome? {
            BootOutcome::Ready => false,
            BootOutcome::Failed => true,
            BootOutcome::Interrupted => return None,
        };
        Some(Boot {
            kind: Arc::new(kind_of(launch, instance)?),
            instance_id: instance.place.instance_id.clone(),
            launch_id: launch.launch_id,
            asked: launch.create_time,
            settled: times.outcome_time?,
            failed,
            reached: [times.pending, times.running, times.checking, times.ready].map(|time| time.map(millis)),
        })
    })
}

/// What kind of boot an instance's is; none if its launch has no image or its attempt is not there, which no log has.
pub fn kind_of(launch: &Launch, instance: &LaunchInstance) -> Option<Kind> {
    let shown = instance.place.instance_type.as_deref().and_then(|name| name.parse().ok());
    let asked = || {
        let attempt = launch.attempts.iter().find(|attempt| attempt.attempt_id == instance.attempt_id)?;
        Some(attempt.instance_type.clone())
    };
    Some(Kind {
        account_id: launch.account_id.clone(),
        region: launch.region.clone(),
        image_id: launch.image_id()?.clone(),
        instance_type: shown.or_else(asked)?,
        root_device: match launch.root_device_type.as_deref() {
            Some("ebs") => RootDevice::EbsBacked,
            Some("instance-store") => RootDevice::InstanceStoreBacked,
            _ => RootDevice::Unknown,
        },
        virtualization: match launch.virtualization_type.as_deref() {
            Some("hvm") => Virtualization::Hvm,
            Some("paravirtual") => Virtualization::Paravirtual,
            _ => Virtualization::Unknown,
        },
    })
}

/// A length of time as boots are measured.
pub(super) fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX).min(BOOT_MILLIS_MAX)
}
