//! What each code of a reason means: where it belongs, what happened, what to do.
//!
//! The codes of `StateReason` are those of EC2's service model; the others are what RunInstances and the services
//! behind it answer, which EC2 repeats in the messages of reasons (EC2 API Reference, "Error codes").

use crate::record::BootStage;

/// One code.
#[derive(Debug)]
pub(super) struct Row {
    /// As EC2 writes it.
    pub(super) code: &'static str,
    /// Whether the same word means something else with the other side, `Client.` or `Server.`, or with none.
    pub(super) needs_side: bool,
    pub(super) stage: BootStage,
    pub(super) cause: &'static str,
    pub(super) remedy: &'static str,
}

const fn row(code: &'static str, stage: BootStage, cause: &'static str, remedy: &'static str) -> Row {
    Row { code, needs_side: false, stage, cause, remedy }
}

pub(super) const CAPACITY_CAUSE: &str = "There was not enough capacity for this instance type in this zone.";
pub(super) const OTHER_PLACE: &str = "Use another zone or type, or try again later.";
pub(super) const VOLUME_LIMIT_CAUSE: &str =
    "The account's limit of EBS volumes or storage was reached, so the root volume could not be made.";
pub(super) const RAISE_EBS_QUOTA: &str =
    "Delete volumes that are not needed, or ask AWS to raise the EBS quota of this Region.";
pub(super) const SNAPSHOT_CAUSE: &str =
    "A snapshot in the AMI's block device mappings does not exist or cannot be read.";
pub(super) const OTHER_SNAPSHOT: &str =
    "Use an AMI whose snapshots exist, or leave the broken mapping out with no_device.";
pub(super) const ALLOW_KEY: &str = "Allow the launching role kms:CreateGrant, kms:Decrypt, kms:DescribeKey, kms:GenerateDataKeyWithoutPlaintext and \
     kms:ReEncrypt* on the key, and check that the key is enabled.";
const KEY_CAUSE: &str = "The KMS key of an encrypted volume cannot be used.";
const OTHER_CAPACITY: &str = "Use several types and zones, or On-Demand capacity.";
const ASK_CLOUDTRAIL: &str = "CloudTrail says who called TerminateInstances.";
const QUOTA_CAUSE: &str = "The account's quota of instances was reached.";
const RAISE_QUOTA: &str =
    "Terminate instances that are not needed, or ask AWS to raise the quota of this instance family in this Region.";

/// Codes that say what failed.
pub(super) const REASONS: &[Row] = &[
    // Of StateReason
    row("Client.VolumeLimitExceeded", BootStage::Volume, VOLUME_LIMIT_CAUSE, RAISE_EBS_QUOTA),
    row("Client.InvalidSnapshot.NotFound", BootStage::Snapshot, SNAPSHOT_CAUSE, OTHER_SNAPSHOT),
    row("Server.InsufficientInstanceCapacity", BootStage::Capacity, CAPACITY_CAUSE, OTHER_PLACE),
    row("Server.SpotInstanceTermination", BootStage::Ended, "EC2 took the Spot instance back.", OTHER_CAPACITY),
    row(
        "Server.SpotInstanceShutdown",
        BootStage::Ended,
        "EC2 stopped the Spot instance to take its capacity back.",
        OTHER_CAPACITY,
    ),
    row(
        "Server.ScheduledStop",
        BootStage::Ended,
        "EC2 stopped the instance for a scheduled retirement.",
        "Start it again, so that it moves to other hardware.",
    ),
    row(
        "Client.InstanceInitiatedShutdown",
        BootStage::Instance,
        "The instance shut itself down.",
        "Read the console output; user data and the operating system can shut an instance down.",
    ),
    row("Client.UserInitiatedShutdown", BootStage::Ended, "Somebody terminated the instance.", ASK_CLOUDTRAIL),
    row(
        "Client.UserInitiatedHibernate",
        BootStage::Ended,
        "Somebody hibernated the instance.",
        "CloudTrail says who called StopInstances; start it again to go on.",
    ),
    row(
        "Client.InstanceTerminated",
        BootStage::Ended,
        "The instance was terminated before it had started.",
        ASK_CLOUDTRAIL,
    ),
    // Capacity
    row("InsufficientCapacity", BootStage::Capacity, CAPACITY_CAUSE, OTHER_PLACE),
    row(
        "InsufficientHostCapacity",
        BootStage::Capacity,
        "The Dedicated Host had no room.",
        "Use another host or type.",
    ),
    row(
        "InsufficientCapacityOnHost",
        BootStage::Capacity,
        "The Dedicated Host had no room.",
        "Use another host or type.",
    ),
    row(
        "InsufficientReservedInstanceCapacity",
        BootStage::Capacity,
        "The capacity reservation had no room.",
        "Use another reservation, or none.",
    ),
    row(
        "ReservationCapacityExceeded",
        BootStage::Capacity,
        "The capacity reservation had no room.",
        "Use another reservation, or none.",
    ),
    row("UnfulfillableCapacity", BootStage::Capacity, CAPACITY_CAUSE, OTHER_PLACE),
    row("InstanceLimitExceeded", BootStage::Capacity, QUOTA_CAUSE, RAISE_QUOTA),
    row("VcpuLimitExceeded", BootStage::Capacity, QUOTA_CAUSE, RAISE_QUOTA),
    row("MaxSpotInstanceCountExceeded", BootStage::Capacity, QUOTA_CAUSE, RAISE_QUOTA),
    // Volumes and snapshots
    row(
        "InsufficientVolumeCapacity",
        BootStage::Volume,
        "EBS had not enough capacity for a volume of this type in this zone.",
        "Use another zone or volume type, or try again later.",
    ),
    row(
        "MaxIOPSLimitExceeded",
        BootStage::Volume,
        "The account's limit of provisioned IOPS was reached.",
        RAISE_EBS_QUOTA,
    ),
    row(
        "InvalidSnapshot.InUse",
        BootStage::Snapshot,
        "A snapshot in the AMI's block device mappings is in use and cannot be read now.",
        "Try again, or use an AMI with other snapshots.",
    ),
    row("InvalidSnapshotID.Malformed", BootStage::Snapshot, SNAPSHOT_CAUSE, OTHER_SNAPSHOT),
    // Keys: EC2's codes, and those of KMS itself
    row("CustomerKeyHasBeenRevoked", BootStage::Kms, KEY_CAUSE, ALLOW_KEY),
    row("InvalidKMSKey.InvalidState", BootStage::Kms, KEY_CAUSE, ALLOW_KEY),
    row("KMSInvalidStateException", BootStage::Kms, KEY_CAUSE, ALLOW_KEY),
    row("KMSAccessDeniedException", BootStage::Kms, KEY_CAUSE, ALLOW_KEY),
    // Images in S3
    row(
        "InvalidManifest",
        BootStage::Volume,
        "The manifest of the instance-store-backed AMI cannot be read.",
        "Check that the manifest and every part of the AMI are still in their S3 bucket and can be read, or bundle it anew.",
    ),
];

/// The internal errors, which say the least, and not the same.
pub(super) const INTERNAL: &[Row] = &[
    Row {
        code: "Client.InternalError",
        needs_side: true,
        stage: BootStage::Kms,
        cause: "EC2 could not create a volume. The usual cause is an encrypted volume whose KMS key the launch may not use.",
        remedy: ALLOW_KEY,
    },
    Row {
        code: "Server.InternalError",
        needs_side: true,
        stage: BootStage::System,
        cause: "EC2 had an internal error while starting the instance.",
        remedy: "Launch again; if it happens again, contact AWS support with the request id.",
    },
];
