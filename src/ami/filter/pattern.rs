//! Values with wildcards, as EC2 documents them: `*` stands for any number of characters, `?` for
//! none or one, and a backslash takes the meaning from the character after it (EC2 User Guide,
//! "List and filter using the CLI and API", 2026-04). That `?` may stand for nothing differs from
//! shell patterns; it is what EC2 says, and has not been measured against it.
//!
//! A pattern is taken apart once. What stands before its first wildcard and after its last is
//! compared, texts between stars are looked for from left to right, and only what has a `?` in it
//! needs [`Automaton`]. Matching allocates nothing.

mod automaton;
mod signature;

use std::fmt;

use automaton::Automaton;
pub(in crate::ami) use signature::Signature;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Literal(char),
    AnyNumber,
    NoneOrOne,
}

/// A filter value, ready to be matched. Matching is case-sensitive and by characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// None where the text has no special character, so that comparing is enough.
    special: Option<Special>,
    signature: Signature,
}

/// A pattern with wildcards or escapes, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Special {
    /// Before the first wildcard, without escapes.
    prefix: String,
    /// From the first wildcard to the last; none where there is no wildcard.
    middle: Option<Middle>,
    /// After the last wildcard, without escapes.
    suffix: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Middle {
    /// Stars only, and the texts between them.
    Stars(Vec<String>),
    /// With a `?` in it.
    Automaton(Box<Automaton>),
}

impl Pattern {
    /// Reads a value. Every text is a pattern; a backslash at the end stands for itself.
    pub fn new(text: &str) -> Self {
        if !text.contains(['*', '?', '\\']) {
            return Self { text: text.to_owned(), special: None, signature: Signature::of(text) };
        }
        let parts = read(text);
        let is_wildcard = |part: &Part| !matches!(part, Part::Literal(_));
        let first = parts.iter().position(is_wildcard).unwrap_or(parts.len());
        let last = parts.iter().rposition(is_wildcard).map_or(parts.len(), |last| last + 1);
        let middle = &parts[first..last];
        let special =
            Special { prefix: literals(&parts[..first]), middle: take_apart(middle), suffix: literals(&parts[last..]) };
        let texts = parts.split(is_wildcard).map(literals);
        let signature = texts.fold(Signature::default(), |signature, text| signature.and(Signature::of(&text)));
        Self { text: text.to_owned(), special: Some(special), signature }
    }

    /// The value as the caller wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The only text that matches, if there is only one.
    pub(in crate::ami) fn exact(&self) -> Option<&str> {
        match &self.special {
            None => Some(&self.text),
            Some(special) => special.middle.is_none().then_some(special.prefix.as_str()),
        }
    }

    /// What every text that matches begins with.
    pub(in crate::ami) fn prefix(&self) -> &str {
        self.special.as_ref().map_or(&self.text, |special| &special.prefix)
    }

    /// Whether every text that begins with [`Pattern::prefix`] matches.
    pub(in crate::ami) fn is_prefix_only(&self) -> bool {
        self.special.as_ref().is_some_and(|special| {
            special.suffix.is_empty() && matches!(&special.middle, Some(Middle::Stars(texts)) if texts.is_empty())
        })
    }

    /// Texts that every text that matches holds, in this order and apart from each other.
    pub(in crate::ami) fn texts(&self) -> impl Iterator<Item = &str> {
        let (prefix, middle, suffix) = match &self.special {
            None => (self.text.as_str(), &[][..], ""),
            Some(Special { prefix, middle, suffix }) => match middle {
                None => (prefix.as_str(), &[][..], ""),
                Some(Middle::Stars(texts)) => (prefix.as_str(), texts.as_slice(), suffix.as_str()),
                Some(Middle::Automaton(automaton)) => (prefix.as_str(), automaton.texts(), suffix.as_str()),
            },
        };
        std::iter::once(prefix).chain(middle.iter().map(String::as_str)).chain([suffix])
    }

    /// Whether the whole of `value` matches.
    ///
    /// Time is at most the product of both lengths, which the limits on requests bound: no
    /// pattern makes it exponential.
    pub fn matches(&self, value: &str) -> bool {
        let Some(special) = &self.special else { return self.text == value };
        let Some(rest) = value.strip_prefix(special.prefix.as_str()) else { return false };
        let Some(middle) = &special.middle else { return rest.is_empty() };
        let Some(rest) = rest.strip_suffix(special.suffix.as_str()) else { return false };
        match middle {
            Middle::Stars(texts) => in_order(texts, rest),
            Middle::Automaton(automaton) => automaton.matches(rest),
        }
    }

    /// The same for a value whose signature is known, which rules most values out at once.
    pub(in crate::ami) fn matches_signed(&self, value: &str, signature: Signature) -> bool {
        signature.may_hold(self.signature) && self.matches(value)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The earliest place of each text leaves the most room for the next, so no other need be tried.
fn in_order(texts: &[String], value: &str) -> bool {
    let mut rest = value.as_bytes();
    for text in texts {
        match find(rest, text.as_bytes()) {
            Some(at) => rest = &rest[at + text.len()..],
            None => return false,
        }
    }
    true
}

/// Values are short, so looking for the first byte beats a search that has to be prepared.
fn find(value: &[u8], text: &[u8]) -> Option<usize> {
    let (first, rest) = text.split_first()?;
    let last = value.len().checked_sub(text.len())?;
    let mut at = 0;
    while at <= last {
        at += value[at..=last].iter().position(|byte| byte == first)?;
        if value[at + 1..].starts_with(rest) {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn take_apart(middle: &[Part]) -> Option<Middle> {
    if middle.is_empty() {
        return None;
    }
    if middle.contains(&Part::NoneOrOne) {
        return Some(Middle::Automaton(Box::new(Automaton::new(middle))));
    }
    let texts = middle.split(|part| *part == Part::AnyNumber).map(literals);
    Some(Middle::Stars(texts.filter(|text| !text.is_empty()).collect()))
}

fn literals(parts: &[Part]) -> String {
    let literal = |part: &Part| match part {
        Part::Literal(character) => Some(*character),
        Part::AnyNumber | Part::NoneOrOne => None,
    };
    parts.iter().filter_map(literal).collect()
}

fn read(text: &str) -> Vec<Part> {
    let mut characters = text.chars();
    let mut parts = Vec::with_capacity(text.len());
    while let Some(character) = characters.next() {
        let part = match character {
            '*' => Part::AnyNumber,
            '?' => Part::NoneOrOne,
            '\\' => Part::Literal(characters.next().unwrap_or('\\')),
            literal => Part::Literal(literal),
        };
        // A run of wildcards with `*` in it is the same as `*`, because `?` may stand for nothing.
        // Keeping only that makes the work small that `?*?*?*` would be for every character.
        match part {
            Part::AnyNumber => {
                while parts.last().is_some_and(|last| *last == Part::NoneOrOne) {
                    parts.pop();
                }
                if parts.last() != Some(&Part::AnyNumber) {
                    parts.push(part);
                }
            }
            Part::NoneOrOne if parts.last() == Some(&Part::AnyNumber) => {}
            Part::NoneOrOne | Part::Literal(_) => parts.push(part),
        }
    }
    parts
}

#[cfg(test)]
mod tests;
