//! Block device overrides and their limits, and what DescribeVolumes shows of them.

use super::{answer, check, launch};
use crate::sandbox::landmarks::*;
use crate::sandbox::tests::{ask, clock, open, texts};

fn mapping(device: &str, ebs: &str) -> String {
    let members: String = ebs.split('&').map(|member| format!("&BlockDeviceMapping.1.Ebs.{member}")).collect();
    format!("&BlockDeviceMapping.1.DeviceName={device}{members}")
}

#[test]
fn volumes_keep_within_the_limits_of_their_type() {
    let sandbox = open(&clock(), None);
    let images = ask(&sandbox, &format!("Action=DescribeImages&ImageId.1={ENCRYPTED_MULTI_VOLUME}")).1;
    let snapshots = texts(&images, "snapshotId");
    let foreign = &snapshots[1];
    let (value, combination, device) =
        ("InvalidParameterValue", "InvalidParameterCombination", "InvalidBlockDeviceMapping");
    let rows: Vec<(String, &str, &str)> = [
        ("VolumeSize=1&VolumeType=gp3", "200", ""),
        ("VolumeSize=65537&VolumeType=gp3", value, "Volume of 65537GiB is too large; maximum is 65536GiB."),
        ("VolumeSize=16385&VolumeType=gp2", value, "maximum is 16384GiB"),
        ("VolumeSize=124&VolumeType=st1", value, "Volume of 124GiB is too small; minimum is 125GiB."),
        ("VolumeSize=3&VolumeType=io2&Iops=100", value, "minimum is 4GiB"),
        ("VolumeSize=x", value, "Expected an integer."),
        ("VolumeSize=8&VolumeType=gp9", value, "Expected one of"),
        ("VolumeType=gp3", "MissingParameter", "size or snapshotId"),
        ("VolumeSize=8&VolumeType=io1", "MissingParameter", "The parameter iops must be specified for io1 volumes."),
        ("VolumeSize=8&VolumeType=gp2&Iops=3000", combination, "The parameter iops is not supported for gp2 volumes."),
        ("VolumeSize=200&VolumeType=gp3&Iops=2999", value, "Volume iops of 2999 is too low; minimum is 3000."),
        ("VolumeSize=2000&VolumeType=gp3&Iops=80001", value, "Volume iops of 80001 is too high; maximum is 80000."),
        ("VolumeSize=2000&VolumeType=gp3&Iops=80000", "200", ""),
        ("VolumeSize=10&VolumeType=gp3&Iops=6000", value, "ratio of 600.000000 is too high; maximum is 500"),
        ("VolumeSize=10&VolumeType=io1&Iops=501", value, "maximum is 50"),
        ("VolumeSize=10&VolumeType=io2&Iops=10001", value, "maximum is 1000"),
        ("VolumeSize=9&VolumeType=gp3&Throughput=124", value, "Volume throughput of 124 is too low; minimum is 125."),
        ("VolumeSize=9&VolumeType=gp3&Throughput=2001", value, "maximum is 2000."),
        ("VolumeSize=9&VolumeType=gp3&Throughput=1000", value, "maximum is 0.250000 MiBps per iops."),
        ("VolumeSize=99&VolumeType=gp3&Iops=4000&Throughput=1000", "200", ""),
        ("VolumeSize=9&VolumeType=gp2&Throughput=125", combination, "The parameter throughput is not supported"),
        ("VolumeSize=9&KmsKeyId=alias/mine", "InvalidParameterDependency", "requires the parameter Encrypted"),
        ("VolumeSize=9&Encrypted=true&KmsKeyId=alias/mine", "200", ""),
        ("VolumeSize=9&VolumeInitializationRate=200", combination, "from snapshots only"),
        ("SnapshotId=snap-0123456789abcdef0", "InvalidSnapshot.NotFound", "The snapshot 'snap-0123456789abcdef0'"),
        ("SnapshotId=mine", value, "Expected: 'snap-...'."),
        (&format!("SnapshotId={foreign}"), "200", ""),
        (&format!("SnapshotId={foreign}&VolumeSize=199"), device, "expect size &gt;= 200GB"),
        (&format!("SnapshotId={foreign}&Encrypted=false"), device, "since the snapshot is encrypted"),
        (&format!("SnapshotId={foreign}&VolumeInitializationRate=301"), value, "maximum is 300."),
        (&format!("SnapshotId={foreign}&VolumeInitializationRate=300"), "200", ""),
        ("VolumeSize=8&OutpostArn=arn", "UnsupportedOperation", "OutpostArn"),
        ("VolumeSize=8&Nonsense=1", "UnknownParameter", "BlockDeviceMapping.1.Ebs.Nonsense"),
    ]
    .map(|(ebs, code, words)| (launch(SELF_OWNED, "m7i.large", &mapping("/dev/sdf", ebs)), code, words))
    .into();
    check(&sandbox, &rows);
    let root = mapping("/dev/xvda", &format!("SnapshotId={foreign}"));
    let twice = "&BlockDeviceMapping.1.DeviceName=/dev/sdf&BlockDeviceMapping.1.Ebs.VolumeSize=1\
                 &BlockDeviceMapping.2.DeviceName=/dev/sdf&BlockDeviceMapping.2.Ebs.VolumeSize=1";
    let many: String = (1..=32)
        .map(|n| format!("&BlockDeviceMapping.{n}.DeviceName=/dev/sdb{n}&BlockDeviceMapping.{n}.Ebs.VolumeSize=1"))
        .collect();
    check(
        &sandbox,
        &[
            (launch(SELF_OWNED, "m7i.large", &root), device, "snapshotId cannot be modified on root device"),
            (launch(SELF_OWNED, "m7i.large", twice), device, "has been specified more than once"),
            (launch(SELF_OWNED, "m7i.large", &many), "AttachmentLimitExceeded", "exceed the 32 that can be attached"),
            (
                launch(
                    SELF_OWNED,
                    "m7i.large",
                    "&BlockDeviceMapping.1.DeviceName=/dev/sdf&BlockDeviceMapping.1.VirtualName=ephemeral24",
                ),
                device,
                "Invalid virtual name ephemeral24",
            ),
        ],
    );
}

