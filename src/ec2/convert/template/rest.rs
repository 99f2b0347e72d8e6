//! What of a template has no place in our types, collected while the rest is taken out.

use std::fmt::Display;
use std::str::FromStr;

use crate::ec2::template::Uncarried;

/// The members that are not carried, so far.
#[derive(Debug, Default)]
pub(super) struct Rest {
    fields: Vec<Uncarried>,
}

impl Rest {
    pub(super) fn into_fields(self) -> Vec<Uncarried> {
        self.fields
    }

    /// Notes a member.
    pub(super) fn note(&mut self, field: &str, observed: impl Into<String>) {
        self.fields.push(Uncarried { field: field.to_owned(), observed: observed.into() });
    }

    /// Notes a value, if there is one that says something.
    pub(super) fn text(&mut self, field: &str, value: Option<impl Display>) {
        if let Some(value) = value.map(|value| value.to_string()).filter(|value| !value.is_empty()) {
            self.note(field, value);
        }
    }

    /// Notes a word, unless it is the one that RunInstances acts by anyway.
    pub(super) fn unless(&mut self, field: &str, value: Option<String>, default: &str) {
        self.text(field, value.filter(|value| value != default));
    }

    /// Notes a flag that is set; false is what RunInstances does anyway.
    pub(super) fn flag(&mut self, field: &str, value: Option<bool>) {
        self.text(field, value.filter(|set| *set));
    }

    /// Notes a number; 0 is what RunInstances does anyway.
    pub(super) fn number(&mut self, field: &str, value: Option<i32>) {
        self.text(field, value.filter(|number| *number != 0));
    }

    /// Notes a list that is not empty.
    pub(super) fn list<T>(&mut self, field: &str, values: Option<Vec<T>>) {
        if let Some(values) = values.filter(|values| !values.is_empty()) {
            self.note(field, format!("{} of them", values.len()));
        }
    }

    /// A number as ours, which have no sign.
    pub(super) fn count(&mut self, field: &str, value: Option<i32>) -> Option<u32> {
        let value = value?;
        let count = u32::try_from(value).ok();
        if count.is_none() {
            self.note(field, value.to_string());
        }
        count
    }

    /// An id, noted if it has not the form of one.
    pub(super) fn id<T: FromStr>(&mut self, field: &str, value: Option<String>) -> Option<T> {
        let value = value?;
        let id = value.parse().ok();
        if id.is_none() {
            self.note(field, value);
        }
        id
    }

    /// A list of ids.
    pub(super) fn ids<T: FromStr>(&mut self, field: &str, values: Option<Vec<String>>) -> Vec<T> {
        let values = values.unwrap_or_default().into_iter().enumerate();
        values.filter_map(|(index, value)| self.id(&format!("{field}[{index}]"), Some(value))).collect()
    }

    /// Notes a structure of which something is left that this program does not know.
    pub(super) fn nothing_left<T: PartialEq>(&mut self, field: &str, left: &T, empty: &T) {
        if left != empty {
            self.note(field, "something that this version of Gantry does not know");
        }
    }
}
