//! The rounds, their medians, and what is promised about them.

use std::fmt::Write as _;
use std::time::Duration;

use super::round::{self, Round};
use super::{System, alike};
use crate::measured::{Effort, Measured};
use crate::workload::Workload;

/// How many append at once.
const APPENDERS: [usize; 3] = [1, 64, 1_024];
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(1);
const SMOKE_ROUND: Duration = Duration::from_millis(300);
/// The share of a raw loop's records that is promised with 64 appenders, and with 1,024.
const SHARES_OF_RAW: [(usize, f64); 2] = [(64, 0.5), (1_024, 0.25)];
/// One appender alone waits at most this many times as long as for a write and an fdatasync.
const ALONE_LIMIT: f64 = 1.6;
const SEED: u64 = 7;

/// What was promised, and the table of everything that was measured.
pub(crate) async fn measure(effort: Effort) -> (Vec<Measured>, String) {
    let workload = Workload::new(SEED);
    alike::check(workload).await;
    let (rounds, lasting) = if effort.is_smoke { (1, SMOKE_ROUND) } else { (ROUNDS, ROUND) };
    let mut promises = Vec::new();
    let mut table = String::from(
        "| appenders | system | records/s | of the raw loop | p50 | p99 | processor µs a record |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for appenders in APPENDERS {
        let mut measured = System::ALL.map(|_| Vec::new());
        let mut alone = Vec::new();
        for turn in 0..rounds {
            for place in 0..System::ALL.len() {
                let place = (place + turn) % System::ALL.len();
                if System::ALL[place] == System::Gantry && appenders == 1 {
                    let (raw, appended) = Box::pin(round::alone(lasting, workload)).await;
                    alone.push((quantile(&raw, 0.5), quantile(&appended, 0.5)));
                }
                measured[place].push(round::run(System::ALL[place], appenders, lasting, workload).await);
            }
        }
        for (system, rounds) in System::ALL.into_iter().zip(&measured) {
            writeln!(
                table,
                "| {appenders} | {system} | {:.0} | {:.2} | {:.1?} | {:.1?} | {:.1} |",
                median(rounds.iter().map(|round| round.records_a_second)),
                median_ratio(rounds, &measured[0]),
                median_quantile(rounds, 0.5),
                median_quantile(rounds, 0.99),
                median(rounds.iter().map(|round| round.processor_micros)),
            )
            .unwrap();
        }
        if appenders == 1 {
            let (row, promise) = alone_promise(&alone);
            table.push_str(&row);
            promises.push(promise);
        }
        promises.extend(rate_promises(appenders, &measured));
    }
    println!("{table}");
    (promises, table)
}

/// What one appender waits for, against a write and an fdatasync, from the medians of each round.
fn alone_promise(rounds: &[(Duration, Duration)]) -> (String, Measured) {
    let raw = Duration::from_secs_f64(median(rounds.iter().map(|(raw, _)| raw.as_secs_f64())));
    let appended = Duration::from_secs_f64(median(rounds.iter().map(|(_, appended)| appended.as_secs_f64())));
    let ratio = median(rounds.iter().map(|(raw, appended)| appended.div_duration_f64(*raw)));
    let row = format!(
        "| 1 | write + fdatasync, taking turns with the next | | | {raw:.1?} | | |\n\
         | 1 | Gantry, taking turns with the last | | {ratio:.2} | {appended:.1?} | | |\n"
    );
    let promise = Measured {
        promise: "one appender alone: p50 until a record is durable and queryable",
        measured: format!("{appended:.1?}"),
        against: format!("write + fdatasync {raw:.1?}"),
        // An append has a write and an fdatasync in it. If it was faster, the machine was busy
        // elsewhere, and this says nothing: not even that the promise is kept.
        ratio: if ratio < 1.0 { f64::INFINITY } else { ratio },
        limit: ALONE_LIMIT,
    };
    (row, promise)
}

fn rate_promises(appenders: usize, measured: &[Vec<Round>; 5]) -> Vec<Measured> {
    let [raw, sqlite, redb, _, gantry] = measured;
    let promise = |promise, peer: &[Round], name, limit| Measured {
        promise,
        measured: format!("{:.0}/s", median(gantry.iter().map(|round| round.records_a_second))),
        against: format!("{name} {:.0}/s", median(peer.iter().map(|round| round.records_a_second))),
        ratio: median_ratio(peer, gantry),
        limit,
    };
    let (with_raw, with_sqlite, with_redb) = match appenders {
        1 => ("", "1 appender: records/s, SQLite's over ours", "1 appender: records/s, redb's over ours"),
        64 => (
            "64 appenders: records/s, the raw loop's over ours",
            "64 appenders: records/s, SQLite's over ours",
            "64 appenders: records/s, redb's over ours",
        ),
        _ => (
            "1,024 appenders: records/s, the raw loop's over ours",
            "1,024 appenders: records/s, SQLite's over ours",
            "1,024 appenders: records/s, redb's over ours",
        ),
    };
    let share = SHARES_OF_RAW.iter().find(|(of, _)| *of == appenders);
    let mut promises: Vec<_> =
        share.map(|(_, share)| promise(with_raw, raw, System::Raw, 1.0 / share)).into_iter().collect();
    promises.push(promise(with_sqlite, sqlite, System::Sqlite, 1.0));
    promises.push(promise(with_redb, redb, System::Redb, 1.0));
    promises
}

/// The median of the rounds' ratios: the two of a round were measured within seconds.
fn median_ratio(one: &[Round], other: &[Round]) -> f64 {
    median(one.iter().zip(other).map(|(one, other)| one.records_a_second / other.records_a_second))
}

fn median_quantile(rounds: &[Round], share: f64) -> Duration {
    Duration::from_secs_f64(median(rounds.iter().map(|round| quantile(&round.latencies, share).as_secs_f64())))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The value below which this share of some ascending ones lies; zero if there are none, as when a
/// system acknowledged nothing in a round.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let place = sorted.len().saturating_sub(1) as f64 * share;
    sorted.get(place.round() as usize).copied().unwrap_or_default()
}
