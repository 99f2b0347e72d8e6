//! Block device mappings: the image's, with the request's laid over them by device name.

use super::request::Request;
use crate::sandbox::images::facts::{EbsVolume, Image, RootDeviceType, Target, VolumeType};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Node;

/// Mappings in one request.
const MAPPINGS_MAX: usize = 128;
/// The last `ephemeralN` that a request may name.
const EPHEMERAL_MAX: u8 = 23;

/// A volume to make.
#[derive(Debug, Clone)]
pub(super) struct VolumeRequest {
    pub(super) device: String,
    pub(super) delete_on_termination: bool,
    pub(super) size_gib: u32,
    pub(super) volume_type: VolumeType,
    pub(super) encrypted: bool,
}

/// The volumes of every instance of this launch. Instance store mappings make no volume.
pub(super) fn resolve(image: &Image, request: &Request<'_>) -> Result<Vec<VolumeRequest>, Ec2Error> {
    let mut volumes: Vec<VolumeRequest> = image
        .mappings
        .iter()
        .filter_map(|mapping| match &mapping.target {
            Target::Ebs(volume) => Some(from_image(mapping.device, volume)),
            Target::Ephemeral(_) | Target::Nothing => None,
        })
        .collect();
    if request.mappings.len() > MAPPINGS_MAX {
        let message = format!("A request may have at most {MAPPINGS_MAX} block device mappings");
        return Err(Ec2Error::new("InvalidBlockDeviceMapping", message));
    }
    let mut seen: Vec<&str> = Vec::new();
    for node in &request.mappings {
        let device = node.required("DeviceName")?;
        if !is_device_name(device) {
            return Err(invalid(format!("Invalid device name {device}")));
        }
        if seen.contains(&device) {
            return Err(invalid(format!("{device} has been specified more than once in the block device mapping")));
        }
        seen.push(device);
        let at = volumes.iter().position(|volume| volume.device == device);
        if node.member("NoDevice").is_some() {
            if image.root_device_name == Some(device) {
                return Err(invalid(format!("The root device {device} cannot be suppressed")));
            }
            volumes.retain(|volume| volume.device != device);
        } else if let Some(ebs) = node.member("Ebs") {
            if image.root_device_type == RootDeviceType::InstanceStore {
                return Err(invalid("EBS block device mappings not supported for instance-store AMIs.".to_owned()));
            }
            let snapshot = snapshot_of(image, device);
            let volume = overlay(device, ebs, at.map(|at| volumes[at].clone()), snapshot)?;
            match at {
                Some(at) => volumes[at] = volume,
                None => volumes.push(volume),
            }
        } else if let Some(name) = node.text("VirtualName") {
            let number = name.strip_prefix("ephemeral").and_then(|number| number.parse::<u8>().ok());
            if number.is_none_or(|number| number > EPHEMERAL_MAX) {
                return Err(invalid(format!("Invalid virtual name {name}")));
            }
            volumes.retain(|volume| volume.device != device);
        } else {
            return Err(Ec2Error::missing(&format!("{}.Ebs", node.path())));
        }
    }
    check_root(image, request, &volumes)?;
    Ok(volumes)
}

fn from_image(device: &str, volume: &EbsVolume) -> VolumeRequest {
    VolumeRequest {
        device: device.to_owned(),
        delete_on_termination: volume.delete_on_termination,
        size_gib: volume.size_gib,
        volume_type: volume.volume_type,
        encrypted: volume.encrypted,
    }
}

/// The snapshot behind a device of the image, and its size.
fn snapshot_of(image: &Image, device: &str) -> Option<(String, u32)> {
    image.mappings.iter().find(|mapping| mapping.device == device).and_then(|mapping| match &mapping.target {
        Target::Ebs(volume) => volume.snapshot_id().map(|id| (id, volume.size_gib)),
        Target::Ephemeral(_) | Target::Nothing => None,
    })
}

