//! What is wrong with a request, all of it, and the small parsers that find out.

use std::fmt;
use std::str::FromStr;

use crate::ids::MalformedId;

/// How many violations of one request are kept; a request of a few megabytes can hold millions.
pub const VIOLATIONS_KEPT_MAX: usize = 64;

/// How many characters of a caller's own text a description quotes.
const QUOTED_CHARS_MAX: usize = 64;

/// What kind of rule a field breaks. The names are part of the contract (common.proto, "Errors").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ViolationReason {
    /// An id without the form of its kind.
    InvalidId,
    /// Any other value that cannot be.
    InvalidField,
    /// A required field that is empty.
    MissingField,
    /// Fields that exclude each other, or one that lacks another.
    ConflictingFields,
    /// Too many, too long or too large.
    LimitExceeded,
    /// A number that is no value of its enum, or a value that means "not given" where one is needed.
    InvalidEnum,
    /// A filter that does not exist or cannot be read.
    InvalidFilter,
    /// An order that cannot be read.
    InvalidOrderBy,
    /// A page token that is not one, or belongs to another request.
    InvalidPageToken,
    /// A negative page size.
    InvalidPageSize,
    /// A time, duration or range that cannot be.
    InvalidTime,
    /// A tag that EC2 or Gantry does not allow.
    InvalidTag,
    /// A policy that does not parse or does not fit the schema.
    InvalidPolicy,
    /// Part of the contract that this version does not do yet.
    NotImplemented,
}

impl ViolationReason {
    /// The reason as it goes over the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidId => "INVALID_ID",
            Self::InvalidField => "INVALID_FIELD",
            Self::MissingField => "MISSING_FIELD",
            Self::ConflictingFields => "CONFLICTING_FIELDS",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::InvalidEnum => "INVALID_ENUM",
            Self::InvalidFilter => "INVALID_FILTER",
            Self::InvalidOrderBy => "INVALID_ORDER_BY",
            Self::InvalidPageToken => "INVALID_PAGE_TOKEN",
            Self::InvalidPageSize => "INVALID_PAGE_SIZE",
            Self::InvalidTime => "INVALID_TIME",
            Self::InvalidTag => "INVALID_TAG",
            Self::InvalidPolicy => "INVALID_POLICY",
            Self::NotImplemented => "NOT_IMPLEMENTED",
        }
    }
}

/// One rule that one field breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field, as a path in the request: `spec.placements[2].subnet_id`.
    pub field: String,
    /// The kind of rule.
    pub reason: ViolationReason,
    /// What is wrong and what would be right, for a person.
    pub description: String,
}

/// Everything that is wrong with a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations {
    kept: Vec<Violation>,
    dropped: usize,
}

impl Violations {
    /// Nothing wrong so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// The violations, in the order of the request's fields; at most [`VIOLATIONS_KEPT_MAX`].
    pub fn kept(&self) -> &[Violation] {
        &self.kept
    }

    /// How many more there were.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// Whether the request is in order.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Adds one.
    pub fn add(&mut self, field: impl Into<String>, reason: ViolationReason, description: impl Into<String>) {
        if self.kept.len() < VIOLATIONS_KEPT_MAX {
            self.kept.push(Violation { field: field.into(), reason, description: description.into() });
        } else {
            self.dropped += 1;
        }
    }

