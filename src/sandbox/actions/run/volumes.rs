//! One EBS volume of a launch: what image, snapshot and request make of it, and the limits of its
//! type (EC2 API Reference, `EbsBlockDevice`; EBS User Guide, "EBS volume types").

use std::ops::RangeInclusive;

use crate::sandbox::actions::Call;
use crate::sandbox::images::facts::{EbsVolume, VolumeType};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Node;

/// What gp3 has unless more is provisioned: IOPS, and MiB/s.
const GP3_IOPS: u32 = 3_000;
const GP3_THROUGHPUT: u32 = 125;
/// MiB/s that can be provisioned for gp3.
const THROUGHPUT: RangeInclusive<u32> = GP3_THROUGHPUT..=2_000;
/// IOPS that gp3 needs for each MiB/s.
const IOPS_PER_MIBPS: u32 = 4;
/// IOPS of gp2: three for each GiB, within these bounds.
const GP2_IOPS_PER_GIB: u32 = 3;
const GP2_IOPS: RangeInclusive<u32> = 100..=16_000;
/// MiB/s of `VolumeInitializationRate`.
const INITIALIZATION_RATE: RangeInclusive<u32> = 100..=300;

/// A volume to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VolumeRequest {
    pub(super) device: String,
    pub(super) delete_on_termination: bool,
    pub(super) size_gib: u32,
    pub(super) volume_type: VolumeType,
    pub(super) encrypted: bool,
    pub(super) iops: Option<u32>,
    pub(super) throughput: Option<u32>,
    pub(super) snapshot_id: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) initialization_rate: Option<u32>,
}

/// A snapshot to make a volume from.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) id: String,
    pub(super) size_gib: u32,
    pub(super) encrypted: bool,
}

/// A volume as the image asks for it.
pub(super) fn from_image(device: &str, volume: &EbsVolume) -> VolumeRequest {
    let (iops, throughput) = performance(volume.volume_type, volume.size_gib, volume.iops, volume.throughput_mibps);
    VolumeRequest {
        device: device.to_owned(),
        delete_on_termination: volume.delete_on_termination,
        size_gib: volume.size_gib,
        volume_type: volume.volume_type,
        encrypted: volume.encrypted,
        iops,
        throughput,
        snapshot_id: volume.snapshot_id(),
        kms_key_id: None,
        initialization_rate: None,
    }
}

/// IOPS and throughput that a volume is described with: those asked for, or its type's own.
fn performance(
    kind: VolumeType,
    size_gib: u32,
    iops: Option<u32>,
    throughput: Option<u32>,
) -> (Option<u32>, Option<u32>) {
    match kind {
        VolumeType::Gp3 => (Some(iops.unwrap_or(GP3_IOPS)), Some(throughput.unwrap_or(GP3_THROUGHPUT))),
        VolumeType::Gp2 => {
            let baseline = size_gib.saturating_mul(GP2_IOPS_PER_GIB).clamp(*GP2_IOPS.start(), *GP2_IOPS.end());
            (Some(baseline), None)
        }
        VolumeType::Io1 | VolumeType::Io2 => (iops, None),
        VolumeType::Standard | VolumeType::St1 | VolumeType::Sc1 => (None, None),
    }
}

