//! Boot events as one bar per instance, on a terminal.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::lines;
use crate::cli::output::word;
use crate::client::{self, pb};

/// The length of a bar: progress in thousandths.
const BAR_LENGTH: u64 = 1000;
/// How often a bar's time moves on between two events.
const TICK: Duration = Duration::from_millis(250);

/// The bars.
#[derive(Debug)]
pub(super) struct Bars {
    multi: MultiProgress,
    bars: BTreeMap<String, ProgressBar>,
}

impl Bars {
    pub(super) fn new() -> Self {
        Self { multi: MultiProgress::new(), bars: BTreeMap::new() }
    }

    /// Moves the bar of an instance; says what happens to the launch above the bars.
    pub(super) fn event(&mut self, event: &pb::BootEvent) {
        if event.instance_id.is_empty() {
            if let Some(line) = lines::event(event) {
                self.say(&line);
            }
            return;
        }
        let bar = self.bars.entry(event.instance_id.clone()).or_insert_with(|| {
            let bar = self.multi.add(ProgressBar::new(BAR_LENGTH).with_style(style()));
            bar.set_prefix(event.instance_id.clone());
            bar.enable_steady_tick(TICK);
            bar
        });
        if let Some(elapsed) = event.elapsed.as_ref().and_then(client::length) {
            bar.set_elapsed(elapsed);
        }
        bar.set_position(position(event).unwrap_or_else(|| bar.position()));
        let message = format!("{}{}", word!(pb::BootPhase, event.phase), lines::details(event));
        if event.terminal || event.phase() == pb::BootPhase::Ready {
            bar.abandon_with_message(message);
        } else {
            bar.set_message(message);
        }
    }

    /// A line above the bars.
    pub(super) fn say(&self, line: &str) {
        // A terminal that cannot be written to any more has nobody in front of it.
        let _ = self.multi.println(line);
    }

    /// Leaves the bars as they are.
    pub(super) fn finish(self) {
        for bar in self.bars.values().filter(|bar| !bar.is_finished()) {
            bar.abandon();
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:<20} [{bar:24}] {elapsed:>4} {wide_msg}")
        .expect("the template is well-formed")
        .progress_chars("=> ")
}

/// How far the bar is: as measured if the server has measured, otherwise by what usually has
/// passed when a phase is reached. `None` where the phase says nothing about progress.
fn position(event: &pb::BootEvent) -> Option<u64> {
    if event.phase() == pb::BootPhase::Ready {
        return Some(BAR_LENGTH);
    }
    if let Some(progress) = event.progress {
        // Saturates, and takes NaN as 0.
        return Some((progress.clamp(0.0, 1.0) * BAR_LENGTH as f64) as u64);
    }
    match event.phase() {
        pb::BootPhase::Requested => Some(20),
        pb::BootPhase::Pending => Some(100),
        pb::BootPhase::Running => Some(300),
        pb::BootPhase::Checking => Some(500),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measured_progress_wins_over_the_phase() {
        let running = pb::BootEvent { phase: pb::BootPhase::Running.into(), ..pb::BootEvent::default() };
        assert_eq!(position(&running), Some(300));
        assert_eq!(position(&pb::BootEvent { progress: Some(0.8), ..running.clone() }), Some(800));
        assert_eq!(position(&pb::BootEvent { progress: Some(f64::NAN), ..running.clone() }), Some(0));
        let ready = pb::BootEvent { phase: pb::BootPhase::Ready.into(), progress: Some(0.9), ..running };
        assert_eq!(position(&ready), Some(BAR_LENGTH));
        let failed = pb::BootEvent { phase: pb::BootPhase::Failed.into(), ..pb::BootEvent::default() };
        assert_eq!(position(&failed), None);
    }

    #[test]
    fn every_instance_has_its_bar() {
        let mut bars = Bars::new();
        for id in ["i-1", "i-2", "i-1"] {
            bars.event(&pb::BootEvent { instance_id: id.into(), ..pb::BootEvent::default() });
        }
        assert_eq!(bars.bars.len(), 2);
        bars.finish();
    }
}
