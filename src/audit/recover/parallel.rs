//! Reading many records at a start: on all processors, since most of the time goes into parsing.

use std::ops::Range;
use std::thread;

/// The most threads: a start has other things to do as well.
const THREADS_MAX: usize = 4;

/// Below this many it is not worth a thread.
const RECORDS_MIN: u64 = 256;

/// What `read` makes of each index of a range, in order.
pub(super) fn read_all<T: Send>(range: Range<u64>, read: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX) as u64;
    let records = range.end.saturating_sub(range.start);
    let each = records.div_ceil(threads).max(RECORDS_MIN);
    let part = |first: u64| (first..range.end.min(first + each)).map(&read).collect::<Vec<_>>();
    thread::scope(|scope| {
        let part = &part;
        let mut others = Vec::new();
        let mut first = range.start + each;
        while first < range.end {
            others.push(scope.spawn(move || part(first)));
            first += each;
        }
        let mut all = part(range.start);
        for other in others {
            match other.join() {
                Ok(more) => all.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_read_once_and_in_order() {
        for records in [0, 1, 255, 256, 257, 1024, 4099] {
            let wanted: Vec<u64> = (7..7 + records).collect();
            assert_eq!(read_all(7..7 + records, |index| index), wanted);
        }
    }
}
