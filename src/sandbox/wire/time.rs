//! Times as EC2 writes them in its answers: UTC, with three digits of fractions.

use crate::clock::Timestamp;

/// A time as EC2 writes it in images: `2026-09-30T18:04:25.000Z`.
pub(crate) fn millis(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// A time as EC2 writes it in instances: in the same form, but whole seconds.
pub(crate) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}
