//! One image in the table: what nearly every image has of its own, at a fixed size.
//!
//! Words that many images share (owner, architecture, state and so on) are one [`Shape`], devices
//! without their snapshots one [`Device`]; a Region of 150,000 images has a few thousand of either.
//! What is left is a record of numbers, see `encode`.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::arena::Symbol;
use crate::ids::ImageId;

/// The location is alias, slash and name, as EC2 makes it for images on EBS.
pub(super) const LOCATION_BY_ALIAS: Symbol = u32::MAX - 1;

/// The location is owner, slash and name.
pub(super) const LOCATION_BY_OWNER: Symbol = u32::MAX - 2;

/// The total volume size is not known.
pub(super) const SIZE_UNKNOWN: u64 = u64::MAX;

/// How many words of text a shape has, and after them one of flags.
pub(super) const SHAPE_TEXTS: usize = 20;

/// The words that many images have in common, in the order of `encode::shape_texts`, and four flags
/// of two bits each.
pub(super) type Shape = [u32; SHAPE_TEXTS + 1];

/// How many words of text a device has, and after them five numbers and the flags.
pub(super) const DEVICE_TEXTS: usize = 7;

/// A block device without the id of its snapshot, in the order of `encode::device`.
pub(super) type Device = [u32; DEVICE_TEXTS + 6];

/// A moment to the nanosecond, or none, in twelve bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) second: i64,
    /// Always counted upwards; [`Moment::ABSENT_NANOSECOND`] where there is no moment.
    pub(super) nanosecond: u32,
}

impl Moment {
    pub(super) const ABSENT_NANOSECOND: u32 = u32::MAX;

    pub(super) fn new(time: Option<Timestamp>) -> Self {
        let Some(time) = time else { return Self { second: 0, nanosecond: Self::ABSENT_NANOSECOND } };
        // jiff counts both parts away from the epoch; upwards the parts compare like the whole.
        match u32::try_from(time.subsec_nanosecond()) {
            Ok(nanosecond) => Self { second: time.as_second(), nanosecond },
            Err(_) => Self {
                second: time.as_second() - 1,
                nanosecond: (1_000_000_000 + time.subsec_nanosecond()).unsigned_abs(),
            },
        }
    }

    pub(super) fn time(self) -> Option<Timestamp> {
        if self.nanosecond == Self::ABSENT_NANOSECOND {
            return None;
        }
        let (second, nanosecond) = if self.second < 0 && self.nanosecond > 0 {
            (self.second + 1, self.nanosecond.cast_signed() - 1_000_000_000)
        } else {
            (self.second, self.nanosecond.cast_signed())
        };
        Timestamp::new(second, nanosecond).ok()
    }

    /// Whole milliseconds since the epoch, rounded down as EC2's texts are.
    pub(super) fn millisecond(self) -> Option<i64> {
        (self.nanosecond != Self::ABSENT_NANOSECOND)
            .then(|| self.second * 1000 + i64::from(self.nanosecond / 1_000_000))
    }
}

/// An image id in nine bytes that compare as the texts do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PackedId {
    /// The first sixteen digits; a short id ends in zeros.
    pub(super) high: u64,
    /// 0 for a short id, otherwise 1 and the seventeenth digit.
    pub(super) low: u8,
}

impl PackedId {
    pub(super) fn new(id: &ImageId) -> Self {
        let digits = id.as_str().strip_prefix("ami-").unwrap_or_default();
        let mut number = 0u128;
        for digit in digits.chars() {
            number = number << 4 | u128::from(digit.to_digit(16).unwrap_or(0));
        }
        if digits.len() == 8 {
            Self { high: (number as u64) << 32, low: 0 }
        } else {
            Self { high: (number >> 4) as u64, low: 1 + (number & 0xf) as u8 }
        }
    }

    /// Calls `with` with the id's text.
    pub(super) fn with_text<R>(self, with: impl FnOnce(&str) -> R) -> R {
        let mut text = *b"ami-00000000000000000";
        for (place, digit) in text[4..20].iter_mut().enumerate() {
            *digit = hex_digit((self.high >> (60 - 4 * place)) as u8 & 0xf);
        }
        text[20] = hex_digit(self.low.saturating_sub(1));
        let length = if self.low == 0 { 12 } else { 21 };
        with(std::str::from_utf8(&text[..length]).unwrap_or_default())
    }
}

fn hex_digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

/// One image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) id_high: u64,
    pub(super) total_gib: u64,
    pub(super) created_second: i64,
    pub(super) deprecated_second: i64,
    pub(super) launched_second: i64,
    pub(super) created_nanosecond: u32,
    pub(super) deprecated_nanosecond: u32,
    pub(super) launched_nanosecond: u32,
    pub(super) shape: u32,
    pub(super) name: Symbol,
    pub(super) description: Symbol,
    pub(super) location: Symbol,
    /// Where its record begins.
    pub(super) record: u32,
    pub(super) id_low: u8,
}

impl Row {
    pub(super) fn id(&self) -> PackedId {
        PackedId { high: self.id_high, low: self.id_low }
    }

    pub(super) fn created(&self) -> Moment {
        Moment { second: self.created_second, nanosecond: self.created_nanosecond }
    }

    pub(super) fn deprecated(&self) -> Moment {
        Moment { second: self.deprecated_second, nanosecond: self.deprecated_nanosecond }
    }

    pub(super) fn launched(&self) -> Moment {
        Moment { second: self.launched_second, nanosecond: self.launched_nanosecond }
    }

    /// The order that images are numbered in: newest first, without a date last, then by id.
    pub(super) fn newest_first(&self, other: &Self) -> Ordering {
        let key = |row: &Self| {
            let created = row.created();
            let absent = created.nanosecond == Moment::ABSENT_NANOSECOND;
            (absent, std::cmp::Reverse((created.second, created.nanosecond)), row.id())
        };
        key(self).cmp(&key(other))
    }
}
