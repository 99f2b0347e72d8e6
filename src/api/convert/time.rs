//! Timestamps and durations. protobuf allows values that are no time; those are violations.

use std::time::Duration;

use jiff::Timestamp;

use super::violation::{ViolationReason, Violations};

const NANOS_PER_SECOND: i32 = 1_000_000_000;

/// A moment as the contract writes it.
pub fn to_timestamp(time: Timestamp) -> prost_types::Timestamp {
    let (mut seconds, mut nanos) = (time.as_second(), time.subsec_nanosecond());
    // Before 1970 jiff's fraction is negative, while protobuf counts it upwards from the second.
    if nanos < 0 {
        seconds -= 1;
        nanos += NANOS_PER_SECOND;
    }
    prost_types::Timestamp { seconds, nanos }
}

/// A length of time as the contract writes it; cut off at protobuf's 10,000 years.
pub fn to_duration(duration: Duration) -> prost_types::Duration {
    const SECONDS_MAX: u64 = 315_576_000_000;
    let seconds = duration.as_secs().min(SECONDS_MAX);
    prost_types::Duration {
        seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or(0),
    }
}

/// The moment that `field` holds, if it is given.
pub fn timestamp(
    field: &str,
    value: Option<&prost_types::Timestamp>,
    violations: &mut Violations,
) -> Option<Timestamp> {
    let prost_types::Timestamp { seconds, nanos } = *value?;
    let time = (0..NANOS_PER_SECOND)
        .contains(&nanos)
        .then(|| Timestamp::from_second(seconds).ok()?.checked_add(jiff::SignedDuration::from_nanos(nanos.into())).ok())
        .flatten();
    if time.is_none() {
        violations.add(field, ViolationReason::InvalidTime, "not a moment between the years 1 and 9999");
    }
    time
}

/// The length of time that `field` holds, if it is given, within `min` and `max`.
pub fn duration(
    field: &str,
    value: Option<&prost_types::Duration>,
    (min, max): (Duration, Duration),
    violations: &mut Violations,
) -> Option<Duration> {
    let prost_types::Duration { seconds, nanos } = *value?;
    let duration = u64::try_from(seconds)
        .ok()
        .zip(u32::try_from(nanos).ok().filter(|nanos| *nanos < NANOS_PER_SECOND.unsigned_abs()))
        .map(|(seconds, nanos)| Duration::new(seconds, nanos))
        .filter(|duration| (min..=max).contains(duration));
    if duration.is_none() {
        violations.add(
            field,
            ViolationReason::InvalidTime,
            format!("must be between {} and {} seconds", min.as_secs(), max.as_secs()),
        );
    }
    duration
}

/// The half-open range of `start_time` and `end_time`.
pub fn time_range(
    start: Option<&prost_types::Timestamp>,
    end: Option<&prost_types::Timestamp>,
    violations: &mut Violations,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let start = timestamp("start_time", start, violations);
    let end = timestamp("end_time", end, violations);
    if let (Some(start), Some(end)) = (start, end)
        && start >= end
    {
        violations.add("end_time", ViolationReason::InvalidTime, "must be later than start_time");
    }
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_survive_the_way_there_and_back() {
        for nanos in [0_i128, 1, -1, 999_999_999, -1_500_000_000, 1_700_000_000_123_456_789] {
            let time = Timestamp::from_nanosecond(nanos).unwrap();
            let mut violations = Violations::new();
            assert_eq!(timestamp("t", Some(&to_timestamp(time)), &mut violations), Some(time));
            assert!(violations.is_empty());
        }
    }

    #[test]
    fn what_is_no_moment_is_a_violation() {
        for (seconds, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, NANOS_PER_SECOND), (253_402_300_800, 0)] {
            let mut violations = Violations::new();
            let value = prost_types::Timestamp { seconds, nanos };
            assert_eq!(timestamp("t", Some(&value), &mut violations), None);
            assert_eq!(violations.kept()[0].reason, ViolationReason::InvalidTime, "{seconds} {nanos}");
        }
    }

    #[test]
    fn lengths_outside_their_bounds_are_violations() {
        let bounds = (Duration::ZERO, Duration::from_secs(600));
        for (seconds, nanos, good) in [
            (0, 0, true),
            (600, 0, true),
            (600, 1, false),
            (-1, 0, false),
            (0, -1, false),
            (1, NANOS_PER_SECOND, false),
        ] {
            let mut violations = Violations::new();
            let value = prost_types::Duration { seconds, nanos };
            assert_eq!(duration("d", Some(&value), bounds, &mut violations).is_some(), good, "{seconds} {nanos}");
        }
        assert_eq!(to_duration(Duration::MAX).seconds, 315_576_000_000);
    }
}
