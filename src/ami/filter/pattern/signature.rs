//! Which bytes and pairs of bytes a text holds, in 128 bits.

/// What a text holds. Two texts may share a bit, so it can say no for certain and yes only perhaps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::ami) struct Signature {
    bytes: u64,
    pairs: u64,
}

impl Signature {
    /// The signature of a text.
    pub(in crate::ami) fn of(text: &str) -> Self {
        let mut signature = Self::default();
        let mut before = None;
        for &byte in text.as_bytes() {
            signature.bytes |= 1 << (byte & 63);
            if let Some(before) = before {
                let pair = u32::from(before) << 8 | u32::from(byte);
                signature.pairs |= 1 << (pair.wrapping_mul(0x9e37_79b1) >> 26);
            }
            before = Some(byte);
        }
        signature
    }

    /// What is in either.
    pub(super) fn and(self, other: Self) -> Self {
        Self { bytes: self.bytes | other.bytes, pairs: self.pairs | other.pairs }
    }

    /// Whether a text of this signature may hold all that `wanted` stands for.
    pub(super) fn may_hold(self, wanted: Self) -> bool {
        wanted.bytes & !self.bytes == 0 && wanted.pairs & !self.pairs == 0
    }
}
