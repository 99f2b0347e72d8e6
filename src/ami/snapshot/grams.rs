//! Where in a big dictionary a text can be at all: for patterns that begin with a wildcard.
//!
//! The dictionary is cut into blocks of 64 values. Every three and every four bytes in a row fall
//! into one of 8192 classes, and for each class there is a bit for every block that holds it. What
//! a pattern asks for lies in the blocks that have all its classes; they are looked at, and the
//! others are not. Four bytes tell dates apart, which three do not. It takes 16 bytes for each
//! value, whatever the values are.

use std::ops::Range;

use crate::ami::filter::Pattern;

/// Values in a block.
const BLOCK: usize = 64;

const CLASSES: usize = 1 << CLASS_BITS;
const CLASS_BITS: u32 = 13;

/// A smaller dictionary is looked through as fast. Tests have small ones.
const VALUES_MIN: usize = if cfg!(test) { 64 } else { 8192 };

/// Which blocks hold which bytes in a row.
#[derive(Debug)]
pub(super) struct Grams {
    values: u32,
    /// Words in the row of each class.
    words: usize,
    rows: Vec<u64>,
}

impl Grams {
    /// Over a dictionary of so many values, whose texts `write` gives to what it is passed; none if
    /// it is too small.
    pub(super) fn new(values: u32, mut text: impl FnMut(u32, &mut dyn FnMut(&str))) -> Option<Self> {
        let count = values as usize;
        if count < VALUES_MIN {
            return None;
        }
        let words = count.div_ceil(BLOCK).div_ceil(64);
        let mut rows = vec![0u64; CLASSES * words];
        for value in 0..values {
            let block = value as usize / BLOCK;
            text(value, &mut |text| {
                classes(text).for_each(|class| rows[class * words + block / 64] |= 1 << (block % 64));
            });
        }
        Some(Self { values, words, rows })
    }

    /// The parts of `within` where values can match, joined where they touch.
    pub(super) fn ranges(&self, pattern: &Pattern, within: Range<u32>, mut each: impl FnMut(Range<u32>)) {
        let mut blocks = vec![u64::MAX; self.words];
        for class in pattern.texts().flat_map(classes) {
            let row = &self.rows[class * self.words..(class + 1) * self.words];
            blocks.iter_mut().zip(row).for_each(|(block, row)| *block &= row);
        }
        let mut open: Option<Range<u32>> = None;
        for block in 0..self.values.div_ceil(BLOCK as u32) {
            let values = (block * BLOCK as u32).max(within.start)..((block + 1) * BLOCK as u32).min(within.end);
            let holds = blocks[block as usize / 64] >> (block % 64) & 1 != 0;
            if !holds || values.is_empty() {
                continue;
            }
            match &mut open {
                Some(open) if open.end == values.start => open.end = values.end,
                _ => {
                    if let Some(done) = open.replace(values) {
                        each(done);
                    }
                }
            }
        }
        if let Some(done) = open {
            each(done);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.rows.capacity() * size_of::<u64>()
    }
}

fn classes(text: &str) -> impl Iterator<Item = usize> {
    let grams = [3, 4].into_iter().flat_map(|length| text.as_bytes().windows(length));
    grams.map(|bytes| {
        let number = bytes.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte));
        (number.wrapping_mul(0x9e37_79b1) >> (32 - CLASS_BITS)) as usize
    })
}
