//! Numbers, ages and long names as people read them.

use std::time::Duration;

use unicode_width::UnicodeWidthChar as _;

use crate::clock::Timestamp;

/// 1204 as `1,204`.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits are ASCII")).collect();
    groups.join(",")
}

/// `1 image`, `1,204 images`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// A moment to the second, as the API writes it: `2026-11-25 18:02:11Z`.
pub(crate) fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// How long before `now` a moment was; none where it was not before it, as clocks differ.
pub(crate) fn ago(time: Timestamp, now: Timestamp) -> Option<String> {
    let seconds = now.as_second().checked_sub(time.as_second()).filter(|seconds| *seconds >= 0)?;
    Some(match seconds {
        0..5 => "just now".to_owned(),
        5..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        86_400..172_800 => "1 day ago".to_owned(),
        _ => format!("{} days ago", seconds / 86_400),
    })
}

/// Columns that a text takes on a terminal: of most characters one, of East Asian ones two.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(column_count).sum()
}

fn column_count(char: char) -> usize {
    char.width().unwrap_or(0)
}

/// The beginning of a text that takes at most `max` columns.
pub(crate) fn fitted(text: &str, max: usize) -> &str {
    let mut left = max;
    let end = text.char_indices().find(|(_, char)| match left.checked_sub(column_count(*char)) {
        Some(less) => {
            left = less;
            false
        }
        None => true,
    });
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

/// At most `max` columns of a name. What is left out is in the middle: names of images begin
/// with what they are and end with their date.
pub(crate) fn cut(name: &str, max: usize) -> String {
    if columns(name) <= max || max < 5 {
        return name.to_owned();
    }
    let head = (max - 1) / 2;
    let begin = fitted(name, head);
    let mirrored: String = name.chars().rev().collect();
    let end: String = fitted(&mirrored, max - 1 - head).chars().rev().collect();
    format!("{begin}…{end}")
}

/// A length of time in at most two units: `300ms`, `39.1s`, `4m 12s`, `2h 3m`, `3d 4h`.
pub(crate) fn span(length: Duration) -> String {
    let (big, small) = match length.as_millis() {
        0 => return "0s".to_owned(),
        1..1_000 => return format!("{}ms", length.as_millis()),
        // Rounded, up to where that makes it a minute.
        ms @ 1_000..59_950 => {
            let tenths = (ms + 50) / 100;
            return match tenths % 10 {
                0 => format!("{}s", tenths / 10),
                rest => format!("{}.{rest}s", tenths / 10),
            };
        }
        59_950..60_000 => return "1m".to_owned(),
        60_000..3_600_000 => ((60, "m"), (1, "s")),
        3_600_000..172_800_000 => ((3_600, "h"), (60, "m")),
        _ => ((86_400, "d"), (3_600, "h")),
    };
    let seconds = length.as_secs();
    match seconds % big.0 / small.0 {
        0 => format!("{}{}", seconds / big.0, big.1),
        rest => format!("{}{} {rest}{}", seconds / big.0, big.1, small.1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
        assert_eq!((counted(1, "image"), counted(0, "image")), ("1 image".to_owned(), "0 images".to_owned()));
        assert_eq!(cut("al2023-ami-2023.9.20260101-x86_64", 15), "al2023-…-x86_64");
        assert_eq!(cut("ütf", 3), "ütf");
        assert_eq!(cut("東京東京東京東京", 11), "東京…東京", "at most 11 columns, and no half of a character");
        assert_eq!((fitted("a東京", 4), fitted("ü", 0), columns("a東")), ("a東", "", 3));
    }

    #[test]
    fn ages() {
        let now: Timestamp = "2026-11-25T18:05:20Z".parse().unwrap();
        for (time, age) in [
            ("2026-11-25T18:05:19Z", Some("just now")),
            ("2026-11-25T18:04:40Z", Some("40 s ago")),
            ("2026-11-25T18:02:11Z", Some("3 min ago")),
            ("2026-11-25T00:00:00Z", Some("18 h ago")),
            ("2026-11-24T00:00:00Z", Some("1 day ago")),
            ("2026-11-01T00:00:00Z", Some("24 days ago")),
            ("2026-11-25T18:06:00Z", None),
        ] {
            assert_eq!(ago(time.parse().unwrap(), now).as_deref(), age, "{time}");
        }
        assert_eq!(moment(now), "2026-11-25 18:05:20Z");
    }

    #[test]
    fn lengths_have_two_units_at_most() {
        for (ms, text) in [
            (300, "300ms"),
            (39_119, "39.1s"),
            (39_150, "39.2s"),
            (40_000, "40s"),
            (59_949, "59.9s"),
            (59_950, "1m"),
            (252_000, "4m 12s"),
            (7_380_000, "2h 3m"),
            (273_600_000, "3d 4h"),
        ] {
            assert_eq!(span(Duration::from_millis(ms)), text);
        }
    }
}