/// A volume as the request changes or makes it.
fn overlay(
    device: &str,
    ebs: &Node,
    base: Option<VolumeRequest>,
    snapshot: Option<(String, u32)>,
) -> Result<VolumeRequest, Ec2Error> {
    if let Some(named) = ebs.text("SnapshotId") {
        // The only snapshots there are are those of images.
        if snapshot.as_ref().is_none_or(|(id, _)| id != named) {
            return Err(Ec2Error::new("InvalidSnapshot.NotFound", format!("The snapshot '{named}' does not exist.")));
        }
    }
    let size = ebs.integer("VolumeSize")?;
    let words: Vec<&'static str> = VolumeType::ALL.iter().map(|kind| kind.as_str()).collect();
    let volume_type = ebs
        .choice("VolumeType", &words)?
        .and_then(|word| VolumeType::ALL.iter().copied().find(|kind| kind.as_str() == word))
        .or(base.as_ref().map(|base| base.volume_type))
        .unwrap_or(VolumeType::Gp2);
    let size_gib = match (size, &base) {
        (Some(size), _) => u32::try_from(size)
            .map_err(|_| Ec2Error::invalid("volumeSize", &size.to_string(), "It must be a positive number of GiB."))?,
        (None, Some(base)) => base.size_gib,
        (None, None) => return Err(Ec2Error::missing("size or snapshotId")),
    };
    if let Some((id, least)) = snapshot.filter(|(_, least)| size_gib < *least) {
        let message = format!("Volume of size {size_gib}GB is smaller than snapshot '{id}', expect size >= {least}GB");
        return Err(invalid(message));
    }
    let (least, most) = sizes(volume_type);
    if !(least..=most).contains(&size_gib) {
        let kind = volume_type.as_str();
        let why = format!("A {kind} volume must be between {least} and {most} GiB.");
        return Err(Ec2Error::invalid("volumeSize", &size_gib.to_string(), &why));
    }
    let iops = ebs.integer("Iops")?;
    let provisioned = matches!(volume_type, VolumeType::Io1 | VolumeType::Io2);
    let was_provisioned = base.as_ref().is_some_and(|base| base.volume_type == volume_type);
    if provisioned && iops.is_none() && !was_provisioned {
        let message = format!("The parameter iops must be specified for {} volumes.", volume_type.as_str());
        return Err(Ec2Error::new("MissingParameter", message));
    }
    if iops.is_some() && !provisioned && volume_type != VolumeType::Gp3 {
        let message = format!("The parameter iops is not supported for {} volumes.", volume_type.as_str());
        return Err(Ec2Error::combination(message));
    }
    let encrypted = ebs.boolean("Encrypted")?;
    if encrypted == Some(false) && base.as_ref().is_some_and(|base| base.encrypted) {
        let message = "Encrypted flag cannot be set to false since the snapshot is encrypted.";
        return Err(invalid(message.to_owned()));
    }
    Ok(VolumeRequest {
        device: device.to_owned(),
        delete_on_termination: ebs
            .boolean("DeleteOnTermination")?
            .unwrap_or_else(|| base.as_ref().is_none_or(|base| base.delete_on_termination)),
        size_gib,
        volume_type,
        encrypted: encrypted.unwrap_or_else(|| base.is_some_and(|base| base.encrypted)),
    })
}

/// GiB that a volume type can have (EBS User Guide, "EBS volume types").
fn sizes(volume_type: VolumeType) -> (u32, u32) {
    match volume_type {
        VolumeType::Standard => (1, 1024),
        VolumeType::Gp2 => (1, 16_384),
        VolumeType::Gp3 => (1, 65_536),
        VolumeType::Io1 => (4, 16_384),
        VolumeType::Io2 => (4, 65_536),
        VolumeType::St1 | VolumeType::Sc1 => (125, 16_384),
    }
}

fn check_root(image: &Image, request: &Request<'_>, volumes: &[VolumeRequest]) -> Result<(), Ec2Error> {
    let root = volumes.iter().find(|volume| image.root_device_name == Some(volume.device.as_str()));
    if let Some(kind) = root.map(|root| root.volume_type).filter(|k| matches!(k, VolumeType::St1 | VolumeType::Sc1)) {
        let message = format!("Volume type {} cannot be used for a boot volume.", kind.as_str());
        return Err(Ec2Error::new("BootForVolumeTypeUnsupported", message));
    }
    if request.hibernation && !root.is_some_and(|root| root.encrypted) {
        let message = "Unsupported hibernation configuration: the root volume must be encrypted.";
        return Err(Ec2Error::new("UnsupportedHibernationConfiguration", message));
    }
    Ok(())
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
