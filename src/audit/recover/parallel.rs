//! Reading many records at a start: on all processors, since most of the time goes into parsing.

use std::ops::Range;
use std::sync::mpsc;
use std::thread;

/// The most threads that read: a start has other things to do as well.
const THREADS_MAX: usize = 4;

/// Records that are shown at a time. Each thread is at most two batches ahead, and a record may be long.
const BATCH_RECORDS: u64 = 256;

/// Shows what `read` makes of each batch of a range, in order, until one of them is not
/// taken. The threads that read go on while a batch is taken: a thread for each batch would get its
/// memory from the system anew, which took a quarter of the time.
///
/// # Errors
/// What `take` says of a batch.
pub(super) fn in_batches<T: Send, E>(
    range: Range<u64>,
    read: impl Fn(Range<u64>) -> T + Sync,
    mut take: impl FnMut(Range<u64>, T) -> Result<(), E>,
) -> Result<(), E> {
    let records = range.end.saturating_sub(range.start);
    let batches = records.div_ceil(BATCH_RECORDS);
    let batch = |number: u64| {
        let first = range.start + number * BATCH_RECORDS;
        first..range.end.min(first + BATCH_RECORDS)
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX) as u64;
    if batches <= 1 {
        return (0..batches).try_for_each(|number| take(batch(number), read(batch(number))));
    }
    thread::scope(|scope| {
        let (read, batch) = (&read, &batch);
        let readers: Vec<_> = (0..threads.min(batches))
            .map(|thread| {
                let (made, batches_made) = mpsc::sync_channel(1);
                let reader = scope.spawn(move || {
                    let mut own = (thread..batches).step_by(threads as usize);
                    // Nobody takes any more after an error.
                    own.all(|number| made.send(read(batch(number))).is_ok());
                });
                (reader, batches_made)
            })
            .collect();
        for number in 0..batches {
            let (_, made) = &readers[(number % threads) as usize];
            let Ok(read) = made.recv() else { break };
            take(batch(number), read)?;
        }
        for (reader, made) in readers {
            drop(made);
            if let Err(panic) = reader.join() {
                std::panic::resume_unwind(panic);
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_read_once_and_in_order_until_it_is_not_taken() {
        for records in [0, 1, 255, 256, 257, 1024, 10_000] {
            let mut all = Vec::new();
            let taken = in_batches(
                7..7 + records,
                |range| range.collect::<Vec<_>>(),
                |range, batch| {
                    assert_eq!(range.end - range.start, batch.len() as u64);
                    all.extend(batch);
                    Ok::<_, ()>(())
                },
            );
            assert_eq!((taken, all), (Ok(()), (7..7 + records).collect()));
        }
        let mut batches = 0;
        let refuse = |range: Range<u64>, _: Vec<u64>| {
            batches += 1;
            if 1100 < range.end { Err(range.start) } else { Ok(()) }
        };
        assert_eq!(in_batches(0..100_000, |range| range.collect(), refuse), Err(1024));
        assert_eq!(batches, 5);
    }
}
