//! What came of a watch, in a few lines: how many are ready and how fast, and why the others are not.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::lines;
use super::progress::{Boots, Standing, standing};
use crate::cli::output::amounts::{counted, span};
use crate::cli::output::{Tone, printable, word};
use crate::client::{self, pb};

/// How many different causes are written out, and how many of those that share one are named.
const CAUSES_SHOWN_MAX: usize = 8;
const NAMED_MAX: usize = 3;
/// How many scheduled events are written out.
const SCHEDULED_SHOWN_MAX: usize = 8;
/// How many consoles are printed: of 4 KiB at most each.
const CONSOLES_SHOWN_MAX: usize = 10;

/// `5 instances: 3 ready (p50 41.2s, slowest 52s), 1 failed (VOLUME 1), 1 timed out`; none where
/// there were no instances.
pub(super) fn counts(boots: &Boots) -> Option<String> {
    if boots.instances().len() == 0 {
        return None;
    }
    let words = [
        (Standing::Ready, "ready"),
        (Standing::Failed, "failed"),
        (Standing::TimedOut, "timed out"),
        (Standing::Stopped, "stopped"),
        (Standing::Terminated, "terminated"),
        (Standing::Booting, "booting"),
    ];
    let parts = words.into_iter().filter_map(|(standing, word)| {
        let count = boots.count(standing);
        let more = match standing {
            Standing::Ready => times(boots),
            Standing::Failed => stages(boots),
            _ => String::new(),
        };
        (count > 0).then(|| format!("{count} {word}{more}"))
    });
    Some(format!("{}: {}", counted(boots.instances().len(), "instance"), parts.collect::<Vec<_>>().join(", ")))
}

/// The median and the longest time to READY, each of a boot that was seen.
fn times(boots: &Boots) -> String {
    let ready = boots.instances().filter(|event| standing(event) == Standing::Ready);
    let mut times: Vec<Duration> = ready.filter_map(|event| event.elapsed.as_ref().and_then(client::length)).collect();
    times.sort_unstable();
    match &times[..] {
        [] => String::new(),
        [only] => format!(" ({})", span(*only)),
        [.., slowest] => {
            let median = times[times.len().div_ceil(2) - 1];
            format!(" (p50 {}, slowest {})", span(median), span(*slowest))
        }
    }
}

fn stages(boots: &Boots) -> String {
    let mut stages: BTreeMap<String, usize> = BTreeMap::new();
    for event in boots.instances().filter(|event| standing(event) == Standing::Failed) {
        let stage = event.failure.as_ref().map_or(pb::BootStage::Unknown.into(), |failure| failure.stage);
        *stages.entry(word!(pb::BootStage, stage)).or_default() += 1;
    }
    let parts: Vec<_> = stages.iter().map(|(stage, count)| format!("{stage} {count}")).collect();
    format!(" ({})", parts.join(", "))
}

/// Why boots went wrong, each cause once with its remedy: a line each, and how it looks.
fn causes(boots: &Boots) -> Vec<(Tone, String)> {
    // A terminal asks four times a second, of as many instances as there are.
    let mut places: HashMap<(i32, i32, &str, &str), usize> = HashMap::new();
    let mut causes: Vec<(&pb::BootEvent, &pb::BootFailure, Vec<&str>)> = Vec::new();
    for event in boots.instances() {
        let Some(failure) = &event.failure else { continue };
        let place = *places
            .entry((event.phase, failure.stage, failure.cause.as_str(), failure.remedy.as_str()))
            .or_insert(causes.len());
        match causes.get_mut(place) {
            Some((_, _, who)) => who.push(&event.instance_id),
            None => causes.push((event, failure, vec![&event.instance_id])),
        }
    }
    let more = causes.len().saturating_sub(CAUSES_SHOWN_MAX);
    let mut lines = Vec::new();
    for (event, failure, who) in causes.into_iter().take(CAUSES_SHOWN_MAX) {
        let (phase, stage) = (word!(pb::BootPhase, event.phase), word!(pb::BootStage, failure.stage));
        let (cause, remedy) = (printable(&failure.cause), printable(&failure.remedy));
        let named = who.iter().take(NAMED_MAX).map(|id| printable(id)).collect::<Vec<_>>().join(", ");
        let others = who.len().saturating_sub(NAMED_MAX);
        let others = if others > 0 { format!(" and {others} more") } else { String::new() };
        lines.push((Tone::Bad, format!("{named}{others} {phase} {stage}: {cause}")));
        if !remedy.is_empty() {
            lines.push((Tone::Plain, format!("  -> {remedy}")));
        }
    }
    if more > 0 {
        lines.push((Tone::Plain, format!("… and {more} more causes")));
    }
    lines
}

