//! Times on a line: where they fall, where the ticks are, and how a length of time is written.

use std::time::Duration;

/// The lengths between two ticks that people can count in, in milliseconds.
const STEPS_MS: [u64; 31] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    172_800_000,
    432_000_000,
    864_000_000,
    8_640_000_000,
];

/// Where each of the times falls on a line of so many columns that stands for `length`: rounded, and
/// moved so that neighbours are `min` columns apart, so that what took no time can be seen too. Where
/// there are too many for that, they are only rounded. The times must not decrease.
pub(super) fn spread(times: &[Duration], length: Duration, columns: usize, min: usize) -> Vec<usize> {
    let mut at: Vec<usize> = times.iter().map(|time| column(*time, length, columns)).collect();
    if times.len().saturating_sub(1) * min > columns {
        return at;
    }
    for i in 1..at.len() {
        at[i] = at[i].max(at[i - 1] + min);
    }
    let mut limit = columns;
    for place in at.iter_mut().rev() {
        *place = (*place).min(limit);
        limit = place.saturating_sub(min);
    }
    at
}

/// Where a time falls, rounded; what is beyond the end is at the end.
pub(super) fn column(time: Duration, length: Duration, columns: usize) -> usize {
    if length.is_zero() {
        return 0;
    }
    let part = (time.as_secs_f64() / length.as_secs_f64()).min(1.0);
    // At most `columns`, and not negative.
    (part * columns as f64).round() as usize
}

/// The times that get a tick: at most `max` beside the first, which is 0.
pub(super) fn ticks(length: Duration, max: usize) -> Vec<Duration> {
    let fits = |step: &&u64| length.as_millis() / u128::from(**step) <= max.max(1) as u128;
    let step = STEPS_MS.iter().find(fits).copied().unwrap_or(STEPS_MS[STEPS_MS.len() - 1]);
    let count = length.as_millis() / u128::from(step);
    (0..=count.min(max as u128)).map(|i| Duration::from_millis(step * i as u64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::amounts::span;

    #[test]
    fn neighbours_stay_apart_and_inside() {
        let times = |ms: &[u64]| ms.iter().map(|ms| Duration::from_millis(*ms)).collect::<Vec<_>>();
        let minute = Duration::from_secs(60);
        // A phase of 300 ms beside one of a minute, at the beginning and at the end.
        assert_eq!(spread(&times(&[0, 300, 60_000]), minute, 60, 1), [0, 1, 60]);
        assert_eq!(spread(&times(&[0, 59_900, 59_950, 60_000]), minute, 60, 1), [0, 58, 59, 60]);
        assert_eq!(spread(&times(&[0, 0, 0, 0]), Duration::ZERO, 10, 2), [0, 2, 4, 6]);
        assert_eq!(spread(&times(&[0, 1, 2, 3]), minute, 2, 1), [0, 0, 0, 0], "too many for the line");
    }

    #[test]
    fn ticks_are_round_and_few() {
        let shown = |ms: u64, max| ticks(Duration::from_millis(ms), max).into_iter().map(span).collect::<Vec<_>>();
        assert_eq!(shown(0, 5), ["0s"]);
        assert_eq!(shown(7, 5), ["0s", "2ms", "4ms", "6ms"]);
        assert_eq!(shown(1_700, 4), ["0s", "500ms", "1s", "1.5s"]);
        assert_eq!(shown(41_200, 6), ["0s", "10s", "20s", "30s", "40s"]);
        assert_eq!(shown(310_000, 6), ["0s", "1m", "2m", "3m", "4m", "5m"]);
        assert_eq!(shown(9_000_000, 6), ["0s", "30m", "1h", "1h 30m", "2h", "2h 30m"]);
        assert_eq!(shown(u64::MAX, 5).len(), 6, "no length makes more ticks than there is room for");
    }
}
