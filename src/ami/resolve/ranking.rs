//! The order of the candidates, and the words for it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::ami::classify::{Classification, Conclusion, Lifecycle, Recommendation};
use crate::ec2::facts::Image;
use crate::ids::ImageId;

/// The most runners-up of one answer.
pub const RUNNERS_UP_MAX: usize = 20;

/// States that are told apart where nothing can be launched; EC2 has eight.
const STATES_MAX: usize = 16;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// Whether an image can be launched; the better first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Launchable,
    /// EC2 gives no state, or a new one. Such an image is named and never chosen.
    Unknown,
    Unlaunchable,
}

/// What decides between two candidates, the better being less. The id makes it total.
type Rank<'a> = (Standing, bool, Reverse<Option<Timestamp>>, &'a ImageId);

#[derive(Debug, Clone)]
struct Candidate {
    image: Image,
    standing: Standing,
    deprecated: bool,
    /// What is said about it beside its place, such as that it is discouraged.
    remarks: Vec<String>,
}

/// The best candidates so far.
#[derive(Debug, Clone, Default)]
pub struct Ranking {
    matched: usize,
    /// The best first; at most the winner and [`RUNNERS_UP_MAX`].
    best: Vec<Candidate>,
    /// How many cannot be launched, by state.
    against: BTreeMap<String, usize>,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The winner.
    pub winner: Image,
    /// The others, best first; at most [`RUNNERS_UP_MAX`].
    pub runners_up: Vec<RunnerUp>,
}

/// An image that met the selector and was not chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerUp {
    /// The image.
    pub image_id: ImageId,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// When it was made, where EC2 says so.
    pub creation_time: Option<Timestamp>,
    /// Why it lost, in one sentence without its full stop.
    pub reason: String,
}

/// Why no image was chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Nothing {
    /// How many images met the selector.
    pub matched: usize,
    /// What there was instead, for a person.
    pub message: String,
}

impl Ranking {
    /// Takes one more candidate into account. No candidate may come twice.
    pub fn consider(&mut self, image: &Image, classification: &Classification) {
        self.matched += 1;
        let standing = standing(classification);
        if standing != Standing::Launchable {
            let state = image.state.as_deref().unwrap_or("without a state").to_owned();
            if self.against.len() < STATES_MAX || self.against.contains_key(&state) {
                *self.against.entry(state).or_default() += 1;
            }
        }
        let rank = (standing, classification.deprecated, Reverse(image.creation_date), &image.image_id);
        let place = self.best.partition_point(|better| better.rank() < rank);
        if place > RUNNERS_UP_MAX {
            return;
        }
        self.best.truncate(RUNNERS_UP_MAX);
        self.best.insert(
            place,
            Candidate {
                image: image.clone(),
                standing,
                deprecated: classification.deprecated,
                remarks: remarks(classification),
            },
        );
    }

    /// How many candidates there were.
    pub fn matched(&self) -> usize {
        self.matched
    }

    /// The ids of the winner and the runners-up, best first.
    pub fn best(&self) -> impl Iterator<Item = &ImageId> {
        self.best.iter().map(|candidate| &candidate.image.image_id)
    }

    /// The winner, and why the others lost.
    ///
    /// # Errors
    /// [`Nothing`] if there is no candidate that can be launched.
    pub fn choose(self) -> Result<Choice, Nothing> {
        let Self { matched, best, against } = self;
        let mut best = best.into_iter();
        match best.next() {
            Some(winner) if winner.standing == Standing::Launchable => {
                let runners_up = best.map(|loser| loser.runner_up(&winner)).collect();
                Ok(Choice { winner: winner.image, runners_up })
            }
            Some(_) => {
                let states: Vec<String> = against.iter().map(|(state, count)| format!("{count} {state}")).collect();
                let images = if matched == 1 { "1 image meets" } else { &format!("{matched} images meet") };
                let message = format!("{images} the selector and none can be launched: {}", states.join(", "));
                Err(Nothing { matched, message })
            }
            None => Err(Nothing { matched, message: "no image meets the selector".to_owned() }),
        }
    }

