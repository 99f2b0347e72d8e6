//! Status checks that fail, with what EC2 says of each (EC2 User Guide, "Status checks for Amazon EC2 instances").

use super::failure;
use crate::ec2::facts::{InstanceStatus, StatusSummary};
use crate::record::{BootFailure, BootStage};

/// Named details of a check that are repeated; EC2 has one, `reachability`.
const DETAILS_MAX: usize = 4;
/// Bytes of a detail's name and value that are repeated.
const DETAIL_BYTES_MAX: usize = 40;

/// A failed check.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) failure: BootFailure,
    /// Whether the operating system is what does not answer, so that its console may say why.
    pub(super) is_of_boot: bool,
}

/// The check that fails; of several the one that explains the others: a broken host also fails the instance's check.
/// The performance check is told and fails no boot ([`InstanceStatus::is_impaired`]).
pub(super) fn failed(status: &InstanceStatus) -> Failed {
    let checks = [&status.system, &status.attached_ebs, &status.instance, &status.application];
    let place = checks.iter().position(|check| check.as_ref().is_some_and(|check| check.status == "impaired"));
    let said = place.and_then(|place| checks[place].as_ref()).map(details).unwrap_or_default();
    let (cause, stage, remedy) = match place {
        Some(0) => (
            format!("The system status check failed{said}: the host, its power or its network has a problem."),
            BootStage::System,
            "Stop and start an EBS-backed instance, so that it moves to another host; replace an instance-store-backed one.",
        ),
        Some(1) => (
            format!("The attached EBS status check failed{said}: a volume does not answer."),
            BootStage::Ebs,
            "Wait for EBS to recover, or replace the volume.",
        ),
        Some(3) => (
            format!("The application status check failed{said}: the instance boots and its own health check fails."),
            BootStage::Instance,
            "Look at the application and at what its health check asks for; the operating system answers.",
        ),
        // The instance's check, and what callers who say that one is impaired may know better.
        _ => (
            format!(
                "The instance status check failed{said}: the operating system does not answer on its network interface."
            ),
            BootStage::Instance,
            "Read the console output for a kernel panic, a missing root device or a failed network setup, and reboot or \
             replace the instance.",
        ),
    };
    Failed { failure: failure(&cause, stage, remedy), is_of_boot: place != Some(3) }
}

/// What EC2 says beside the word: ` (reachability: failed)`. Not since when: failures that differ in nothing else have one
/// cause, by which readers group them.
fn details(check: &StatusSummary) -> String {
    let details: Vec<String> = check
        .details
        .iter()
        .filter(|(_, value)| value != "passed")
        .take(DETAILS_MAX)
        .map(|(name, value)| format!("{}: {}", short(name), short(value)))
        .collect();
    if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) }
}

fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(DETAIL_BYTES_MAX)]
}
