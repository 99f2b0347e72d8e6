//! When a launch id was made, and the ids made around a time.
//!
//! Launch ids are UUIDv7 (RFC 9562 section 5.7): the first 48 bits are Unix milliseconds. Ids and
//! decision times agree to within [`LAUNCH_ID_LAG_MAX`], which the writer holds to, so a search
//! by time needs to look only at some ids.

use std::time::Duration;

use jiff::Timestamp;

use crate::ids::LaunchId;

/// A launch id is made at most this long before or after the decision is.
pub const LAUNCH_ID_LAG_MAX: Duration = Duration::from_hours(24);

/// Whether a launch of this id may be decided at `time`.
pub(super) fn agree(id: LaunchId, time: Timestamp) -> bool {
    before(time).is_none_or(|first| first < id) && after(time).is_none_or(|last| id < last)
}

/// An id before those of every launch that is decided at `time` or later.
pub(super) fn before(time: Timestamp) -> Option<LaunchId> {
    Some(bound(time.checked_sub(LAUNCH_ID_LAG_MAX).ok()?, 0x00))
}

/// An id after those of every launch that is decided at `time` or earlier.
pub(super) fn after(time: Timestamp) -> Option<LaunchId> {
    Some(bound(time.checked_add(LAUNCH_ID_LAG_MAX).ok()?, 0xff))
}

fn bound(time: Timestamp, fill: u8) -> LaunchId {
    let millis = u64::try_from(time.as_millisecond()).unwrap_or(0);
    let mut bytes = [fill; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    LaunchId::from_bytes(bytes)
}
