//! What a terminal shows while instances boot: one bar each, as many as there are lines for, and below
//! them what went wrong. Pure: lines from where each stands.

use std::cmp::Reverse;
use std::time::Duration;

use super::lines;
use super::progress::{Boots, Standing, expected, fraction, standing};
use super::summary;
use crate::cli::output::amounts::{columns, cut, fitted, span};
use crate::cli::output::{Screen, Tone, printable, word};
use crate::client::pb;

/// Columns of an instance's id, of a bar, of a phase and of the times.
const ID: usize = 19;
const BAR: usize = 20;
/// Columns of a bar where lines are narrower than this, to leave room for the checks.
const BAR_NARROW: usize = 10;
const NARROW: usize = 100;
const PHASE: usize = 9;
const TIMES: usize = 15;
/// How wide lines are where nobody knows how wide the terminal is.
const COLUMNS_DEFAULT: usize = 80;

/// The lines, at most `rows`, when this program has run for `uptime`. In the end only the bars: what went
/// wrong is in the summary that follows.
pub(super) fn frame(boots: &Boots, rows: usize, screen: Screen, uptime: Duration, ended: bool) -> Vec<String> {
    let width = screen.width.map_or(COLUMNS_DEFAULT, usize::from);
    // What is said below takes a third of the lines at most; the summary says all of it in the end.
    let mut below = if ended { Vec::new() } else { summary::notes(boots) };
    below.truncate((rows / 3).max(1));
    below.extend(boots.stale(uptime).filter(|_| !ended).map(|age| (Tone::Warn, lines::staleness(age))));
    let below = below.into_iter().map(|(tone, line)| screen.paint(tone, fitted(&line, width)));
    let mut events: Vec<&pb::BootEvent> = boots.instances().collect();
    // Who is still booting first, and who has been ready longest last.
    events.sort_by_key(|event| (standing(event), Reverse(boots.elapsed(event, Duration::ZERO))));
    let room = rows.saturating_sub(below.len());
    let bars = if events.len() <= room { events.len() } else { room.saturating_sub(1) };
    let mut text: Vec<String> =
        events.iter().take(bars).map(|event| bar(event, boots.elapsed(event, uptime), width, screen)).collect();
    let hidden = &events[bars..];
    if !hidden.is_empty() && room > 0 {
        text.push(more(hidden));
    }
    text.extend(below);
    text.truncate(rows);
    text
}

/// `… and 41 more (30 ready, 2 failed)`.
fn more(hidden: &[&pb::BootEvent]) -> String {
    let count = |wanted| hidden.iter().filter(|event| standing(event) == wanted).count();
    let words = [(Standing::Ready, "ready"), (Standing::Failed, "failed"), (Standing::TimedOut, "timed out")];
    let parts: Vec<String> = words
        .into_iter()
        .filter_map(|(standing, word)| Some((count(standing), word)).filter(|(count, _)| *count > 0))
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    format!("… and {} more{parts}", hidden.len())
}

/// One instance: id, bar, phase, times, checks.
fn bar(event: &pb::BootEvent, elapsed: Option<Duration>, width: usize, screen: Screen) -> String {
    let tone = match standing(event) {
        Standing::Ready => Tone::Good,
        Standing::Failed | Standing::TimedOut => Tone::Bad,
        Standing::Stopped | Standing::Terminated => Tone::Warn,
        Standing::Booting if event.phase() == pb::BootPhase::Impaired => Tone::Bad,
        Standing::Booting => Tone::Plain,
    };
    let id = cut(&printable(&event.instance_id), ID);
    let phase = word!(pb::BootPhase, event.phase);
    let mut times = elapsed.map(span).unwrap_or_default();
    if standing(event) == Standing::Booting
        && let Some(expected) = expected(event)
    {
        times.push_str(&format!(" / {}", span(expected)));
    }
    let of_bar = if width < NARROW { BAR_NARROW } else { BAR };
    let blank = " ".repeat(ID.saturating_sub(columns(&id)));
    let begin = format!("{id}{blank} [{}] ", drawn(fraction(event, elapsed), of_bar));
    let mut end = format!(" {times:<TIMES$}");
    let room = width.saturating_sub(columns(&begin) + PHASE.max(columns(&phase)));
    for check in lines::checks(event) {
        // Half a check would say something else.
        if columns(&end) + 1 + columns(&check) <= room {
            end.push_str(&format!(" {check}"));
        }
    }
    let end = fitted(end.trim_end(), room);
    format!("{begin}{}{end}", screen.paint(tone, &format!("{phase:<PHASE$}")))
}

