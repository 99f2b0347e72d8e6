//! From a launch and its events to rows. Pure: what "now" is, is handed in.

use std::collections::HashMap;
use std::time::Duration;

use super::{Cause, End, Kind, Row, Segment, Subject, Timeline};
use crate::cli::describe;
use crate::cli::output::{printable, word};
use crate::client::{self, pb};
use crate::clock::Timestamp;

/// The timeline of a launch. The events are its own from the first on, in order; `now` is where
/// what still goes on ends, unless the server has seen something later.
pub(crate) fn timeline(launch: &pb::Launch, events: &[pb::BootEvent], now: Timestamp) -> Timeline {
    let decided = launch.create_time.as_ref().and_then(client::moment).unwrap_or(now);
    // What a clock that was set back dates before the decision is drawn at the decision.
    let since = |time: Timestamp| Duration::try_from(time.duration_since(decided)).unwrap_or_default();
    let time = |time: Option<Timestamp>| time.map(since);

    let rest = events
        .iter()
        .find(|event| event.instance_id.is_empty() && event.terminal)
        .and_then(|event| time(event.observed_time.as_ref().and_then(client::moment)));
    let settled = rest.or_else(|| time(launch.settle_time.as_ref().and_then(client::moment)));
    let heard = time(launch.update_time.as_ref().and_then(client::moment)).unwrap_or_default();
    let shown_to = settled.unwrap_or_else(|| since(now).max(heard));

    let mut by_instance: HashMap<&str, Vec<&pb::BootEvent>> = HashMap::new();
    for event in events.iter().filter(|event| event.sequence > 0 && !event.instance_id.is_empty()) {
        by_instance.entry(&event.instance_id).or_default().push(event);
    }

    let mut rows = Vec::new();
    let mut causes = Causes::default();
    for (number, attempt) in launch.attempts.iter().enumerate() {
        rows.push(attempt_row(number + 1, attempt, &time, &mut causes));
        let made = launch.instances.iter().filter(|instance| instance.attempt_id == attempt.attempt_id);
        rows.extend(made.map(|instance| {
            let events = by_instance.get(instance.instance_id.as_str()).map_or(&[][..], Vec::as_slice);
            instance_row(instance, events, &time, &mut causes)
        }));
    }
    let known: Vec<&str> = launch.attempts.iter().map(|attempt| attempt.attempt_id.as_str()).collect();
    for instance in launch.instances.iter().filter(|instance| !known.contains(&instance.attempt_id.as_str())) {
        let events = by_instance.get(instance.instance_id.as_str()).map_or(&[][..], Vec::as_slice);
        rows.push(instance_row(instance, events, &time, &mut causes));
    }

    let length = rows.iter().filter_map(|row| row.at).fold(shown_to, Duration::max);
    for row in rows.iter_mut().filter(|row| row.end == End::Open) {
        if let Some(last) = row.segments.last_mut() {
            last.to = length.max(last.from);
        }
    }
    Timeline {
        launch_id: printable(&launch.launch_id),
        state: word!(pb::LaunchState, launch.state),
        image: printable(describe::launched_image(launch)),
        decided,
        length,
        open: settled.is_none(),
        rows,
        causes: causes.causes,
    }
}

/// How long after the decision a moment was.
type Since<'a> = &'a dyn Fn(Option<Timestamp>) -> Option<Duration>;

/// Equal causes, each once, in the order in which they came.
#[derive(Default)]
struct Causes {
    causes: Vec<Cause>,
    /// Where each word, cause and remedy is among them.
    places: HashMap<[String; 3], usize>,
}

impl Causes {
    fn add(&mut self, who: &str, word: String, cause: &str, remedy: &str) {
        let (cause, remedy) = (printable(cause), printable(remedy));
        let key = [word.clone(), cause.clone(), remedy.clone()];
        let place = *self.places.entry(key).or_insert(self.causes.len());
        match self.causes.get_mut(place) {
            Some(known) => known.who.push(who.to_owned()),
            None => self.causes.push(Cause { who: vec![who.to_owned()], word, cause, remedy }),
        }
    }
}