/// Why boots went wrong, and what EC2 has scheduled.
pub(super) fn notes(boots: &Boots) -> Vec<(Tone, String)> {
    let mut lines = causes(boots);
    lines.extend(scheduled(boots).take(SCHEDULED_SHOWN_MAX));
    let all: usize = boots.instances().map(|event| event.scheduled_events.len()).sum();
    let more = all.saturating_sub(SCHEDULED_SHOWN_MAX);
    if more > 0 {
        lines.push((Tone::Plain, format!("… and {more} more scheduled events")));
    }
    lines
}

/// What EC2 has scheduled for instances: a line each.
fn scheduled(boots: &Boots) -> impl Iterator<Item = (Tone, String)> {
    let events =
        boots.instances().flat_map(|event| event.scheduled_events.iter().map(move |scheduled| (event, scheduled)));
    let said = |(event, scheduled): (&pb::BootEvent, &pb::ScheduledEvent)| {
        (Tone::Warn, format!("{} {}", printable(&event.instance_id), lines::scheduled(scheduled)))
    };
    events.map(said)
}

/// The ends of the consoles of boots that went wrong, indented.
pub(super) fn consoles(boots: &Boots) -> Vec<String> {
    let failed: Vec<_> = boots.instances().filter_map(|event| Some((event, event.failure.as_ref()?))).collect();
    let mut lines = Vec::new();
    for (event, failure) in failed.iter().take(CONSOLES_SHOWN_MAX) {
        let id = printable(&event.instance_id);
        if failure.console_tail.is_empty() {
            lines.push(format!("the console of {id} is not there"));
            continue;
        }
        lines.push(format!("the end of the console of {id}:"));
        lines.extend(failure.console_tail.lines().map(|line| format!("    {}", printable(line))));
    }
    if let Some(more) = failed.len().checked_sub(CONSOLES_SHOWN_MAX + 1) {
        lines.push(format!("… and {} more consoles", more + 1));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, phase: pb::BootPhase, seconds: u64) -> pb::BootEvent {
        pb::BootEvent {
            instance_id: id.to_owned(),
            phase: phase.into(),
            elapsed: Some(client::duration(Duration::from_secs(seconds))),
            ..pb::BootEvent::default()
        }
    }

    #[test]
    fn a_summary_counts_times_stages_and_causes() {
        let mut boots = Boots::default();
        assert_eq!(counts(&boots), None);
        for (id, seconds) in [("i-1", 52), ("i-2", 41), ("i-3", 40), ("i-4", 44)] {
            boots.apply(&event(id, pb::BootPhase::Ready, seconds), Duration::ZERO);
        }
        for id in ["i-5", "i-6"] {
            let failure = pb::BootFailure {
                cause: "the snapshot is gone".to_owned(),
                stage: pb::BootStage::Snapshot.into(),
                remedy: "use another image".to_owned(),
                console_tail: "panic\u{1b}[2J\nat boot".to_owned(),
                ..pb::BootFailure::default()
            };
            let failed = pb::BootEvent { failure: Some(failure), ..event(id, pb::BootPhase::Failed, 3) };
            boots.apply(&failed, Duration::ZERO);
        }
        boots.apply(&event("i-7", pb::BootPhase::TimedOut, 600), Duration::ZERO);
        assert_eq!(
            counts(&boots).unwrap(),
            "7 instances: 4 ready (p50 41s, slowest 52s), 2 failed (SNAPSHOT 2), 1 timed out"
        );
        assert_eq!(
            causes(&boots),
            [
                (Tone::Bad, "i-5, i-6 FAILED SNAPSHOT: the snapshot is gone".to_owned()),
                (Tone::Plain, "  -> use another image".to_owned())
            ]
        );
        assert_eq!(
            consoles(&boots)[..3],
            ["the end of the console of i-5:", "    panic\\u{1b}[2J", "    at boot"],
            "what a console says cannot change the terminal"
        );
    }
}
