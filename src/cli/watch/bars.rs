//! Boots as bars on a terminal, redrawn a few times a second at most, however much happens.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::frame::frame;
use super::lines;
use super::progress::Boots;
use crate::cli::output::Screen;
use crate::client::pb;

/// How often it is drawn at most, and how often if nothing happens.
pub(super) const DRAW_PERIOD: Duration = Duration::from_millis(250);
/// Lines where nobody knows how many the terminal has.
const ROWS_DEFAULT: u16 = 24;

/// The bars: one drawing of as many lines as they take.
#[derive(Debug)]
pub(super) struct Bars {
    drawing: ProgressBar,
    screen: Screen,
    drawn: Option<Duration>,
}

impl Bars {
    pub(super) fn new() -> Self {
        let style = ProgressStyle::with_template("{msg}").expect("the template is well-formed");
        Self { drawing: ProgressBar::no_length().with_style(style), screen: Screen::stdout(), drawn: None }
    }

    /// Says what happened to the launch above the bars, and draws these if it is time to.
    pub(super) fn event(&mut self, event: &pb::BootEvent, boots: &Boots, uptime: Duration) {
        if event.launch_state() != pb::LaunchState::Unspecified
            && let Some(line) = lines::event(event)
        {
            self.say(&line);
        }
        if self.drawn.is_none_or(|drawn| uptime.saturating_sub(drawn) >= DRAW_PERIOD) {
            self.draw(boots, uptime);
        }
    }

    /// Draws where everything stands now.
    pub(super) fn draw(&mut self, boots: &Boots, uptime: Duration) {
        self.drawn = Some(uptime);
        self.drawing.set_message(self.lines(boots, uptime, false));
    }

    /// A line above the bars.
    pub(super) fn say(&self, line: &str) {
        self.drawing.println(line);
    }

    /// Leaves the bars as they are in the end.
    pub(super) fn finish(self, boots: &Boots, uptime: Duration) {
        let last = self.lines(boots, uptime, true);
        if last.is_empty() {
            self.drawing.finish_and_clear();
        } else {
            self.drawing.abandon_with_message(last);
        }
    }

    fn lines(&self, boots: &Boots, uptime: Duration, ended: bool) -> String {
        // Asked anew each time: terminals change their size.
        let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok();
        let rows = size.map(|size| size.ws_row).filter(|rows| *rows > 0).unwrap_or(ROWS_DEFAULT);
        let columns = size.map(|size| size.ws_col).filter(|columns| *columns > 0).or(self.screen.width);
        let screen = Screen { width: columns, ..self.screen };
        // A line is left for the cursor.
        frame(boots, usize::from(rows).saturating_sub(1), screen, uptime, ended).join("\n")
    }
}
