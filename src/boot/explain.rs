//! Why an instance did not come up, and what to do about it. Pure.
//!
//! EC2's state reason has a code and a message that can disagree: the documented example is code
//! `Server.InternalError` with the message `Client.VolumeLimitExceeded: Volume limit exceeded`. So
//! the message's own prefix is believed before the code (EC2 User Guide, "Troubleshoot instance
//! termination").

use serde::{Deserialize, Serialize};

use crate::ec2::facts::{InstanceStatus, StateReason};
use crate::record::{BootFailure, BootStage, Phase};

/// What an image says about booting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootFacts {
    /// `legacy-bios`, `uefi`, `uefi-preferred` or absent.
    pub boot_mode: Option<String>,
    /// How the instance really boots, where EC2 says it.
    pub current_boot_mode: Option<String>,
    /// `ebs` or `instance-store`.
    pub root_device_type: Option<String>,
}

/// What each reason means: the code as it stands alone or before a colon in the message, where it
/// belongs, what happened, what to do.
const REASONS: &[(&str, BootStage, &str, &str)] = &[
    (
        "Client.VolumeLimitExceeded",
        BootStage::Volume,
        "The account's limit of EBS volumes or storage was reached, so the root volume could not be made.",
        "Delete volumes that are not needed, or ask AWS to raise the EBS quota of this Region.",
    ),
    (
        "Client.InvalidSnapshot.NotFound",
        BootStage::Snapshot,
        "A snapshot in the AMI's block device mappings does not exist or cannot be read.",
        "Use an AMI whose snapshots exist, or leave the broken mapping out with no_device.",
    ),
    (
        "Client.InternalError",
        BootStage::Kms,
        "EC2 could not create a volume. The usual cause is an encrypted volume whose KMS key the launch may not use.",
        "Allow the launching role kms:CreateGrant, kms:Decrypt, kms:DescribeKey, kms:GenerateDataKeyWithoutPlaintext \
         and kms:ReEncrypt* on the key, and check that the key is enabled.",
    ),
    (
        "Server.InsufficientInstanceCapacity",
        BootStage::Capacity,
        "There was not enough capacity for this instance type in this zone.",
        "Use another zone or type, or try again later.",
    ),
    (
        "Server.SpotInstanceTermination",
        BootStage::Ended,
        "EC2 took the Spot instance back.",
        "Use several types and zones, or On-Demand capacity.",
    ),
    (
        "Server.SpotInstanceShutdown",
        BootStage::Ended,
        "EC2 stopped the Spot instance to take its capacity back.",
        "Use several types and zones, or On-Demand capacity.",
    ),
    (
        "Server.ScheduledStop",
        BootStage::Ended,
        "EC2 stopped the instance for a scheduled retirement.",
        "Start it again, so that it moves to other hardware.",
    ),
    (
        "Client.InstanceInitiatedShutdown",
        BootStage::Instance,
        "The instance shut itself down.",
        "Read the console output; user data and the operating system can shut an instance down.",
    ),
    (
        "Client.UserInitiatedShutdown",
        BootStage::Ended,
        "Somebody terminated the instance.",
        "CloudTrail says who called TerminateInstances.",
    ),
    (
        "Client.InstanceTerminated",
        BootStage::Ended,
        "The instance was terminated before it had started.",
        "CloudTrail says who called TerminateInstances.",
    ),
    (
        "Server.InternalError",
        BootStage::System,
        "EC2 had an internal error while starting the instance.",
        "Launch again; if it happens again, contact AWS support with the request id.",
    ),
];

/// Why an instance that was meant to run is terminated.
pub fn terminated(reason: Option<&StateReason>, boot: &BootFacts) -> BootFailure {
    let code = reason.and_then(|reason| reason.code.as_deref()).unwrap_or_default();
    let message = reason.and_then(|reason| reason.message.as_deref()).unwrap_or_default();
    let named_in_message = message.split_once(':').map(|(prefix, _)| prefix.trim());
    let known = [named_in_message, Some(code)]
        .into_iter()
        .flatten()
        .find_map(|wanted| REASONS.iter().find(|(known, ..)| *known == wanted));
    if let Some((_, stage, cause, remedy)) = known {
        return BootFailure { cause: (*cause).to_owned(), stage: *stage, remedy: (*remedy).to_owned(), console: None };
    }
    let said = match (code, message) {
        ("", "") => "EC2 gave no reason".to_owned(),
        (code, "") => format!("EC2 says {code}"),
        ("", message) => format!("EC2 says: {message}"),
        (code, message) => format!("EC2 says {code}: {message}"),
    };
    let from_s3 = boot.root_device_type.as_deref() == Some("instance-store");
    BootFailure {
        cause: format!("The instance was terminated before it was ready. {said}."),
        stage: BootStage::Unknown,
        remedy: if from_s3 {
            "Check that every part of the AMI is still in its S3 bucket, then launch again.".to_owned()
        } else {
            "Look at the instance's state reason and console output, then launch again.".to_owned()
        },
        console: None,
    }
}

