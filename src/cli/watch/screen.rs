//! Where a watch is shown: bars on a terminal, lines elsewhere, objects for a program.

use std::time::Duration;

use super::bars::Bars;
use super::lines;
use super::progress::Boots;
use super::summary;
use crate::cli::failure::Failure;
use crate::cli::output::{self, Output, print};
use crate::client::Watched;

/// The screen, and what is printed on it in the end.
#[derive(Debug)]
pub(super) struct Screen {
    output: Output,
    console: bool,
    /// None: lines.
    bars: Option<Bars>,
    /// How old what the server knows was when that was last said.
    said_stale: Option<Duration>,
}

impl Screen {
    pub(super) fn new(output: Output, console: bool) -> Self {
        Self { output, console, bars: output.is_interactive().then(Bars::new), said_stale: None }
    }

    /// Whether what is shown changes while nothing happens.
    pub(super) fn moves(&self) -> bool {
        self.bars.is_some()
    }

    /// Shows where everything stands now.
    pub(super) fn draw(&mut self, boots: &Boots, uptime: Duration) {
        if let Some(bars) = &mut self.bars {
            bars.draw(boots, uptime);
        }
    }

    /// Takes in what the watch has brought, and shows it.
    pub(super) fn show(&mut self, watched: &Watched, boots: &mut Boots, uptime: Duration) -> Result<(), Failure> {
        match watched {
            Watched::Event(event) => {
                boots.apply(event, uptime);
                match &mut self.bars {
                    Some(bars) => bars.event(event, boots, uptime),
                    None => {
                        self.output.item(event.as_ref(), lines::event)?;
                        self.say_if_stale(boots, uptime);
                    }
                }
            }
            Watched::Interrupted { cause, delay } => {
                let line = lines::interruption(cause, *delay);
                match &self.bars {
                    Some(bars) => bars.say(&line),
                    None => eprintln!("{line}"),
                }
            }
        }
        Ok(())
    }

    /// Says that what is known is old: once, and again whenever it is twice as old.
    fn say_if_stale(&mut self, boots: &Boots, uptime: Duration) {
        let stale = boots.stale(uptime);
        match (stale, self.said_stale) {
            (Some(age), Some(said)) if age < said * 2 => {}
            (Some(age), _) => {
                self.output.note(&lines::staleness(age));
                self.said_stale = stale;
            }
            (None, _) => self.said_stale = None,
        }
    }

    /// Leaves what is shown, and says what came of it.
    pub(super) fn finish(self, boots: &Boots, uptime: Duration) -> Result<(), Failure> {
        if let Some(bars) = self.bars {
            bars.finish(boots, uptime);
        }
        if !self.output.is_for_people() {
            return Ok(());
        }
        let screen = output::Screen::stdout();
        let mut lines: Vec<String> = summary::counts(boots).into_iter().collect();
        lines.extend(summary::notes(boots).into_iter().map(|(tone, line)| screen.paint(tone, &line)));
        if self.console {
            lines.extend(summary::consoles(boots));
        }
        lines.iter().try_for_each(|line| print(line))
    }
}
