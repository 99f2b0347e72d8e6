//! How rules answer: one body of code for the whole finding and for its outcome alone.
//!
//! A rule is generic over its [`Answer`] and hands its texts over as a closure. Where only the
//! outcome is wanted the closure is never called, so a Region's types are judged without making a
//! single string, by the very rules that explain themselves when asked.

use std::fmt;

use super::RuleDoc;
use crate::record::{Finding, Outcome};

/// What is written where EC2 sent nothing.
pub(super) const ABSENT: &str = "absent";

/// What a rule is asked for.
pub(super) trait Answer: Sized {
    /// The answer of `rule`; `texts` makes what is expected and the message.
    fn of<E: Into<String>, M: Into<String>>(rule: &Rule<'_>, outcome: Outcome, texts: impl FnOnce() -> (E, M)) -> Self;

    /// How the rule came out.
    fn outcome(&self) -> Outcome;
}

impl Answer for Outcome {
    fn of<E: Into<String>, M: Into<String>>(_: &Rule<'_>, outcome: Outcome, _: impl FnOnce() -> (E, M)) -> Self {
        outcome
    }

    fn outcome(&self) -> Outcome {
        *self
    }
}

impl Answer for Finding {
    fn of<E: Into<String>, M: Into<String>>(rule: &Rule<'_>, outcome: Outcome, texts: impl FnOnce() -> (E, M)) -> Self {
        let (expected, message) = texts();
        Self {
            code: rule.doc.code.into(),
            outcome,
            field: rule.field.to_owned(),
            observed: rule.observed.to_string(),
            expected: expected.into(),
            message: message.into(),
            remedy: match outcome {
                Outcome::Pass => "",
                Outcome::Unknown => {
                    "Try the launch with validate_only, or choose an image and a type whose facts are complete."
                }
                Outcome::Warn | Outcome::Fail => rule.remedy,
            }
            .to_owned(),
            ec2_error_code: rule.ec2_error_code.filter(|_| outcome == Outcome::Fail).map(Into::into),
        }
    }

    fn outcome(&self) -> Outcome {
        self.outcome
    }
}

/// What a rule saw. Written out only when a finding is made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Seen<'a> {
    /// A word, or nothing.
    Word(Option<&'a str>),
    /// A flag.
    Flag(Option<bool>),
    /// A number.
    Number(Option<i64>),
    /// A list.
    Words(&'a [String]),
}

impl fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(Some(word)) => f.write_str(word),
            Self::Flag(Some(flag)) => write!(f, "{flag}"),
            Self::Number(Some(number)) => write!(f, "{number}"),
            Self::Words(words) if !words.is_empty() => f.write_str(&words.join(", ")),
            Self::Word(None) | Self::Flag(None) | Self::Number(None) | Self::Words(_) => f.write_str(ABSENT),
        }
    }
}

impl<'a> From<&'a str> for Seen<'a> {
    fn from(word: &'a str) -> Self {
        Self::Word(Some(word))
    }
}

impl<'a> From<Option<&'a str>> for Seen<'a> {
    fn from(word: Option<&'a str>) -> Self {
        Self::Word(word)
    }
}

impl<'a> From<&'a [String]> for Seen<'a> {
    fn from(words: &'a [String]) -> Self {
        Self::Words(words)
    }
}

impl From<Option<bool>> for Seen<'_> {
    fn from(flag: Option<bool>) -> Self {
        Self::Flag(flag)
    }
}

impl From<Option<i64>> for Seen<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

/// One rule at work: what it is about, before it is known how it comes out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule<'a> {
    doc: &'static RuleDoc,
    field: &'static str,
    observed: Seen<'a>,
    remedy: &'static str,
    ec2_error_code: Option<&'static str>,
}

impl<'a> Rule<'a> {
    /// The rule, which saw `observed` in its own field.
    pub(super) fn of(doc: &'static RuleDoc, observed: impl Into<Seen<'a>>) -> Self {
        Self {
            doc,
            field: doc.field,
            observed: observed.into(),
            remedy: doc.remedy,
            ec2_error_code: doc.ec2_error_code,
        }
    }

    /// The same rule, about another field.
    pub(super) fn at(self, field: &'static str, observed: impl Into<Seen<'a>>) -> Self {
        Self { field, observed: observed.into(), ..self }
    }

    /// The same rule, with a remedy that fits better than its usual one.
    pub(super) fn remedy(self, remedy: &'static str) -> Self {
        Self { remedy, ..self }
    }

    /// The same rule, in a case for which EC2's code is not confirmed.
    pub(super) fn unconfirmed(self) -> Self {
        Self { ec2_error_code: None, ..self }
    }

    pub(super) fn pass<A: Answer, E: Into<String>, M: Into<String>>(self, texts: impl FnOnce() -> (E, M)) -> A {
        A::of(&self, Outcome::Pass, texts)
    }

    pub(super) fn warn<A: Answer, E: Into<String>, M: Into<String>>(self, texts: impl FnOnce() -> (E, M)) -> A {
        A::of(&self, Outcome::Warn, texts)
    }

    pub(super) fn fail<A: Answer, E: Into<String>, M: Into<String>>(self, texts: impl FnOnce() -> (E, M)) -> A {
        A::of(&self, Outcome::Fail, texts)
    }

    /// The fact in the field is missing, or is a word that the rule does not know.
    pub(super) fn unknown<A: Answer, E: Into<String>, M: Into<String>>(self, texts: impl FnOnce() -> (E, M)) -> A {
        A::of(&self, Outcome::Unknown, texts)
    }
}

/// `a or b` out of a list.
pub(super) fn any_of(words: &[String]) -> String {
    words.join(" or ")
}

/// Whether the list has the word.
pub(super) fn has(words: &[String], word: &str) -> bool {
    words.iter().any(|known| known == word)
}