    /// The choice among the best after one more look at them: `live` is of those that still meet
    /// the selector. One that is gone or can no longer be launched makes way for the next.
    ///
    /// # Errors
    /// [`Nothing`] if none of them can be launched.
    pub fn confirmed_by(self, live: Self) -> Result<Choice, Nothing> {
        let matched = self.matched;
        live.choose().map_err(|_| {
            self.choose().err().unwrap_or_else(|| Nothing {
                matched,
                message: "what met the selector a moment ago has changed or is gone; resolve it again".to_owned(),
            })
        })
    }
}

impl Candidate {
    fn rank(&self) -> Rank<'_> {
        (self.standing, self.deprecated, Reverse(self.image.creation_date), &self.image.image_id)
    }

    fn runner_up(self, winner: &Self) -> RunnerUp {
        let mut reason = self.reason(winner);
        for remark in &self.remarks {
            reason.push_str("; ");
            reason.push_str(remark);
        }
        let Image { image_id, name, creation_date, .. } = self.image;
        RunnerUp { image_id, name, creation_time: creation_date, reason }
    }

    /// The first thing that decides between this candidate and the winner.
    fn reason(&self, winner: &Self) -> String {
        let state =
            || self.image.state.as_deref().map_or("EC2 gives no state".to_owned(), |state| format!("state {state}"));
        match self.standing {
            Standing::Unlaunchable => return format!("cannot be launched: {}", state()),
            Standing::Unknown => return format!("not known whether it can be launched: {}", state()),
            Standing::Launchable => {}
        }
        if self.deprecated && !winner.deprecated {
            return match self.image.deprecation_time {
                Some(time) => format!("deprecated since {}", day(time)),
                None => "deprecated".to_owned(),
            };
        }
        match (self.image.creation_date, winner.image.creation_date) {
            (Some(own), Some(newest)) if own != newest => {
                let seconds = newest.as_second().saturating_sub(own.as_second());
                if seconds >= SECONDS_PER_DAY {
                    format!("made {}, {} before the winner", day(own), count(seconds / SECONDS_PER_DAY, "day"))
                } else {
                    format!("made {own}, {} before the winner", span(seconds))
                }
            }
            (None, Some(_)) => "EC2 does not say when it was made".to_owned(),
            _ => "same creation time, id sorts later".to_owned(),
        }
    }
}

fn standing(classification: &Classification) -> Standing {
    match (classification.recommendation, classification.lifecycle) {
        (Recommendation::Unlaunchable, _) => Standing::Unlaunchable,
        (_, Lifecycle::Current) => Standing::Launchable,
        (_, Lifecycle::Unknown) => Standing::Unknown,
        _ => Standing::Unlaunchable,
    }
}

/// What whoever reads the reason should know beside it.
fn remarks(classification: &Classification) -> Vec<String> {
    let mut remarks = Vec::new();
    if classification.recommendation == Recommendation::Discouraged {
        let grounds = classification.basis.iter().filter(|basis| basis.conclusion() == Conclusion::Recommendation);
        let ground = grounds.map(|basis| basis.meaning()).find(|_| true).unwrap_or("Discouraged");
        remarks.push(lower(ground));
    }
    if classification.findings().any(|finding| finding.code == "LOOK_ALIKE_NAME") {
        remarks.push("named like a well-known publisher's, from an owner that Amazon does not vouch for".to_owned());
    }
    remarks
}

/// A sentence as a part of another.
fn lower(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.');
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn day(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::UTC).date().to_string()
}

fn span(seconds: i64) -> String {
    match seconds {
        0 => "less than a second".to_owned(),
        1..=59 => count(seconds, "second"),
        60..=3_599 => count(seconds / 60, "minute"),
        _ => count(seconds / 3_600, "hour"),
    }
}

fn count(number: i64, unit: &str) -> String {
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}
