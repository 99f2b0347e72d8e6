//! Phrases of EC2's messages that say what failed where no code does.
//!
//! Codes are what programs should go by, and where EC2 gives one it is believed first. But the reason of an instance
//! that ended often has no code beyond an internal error, and its message is all there is.

use super::table::Row;
use crate::record::BootStage;

/// Texts that must all be in a message, in lower case, and what it means then. In order: the first that fits.
const PHRASES: &[(&[&str], Row)] = &[
    (&["kms key", "disabled"], KMS_DISABLED),
    (&["kms key", "pending deletion"], KMS_PENDING_DELETION),
    (&["kms key", "scheduled for deletion"], KMS_PENDING_DELETION),
    (&["kms key", "not found"], KMS_NOT_FOUND),
    (&["kms key", "does not exist"], KMS_NOT_FOUND),
    (&["kms key", "inaccessible"], KMS_DENIED),
    (&["kms key", "not accessible"], KMS_DENIED),
    (&["kms key", "cannot be accessed"], KMS_DENIED),
    (&["kms key", "access denied"], KMS_DENIED),
    (&["kms key", "accessdenied"], KMS_DENIED),
    (&["kms:", "not authorized"], KMS_DENIED),
    (&["kms key"], KMS_DENIED),
    (&["master key", "cannot be accessed"], KMS_DENIED),
    (&["volume limit"], VOLUME_LIMIT),
    (&["maximum number of volumes"], VOLUME_LIMIT),
    (&["volume storage", "exceed"], VOLUME_LIMIT),
    (&["volume", "quota"], VOLUME_LIMIT),
    (&["snapshot", "not found"], SNAPSHOT),
    (&["snapshot", "does not exist"], SNAPSHOT),
    (&["snapshot", "corrupt"], SNAPSHOT),
    (&["snapshot", "not in a valid state"], SNAPSHOT),
    (&["image manifest"], IMAGE_PART),
    (&["manifest.xml"], IMAGE_PART),
    (&["missing", "part", "image"], IMAGE_PART),
    (&["missing", "part", "ami"], IMAGE_PART),
    (&["insufficient capacity"], CAPACITY),
    (&["insufficient instance capacity"], CAPACITY),
    (&["not have sufficient"], CAPACITY),
    (&["not enough capacity"], CAPACITY),
    (&["no spot capacity"], CAPACITY),
];

const KMS_DISABLED: Row = row(
    BootStage::Kms,
    "The KMS key of an encrypted volume is disabled.",
    "Enable the key, or launch with another one (kms_key_id in the block device mappings).",
);
const KMS_PENDING_DELETION: Row = row(
    BootStage::Kms,
    "The KMS key of an encrypted volume is going to be deleted and cannot be used.",
    "Cancel the key's deletion and enable it, or copy the snapshot under another key before the key is gone.",
);
const KMS_NOT_FOUND: Row = row(
    BootStage::Kms,
    "The KMS key of an encrypted volume does not exist, or not in this Region or account.",
    "Name a key of this Region by its ARN, or use an AMI whose snapshots are encrypted under a key that exists.",
);
const KMS_DENIED: Row =
    row(BootStage::Kms, "The KMS key of an encrypted volume may not be used for this launch.", super::table::ALLOW_KEY);
const VOLUME_LIMIT: Row = row(BootStage::Volume, super::table::VOLUME_LIMIT_CAUSE, super::table::RAISE_EBS_QUOTA);
const SNAPSHOT: Row = row(BootStage::Snapshot, super::table::SNAPSHOT_CAUSE, super::table::OTHER_SNAPSHOT);
// The root volume of such an image is made of the parts.
const IMAGE_PART: Row = row(
    BootStage::Volume,
    "A part of the instance-store-backed AMI is missing.",
    "Check that the manifest and every part of the AMI are still in their S3 bucket and can be read, or bundle it anew.",
);
const CAPACITY: Row = row(BootStage::Capacity, super::table::CAPACITY_CAUSE, super::table::OTHER_PLACE);

const fn row(stage: BootStage, cause: &'static str, remedy: &'static str) -> Row {
    Row { code: "", needs_side: false, stage, cause, remedy }
}

/// The row of the first phrase that is in the message.
pub(super) fn find(message: &str) -> Option<&'static Row> {
    let message = message.to_lowercase();
    PHRASES.iter().find(|(texts, _)| texts.iter().all(|text| message.contains(text))).map(|(_, row)| row)
}
