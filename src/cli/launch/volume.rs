//! The value of `--volume`: one block device in a few words.
//!
//! Which combinations EC2 takes is for the server to say.

use crate::client::pb;

/// `DEVICE,key=value,...`.
pub(super) fn parse(text: &str) -> Result<pb::BlockDeviceSpec, String> {
    let mut parts = text.split(',');
    let device_name = parts.next().unwrap_or_default().to_owned();
    let mut spec = pb::BlockDeviceSpec { device_name, ..pb::BlockDeviceSpec::default() };
    let mut ebs = pb::EbsSpec::default();
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let number = || value.parse::<u32>().map_err(|_| format!("{key} takes a number, not {value:?}"));
        let truth = || value.parse::<bool>().map_err(|_| format!("{key} takes true or false, not {value:?}"));
        match key {
            "size" => ebs.volume_size_gib = Some(number()?),
            "type" => ebs.volume_type = Some(value.to_owned()),
            "iops" => ebs.iops = Some(number()?),
            "throughput" => ebs.throughput_mib_per_second = Some(number()?),
            "snapshot" => ebs.snapshot_id = Some(value.to_owned()),
            "encrypted" => ebs.encrypted = Some(truth()?),
            "kms-key" => ebs.kms_key_id = Some(value.to_owned()),
            "delete" => ebs.delete_on_termination = Some(truth()?),
            "virtual" => spec.virtual_name = Some(value.to_owned()),
            "none" if value.is_empty() => spec.no_device = true,
            _ => {
                return Err(format!(
                    "{key:?} is not one of size, type, iops, throughput, snapshot, encrypted, kms-key, delete, virtual, none"
                ));
            }
        }
    }
    if ebs != pb::EbsSpec::default() {
        spec.ebs = Some(ebs);
    }
    Ok(spec)
}
