//! How far a boot has come and what is left of it, by boots of the same kind. Pure.
//!
//! What is left is the median of what was left in those measured boots that took at least as long: a boot that is later
//! than half of them is not said to be done any moment. Once the instance is RUNNING or CHECKING the time in that phase
//! counts, and not how long it took to get there.

use std::sync::Arc;
use std::time::Duration;

use super::boots::{Boot, millis};
use crate::record::{BootOutcome, BootTimes, Phase};

/// The fewest boots of one image, also of one type, that say more than the documentation does.
pub(super) const IMAGE_BOOTS_MIN: usize = 5;

/// The fewest boots of several images.
pub(super) const ROOT_DEVICE_BOOTS_MIN: usize = 20;

/// The newest boots at a level that are looked at: how boots were long ago says less, and a stream keeps what is made of
/// them, 12 bytes of each.
pub(super) const SAMPLE_BOOTS_MAX: usize = 250;

/// The most an unfinished boot is said to have made: only READY is 1.
const PROGRESS_UNFINISHED_MAX: f64 = 0.99;

/// What an expectation rests on, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Boots of this image on this type.
    ImageAndType,
    /// Boots of this image.
    Image,
    /// Boots of images with this kind of root device on this type.
    TypeAndRootDevice,
    /// Boots of images with this kind of root device.
    RootDevice,
    /// What EC2's documentation says of the kind of root device.
    Documented,
}

/// The levels that rest on boots, the closest first.
pub(super) const MEASURED: [Level; 4] =
    [Level::ImageAndType, Level::Image, Level::TypeAndRootDevice, Level::RootDevice];

impl Level {
    fn boots_min(self) -> usize {
        match self {
            Self::ImageAndType | Self::Image => IMAGE_BOOTS_MIN,
            Self::TypeAndRootDevice | Self::RootDevice => ROOT_DEVICE_BOOTS_MIN,
            Self::Documented => 0,
        }
    }
}

/// What is to be expected of a boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// What it rests on.
    pub level: Level,
    /// How many boots that are; none where it rests on the documentation.
    pub boots: usize,
    /// Milliseconds from the request to READY, ascending.
    ready: Vec<u32>,
    /// From RUNNING to READY, of those that were seen in it.
    from_running: Vec<u32>,
    /// From CHECKING to READY, of those that were seen in it.
    from_checking: Vec<u32>,
}

/// How far a boot has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Left {
    /// From 0 to 1, and 1 only at READY.
    pub progress: f64,
    /// How much longer it should take; none where it has taken longer than all that it is compared with.
    pub remaining: Option<Duration>,
}

impl Expectation {
    /// What the documentation says of a kind of root device: `total` from the request to READY.
    pub fn documented(total: Duration) -> Self {
        let ready = vec![millis(total)];
        Self { level: Level::Documented, boots: 0, ready, from_running: Vec::new(), from_checking: Vec::new() }
    }

    /// What boots of the same kind say: those of the closest level that has enough of them. None if no level has.
    /// `newest` has the boots of a level.
    pub(super) fn measured<'a>(newest: impl Fn(Level) -> &'a [Arc<Boot>]) -> Option<Self> {
        let with_sample = |level: Level| (level, newest(level));
        let mut levels = MEASURED.into_iter().map(with_sample);
        let (level, sample) = levels.find(|(level, sample)| level.boots_min() <= sample.len())?;
        let sorted = |times: &dyn Fn(&Boot) -> Option<u32>| {
            let mut times: Vec<u32> = sample.iter().filter_map(|boot| times(boot)).collect();
            times.sort_unstable();
            times
        };
        let since = |phase: usize| {
            move |boot: &Boot| boot.ready_millis().zip(boot.reached[phase]).map(|(ready, at)| ready.saturating_sub(at))
        };
        let from = |phase: usize| sorted(&since(phase));
        Some(Self {
            level,
            boots: sample.len(),
            ready: sorted(&Boot::ready_millis),
            from_running: from(1),
            from_checking: from(2),
        })
    }

    /// How far an instance has come that is in `phase`, `elapsed` after it was asked for; `times` says when it came there.
    /// None where nobody expects anything: it has ended, stands still or is impaired, or it has been stopped before it was
    /// READY, so that the time it stood still is counted too.
    ///
    /// Progress does not go back when the next phase is reached; the phases before count as they were. Within a phase it
    /// does when the boot turns out to be one of the slow ones.
    pub fn left(&self, phase: Phase, elapsed: Duration, times: &BootTimes) -> Option<Left> {
        let before: &[(Phase, Option<Duration>)] = match phase {
            Phase::Ready => return Some(Left { progress: 1.0, remaining: Some(Duration::ZERO) }),
            _ if times.outcome == Some(BootOutcome::Interrupted) => return None,
            Phase::Requested | Phase::Pending => &[],
            Phase::Running => &[(Phase::Pending, times.pending)],
            Phase::Checking => &[(Phase::Pending, times.pending), (Phase::Running, times.running)],
            Phase::Impaired | Phase::Stopped | Phase::Failed | Phase::Terminated | Phase::TimedOut => return None,
        };
        let remaining = self.remaining(phase, elapsed, times);
        let earlier = before.iter().filter_map(|(phase, time)| {
            let time = time.filter(|time| *time <= elapsed)?;
            Some(made(time, self.remaining(*phase, time, times)))
        });
        let progress = earlier.fold(made(elapsed, remaining), f64::max);
        Some(Left { progress, remaining })
    }

    fn remaining(&self, phase: Phase, elapsed: Duration, times: &BootTimes) -> Option<Duration> {
        let (measured, since) = match phase {
            Phase::Running => (&self.from_running, times.running),
            Phase::Checking => (&self.from_checking, times.checking),
            _ => (&self.ready, Some(Duration::ZERO)),
        };
        if measured.is_empty() {
            return residual(&self.ready, elapsed);
        }
        residual(measured, elapsed.saturating_sub(since.unwrap_or(elapsed)))
    }
}

/// The part of a boot that is made: `elapsed` of all that it will have taken.
fn made(elapsed: Duration, remaining: Option<Duration>) -> f64 {
    let Some(remaining) = remaining else { return PROGRESS_UNFINISHED_MAX };
    let total = elapsed + remaining;
    if total.is_zero() { 0.0 } else { elapsed.div_duration_f64(total).min(PROGRESS_UNFINISHED_MAX) }
}

/// The median of what is left of those in `sorted` that took longer than `elapsed`; none if none did.
fn residual(sorted: &[u32], elapsed: Duration) -> Option<Duration> {
    let longer = &sorted[sorted.partition_point(|millis| Duration::from_millis(u64::from(*millis)) <= elapsed)..];
    let median = longer.get(longer.len().saturating_sub(1) / 2)?;
    Some(Duration::from_millis(u64::from(*median)).saturating_sub(elapsed))
}