#[test]
fn described_volumes_are_what_was_asked_for() {
    let clock = clock();
    let sandbox = open(&clock, None);
    let options = format!(
        "{}&BlockDeviceMapping.2.DeviceName=/dev/sdh&BlockDeviceMapping.2.Ebs.VolumeSize=100\
         &BlockDeviceMapping.2.Ebs.VolumeType=gp2&BlockDeviceMapping.2.Ebs.DeleteOnTermination=false\
         &BlockDeviceMapping.3.DeviceName=/dev/sdg&BlockDeviceMapping.3.NoDevice=",
        mapping("/dev/sda1", "VolumeSize=30&Iops=4000&Throughput=500&KmsKeyId=1234abcd")
    );
    let launched = ask(&sandbox, &launch(ENCRYPTED_MULTI_VOLUME, "m7i.large", &options)).1;
    let instance = texts(&launched, "instanceId").remove(0);
    assert_eq!(texts(&launched, "deviceName"), ["/dev/sda1", "/dev/sdf", "/dev/sdh"]);
    let of_instance = format!("&Filter.1.Name=attachment.instance-id&Filter.1.Value.1={instance}");
    let describe = |more: &str| ask(&sandbox, &format!("Action=DescribeVolumes{of_instance}{more}")).1;
    let only = |device: &str| describe(&format!("&Filter.2.Name=attachment.device&Filter.2.Value.1={device}"));
    let root = only("/dev/sda1");
    for (element, value) in [
        ("size", "30"),
        ("volumeType", "gp3"),
        ("iops", "4000"),
        ("throughput", "500"),
        ("encrypted", "true"),
        ("kmsKeyId", "arn:aws:kms:sandbox-1:000000000000:key/1234abcd"),
    ] {
        assert_eq!(texts(&root, element), [value], "{element}");
    }
    assert!(texts(&root, "snapshotId")[0].starts_with("snap-"));
    let added = only("/dev/sdh");
    assert_eq!((texts(&added, "iops"), texts(&added, "throughput")), (vec!["300".to_owned()], vec![]));
    // Pages add up.
    let all = texts(&describe(""), "volumeId");
    let ids: Vec<String> = all.iter().step_by(2).cloned().collect();
    assert_eq!((all.len(), ids.len()), (6, 3), "each id is in the volume and its attachment");
    assert_eq!(answer(&sandbox, "Action=DescribeVolumes&MaxResults=4").0, "InvalidParameterValue");
    assert_eq!(answer(&sandbox, "Action=DescribeVolumes&VolumeId.1=vol-0123456789abcdef0").0, "InvalidVolume.NotFound");
    // What outlives its instance becomes available.
    ask(&sandbox, &format!("Action=TerminateInstances&InstanceId.1={instance}"));
    clock.advance(std::time::Duration::from_secs(60));
    let left = ask(&sandbox, "Action=DescribeVolumes").1;
    assert!(texts(&left, "status").iter().all(|status| status == "available"), "{left}");
    let mut sizes = texts(&left, "size");
    sizes.sort_unstable();
    assert_eq!(sizes, ["100", "200"]);
}
