//! The members of a JSON object, taken out by name and kind, with a note of every one that is of
//! the wrong kind.
//!
//! An absent member and `null` are the same: EC2 sends no `null`, and tools that write one mean
//! absent.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// Characters of a wrong value that are repeated in its violation.
const SHOWN_CHARS_MAX: usize = 40;

/// What is wrong in one image: the member, and why.
#[derive(Default)]
pub(super) struct Wrong(Vec<(String, String)>);

impl Wrong {
    pub(super) fn add(&mut self, member: String, description: String) {
        self.0.push((member, description));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_all(self) -> Vec<(String, String)> {
        self.0
    }
}

/// Where in an image an object is. Written out only when something is wrong.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    Image,
    Member(&'a At<'a>, &'static str),
    Item(&'a At<'a>, &'static str, usize),
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image => Ok(()),
            Self::Member(Self::Image, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(Self::Image, name, index) => write!(f, "{name}[{index}]"),
            Self::Item(parent, name, index) => write!(f, "{parent}.{name}[{index}]"),
        }
    }
}

/// An object whose members are being taken out.
pub(super) struct Members<'a> {
    map: Map<String, Value>,
    at: At<'a>,
    wrong: &'a mut Wrong,
}

impl<'a> Members<'a> {
    pub(super) fn new(map: Map<String, Value>, at: At<'a>, wrong: &'a mut Wrong) -> Self {
        Self { map, at, wrong }
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            other => self.expected(name, "text", &other),
        }
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            other => self.expected(name, "true or false", &other),
        }
    }

    pub(super) fn number(&mut self, name: &'static str) -> Option<i32> {
        let value = self.take(name)?;
        match value.as_i64().and_then(|number| i32::try_from(number).ok()) {
            Some(number) => Some(number),
            None => self.expected(name, "a whole number of 32 bits", &value),
        }
    }

    /// A moment as text, in the forms of the aws CLI and of Python. An empty text is an absent
    /// date: images of 2008 have one.
    pub(super) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        match text.parse() {
            Ok(time) => Some(time),
            Err(_) => self.expected(name, "a time such as 2026-11-25T08:00:00Z", &Value::from(text)),
        }
    }

    /// What `read` makes of the object under `name`.
    pub(super) fn object<T>(&mut self, name: &'static str, read: impl FnOnce(Members<'_>) -> T) -> Option<T> {
        match self.take(name)? {
            Value::Object(map) => Some(read(Members::new(map, At::Member(&self.at, name), self.wrong))),
            other => self.expected(name, "an object", &other),
        }
    }

    /// What `read` makes of the objects in the array under `name`. No array is an empty one.
    pub(super) fn list<T>(&mut self, name: &'static str, read: impl Fn(Members<'_>) -> T) -> Vec<T> {
        let items = match self.take(name) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(other) => return self.expected(name, "an array", &other).unwrap_or_default(),
        };
        let mut found = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let at = At::Item(&self.at, name, index);
            match item {
                Value::Object(map) => found.push(read(Members::new(map, at, self.wrong))),
                other => self.wrong.add(at.to_string(), format!("expected an object, not {}", kind(&other))),
            }
        }
        found
    }

    /// Notes what is wrong with the member `name`, for what only its reader can judge.
    pub(super) fn expected<T>(&mut self, name: &'static str, what: &str, found: &Value) -> Option<T> {
        let member = At::Member(&self.at, name).to_string();
        self.wrong.add(member, format!("expected {what}, not {}", kind(found)));
        None
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.map.get_mut(name).map(Value::take).filter(|value| !value.is_null())
    }
}

/// A value in words, short.
pub(super) fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => {
            let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
            // Debug: control characters of a hostile file must not reach a terminal.
            if shown.len() == text.len() { format!("{shown:?}") } else { format!("{:?}", shown + "…") }
        }
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
