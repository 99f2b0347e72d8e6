//! Times as EC2's filters see them: texts with milliseconds, made when they are looked at.

use std::cmp::Ordering;
use std::fmt::Write as _;

use jiff::Timestamp;

/// The first millisecond of the year 0: from there on texts stand in the order of time.
const YEAR_0: i64 = -62_167_219_200_000;

const DAY_MILLISECONDS: i64 = 86_400_000;

/// How the texts of two times stand.
pub(super) fn compare(left: i64, right: i64) -> Ordering {
    if left >= YEAR_0 && right >= YEAR_0 {
        return left.cmp(&right);
    }
    let [mut before, mut after] = [String::new(), String::new()];
    write(left, &mut before);
    write(right, &mut after);
    before.cmp(&after)
}

/// Writes the text of a time, in milliseconds since the epoch, over `text`.
pub(super) fn write(millisecond: i64, text: &mut String) {
    text.clear();
    if millisecond < YEAR_0 {
        if let Ok(time) = Timestamp::from_millisecond(millisecond) {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}", time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"));
        }
        return;
    }
    let (year, month, day) = civil(millisecond.div_euclid(DAY_MILLISECONDS));
    let rest = millisecond.rem_euclid(DAY_MILLISECONDS);
    digits(text, year, 4);
    text.push('-');
    digits(text, month, 2);
    text.push('-');
    digits(text, day, 2);
    text.push('T');
    digits(text, rest / 3_600_000, 2);
    text.push(':');
    digits(text, rest / 60_000 % 60, 2);
    text.push(':');
    digits(text, rest / 1000 % 60, 2);
    text.push('.');
    digits(text, rest % 1000, 3);
    text.push('Z');
}

fn digits(text: &mut String, number: i64, count: u32) {
    for place in (0..count).rev() {
        text.push(char::from(b'0' + (number / 10i64.pow(place) % 10) as u8));
    }
}

/// Year, month and day of a day since the epoch, from the year 0 on (Howard Hinnant, "chrono-
/// Compatible Low-Level Date Algorithms", `civil_from_days`).
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ami::snapshot::row::Moment;

    proptest! {
        #[test]
        fn texts_are_those_of_the_filters(
            second in Timestamp::MIN.as_second()..Timestamp::MAX.as_second(),
            nanosecond in 0..1_000_000_000i32,
        ) {
            let time = Timestamp::new(second, 0).unwrap() + jiff::SignedDuration::new(0, nanosecond);
            let moment = Moment::new(Some(time));
            prop_assert_eq!(moment.time(), Some(time));
            let mut text = String::new();
            write(moment.millisecond().unwrap(), &mut text);
            prop_assert_eq!(text, time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string());
        }
    }
}
