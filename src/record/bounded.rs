//! How much of what EC2 says a record has room for. Pure.
//!
//! The log takes a record that is a line of JSON of at most 60 KiB. One that does not fit is not written, and its launch
//! or its instance would be stuck where it is. So texts are measured as JSON writes them: a control character takes six
//! bytes there. What takes most are 21 events of an instance, of some 1.8 KiB; beside them there are the names of a
//! place, the words of checks, a reason, and the explanation of a failure, which repeats a few hundred bytes of EC2's at
//! most.

/// The most of a name, an id, an address or a word, in bytes of JSON. EC2's longest are DNS names of at most 253
/// characters (RFC 1035).
const NAME_BYTES_MAX: usize = 256;

/// The most of a sentence of EC2's, in bytes of JSON; its reasons and descriptions have some 100 to 300.
const SENTENCE_BYTES_MAX: usize = 1_024;

/// Scheduled events of one instance that are told and recorded, beside a Spot interruption.
pub const EVENTS_MAX: usize = 20;

/// A name, an id, an address or a word.
pub fn name(text: &str) -> String {
    beginning(text, NAME_BYTES_MAX).to_owned()
}

/// A sentence.
pub fn sentence(text: &str) -> String {
    beginning(text, SENTENCE_BYTES_MAX).to_owned()
}

/// The beginning of a text that takes at most `max` bytes in JSON.
fn beginning(text: &str, max: usize) -> &str {
    let mut taken = 0;
    let end = text.char_indices().find(|(_, char)| {
        taken += json_bytes(*char);
        max < taken
    });
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

/// How long JSON writes a character, at most.
fn json_bytes(char: char) -> usize {
    match char {
        '"' | '\\' => 2,
        '\0'..='\u{1f}' => 6,
        _ => char.len_utf8(),
    }
}
