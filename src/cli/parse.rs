//! Values of flags: filters, tags, times and durations.
//!
//! Only the form is read here. Whether a filter exists or an id is well-formed is for the server to
//! say, which says it for all clients alike and for all mistakes at once.

use std::time::Duration;

use crate::client::pb;
use crate::clock::{Clock as _, SystemClock, Timestamp};

/// `NAME=VALUE[,VALUE…]`. A comma that belongs to a value is written `\,`.
pub(crate) fn filter(text: &str) -> Result<pb::Filter, String> {
    let (name, values) = text.split_once('=').ok_or("expected NAME=VALUE[,VALUE...]")?;
    Ok(pb::Filter { name: name.to_owned(), values: split_commas(values) })
}

/// `KEY=VALUE`; the value may be empty.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// `90s`, `5m`, `1h 30m`; also `0`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text).map_err(|error| format!("{error}; expected for example 90s or 5m"))
}

/// A moment: RFC 3339, or a duration for so long ago.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let ago = humantime::parse_duration(text)
        .map_err(|_| "expected a time such as 2026-11-23T08:00:00Z, or how long ago, such as 2h".to_owned())?;
    SystemClock::new().now().checked_sub(ago).map_err(|error| error.to_string())
}

fn split_commas(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match (character, values.last_mut()) {
            (',', _) => values.push(String::new()),
            ('\\', Some(value)) if rest.peek() == Some(&',') => value.extend(rest.next()),
            (character, Some(value)) => value.push(character),
            (_, None) => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_split_at_commas_and_keep_ec2s_escapes() {
        for (text, name, values) in [
            ("architecture=arm64", "architecture", vec!["arm64"]),
            ("gantry:os=linux,windows", "gantry:os", vec!["linux", "windows"]),
            (r"description=one\, two,three", "description", vec!["one, two", "three"]),
            (r"name=a\*b*", "name", vec![r"a\*b*"]),
            ("tag:Key=a=b", "tag:Key", vec!["a=b"]),
        ] {
            let parsed = filter(text).unwrap();
            assert_eq!((parsed.name.as_str(), parsed.values), (name, values.iter().map(|v| v.to_string()).collect()));
        }
        assert!(filter("architecture").is_err());
    }

    #[test]
    fn durations_and_moments() {
        assert_eq!(duration("0").unwrap(), Duration::ZERO);
        assert_eq!(duration("1h 30m").unwrap(), Duration::from_secs(5400));
        assert!(duration("5").is_err());
        assert_eq!(moment("2026-11-23T00:00:00Z").unwrap().as_second(), 1_795_392_000);
        assert!(moment("1h").unwrap() < SystemClock::new().now());
        assert!(moment("yesterday").is_err());
    }
}
