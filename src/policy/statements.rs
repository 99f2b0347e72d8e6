//! Where each policy of a text begins. Cedar numbers them and does not say.

use std::ops::Range;

/// A piece of the text that matters to its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// An opening bracket of any kind.
    Open,
    /// A closing one.
    Close,
    /// The end of a policy.
    End,
    /// A run of characters that may be part of a word.
    Word,
    /// A string.
    Text,
    /// Any other character.
    Sign(u8),
}

/// The pieces of a text with their places; white space and comments are left out. A string that does not end
/// reaches to the end of the text.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = (Piece, Range<usize>)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at;
            let byte = *bytes.get(start)?;
            at += 1;
            let piece = match byte {
                b'/' if bytes.get(at) == Some(&b'/') => {
                    at = end_of(bytes, at, |byte| byte == b'\n');
                    continue;
                }
                _ if byte.is_ascii_whitespace() => continue,
                b'"' => {
                    at = end_of_string(bytes, at);
                    Piece::Text
                }
                b'(' | b'[' | b'{' => Piece::Open,
                b')' | b']' | b'}' => Piece::Close,
                b';' => Piece::End,
                _ if is_of_word(byte) => {
                    at = end_of(bytes, at, |byte| !is_of_word(byte));
                    Piece::Word
                }
                _ => Piece::Sign(byte),
            };
            return Some((piece, start..at));
        }
    })
}

/// The byte at which each policy begins, in the order of the text.
pub(super) fn starts(text: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut between = true;
    for (piece, place) in pieces(text) {
        if between {
            starts.push(place.start);
        }
        between = piece == Piece::End;
    }
    starts
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn end_of(bytes: &[u8], from: usize, ends: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|byte| ends(*byte)).map_or(bytes.len(), |length| from + length)
}

fn end_of_string(bytes: &[u8], from: usize) -> usize {
    let mut escaped = false;
    for (position, byte) in bytes[from..].iter().enumerate() {
        match byte {
            b'"' if !escaped => return from + position + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    bytes.len()
}
