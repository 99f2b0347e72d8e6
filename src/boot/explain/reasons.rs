//! EC2's reason for the end of an instance.
//!
//! It has a code and a message that can disagree: the documented example is code `Server.InternalError` with the
//! message `Client.VolumeLimitExceeded: Volume limit exceeded` (EC2 User Guide, "Troubleshoot instance termination").
//! So what says more is believed first: a particular code in the message, a known phrase in it, a particular code, and
//! last the two internal errors, of which the message's is believed before the code's.

use super::phrases;
use super::table::{INTERNAL, REASONS, Row};
use super::{BootFacts, failure};
use crate::ec2::facts::StateReason;
use crate::record::{BootFailure, BootStage};

/// Bytes of EC2's own words that an explanation repeats; the record has all of them beside it.
const QUOTED_BYTES_MAX: usize = 300;

/// What is known of the reason; none where nothing of it is known.
pub(super) fn find(reason: Option<&StateReason>, boot: &BootFacts) -> Option<BootFailure> {
    let code = reason.and_then(|reason| reason.code.as_deref()).unwrap_or_default();
    let message = reason.and_then(|reason| reason.message.as_deref()).unwrap_or_default();
    let row = named_in(message, REASONS)
        .or_else(|| phrases::find(message))
        .or_else(|| named(code, REASONS))
        .or_else(|| named_in(message, INTERNAL))
        .or_else(|| named(code, INTERNAL))?;
    let found = failure(row.cause, row.stage, row.remedy);
    if row.stage == BootStage::System && is_from_s3(boot) {
        return Some(BootFailure { remedy: format!("{} {FROM_S3}", row.remedy), ..found });
    }
    Some(found)
}

/// Whether people stopped or terminated it: EC2 has one code for both (EC2 API Reference, `StateReason`).
pub(in crate::boot) fn is_by_user(reason: Option<&StateReason>) -> bool {
    reason.and_then(|reason| reason.code.as_deref()) == Some("Client.UserInitiatedShutdown")
}

/// A part of an image in S3 that is missing has no code of its own (EC2 User Guide, "Instance terminates immediately").
const FROM_S3: &str = "The AMI is instance-store-backed: check that every part of it is still in its S3 bucket.";

/// What is said of a reason that is not known: its own words.
pub(super) fn unknown(reason: Option<&StateReason>, boot: &BootFacts) -> BootFailure {
    let code = reason.and_then(|reason| reason.code.as_deref()).map(quoted).unwrap_or_default();
    let message = reason.and_then(|reason| reason.message.as_deref()).map(quoted).unwrap_or_default();
    let said = match (code, message) {
        ("", "") => "EC2 gave no reason".to_owned(),
        (code, "") => format!("EC2 says {code}"),
        ("", message) => format!("EC2 says: {message}"),
        (code, message) => format!("EC2 says {code}: {message}"),
    };
    let remedy = if is_from_s3(boot) {
        "Check that every part of the AMI is still in its S3 bucket, then launch again."
    } else {
        "Look at the instance's state reason and console output, then launch again."
    };
    failure(&format!("The instance was terminated before it was ready. {said}."), BootStage::Unknown, remedy)
}

fn is_from_s3(boot: &BootFacts) -> bool {
    boot.root_device_type.as_deref() == Some("instance-store")
}

fn quoted(text: &str) -> &str {
    text[..text.floor_char_boundary(QUOTED_BYTES_MAX)].trim_end_matches('.')
}

/// The row of a code. RunInstances answers some codes without the side (`Client.`, `Server.`) that a state reason has.
fn named<'a>(code: &str, rows: &'a [Row]) -> Option<&'a Row> {
    let bare = |code: &str| -> String {
        code.strip_prefix("Client.").or_else(|| code.strip_prefix("Server.")).unwrap_or(code).to_owned()
    };
    rows.iter()
        .find(|row| row.code == code)
        .or_else(|| rows.iter().find(|row| !row.needs_side && bare(row.code) == bare(code)))
}

/// The row of the first code that a message names: before a colon, in brackets, or in a sentence.
fn named_in<'a>(message: &str, rows: &'a [Row]) -> Option<&'a Row> {
    message
        .split(|char: char| !(char.is_ascii_alphanumeric() || char == '.' || char == '_'))
        .map(|word| word.trim_matches('.'))
        .filter(|word| !word.is_empty())
        .find_map(|word| named(word, rows))
}
