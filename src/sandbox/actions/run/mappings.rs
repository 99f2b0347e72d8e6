//! Block device mappings: the image's, with the request's laid over them by device name.

use super::request::Request;
use super::volumes::{Snapshot, VolumeRequest, from_image, overlay};
use crate::sandbox::actions::Call;
use crate::sandbox::cloud::State;
use crate::sandbox::images::facts::{EbsVolume, Image, RootDeviceType, Target, VolumeType};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Node;
use crate::sandbox::wire::resource_id::is_resource_id;

/// Mappings in one request.
const MAPPINGS_MAX: usize = 128;
/// The last `ephemeralN` that a request may name.
const EPHEMERAL_MAX: u8 = 23;

/// The volumes of every instance of this launch. Instance store mappings make no volume.
pub(super) fn resolve(
    call: &Call<'_>,
    state: &State,
    image: &Image,
    request: &Request<'_>,
) -> Result<Vec<VolumeRequest>, Ec2Error> {
    let mut volumes: Vec<VolumeRequest> = image
        .mappings
        .iter()
        .filter_map(|mapping| match &mapping.target {
            Target::Ebs(volume) => Some(from_image(mapping.device, volume)),
            Target::Ephemeral(_) | Target::Nothing => None,
        })
        .collect();
    if request.mappings.len() > MAPPINGS_MAX {
        return Err(invalid(format!("A request may have at most {MAPPINGS_MAX} block device mappings")));
    }
    let mut seen: Vec<&str> = Vec::new();
    for node in &request.mappings {
        node.allow_only(&["DeviceName", "Ebs", "NoDevice", "VirtualName"])?;
        let device = node.required("DeviceName")?;
        if !is_device_name(device) {
            return Err(invalid(format!("Invalid device name {device}")));
        }
        if seen.contains(&device) {
            return Err(invalid(format!("{device} has been specified more than once in the block device mapping")));
        }
        seen.push(device);
        let is_root = image.root_device_name == Some(device);
        let at = volumes.iter().position(|volume| volume.device == device);
        if node.member("NoDevice").is_some() {
            if is_root {
                return Err(invalid(format!("The root device {device} cannot be suppressed")));
            }
            volumes.retain(|volume| volume.device != device);
        } else if let Some(ebs) = node.member("Ebs") {
            if image.root_device_type == RootDeviceType::InstanceStore {
                return Err(invalid("EBS block device mappings not supported for instance-store AMIs.".to_owned()));
            }
            check_members(ebs)?;
            let base = at.map(|at| &volumes[at]);
            let snapshot = snapshot(call, state, ebs, image, device, is_root)?;
            let volume = overlay(device, ebs, base, snapshot.as_ref(), call)?;
            match at {
                Some(at) => volumes[at] = volume,
                None => volumes.push(volume),
            }
        } else if let Some(name) = node.text("VirtualName") {
            let number = name.strip_prefix("ephemeral").and_then(|number| number.parse::<u8>().ok());
            if number.is_none_or(|number| number > EPHEMERAL_MAX) {
                return Err(invalid(format!("Invalid virtual name {name}")));
            }
            if is_root {
                return Err(invalid(format!("The root device {device} cannot be an instance store volume")));
            }
            volumes.retain(|volume| volume.device != device);
        } else {
            return Err(Ec2Error::missing(&format!("{}.Ebs", node.path())));
        }
    }
    check_root(image, request, &volumes)?;
    let most = request.instance_type.ebs_attachments(request.interfaces.len());
    // On Xen the limit is what AWS recommends (EC2 User Guide, "EBS volume limits").
    if volumes.len() > most && request.instance_type.is_nitro() {
        let message = format!(
            "The {} volumes of the launch exceed the {most} that can be attached to an instance of type {}.",
            volumes.len(),
            request.instance_type.name()
        );
        return Err(Ec2Error::new("AttachmentLimitExceeded", message));
    }
    Ok(volumes)
}

/// Refuses members of `Ebs` that RunInstances does not take, and those that the sandbox does not.
fn check_members(ebs: &Node) -> Result<(), Ec2Error> {
    ebs.refuse(&["AvailabilityZone", "AvailabilityZoneId", "OutpostArn"])?;
    if ebs.integer("EbsCardIndex")?.is_some_and(|card| card != 0) {
        return Err(Ec2Error::not_served(&format!("{}.EbsCardIndex other than 0", ebs.path())));
    }
    ebs.allow_only(&[
        "DeleteOnTermination",
        "EbsCardIndex",
        "Encrypted",
        "Iops",
        "KmsKeyId",
        "SnapshotId",
        "Throughput",
        "VolumeInitializationRate",
        "VolumeSize",
        "VolumeType",
    ])
}

