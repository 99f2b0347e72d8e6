//! Why a text is no policy, with the place of each error.

use std::collections::HashSet;
use std::fmt;

/// The most errors that are told at once.
pub const ERRORS_KEPT_MAX: usize = 50;

/// One error in a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyError {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What is wrong there, and what to do if that is known.
    pub message: String,
}

impl PolicyError {
    /// An error at a byte of `text`.
    pub(super) fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, message } = self;
        write!(f, "{line}:{column}: {message}")
    }
}

/// Everything that is wrong with a policy, in the order of the text; at least one error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyErrors {
    errors: Vec<PolicyError>,
    dropped: usize,
}

impl PolicyErrors {
    /// The errors, if there are any.
    pub(super) fn of(mut errors: Vec<PolicyError>) -> Option<Self> {
        let mut seen = HashSet::new();
        errors.retain(|error| seen.insert(error.clone()));
        errors.sort_by_key(|error| (error.line, error.column));
        let dropped = errors.len().saturating_sub(ERRORS_KEPT_MAX);
        errors.truncate(ERRORS_KEPT_MAX);
        (!errors.is_empty()).then_some(Self { errors, dropped })
    }

    pub(super) fn one(error: PolicyError) -> Self {
        Self { errors: vec![error], dropped: 0 }
    }

    /// The first [`ERRORS_KEPT_MAX`] of them.
    pub fn errors(&self) -> &[PolicyError] {
        &self.errors
    }

    /// How many more there are.
    pub fn dropped(&self) -> usize {
        self.dropped
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.errors.iter().enumerate() {
            if position > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{error}")?;
        }
        if self.dropped > 0 {
            write!(f, "; and {} more", self.dropped)?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyErrors {}