    /// `value`, if nothing was wrong.
    ///
    /// # Errors
    /// Everything that was.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            Some(_) => Err(self),
            None => {
                if self.is_empty() {
                    self.add("", ViolationReason::InvalidField, "the request cannot be read");
                }
                Err(self)
            }
        }
    }

    /// An id that must be given.
    pub fn required_id<T>(&mut self, field: &str, text: &str) -> Option<T>
    where
        T: FromStr<Err = MalformedId>,
    {
        if text.is_empty() {
            self.missing(field);
            return None;
        }
        self.optional_id(field, text)
    }

    /// An id that may be empty.
    pub fn optional_id<T>(&mut self, field: &str, text: &str) -> Option<T>
    where
        T: FromStr<Err = MalformedId>,
    {
        if text.is_empty() {
            return None;
        }
        match text.parse() {
            Ok(id) => Some(id),
            Err(MalformedId { kind, expected }) => {
                self.add(
                    field,
                    ViolationReason::InvalidId,
                    format!("{} is not a valid {kind}: expected {expected}", quoted(text)),
                );
                None
            }
        }
    }

    /// A list of ids, at most `max` of them, each once.
    pub fn ids<T>(&mut self, field: &str, texts: &[String], max: usize) -> Vec<T>
    where
        T: FromStr<Err = MalformedId> + PartialEq,
    {
        let mut ids: Vec<T> = Vec::with_capacity(texts.len().min(max));
        if !self.at_most(field, texts.len(), max) {
            return ids;
        }
        for (index, text) in texts.iter().enumerate() {
            let field = format!("{field}[{index}]");
            if let Some(id) = self.required_id(&field, text) {
                if ids.contains(&id) {
                    self.add(field, ViolationReason::InvalidField, format!("{} is given twice", quoted(text)));
                } else {
                    ids.push(id);
                }
            }
        }
        ids
    }

    /// Whether a list of `count` entries is within `max`.
    pub fn at_most(&mut self, field: &str, count: usize, max: usize) -> bool {
        if count > max {
            self.add(field, ViolationReason::LimitExceeded, format!("{count} entries; at most {max} are accepted"));
        }
        count <= max
    }

    /// Whether `text` has at most `max` characters and none of control.
    pub fn text(&mut self, field: &str, text: &str, max: usize) -> bool {
        let count = text.chars().count();
        if count > max {
            self.add(field, ViolationReason::LimitExceeded, format!("{count} characters; at most {max} are accepted"));
            return false;
        }
        if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            self.add(field, ViolationReason::InvalidField, "control characters are not accepted");
            return false;
        }
        true
    }

    /// A word that must be one of `words`.
    pub fn one_of(&mut self, field: &str, text: &str, words: &[&str]) -> bool {
        let known = words.contains(&text);
        if !known {
            self.add(
                field,
                ViolationReason::InvalidField,
                format!("{} is not accepted: expected {}", quoted(text), words.join(", ")),
            );
        }
        known
    }

    /// The value of an enum for its number.
    pub fn enumeration<E: TryFrom<i32>>(&mut self, field: &str, number: i32) -> Option<E> {
        let value = E::try_from(number).ok();
        if value.is_none() {
            self.add(field, ViolationReason::InvalidEnum, format!("{number} is not a value of this enum"));
        }
        value
    }

    /// Notes that a required field is empty.
    pub fn missing(&mut self, field: &str) {
        self.add(field, ViolationReason::MissingField, "required");
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kept.as_slice() {
            [] => f.write_str("nothing is wrong"),
            [one] if one.field.is_empty() => f.write_str(&one.description),
            [one] => write!(f, "{}: {}", one.field, one.description),
            [first, rest @ ..] => {
                write!(f, "{}: {}; and {} more", first.field, first.description, rest.len() + self.dropped)
            }
        }
    }
}

impl std::error::Error for Violations {}

/// A caller's text as a description may quote it: short, and without anything that a terminal
/// would act on.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(QUOTED_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(QUOTED_CHARS_MAX).is_some() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ImageId;

    #[test]
    fn ids_name_every_bad_entry_and_every_repetition() {
        let mut violations = Violations::new();
        let texts = ["ami-f8e54081", "ami-f8e54081", "", "AMI-1"].map(str::to_owned);
        let ids: Vec<ImageId> = violations.ids("image_ids", &texts, 10);
        assert_eq!(ids.len(), 1);
        let seen: Vec<_> = violations.kept().iter().map(|v| (v.field.as_str(), v.reason)).collect();
        assert_eq!(
            seen,
            [
                ("image_ids[1]", ViolationReason::InvalidField),
                ("image_ids[2]", ViolationReason::MissingField),
                ("image_ids[3]", ViolationReason::InvalidId),
            ]
        );
    }

    #[test]
    fn a_flood_of_violations_is_bounded_and_counted() {
        let mut violations = Violations::new();
        for number in 0..1000 {
            violations.missing(&format!("f[{number}]"));
        }
        assert_eq!((violations.kept().len(), violations.dropped()), (VIOLATIONS_KEPT_MAX, 1000 - VIOLATIONS_KEPT_MAX));
        assert_eq!(violations.to_string(), "f[0]: required; and 999 more");
    }

    #[test]
    fn a_quotation_is_short_and_harmless() {
        assert_eq!(quoted("a\u{1b}[31m\"b"), r#""a\u{1b}[31m\"b""#);
        assert_eq!(quoted(&"x".repeat(1000)).chars().count(), QUOTED_CHARS_MAX + 3);
    }
}