/// A volume as the request changes or makes it. `base` is what the image has at the device, and
/// `snapshot` what the volume is made from.
pub(super) fn overlay(
    device: &str,
    ebs: &Node,
    base: Option<&VolumeRequest>,
    snapshot: Option<&Snapshot>,
    call: &Call<'_>,
) -> Result<VolumeRequest, Ec2Error> {
    let words: Vec<&'static str> = VolumeType::ALL.iter().map(|kind| kind.as_str()).collect();
    let volume_type = ebs
        .choice("VolumeType", &words)?
        .and_then(|word| VolumeType::ALL.iter().copied().find(|kind| kind.as_str() == word))
        .or(base.map(|base| base.volume_type))
        .unwrap_or(VolumeType::Gp2);
    let size_gib = size(ebs, base, snapshot, volume_type)?;
    let same_type = base.filter(|base| base.volume_type == volume_type);
    let iops = iops(ebs, volume_type, size_gib, same_type)?;
    let throughput = throughput(ebs, volume_type, same_type)?;
    let (iops, throughput) = performance(volume_type, size_gib, iops, throughput);
    if let (Some(iops), Some(throughput)) = (iops, throughput)
        && throughput.saturating_mul(IOPS_PER_MIBPS) > iops
    {
        let ratio = f64::from(throughput) / f64::from(iops);
        let message =
            format!("Throughput (MiBps) to iops ratio of {ratio:.6} is too high; maximum is 0.250000 MiBps per iops.");
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    let named = ebs.boolean("Encrypted")?;
    let was_encrypted = snapshot.map_or_else(|| base.is_some_and(|base| base.encrypted), |from| from.encrypted);
    if named == Some(false) && was_encrypted {
        let message = "Encrypted flag cannot be set to false since the snapshot is encrypted.";
        return Err(Ec2Error::new("InvalidBlockDeviceMapping", message));
    }
    let encrypted = named.unwrap_or(was_encrypted);
    let kms_key_id = ebs.text("KmsKeyId");
    if kms_key_id.is_some() && !encrypted {
        let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
        return Err(Ec2Error::new("InvalidParameterDependency", message));
    }
    Ok(VolumeRequest {
        device: device.to_owned(),
        delete_on_termination: ebs
            .boolean("DeleteOnTermination")?
            .unwrap_or_else(|| base.is_none_or(|base| base.delete_on_termination)),
        size_gib,
        volume_type,
        encrypted,
        iops,
        throughput,
        snapshot_id: snapshot.map(|snapshot| snapshot.id.clone()),
        kms_key_id: kms_key_id.map(|key| key_arn(key, call)),
        initialization_rate: initialization_rate(ebs, snapshot.is_some())?,
    })
}

fn size(
    ebs: &Node,
    base: Option<&VolumeRequest>,
    snapshot: Option<&Snapshot>,
    volume_type: VolumeType,
) -> Result<u32, Ec2Error> {
    let size_gib = match ebs.integer("VolumeSize")? {
        Some(size) => u32::try_from(size)
            .map_err(|_| Ec2Error::invalid("volumeSize", &size.to_string(), "It must be a positive number of GiB."))?,
        None => snapshot
            .map(|snapshot| snapshot.size_gib)
            .or(base.map(|base| base.size_gib))
            .ok_or_else(|| Ec2Error::missing("size or snapshotId"))?,
    };
    if let Some(from) = snapshot.filter(|snapshot| size_gib < snapshot.size_gib) {
        let message = format!(
            "Volume of size {size_gib}GB is smaller than snapshot '{}', expect size >= {}GB",
            from.id, from.size_gib
        );
        return Err(Ec2Error::new("InvalidBlockDeviceMapping", message));
    }
    let sizes = sizes(volume_type);
    let why = if size_gib < *sizes.start() {
        format!("Volume of {size_gib}GiB is too small; minimum is {}GiB.", sizes.start())
    } else if size_gib > *sizes.end() {
        format!("Volume of {size_gib}GiB is too large; maximum is {}GiB.", sizes.end())
    } else {
        return Ok(size_gib);
    };
    Err(Ec2Error::new("InvalidParameterValue", why))
}

/// GiB that a volume type can have.
fn sizes(volume_type: VolumeType) -> RangeInclusive<u32> {
    match volume_type {
        VolumeType::Standard => 1..=1_024,
        VolumeType::Gp2 => 1..=16_384,
        VolumeType::Gp3 => 1..=65_536,
        VolumeType::Io1 => 4..=16_384,
        VolumeType::Io2 => 4..=65_536,
        VolumeType::St1 | VolumeType::Sc1 => 125..=16_384,
    }
}

/// IOPS that can be provisioned for a volume type, and the most for each GiB.
fn provisioned(volume_type: VolumeType) -> Option<(RangeInclusive<u32>, u32)> {
    match volume_type {
        VolumeType::Gp3 => Some((GP3_IOPS..=80_000, 500)),
        VolumeType::Io1 => Some((100..=64_000, 50)),
        VolumeType::Io2 => Some((100..=256_000, 1_000)),
        VolumeType::Standard | VolumeType::Gp2 | VolumeType::St1 | VolumeType::Sc1 => None,
    }
}

fn iops(
    ebs: &Node,
    volume_type: VolumeType,
    size_gib: u32,
    same_type: Option<&VolumeRequest>,
) -> Result<Option<u32>, Ec2Error> {
    let kind = volume_type.as_str();
    let Some(asked) = number(ebs, "Iops")? else {
        let kept = same_type.and_then(|base| base.iops);
        if same_type.is_none() && matches!(volume_type, VolumeType::Io1 | VolumeType::Io2) {
            let message = format!("The parameter iops must be specified for {kind} volumes.");
            return Err(Ec2Error::new("MissingParameter", message));
        }
        return Ok(kept);
    };
    let Some((range, per_gib)) = provisioned(volume_type) else {
        return Err(Ec2Error::combination(format!("The parameter iops is not supported for {kind} volumes.")));
    };
    check_range("iops", asked, &range)?;
    // What every gp3 volume has is not a matter of its size.
    if asked > size_gib.saturating_mul(per_gib) && !(volume_type == VolumeType::Gp3 && asked == GP3_IOPS) {
        let ratio = f64::from(asked) / f64::from(size_gib.max(1));
        let message = format!(
            "Iops to volume size ratio of {ratio:.6} is too high; maximum is {per_gib}.000000 iops per GiB for {kind} \
             volumes."
        );
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    Ok(Some(asked))
}

fn throughput(ebs: &Node, volume_type: VolumeType, same_type: Option<&VolumeRequest>) -> Result<Option<u32>, Ec2Error> {
    let Some(asked) = number(ebs, "Throughput")? else { return Ok(same_type.and_then(|base| base.throughput)) };
    if volume_type != VolumeType::Gp3 {
        let message = format!("The parameter throughput is not supported for {} volumes.", volume_type.as_str());
        return Err(Ec2Error::combination(message));
    }
    check_range("throughput", asked, &THROUGHPUT)?;
    Ok(Some(asked))
}

fn initialization_rate(ebs: &Node, from_snapshot: bool) -> Result<Option<u32>, Ec2Error> {
    let Some(rate) = number(ebs, "VolumeInitializationRate")? else { return Ok(None) };
    if !from_snapshot {
        let message = "The parameter VolumeInitializationRate is supported for volumes from snapshots only.";
        return Err(Ec2Error::combination(message));
    }
    check_range("initialization rate", rate, &INITIALIZATION_RATE)?;
    Ok(Some(rate))
}

fn number(ebs: &Node, name: &str) -> Result<Option<u32>, Ec2Error> {
    let Some(value) = ebs.integer(name)? else { return Ok(None) };
    match u32::try_from(value) {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(Ec2Error::invalid(name, &value.to_string(), "It must not be negative.")),
    }
}

fn check_range(what: &str, value: u32, range: &RangeInclusive<u32>) -> Result<(), Ec2Error> {
    let why = if value < *range.start() {
        format!("Volume {what} of {value} is too low; minimum is {}.", range.start())
    } else if value > *range.end() {
        format!("Volume {what} of {value} is too high; maximum is {}.", range.end())
    } else {
        return Ok(());
    };
    Err(Ec2Error::new("InvalidParameterValue", why))
}

/// A key as its ARN. KMS is not part of the sandbox, so any key is taken to exist.
fn key_arn(key: &str, call: &Call<'_>) -> String {
    if key.starts_with("arn:") {
        return key.to_owned();
    }
    let kind = if key.starts_with("alias/") { "" } else { "key/" };
    format!("arn:aws:kms:{}:{}:{kind}{key}", call.region(), call.account_id())
}
