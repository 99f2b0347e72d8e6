//! Facts as attributes: what is not known is absent.

use cedar_policy::RestrictedExpression;
use jiff::Timestamp;
use jiff::tz::Offset;

/// Attributes of one entity or context, in the making.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes(Vec<(String, RestrictedExpression)>);

impl Attributes {
    pub(super) fn text(&mut self, name: &str, value: impl Into<String>) {
        self.add(name, RestrictedExpression::new_string(value.into()));
    }

    pub(super) fn some_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.add(name, RestrictedExpression::new_bool(value));
    }

    pub(super) fn some_flag(&mut self, name: &str, value: Option<bool>) {
        if let Some(value) = value {
            self.flag(name, value);
        }
    }

    pub(super) fn number(&mut self, name: &str, value: impl Into<i64>) {
        self.add(name, RestrictedExpression::new_long(value.into()));
    }

    pub(super) fn some_number(&mut self, name: &str, value: Option<impl Into<i64>>) {
        if let Some(value) = value {
            self.number(name, value);
        }
    }

    pub(super) fn set<T: Into<String>>(&mut self, name: &str, values: impl IntoIterator<Item = T>) {
        let values = values.into_iter().map(|value| RestrictedExpression::new_string(value.into()));
        self.add(name, RestrictedExpression::new_set(values));
    }

    /// A point in time. Cedar has years from 0 to 9999 only; a time outside of these is absent.
    pub(super) fn some_time(&mut self, name: &str, value: Option<Timestamp>) {
        if let Some(text) = value.and_then(datetime) {
            self.add(name, RestrictedExpression::new_datetime(text));
        }
    }

    pub(super) fn add(&mut self, name: &str, value: RestrictedExpression) {
        self.0.push((name.to_owned(), value));
    }

    pub(super) fn into_pairs(self) -> Vec<(String, RestrictedExpression)> {
        self.0
    }
}

/// The tags of an entity.
pub(super) fn tags<'a>(
    tags: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> impl Iterator<Item = (String, RestrictedExpression)> {
    tags.into_iter().map(|(key, value)| (key.clone(), RestrictedExpression::new_string(value.clone())))
}

/// The moment of a call, and the day of the week, which Cedar cannot tell from it.
pub(super) fn moment(attributes: &mut Attributes, time: Timestamp) {
    attributes.some_time("time", Some(time));
    let weekday = Offset::UTC.to_datetime(time).weekday().to_monday_one_offset();
    attributes.number("weekday", weekday);
}

/// A time as Cedar reads it: milliseconds, cut and not rounded.
fn datetime(time: Timestamp) -> Option<String> {
    let utc = Offset::UTC.to_datetime(time);
    (0..=9999).contains(&utc.year()).then(|| {
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            utc.year(),
            utc.month(),
            utc.day(),
            utc.hour(),
            utc.minute(),
            utc.second(),
            utc.millisecond()
        )
    })
}
