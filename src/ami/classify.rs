//! Classification: what an AMI is, concluded from EC2's facts.
//!
//! One file per conclusion. Each says what it concluded, leaves a [`Basis`] that names the fact it
//! rests on, and adds findings where there is something to know or to do. What is deliberately not
//! here: whether an instance type can boot the image (`compatibility`), measured boot times, and
//! anything that needs a second look at EC2.

mod advice;
mod allowed;
mod basis;
mod boot_path;
mod boot_speed;
mod findings;
mod fleet_advice;
mod hardware_extensions;
mod launch_permissions;
mod licensing;
mod lifecycle;
mod look_alike;
mod observed;
mod os;
mod persistence;
mod recommendation;
mod root_device;
mod root_volume;
mod scan;
mod source;
mod storage;
mod text;
mod viewer;
mod virtualization;

use jiff::Timestamp;
use serde::Serialize;

use crate::ec2::facts::{Image, LaunchPermission};
use crate::record::Finding;

pub use basis::{Basis, Conclusion};
pub use boot_path::BootPath;
pub use boot_speed::BootSpeed;
pub use findings::{FINDING_GROUPS, Found};
pub use hardware_extensions::{HardwareExtension, HardwareExtensions, Reachability};
pub use launch_permissions::LaunchPermissions;
pub use licensing::{Licensing, USAGE_OPERATIONS, UsageOperation};
pub use lifecycle::{DEPRECATION_NOTICE_DAYS, Lifecycle, UNUSED_DAYS};
pub use observed::{ABSENT, Observed};
pub use os::{Evidence, EvidenceWeight, OperatingSystem, OsFamily};
pub use persistence::Persistence;
pub use recommendation::Recommendation;
pub use root_device::RootDevice;
pub use scan::SCAN_AGE_DAYS_MAX;
pub use source::Source;
pub use storage::{ImageStorage, ImageStore};
pub use text::Text;
pub use viewer::Viewer;
pub use virtualization::Virtualization;

use basis::Notes;
pub(super) use os::is_windows_platform;
pub use root_volume::root_volume;
pub(super) use storage::total_volume_size_gib;

/// What Gantry concludes about an AMI.
///
/// `PartialEq` is there for tests; two classifications of one image at different times may differ
/// in what depends on the time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classification {
    /// Where the root volume comes from.
    pub root_device: RootDevice,
    /// How the guest is virtualized.
    pub virtualization: Virtualization,
    /// Where the image comes from, seen from the viewer.
    pub source: Source,
    /// What starts the operating system.
    pub boot_path: BootPath,
    /// Which hardware the operating system can reach.
    pub hardware_extensions: HardwareExtensions,
    /// What survives what.
    pub persistence: Persistence,
    /// How much storage the image brings, and where it lies itself.
    pub storage: ImageStorage,
    /// The operating system and the software EC2's facts show.
    pub os: OperatingSystem,
    /// Whether it can be launched, as far as its state goes.
    pub lifecycle: Lifecycle,
    /// Whether it is past its deprecation time at the time of classification. It can still be
    /// launched by its id.
    pub deprecated: bool,
    /// When it is or was deprecated; none when no such time is set.
    pub deprecation_time: Option<Timestamp>,
    /// What is billed beside the instance.
    pub licensing: Licensing,
    /// Who may launch it.
    pub launch_permissions: LaunchPermissions,
    /// How fast it boots, by its kind of root device; [`BootSpeed::reason`] says why.
    pub boot_speed: BootSpeed,
    /// Whether to use it.
    pub recommendation: Recommendation,
    /// The fact behind each conclusion, at least one entry per conclusion.
    pub basis: Vec<Basis>,
    /// What there is to know or to do. Never PASS; [`Classification::findings`] puts it into words.
    #[serde(rename = "findings")]
    pub found: Vec<Found>,
}

impl Classification {
    /// What there is to know or to do.
    pub fn findings(&self) -> impl Iterator<Item = Finding> + '_ {
        self.found.iter().map(Found::finding)
    }
}

/// Classifies `image` as `viewer` sees it at `now`.
///
/// `permissions` are the image's launch permissions where they could be read, which only its owner
/// can (EC2 API Reference, DescribeImageAttribute).
pub fn classify(
    image: &Image,
    viewer: &Viewer,
    permissions: Option<&[LaunchPermission]>,
    now: Timestamp,
) -> Classification {
    let mut notes = Notes::default();
    let root_device = root_device::conclude(image, &mut notes);
    let virtualization = virtualization::conclude(image, &mut notes);
    let source = source::conclude(image, viewer, &mut notes);
    let boot_path = boot_path::conclude(image, virtualization, viewer.fleet.as_deref(), &mut notes);
    let hardware_extensions = hardware_extensions::conclude(image, virtualization, &mut notes);
    let persistence = persistence::conclude(image, root_device, &mut notes);
    let storage = storage::conclude(image, root_device, &mut notes);
    let os = os::conclude(image, &mut notes);
    let lifecycle = lifecycle::conclude(image, now, &mut notes);
    let licensing = licensing::conclude(image, &mut notes);
    let launch_permissions = launch_permissions::conclude(image, viewer, permissions, &mut notes);
    let boot_speed = boot_speed::conclude(image, root_device, &mut notes);
    let deprecated = lifecycle::is_deprecated(image, now);
    let recommendation = recommendation::conclude(
        image,
        &recommendation::Grounds { root_device, virtualization, source, boot_path, lifecycle, deprecated },
        &mut notes,
    );
    fleet_advice::advise(image, viewer, &mut notes);
    allowed::advise(image, viewer, now, &mut notes);
    scan::advise(image, now, &mut notes);
    advice::advise(image, viewer, &storage, &mut notes);
    let Notes { basis, findings: found } = notes;
    Classification {
        root_device,
        virtualization,
        source,
        boot_path,
        hardware_extensions,
        persistence,
        storage,
        os,
        lifecycle,
        deprecated,
        deprecation_time: image.deprecation_time,
        licensing,
        launch_permissions,
        boot_speed,
        recommendation,
        basis,
        found,
    }
}

#[cfg(test)]
pub(super) mod tests;
