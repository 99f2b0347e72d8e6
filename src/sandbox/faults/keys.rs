//! Reads the keys of one TOML table, each of its kind and within its bounds, and collects all that
//! is wrong instead of stopping at the first.
//!
//! It knows nothing of faults; which keys there are is said by whoever asks for them.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::{Table, Value};

/// The longest duration of a plan.
pub(super) const DURATION_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// Texts in one list.
const LIST_MAX: usize = 100;
/// Characters of a text that is a name.
pub(super) const NAME_CHARS_MAX: usize = 255;
/// How much of a wrong value a message repeats.
const SHOWN_CHARS_MAX: usize = 60;

/// What is wrong so far.
pub(super) type Errors = RefCell<Vec<String>>;

/// One table that is being read.
#[derive(Debug)]
pub(super) struct Keys<'a> {
    /// Where it stands in the file, such as `fault 3 (capacity)`; empty for the top.
    place: String,
    table: &'a Table,
    errors: &'a Errors,
    asked: Vec<&'static str>,
}

impl<'a> Keys<'a> {
    /// The keys of `table`, which stands at `place`.
    pub(super) fn new(place: impl Into<String>, table: &'a Table, errors: &'a Errors) -> Self {
        Self { place: place.into(), table, errors, asked: Vec::new() }
    }

    /// Says that something is wrong here.
    pub(super) fn report(&self, what: impl Display) {
        let error = if self.place.is_empty() { what.to_string() } else { format!("{}: {what}", self.place) };
        self.errors.borrow_mut().push(error);
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.asked.push(key);
        self.table.get(key)
    }

    /// Reads a key by `read`, and says what was expected if that finds nothing in it.
    fn read<T>(&mut self, key: &'static str, expected: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Option<T> {
        let value = self.value(key)?;
        let found = read(value);
        if found.is_none() {
            self.report(format!("{key} = {} is not {expected}", shown(&value.to_string())));
        }
        found
    }

    /// Whether the table has the key, whatever is in it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Says that a key must be there, if it is not.
    pub(super) fn require(&self, key: &str) {
        if !self.has(key) {
            self.report(format!("{key} is missing"));
        }
    }

    /// A text of 1 to so many characters.
    pub(super) fn text(&mut self, key: &'static str, chars_max: usize) -> Option<&'a str> {
        self.read(key, &format!("a text of 1 to {chars_max} characters"), |value| text(value, chars_max))
    }

    /// A list of names; empty if the key is absent.
    pub(super) fn names(&mut self, key: &'static str) -> Vec<&'a str> {
        let expected = format!("a list of 1 to {LIST_MAX} texts of 1 to {NAME_CHARS_MAX} characters");
        let names = self.read(key, &expected, |value| {
            let items = value.as_array().filter(|items| (1..=LIST_MAX).contains(&items.len()))?;
            items.iter().map(|item| text(item, NAME_CHARS_MAX)).collect()
        });
        names.unwrap_or_default()
    }

    /// An integer.
    pub(super) fn integer<T: TryFrom<i64>>(&mut self, key: &'static str, within: RangeInclusive<i64>) -> Option<T> {
        self.read(key, &format!("a whole number from {} to {}", within.start(), within.end()), |value| {
            value.as_integer().filter(|number| within.contains(number)).and_then(|number| T::try_from(number).ok())
        })
    }

    /// A number, with or without a fraction.
    pub(super) fn number(&mut self, key: &'static str, within: RangeInclusive<f64>) -> Option<f64> {
        self.read(key, &format!("a number from {} to {}", within.start(), within.end()), |value| {
            let number = match value {
                Value::Float(number) => *number,
                Value::Integer(number) => i32::try_from(*number).ok().map(f64::from)?,
                _ => return None,
            };
            within.contains(&number).then_some(number)
        })
    }

    /// A duration such as `90s` or `1h 30m`, no shorter than `least`.
    pub(super) fn duration(&mut self, key: &'static str, least: Duration) -> Option<Duration> {
        let days = DURATION_MAX.as_secs() / 86_400;
        let bounds = if least.is_zero() { "of at most" } else { "longer than 0 and of at most" };
        self.read(key, &format!("a duration {bounds} {days} days, such as \"90s\" or \"5m\""), |value| {
            let duration = humantime::parse_duration(value.as_str()?).ok()?;
            (least..=DURATION_MAX).contains(&duration).then_some(duration)
        })
    }

    /// One of a few words.
    pub(super) fn choice(&mut self, key: &'static str, words: &[&'static str]) -> Option<&'static str> {
        let given = self.table.get(key).and_then(Value::as_str).unwrap_or_default();
        let expected = format!("one of {}{}", words.join(", "), suggestion(given, words));
        self.read(key, &expected, |value| words.iter().copied().find(|word| Some(*word) == value.as_str()))
    }

    /// A table below this one.
    pub(super) fn table(&mut self, key: &'static str) -> Option<&'a Table> {
        self.read(key, "a table", Value::as_table)
    }

    /// A list of tables, `[[key]]`.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<&'a Table> {
        self.read(key, &format!("a list of tables, [[{key}]]"), |value| {
            value.as_array()?.iter().map(Value::as_table).collect()
        })
        .unwrap_or_default()
    }

    /// Says which keys nobody asked for. `elsewhere` are keys that would be right in another place
    /// of the same kind.
    pub(super) fn finish(self, elsewhere: &[&str]) {
        for key in self.table.keys().filter(|key| !self.asked.contains(&key.as_str())) {
            let key = shown(key);
            if elsewhere.contains(&key.as_str()) {
                self.report(format!("{key} does not fit here"));
            } else {
                self.report(format!("{key} is not known{}", suggestion(&key, &self.asked)));
            }
        }
    }
}

fn text(value: &Value, chars_max: usize) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty() && text.chars().count() <= chars_max)
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

/// `; did you mean …?` for a word that is nearly one of `words`, and nothing otherwise.
pub(super) fn suggestion(word: &str, words: &[&str]) -> String {
    // Longer words cost time and are not misspelt ones.
    if word.is_empty() || word.len() > NAME_CHARS_MAX {
        return String::new();
    }
    let nearest = words.iter().map(|known| (strsim::damerau_levenshtein(word, known), *known)).min();
    match nearest {
        Some((distance, known)) if distance <= 1 + known.len() / 4 => format!("; did you mean {known}?"),
        _ => String::new(),
    }
}