fn attempt_row(number: usize, attempt: &pb::Attempt, time: Since<'_>, causes: &mut Causes) -> Row {
    let place = printable(describe::place(attempt.placement.as_ref()));
    let instance_type = printable(&attempt.instance_type);
    let name = format!("attempt {number}");
    let label = [name.as_str(), &instance_type, &place].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>();
    let from = time(attempt.intend_time.as_ref().and_then(client::moment)).unwrap_or_default();
    let unknown = time(attempt.unknown_time.as_ref().and_then(client::moment)).map(|at| at.max(from));
    let at = time(attempt.end_time.as_ref().and_then(client::moment)).map(|at| at.max(unknown.unwrap_or(from)));
    let calling_to = unknown.or(at).unwrap_or(from);
    let mut segments = vec![Segment { kind: Kind::Calling, from, to: calling_to }];
    if let Some(unknown) = unknown {
        segments.push(Segment { kind: Kind::FindingOut, from: unknown, to: at.unwrap_or(unknown) });
    }
    let word = word!(pb::AttemptState, attempt.state);
    let end = match (at, attempt.state()) {
        (Some(_), pb::AttemptState::Succeeded) => End::Good,
        (Some(_), _) => End::Bad,
        (None, _) => End::Open,
    };
    if let Some(error) = &attempt.error {
        let message = [error.code.as_str(), &error.message].into_iter().filter(|word| !word.is_empty());
        causes.add(&name, word.clone(), &message.collect::<Vec<_>>().join(": "), &error.remedy);
    }
    Row {
        subject: Subject::Attempt,
        id: printable(&attempt.attempt_id),
        label: label.join("  "),
        attempt_id: printable(&attempt.attempt_id),
        instance_type,
        place,
        segments,
        end,
        word,
        at,
        later: Vec::new(),
    }
}

fn instance_row(
    instance: &pb::LaunchedInstance,
    events: &[&pb::BootEvent],
    time: Since<'_>,
    causes: &mut Causes,
) -> Row {
    let id = printable(&instance.instance_id);
    let mut segments: Vec<Segment> = Vec::new();
    let mut ended: Option<(pb::BootPhase, Duration)> = None;
    let mut later: Vec<(String, Duration)> = Vec::new();
    let mut before = Duration::ZERO;
    for event in events.iter().filter(|event| event.phase() != pb::BootPhase::Unspecified) {
        // Never back in time, whatever a clock did meanwhile.
        let at = time(event.observed_time.as_ref().and_then(client::moment)).unwrap_or(before).max(before);
        before = at;
        if let Some((phase, _)) = ended {
            let word = word!(pb::BootPhase, event.phase);
            let last = later.last().map_or_else(|| word!(pb::BootPhase, phase.into()), |(word, _)| word.clone());
            if word != last {
                later.push((word, at));
            }
            continue;
        }
        if let Some(last) = segments.last_mut() {
            last.to = at;
        }
        match kind(event.phase()).filter(|_| !event.terminal) {
            Some(kind) if segments.last().is_some_and(|last| last.kind == kind) => {}
            Some(kind) => segments.push(Segment { kind, from: at, to: at }),
            None => {
                ended = Some((event.phase(), at));
                if let Some(failure) = &event.failure {
                    let word = format!("{} {}", word!(pb::BootPhase, event.phase), word!(pb::BootStage, failure.stage));
                    causes.add(&id, word, &failure.cause, &failure.remedy);
                } else if let Some(reason) =
                    event.state_reason.as_ref().filter(|_| event.phase() != pb::BootPhase::Ready)
                {
                    let word = word!(pb::BootPhase, event.phase);
                    causes.add(&id, word, &format!("{}: {}", reason.code, reason.message), "");
                }
            }
        }
    }
    let (end, word) = match ended {
        Some((pb::BootPhase::Ready, _)) => (End::Good, word!(pb::BootPhase, pb::BootPhase::Ready.into())),
        Some((phase, _)) => (End::Bad, word!(pb::BootPhase, phase.into())),
        None => (End::Open, word!(pb::BootPhase, instance.phase)),
    };
    Row {
        subject: Subject::Instance,
        label: format!("  {id}"),
        id,
        attempt_id: printable(&instance.attempt_id),
        instance_type: printable(&instance.instance_type),
        place: printable(&instance.availability_zone),
        segments,
        end,
        word,
        at: ended.map(|(_, at)| at),
        later,
    }
}

/// What an instance in this phase spends its time in; none where the phase ends its boot.
fn kind(phase: pb::BootPhase) -> Option<Kind> {
    match phase {
        pb::BootPhase::Requested => Some(Kind::Requested),
        pb::BootPhase::Pending => Some(Kind::Pending),
        pb::BootPhase::Running => Some(Kind::Running),
        pb::BootPhase::Checking => Some(Kind::Checking),
        pb::BootPhase::Impaired => Some(Kind::Impaired),
        pb::BootPhase::Stopped => Some(Kind::Stopped),
        pb::BootPhase::Ready
        | pb::BootPhase::Failed
        | pb::BootPhase::Terminated
        | pb::BootPhase::TimedOut
        | pb::BootPhase::Unspecified => None,
    }
}