/// Why a running instance does not pass its checks.
pub fn impaired(status: &InstanceStatus, boot: &BootFacts) -> BootFailure {
    let is = |summary: &Option<crate::ec2::facts::StatusSummary>| {
        summary.as_ref().is_some_and(|summary| summary.status == "impaired")
    };
    if is(&status.system) {
        return BootFailure {
            cause: "The system status check failed: the host, its power or its network has a problem.".to_owned(),
            stage: BootStage::System,
            remedy: "Stop and start an EBS-backed instance, so that it moves to another host; replace an \
                     instance-store-backed one."
                .to_owned(),
            console: None,
        };
    }
    if is(&status.attached_ebs) {
        return BootFailure {
            cause: "The attached EBS status check failed: a volume does not answer.".to_owned(),
            stage: BootStage::Ebs,
            remedy: "Wait for EBS to recover, or replace the volume.".to_owned(),
            console: None,
        };
    }
    match wrong_boot_mode(boot) {
        Some(failure) => failure,
        None => BootFailure {
            cause: "The instance status check failed: the operating system does not answer on its network interface."
                .to_owned(),
            stage: BootStage::Instance,
            remedy: "Read the console output for a kernel panic, a missing root device or a failed network setup, and \
                     reboot or replace the instance."
                .to_owned(),
            console: None,
        },
    }
}

/// Why an instance is not ready in time.
pub fn timed_out(last: Option<Phase>, boot: &BootFacts) -> BootFailure {
    let (cause, stage, remedy) = match last {
        None | Some(Phase::Requested) => (
            "EC2 accepted the launch and has not shown the instance.",
            BootStage::Timeout,
            "Look for the instance in the EC2 console; EC2 may be having a problem in this Region.",
        ),
        Some(Phase::Pending) => (
            "The instance was still pending.",
            BootStage::Timeout,
            "An instance-store-backed AMI is fetched from S3 first, and bare metal takes up to 20 minutes; raise \
             ready_timeout, or look at the instance's state reason.",
        ),
        Some(Phase::Running | Phase::Checking) => (
            "The instance ran and its status checks had not passed.",
            BootStage::Instance,
            "Read the console output; if the operating system is still starting, raise ready_timeout.",
        ),
        Some(Phase::Impaired) => {
            return wrong_boot_mode(boot).unwrap_or_else(|| BootFailure {
                cause: "A status check kept failing until the time was over.".to_owned(),
                stage: BootStage::Instance,
                remedy: "Read the console output, then reboot or replace the instance.".to_owned(),
                console: None,
            });
        }
        Some(Phase::Stopped) => {
            ("The instance was stopped.", BootStage::Ended, "CloudTrail says who stopped it; start it again to go on.")
        }
        Some(Phase::Ready | Phase::Failed | Phase::Terminated | Phase::TimedOut) => {
            ("The time was over.", BootStage::Timeout, "Look at the earlier events of this instance.")
        }
    };
    BootFailure { cause: cause.to_owned(), stage, remedy: remedy.to_owned(), console: None }
}

/// An image made for UEFI that was started by legacy BIOS never boots, and the other way round
/// (EC2 User Guide, "Boot modes").
fn wrong_boot_mode(boot: &BootFacts) -> Option<BootFailure> {
    let (wanted, got) = (boot.boot_mode.as_deref()?, boot.current_boot_mode.as_deref()?);
    let mismatch = matches!((wanted, got), ("uefi", "legacy-bios") | ("legacy-bios", "uefi"));
    mismatch.then(|| BootFailure {
        cause: format!("The AMI boots by {wanted} and the instance was started by {got}."),
        stage: BootStage::BootMode,
        remedy: format!("Use an instance type that supports {wanted}."),
        console: None,
    })
}

#[cfg(test)]
mod tests;
