//! A text that mostly needs no memory of its own.
//!
//! A Region has over a hundred thousand images, and each is classified with some twenty observed
//! values: words of ours, and short words of EC2's such as `uefi-preferred` or an account id. Those
//! lie in the value itself; only what is longer is allocated.

use std::fmt;
use std::ops::Deref;

use serde::{Serialize, Serializer};

/// Bytes of a text that lie in the value itself: as many as make it no larger than a `String`.
const INLINE_BYTES_MAX: usize = 22;

/// An immutable text of any length, as large as a `String`.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Static(&'static str),
    Inline { length: u8, bytes: [u8; INLINE_BYTES_MAX] },
    Heap(Box<str>),
}

impl Text {
    /// A text of the program's own.
    pub const fn fixed(text: &'static str) -> Self {
        Self(Repr::Static(text))
    }

    /// A copy of any text.
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; INLINE_BYTES_MAX];
        match bytes.get_mut(..text.len()) {
            Some(part) => {
                part.copy_from_slice(text.as_bytes());
                Self(Repr::Inline { length: text.len() as u8, bytes })
            }
            None => Self(Repr::Heap(text.into())),
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Repr::Static(text) => text,
            // It was a `str` when it was put in, so there is always one to take out.
            Repr::Inline { length, bytes } => {
                bytes.get(..usize::from(*length)).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
            }
            Repr::Heap(text) => text,
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        if text.len() <= INLINE_BYTES_MAX { Self::new(&text) } else { Self(Repr::Heap(text.into())) }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_length_comes_out_as_it_went_in_and_equality_is_that_of_the_words() {
        assert_eq!(size_of::<Text>(), size_of::<String>());
        for text in ["", "ebs", "1234567890123456789012", "12345678901234567890123", "ümläut", "１２３４５６７８"]
        {
            assert_eq!(&*Text::new(text), text);
            assert_eq!(Text::from(text.to_owned()), Text::new(text));
        }
        assert_eq!(Text::fixed("ebs"), Text::new("ebs"));
        assert_ne!(Text::fixed("ebs"), Text::new("ebt"));
    }
}
