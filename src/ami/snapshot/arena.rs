//! Texts, each stored once and known by a number.
//!
//! Pieces of 64 KiB hold one text after the other, each behind its length; the number of a text is
//! where it begins. While a snapshot is built a table finds texts that are there already; at rest
//! there is no table, because the dictionaries of the index are sorted.

use std::hash::{BuildHasher as _, RandomState};

/// Bytes in a piece. A text that is longer has a piece of its own.
const PIECE_BYTES: usize = 1 << 16;

/// Most pieces, so that numbers have 32 bits: 4 GiB of text, some thirty times a Region's.
const PIECES_MAX: usize = u16::MAX as usize;

/// The number of a text.
pub(super) type Symbol = u32;

/// No text.
pub(super) const NONE: Symbol = u32::MAX;

/// The texts at rest.
#[derive(Debug, Default)]
pub(super) struct Arena {
    pieces: Vec<String>,
}

impl Arena {
    /// The text of a number that [`Interner::intern`] gave.
    #[inline]
    pub(super) fn text(&self, symbol: Symbol) -> &str {
        let piece = &self.pieces[(symbol >> 16) as usize];
        let mut at = (symbol & 0xffff) as usize;
        let bytes = piece.as_bytes();
        let mut length = 0;
        let mut shift = 0;
        // The length is in digits of six bits, the lowest first, all of them ASCII.
        loop {
            let digit = bytes[at] as usize;
            at += 1;
            length |= (digit & 0x3f) << shift;
            shift += 6;
            if digit & 0x40 == 0 {
                break;
            }
        }
        &piece[at..at + length]
    }

    /// The text, or none for [`NONE`].
    #[inline]
    pub(super) fn get(&self, symbol: Symbol) -> Option<&str> {
        (symbol != NONE).then(|| self.text(symbol))
    }

    fn add(&mut self, text: &str) -> Option<Symbol> {
        let room = text.len() + 6;
        let full = |piece: &String| piece.len() + room > PIECE_BYTES;
        if self.pieces.last().is_none_or(full) {
            if self.pieces.len() == PIECES_MAX {
                return None;
            }
            if let Some(last) = self.pieces.last_mut() {
                last.shrink_to_fit();
            }
            self.pieces.push(String::with_capacity(if self.pieces.is_empty() { 256 } else { PIECE_BYTES.max(room) }));
        }
        let number = (self.pieces.len() - 1) << 16;
        let piece = self.pieces.last_mut()?;
        let symbol = number | piece.len();
        let mut length = text.len();
        loop {
            let more = length > 0x3f;
            piece.push(char::from((length & 0x3f) as u8 | if more { 0x40 } else { 0 }));
            length >>= 6;
            if !more {
                break;
            }
        }
        piece.push_str(text);
        Symbol::try_from(symbol).ok()
    }

    fn shrink(&mut self) {
        if let Some(last) = self.pieces.last_mut() {
            last.shrink_to_fit();
        }
        self.pieces.shrink_to_fit();
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let list = self.pieces.capacity() * size_of::<String>();
        list + self.pieces.iter().map(String::capacity).sum::<usize>()
    }
}

/// An arena that takes texts.
#[derive(Debug)]
pub(super) struct Interner {
    arena: Arena,
    /// Open addressing, at most three quarters full; [`NONE`] is a free place.
    table: Vec<Symbol>,
    count: usize,
    /// Keyed, because names of public images are written by anybody.
    hasher: RandomState,
    overflowed: bool,
}

impl Interner {
    /// With room for `count` texts.
    pub(super) fn with_room(count: usize) -> Self {
        let size = (count + count / 2).next_power_of_two().max(64);
        Self {
            arena: Arena::default(),
            table: vec![NONE; size],
            count: 0,
            hasher: RandomState::new(),
            overflowed: false,
        }
    }

    /// The number of a text. [`NONE`] when there is no room for it any more, see
    /// [`Interner::overflowed`].
    pub(super) fn intern(&mut self, text: &str) -> Symbol {
        let place = match self.find(text) {
            Ok(symbol) => return symbol,
            Err(place) => place,
        };
        let Some(symbol) = self.arena.add(text) else {
            self.overflowed = true;
            return NONE;
        };
        self.table[place] = symbol;
        self.count += 1;
        if self.count * 4 > self.table.len() * 3 {
            self.grow();
        }
        symbol
    }

    /// The number of a text that is there.
    pub(super) fn known(&self, text: &str) -> Option<Symbol> {
        self.find(text).ok()
    }

    /// The number of a text that may be absent.
    pub(super) fn option(&mut self, text: Option<&str>) -> Symbol {
        text.map_or(NONE, |text| self.intern(text))
    }

    /// Whether a text found no room, since this was asked last.
    pub(super) fn overflowed(&mut self) -> bool {
        std::mem::take(&mut self.overflowed)
    }

    pub(super) fn arena(&self) -> &Arena {
        &self.arena
    }

    /// How many different texts there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn finish(mut self) -> Arena {
        self.arena.shrink();
        self.arena
    }

    /// The text's number, or the free place where it belongs.
    fn find(&self, text: &str) -> Result<Symbol, usize> {
        let mask = self.table.len() - 1;
        let mut place = self.hasher.hash_one(text) as usize & mask;
        loop {
            match self.table[place] {
                NONE => return Err(place),
                symbol if self.arena.text(symbol) == text => return Ok(symbol),
                _ => place = (place + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        let symbols = std::mem::take(&mut self.table);
        self.table = vec![NONE; symbols.len() * 2];
        for symbol in symbols.into_iter().filter(|symbol| *symbol != NONE) {
            if let Err(place) = self.find(self.arena.text(symbol)) {
                self.table[place] = symbol;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back_and_equal_texts_are_stored_once() {
        let mut interner = Interner::with_room(0);
        let texts: Vec<String> =
            [0, 1, 62, 63, 64, 65, 4095, 4096, 65_530, 65_531, 300_000].map(|length| "é".repeat(length / 2)).to_vec();
        let symbols: Vec<_> = texts.iter().map(|text| interner.intern(text)).collect();
        for number in 0..5000 {
            interner.intern(&format!("text {number}"));
        }
        let arena = interner.arena();
        assert!(texts.iter().zip(&symbols).all(|(text, symbol)| arena.text(*symbol) == text));
        let count = interner.count();
        assert!(texts.iter().zip(&symbols).all(|(text, symbol)| interner.intern(text) == *symbol));
        assert_eq!(interner.count(), count);
        assert!(!interner.overflowed());
    }
}
