//! The timeline of a launch: a row for each attempt and each instance, and what each spent its time
//! in, from the decision until the launch came to rest.
//!
//! Made from what the server has on record (`rows`), and shown as text (`text`), as a picture
//! (`picture`) or as data (`data`). Nothing here asks a server or reads a clock.

mod axis;
mod data;
mod file;
mod picture;
mod rows;
#[cfg(test)]
mod tests;
mod text;

use std::time::Duration;

use super::output::Tone;
use super::output::amounts::{moment, span};
use crate::clock::Timestamp;

pub(crate) use data::json;
pub(crate) use file::write_picture;
pub(crate) use picture::svg;
pub(crate) use rows::timeline;
pub(crate) use text::text;

/// How many instances are drawn unless all are asked for: what a person reads on two screens.
pub(crate) const INSTANCES_SHOWN_MAX: usize = 40;
/// How many different causes are written out below the rows.
const CAUSES_SHOWN_MAX: usize = 8;
/// How many of those that share a cause are named.
const NAMED_MAX: usize = 3;

/// What a stretch of time was spent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Attempt: the call to EC2 was under way.
    Calling,
    /// Attempt: nobody knew what had come of the call, and it was being found out.
    FindingOut,
    /// Instance: asked for, and not shown by EC2 yet.
    Requested,
    /// Instance: EC2 prepared it.
    Pending,
    /// Instance: EC2 had started it.
    Running,
    /// Instance: its status checks were under way.
    Checking,
    /// Instance: a status check had failed.
    Impaired,
    /// Instance: stopping or stopped.
    Stopped,
}

impl Kind {
    /// Its name, for a legend.
    fn name(self) -> &'static str {
        match self {
            Self::Calling => "calling EC2",
            Self::FindingOut => "outcome unknown",
            Self::Requested => "requested",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Checking => "checking",
            Self::Impaired => "impaired",
            Self::Stopped => "stopped",
        }
    }

    /// Its name in the contract, of a state of an attempt or a phase of an instance.
    fn word(self) -> &'static str {
        match self {
            Self::Calling => "INTENDED",
            Self::FindingOut => "UNKNOWN",
            Self::Requested => "REQUESTED",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Checking => "CHECKING",
            Self::Impaired => "IMPAIRED",
            Self::Stopped => "STOPPED",
        }
    }
}

/// A stretch of a row. Times are since the decision. One ends where the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    kind: Kind,
    from: Duration,
    to: Duration,
}

/// How a row ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// It has not, by the end of what is shown.
    Open,
    /// As it should.
    Good,
    /// Otherwise.
    Bad,
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Attempt,
    Instance,
}

/// An attempt or an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    subject: Subject,
    id: String,
    /// `attempt 1  m7i.large  us-east-1a`, or the instance's id: from outside, but printable.
    label: String,
    /// The attempt, of an instance the one that made it.
    attempt_id: String,
    instance_type: String,
    place: String,
    segments: Vec<Segment>,
    end: End,
    /// The state or phase it has come to, as in the contract: `READY`.
    word: String,
    /// When it came to it, if it has ended.
    at: Option<Duration>,
    /// What came of it afterwards, such as `TERMINATED`.
    later: Vec<(String, Duration)>,
}

impl Row {
    /// `READY 39.1s, TERMINATED 2h 3m`.
    fn result(&self) -> String {
        let mut text = self.word.clone();
        if let Some(at) = self.at {
            text.push_str(&format!(" {}", span(at)));
        }
        for (word, at) in &self.later {
            text.push_str(&format!(", {word} {}", span(*at)));
        }
        text
    }

    fn tone(&self) -> Tone {
        match self.end {
            End::Open => Tone::Plain,
            End::Good => Tone::Good,
            End::Bad => Tone::Bad,
        }
    }
}

/// Why some rows ended badly.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cause {
    /// Who shares it: `attempt 1`, or instances.
    who: Vec<String>,
    /// The state, and of instances the stage: `FAILED VOLUME`.
    word: String,
    cause: String,
    remedy: String,
}

impl Cause {
    /// `i-1, i-2, i-3 and 4 more: FAILED VOLUME: the volume …`.
    fn line(&self) -> String {
        let named = self.who.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
        let more = match self.who.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{named}{more}: {}: {}", self.word, self.cause)
    }
}

/// A launch, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timeline {
    launch_id: String,
    /// Where the launch stands, as in the contract.
    state: String,
    image: String,
    /// When the launch was decided: 0 of every other time.
    decided: Timestamp,
    /// How long what is shown is: until the launch first came to rest, or until now.
    length: Duration,
    /// Whether it still goes on.
    open: bool,
    rows: Vec<Row>,
    causes: Vec<Cause>,
}

impl Timeline {
    /// The rows to draw, and what to say about those left out. The ones that are left out are READY,
    /// as far as there are enough of these, and were ready soonest.
    fn shown(&self, all: bool) -> (Vec<&Row>, Option<String>) {
        let mut instances: Vec<&Row> = self.rows.iter().filter(|row| row.subject == Subject::Instance).collect();
        if all || instances.len() <= INSTANCES_SHOWN_MAX {
            return (self.rows.iter().collect(), None);
        }
        instances.sort_by_key(|row| (row.end == End::Good, std::cmp::Reverse(row.at)));
        let out = instances.split_off(INSTANCES_SHOWN_MAX);
        let ids: std::collections::HashSet<&str> = out.iter().map(|row| row.id.as_str()).collect();
        let shown = self.rows.iter().filter(|row| row.subject == Subject::Attempt || !ids.contains(row.id.as_str()));
        let ready = out.iter().filter(|row| row.end == End::Good).count();
        let soonest = out.iter().filter(|row| row.end == End::Good).filter_map(|row| row.at).min();
        let times = soonest.map(|at| format!(", from {}", span(at))).unwrap_or_default();
        let text = format!("… and {} more instances ({ready} ready{times}); --all shows them", out.len());
        (shown.collect(), Some(text))
    }

    /// What it is, in a line.
    fn title(&self) -> String {
        let image = if self.image.is_empty() { String::new() } else { format!(" of {}", self.image) };
        let decided = moment(self.decided);
        format!("launch {}{image}: {}, decided {decided}", self.launch_id, self.state)
    }

    /// What there is in it, each kind once, in the order in which it happens.
    fn kinds(rows: &[&Row]) -> Vec<Kind> {
        let kinds: std::collections::BTreeSet<Kind> =
            rows.iter().flat_map(|row| &row.segments).map(|segment| segment.kind).collect();
        kinds.into_iter().collect()
    }
}