fn drawn(fraction: Option<f64>, columns: usize) -> String {
    let Some(fraction) = fraction else { return " ".repeat(columns) };
    // Between 0 and the bar's length: the fraction is between 0 and 1.
    let full = ((fraction * columns as f64) as usize).min(columns);
    let head = if full < columns { ">" } else { "" };
    format!("{}{head}{}", "=".repeat(full), " ".repeat((columns - full).saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client;

    const PLAIN: Screen = Screen { width: Some(80), colours: false };

    fn event(number: usize, phase: pb::BootPhase) -> pb::BootEvent {
        pb::BootEvent {
            instance_id: format!("i-{number:017x}"),
            phase: phase.into(),
            elapsed: Some(client::duration(Duration::from_millis(12_300))),
            expected_remaining: Some(client::duration(Duration::from_millis(27_700))),
            progress: Some(0.3),
            ..pb::BootEvent::default()
        }
    }

    #[test]
    fn more_instances_than_lines_leave_out_what_is_over() {
        let mut boots = Boots::default();
        for number in 0..60 {
            let phase = if number < 40 { pb::BootPhase::Ready } else { pb::BootPhase::Pending };
            boots.apply(&event(number, phase), Duration::ZERO);
        }
        let lines = frame(&boots, 24, PLAIN, Duration::ZERO, false);
        assert_eq!(lines.len(), 24);
        assert_eq!(lines[0], "i-00000000000000028 [===>      ] PENDING   12.3s / 40s");
        assert_eq!(lines[22], "i-00000000000000002 [==========] READY     12.3s");
        assert_eq!(lines[23], "… and 37 more (37 ready)");
        assert!(
            frame(&boots, 1, PLAIN, Duration::ZERO, false).len() == 1
                && frame(&boots, 0, PLAIN, Duration::ZERO, false).is_empty()
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let failure = pb::BootFailure { cause: "東京".repeat(60), ..pb::BootFailure::default() };
        let mut boots = Boots::default();
        let failed = pb::BootEvent {
            failure: Some(failure),
            system_status: "障害".repeat(30),
            ..event(1, pb::BootPhase::Failed)
        };
        boots.apply(&failed, Duration::ZERO);
        let lines = frame(&boots, 20, PLAIN, Duration::ZERO, false);
        assert!(lines.len() == 2 && lines.iter().all(|line| columns(line) <= 80), "{lines:?}");
    }

    #[test]
    fn failures_schedules_and_old_news_are_said_below() {
        let failure = pb::BootFailure {
            cause: "a volume could not be made".to_owned(),
            stage: pb::BootStage::Volume.into(),
            remedy: "ask for fewer".to_owned(),
            ..pb::BootFailure::default()
        };
        let failed = pb::BootEvent { failure: Some(failure), ..event(1, pb::BootPhase::Failed) };
        let retired = pb::ScheduledEvent {
            code: "instance-retirement".to_owned(),
            description: "degraded hardware".to_owned(),
            not_before: Some(client::timestamp("2026-11-30T00:00:00Z".parse().unwrap())),
            ..pb::ScheduledEvent::default()
        };
        let mut checking = pb::BootEvent { scheduled_events: vec![retired], ..event(2, pb::BootPhase::Checking) };
        checking.system_status = "ok".to_owned();
        checking.instance_status = "initializing".to_owned();
        checking.ebs_status = "ok".to_owned();
        let heartbeat =
            pb::BootEvent { data_age: Some(client::duration(Duration::from_secs(48))), ..pb::BootEvent::default() };
        let mut boots = Boots::default();
        for event in [failed, checking, heartbeat] {
            boots.apply(&event, Duration::ZERO);
        }
        assert_eq!(
            frame(&boots, 20, PLAIN, Duration::ZERO, false),
            [
                "i-00000000000000002 [===>      ] CHECKING  12.3s / 40s     instance=initializing",
                "i-00000000000000001 [          ] FAILED    12.3s",
                "i-00000000000000001 FAILED VOLUME: a volume could not be made",
                "  -> ask for fewer",
                "i-00000000000000002 instance-retirement scheduled, not before 2026-11-30T00:00:0",
                "EC2 last answered 48s ago",
            ]
        );
    }
}