/// What a volume is made from: the snapshot that the request names, or the one that the image has
/// at the device. The only snapshots there are are those of images.
fn snapshot(
    call: &Call<'_>,
    state: &State,
    ebs: &Node,
    image: &Image,
    device: &str,
    is_root: bool,
) -> Result<Option<Snapshot>, Ec2Error> {
    let own = volumes_of(image).find(|(at, _)| *at == device).and_then(|(_, volume)| as_snapshot(volume));
    let Some(named) = ebs.text("SnapshotId") else { return Ok(own) };
    if own.as_ref().is_some_and(|own| own.id == named) {
        return Ok(own);
    }
    if !is_resource_id(named, "snap-") {
        return Err(Ec2Error::invalid("snapshotId", named, "Expected: 'snap-...'."));
    }
    if is_root {
        return Err(invalid("snapshotId cannot be modified on root device".to_owned()));
    }
    let digits = named.strip_prefix("snap-").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    call.cloud
        .catalog
        .all()
        .iter()
        .filter(|image| state.image(image).is_visible(call.account_id()))
        .flat_map(volumes_of)
        .map(|(_, volume)| volume)
        .find(|volume| volume.snapshot == digits && digits.is_some())
        .and_then(as_snapshot)
        .filter(|found| found.id == named)
        .map(Some)
        .ok_or_else(|| Ec2Error::new("InvalidSnapshot.NotFound", format!("The snapshot '{named}' does not exist.")))
}

fn volumes_of(image: &Image) -> impl Iterator<Item = (&str, &EbsVolume)> {
    image.mappings.iter().filter_map(|mapping| match &mapping.target {
        Target::Ebs(volume) => Some((mapping.device, volume)),
        Target::Ephemeral(_) | Target::Nothing => None,
    })
}

fn as_snapshot(volume: &EbsVolume) -> Option<Snapshot> {
    volume.snapshot_id().map(|id| Snapshot { id, size_gib: volume.size_gib, encrypted: volume.encrypted })
}

fn check_root(image: &Image, request: &Request<'_>, volumes: &[VolumeRequest]) -> Result<(), Ec2Error> {
    let root = volumes.iter().find(|volume| image.root_device_name == Some(volume.device.as_str()));
    if let Some(kind) = root.map(|root| root.volume_type).filter(|k| matches!(k, VolumeType::St1 | VolumeType::Sc1)) {
        let message = format!("Volume type {} cannot be used for a boot volume.", kind.as_str());
        return Err(Ec2Error::new("BootForVolumeTypeUnsupported", message));
    }
    if !request.hibernation {
        return Ok(());
    }
    let refuse = |why: &str| {
        let message = format!("Unsupported hibernation configuration: {why}.");
        Err(Ec2Error::new("UnsupportedHibernationConfiguration", message))
    };
    // EC2 User Guide, "Prerequisites for hibernation".
    match root {
        Some(root) if root.encrypted && matches!(root.volume_type, VolumeType::Standard) => {
            refuse("the root volume must be of type gp2, gp3, io1 or io2")
        }
        Some(root) if root.encrypted => {
            let large_enough = u64::from(root.size_gib) * 1024 >= request.instance_type.memory_mib();
            if large_enough { Ok(()) } else { refuse("the root volume must be large enough to store the memory") }
        }
        _ => refuse("the root volume must be encrypted"),
    }
}

/// `/dev/sda1`, `/dev/xvdf`, `/dev/sdb`, and the bare forms that old images use.
fn is_device_name(name: &str) -> bool {
    let bare = name.strip_prefix("/dev/").unwrap_or(name);
    let rest = bare.strip_prefix("sd").or_else(|| bare.strip_prefix("xvd"));
    rest.is_some_and(|rest| {
        (1..=4).contains(&rest.len())
            && rest.starts_with(|c: char| c.is_ascii_lowercase())
            && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

fn invalid(message: String) -> Ec2Error {
    Ec2Error::new("InvalidBlockDeviceMapping", message)
}
