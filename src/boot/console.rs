//! What the console of an instance ends with: its last lines without secrets, and what they say of the boot. Pure.
//!
//! EC2 keeps the last 64 KiB of a serial console (GetConsoleOutput). Of that, at most 4 KiB are shown to people, and
//! the log gets neither: it has the digest of what was shown and, in a failure's cause, this program's own words.
//! Secrets are masked over the whole text before it is cut, so that a key which begins above the cut is masked too.
//! Masking finds what it knows, by name and by shape, so the tail is kept apart, for a time, and never among the records.

mod finding;
mod mask;
mod named;
mod signs;
mod text;

use std::fmt;

pub use finding::{ConsoleFinding, Symptom};

use crate::ec2::facts::ConsoleOutput;
use crate::ids::Sha256Digest;
use crate::record::ConsoleDigest;

/// The most of a console that is shown, in bytes of UTF-8.
pub const TAIL_BYTES_MAX: usize = 4 * 1024;

/// The most of a console that is read, in bytes: twice what EC2 keeps.
const READ_BYTES_MAX: usize = 128 * 1024;

/// The end of a console, as it may be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ConsoleTail {
    /// Its last lines: at most [`TAIL_BYTES_MAX`], from the beginning of a line where there is one, secrets masked,
    /// lines ended by `\n`, without other control characters.
    pub text: String,
    /// Which text that is; this is what the log gets.
    pub digest: ConsoleDigest,
    /// What the whole console says of how its last boot went wrong, if it says so.
    pub found: Option<ConsoleFinding>,
}

impl ConsoleTail {
    /// The tail of what EC2 has of a console; none where that is nothing, as in the first minutes of an instance.
    pub fn of(output: &ConsoleOutput) -> Option<Self> {
        let plain = text::plain(text::end(&output.text, READ_BYTES_MAX));
        // Before it is masked: a panic may stand on a line whose rest is, and nothing is taken over but names from lists.
        let found = signs::read(&plain);
        let masked = mask::mask(&plain);
        let text = text::tail(&masked, TAIL_BYTES_MAX);
        if text.is_empty() {
            return None;
        }
        let digest =
            ConsoleDigest { sha256: Sha256Digest::of(text.as_bytes()), bytes: text.len() as u64, taken: output.taken };
        Some(Self { text, digest, found })
    }
}

/// Without the text, which is not for the process's log.
impl fmt::Debug for ConsoleTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleTail").field("digest", &self.digest).field("found", &self.found).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
