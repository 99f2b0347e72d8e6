//! Why an instance did not come up, and what to do about it. Pure.
//!
//! What EC2 says comes first: the state reason of an instance that ended (`reasons`), the status checks of one that
//! runs (`checks`), and whether the image can boot that way at all (`boot_mode`). Where these say no more than that
//! nobody answers, the end of the console says why ([`super::console`]).

mod boot_mode;
mod checks;
mod phrases;
mod reasons;
mod table;

use serde::{Deserialize, Serialize};

use self::boot_mode::{is_mode_declared, wrong_boot_mode};
pub(super) use self::reasons::is_by_user;
use super::console::{ConsoleFinding, ConsoleTail};
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

/// Why an instance that was meant to run is terminated. The console is looked at where EC2's reason does not say more:
/// the instance shut itself down, or for no reason that is known here.
pub fn terminated(reason: Option<&StateReason>, boot: &BootFacts, console: Option<&ConsoleTail>) -> BootFailure {
    let failure = match reasons::find(reason, boot) {
        Some(reason) if reason.stage == BootStage::Instance => {
            by_console(&reason.cause, boot, console).unwrap_or(reason)
        }
        Some(reason) => reason,
        None => {
            let reason = reasons::unknown(reason, boot);
            by_console(&reason.cause, boot, console).unwrap_or(reason)
        }
    };
    with_digest(failure, console)
}

/// Why a running instance does not pass its checks. A failed check of the host or of a volume is what it is whatever
/// the console says, and so is an AMI that the type boots the wrong way.
pub fn impaired(status: &InstanceStatus, boot: &BootFacts, console: Option<&ConsoleTail>) -> BootFailure {
    let failed = checks::failed(status);
    let failure = if failed.failure.stage == BootStage::Instance && failed.is_of_boot {
        wrong_boot_mode(boot).or_else(|| by_console(&failed.failure.cause, boot, console)).unwrap_or(failed.failure)
    } else {
        failed.failure
    };
    with_digest(failure, console)
}

/// What is known of an instance that is not ready in time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Late<'a> {
    /// The last phase that was seen.
    pub last: Option<Phase>,
    /// Why EC2 says that it is in its state.
    pub reason: Option<&'a StateReason>,
    /// Whether EC2 shows it shutting down, so that the reason is that of its end.
    pub is_ending: bool,
    /// Why it was IMPAIRED, if that was the last phase.
    pub impaired: Option<&'a BootFailure>,
    /// Whether its operating system answers: its instance check passes.
    pub is_answering: bool,
}

/// Why an instance is not ready in time.
pub fn timed_out(late: Late<'_>, boot: &BootFacts, console: Option<&ConsoleTail>) -> BootFailure {
    let Late { last, reason, .. } = late;
    let failure = match late {
        Late { is_ending: true, .. } => reasons::find(reason, boot).unwrap_or_else(|| reasons::unknown(reason, boot)),
        // Who or what stopped it says more than that it is stopped; that people did has the same code as their
        // terminating it.
        Late { last: Some(Phase::Stopped), .. } if !reasons::is_by_user(reason) => {
            reasons::find(reason, boot).unwrap_or_else(|| not_ready(last, boot))
        }
        // A host, a volume, a boot mode or an application is what it was, whatever the console says.
        Late { last: Some(Phase::Impaired), impaired: Some(known), is_answering, .. }
            if is_answering || known.stage != BootStage::Instance =>
        {
            let cause = format!("Until the time was over: {}", known.cause);
            return with_digest(failure(&cause, known.stage, &known.remedy), console);
        }
        _ => not_ready(last, boot),
    };
    let failure = match failure.stage {
        BootStage::Instance => {
            wrong_boot_mode(boot).or_else(|| by_console(&failure.cause, boot, console)).unwrap_or(failure)
        }
        _ => failure,
    };
    with_digest(failure, console)
}

fn not_ready(last: Option<Phase>, boot: &BootFacts) -> BootFailure {
    let (cause, stage, remedy) = match last {
        None | Some(Phase::Requested) => (
            "EC2 accepted the launch and has not shown the instance.",
            BootStage::Timeout,
            "Look for the instance in the EC2 console; EC2 may be having a problem in this Region.",
        ),
        Some(Phase::Pending) if boot.root_device_type.as_deref() == Some("instance-store") => (
            "The instance was still pending: its AMI is instance-store-backed, and EC2 was fetching it from S3.",
            BootStage::Timeout,
            "Raise ready_timeout, or use an EBS-backed AMI, which starts sooner.",
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
        Some(Phase::Impaired) => (
            "A status check kept failing until the time was over.",
            BootStage::Instance,
            "Read the console output, then reboot or replace the instance.",
        ),
        Some(Phase::Stopped) => {
            ("The instance was stopped.", BootStage::Ended, "CloudTrail says who stopped it; start it again to go on.")
        }
        Some(Phase::Ready | Phase::Failed | Phase::Terminated | Phase::TimedOut) => {
            ("The time was over.", BootStage::Timeout, "Look at the earlier events of this instance.")
        }
    };
    failure(cause, stage, remedy)
}

/// The failure that the console shows, if it shows one, said after what is known otherwise.
fn by_console(known: &str, boot: &BootFacts, console: Option<&ConsoleTail>) -> Option<BootFailure> {
    let found: &ConsoleFinding = console?.found.as_ref()?;
    let cause = format!("{}: as its console shows, {}.", known.trim_end_matches('.'), found.cause());
    Some(failure(&cause, found.stage(is_mode_declared(boot)), found.remedy()))
}

fn failure(cause: &str, stage: BootStage, remedy: &str) -> BootFailure {
    BootFailure { cause: cause.to_owned(), stage, remedy: remedy.to_owned(), console: None }
}

/// Says which console was there, also where it told nothing: a person may see more in it.
fn with_digest(failure: BootFailure, console: Option<&ConsoleTail>) -> BootFailure {
    BootFailure { console: console.map(|console| console.digest.clone()), ..failure }
}

#[cfg(test)]
mod tests;
