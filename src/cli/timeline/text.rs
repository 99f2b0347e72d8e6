//! A timeline in characters: each phase has its own, so that it can be read without colours.

use super::axis::{column, spread, ticks};
use super::{CAUSES_SHOWN_MAX, End, Kind, Row, Timeline};
use crate::cli::output::amounts::{columns, cut, span};
use crate::cli::output::{Screen, Tone};

/// How wide it is where there is no terminal.
const COLUMNS_DEFAULT: usize = 100;
/// The narrowest a chart can be and still say something.
const CHART_COLUMNS_MIN: usize = 20;
/// Columns for a tick and its label.
const TICK_COLUMNS: usize = 10;
/// The longest label: an attempt with a long type and a subnet.
const LABEL_COLUMNS_MAX: usize = 48;

fn mark(kind: Kind) -> char {
    match kind {
        Kind::Calling => '─',
        Kind::FindingOut => '?',
        Kind::Requested => '·',
        Kind::Pending => '░',
        Kind::Running => '▒',
        Kind::Checking => '▓',
        Kind::Impaired => '!',
        Kind::Stopped => '_',
    }
}

fn tone(kind: Kind) -> Tone {
    match kind {
        Kind::FindingOut | Kind::Stopped => Tone::Warn,
        Kind::Impaired => Tone::Bad,
        Kind::Calling | Kind::Requested | Kind::Pending | Kind::Running | Kind::Checking => Tone::Plain,
    }
}

fn end_mark(end: &End) -> char {
    match end {
        End::Open => '→',
        End::Good => '●',
        End::Bad => '×',
    }
}

/// The timeline as lines, fitted to the screen.
pub(crate) fn text(timeline: &Timeline, screen: Screen, all: bool) -> String {
    let (rows, left_out) = timeline.shown(all);
    let mut lines = vec![timeline.title()];
    if rows.is_empty() {
        lines.push("nothing was tried".to_owned());
        return lines.join("\n");
    }
    let width = screen.width.map_or(COLUMNS_DEFAULT, usize::from);
    let results: Vec<String> = rows.iter().map(|row| row.result()).collect();
    let result_columns = results.iter().map(|result| columns(result)).max().unwrap_or(0);
    let label_columns = rows.iter().map(|row| columns(&row.label)).max().unwrap_or(0).min(LABEL_COLUMNS_MAX);
    let room = width.saturating_sub(label_columns + result_columns + 4);
    let chart = room.max(CHART_COLUMNS_MIN);
    // A narrow screen takes from the labels first: ids can be told apart by less.
    let label_columns = label_columns.saturating_sub(chart - room).max(8.min(label_columns));

    lines.push(String::new());
    lines.extend(axis(timeline, chart).map(|line| format!("{:label_columns$}  {line}", "").trim_end().to_owned()));
    for (row, result) in rows.iter().zip(&results) {
        let label = cut(&row.label, label_columns);
        let cells = cells(row, timeline, chart, screen);
        // A formatter would count characters, and some take two columns.
        let blank = " ".repeat(label_columns.saturating_sub(columns(&label)));
        lines.push(format!("{label}{blank}  {cells}  {}", screen.paint(row.tone(), result)));
    }
    lines.extend(left_out.map(|text| format!("  {text}")));
    lines.push(String::new());
    lines.push(legend(&rows));
    lines.extend(causes(timeline, screen));
    lines.join("\n")
}

/// The labels of the ticks, and the ticks.
fn axis(timeline: &Timeline, chart: usize) -> impl Iterator<Item = String> {
    let mut labels = String::new();
    let mut line = vec!['─'; chart];
    for tick in ticks(timeline.length, chart / TICK_COLUMNS) {
        let at = column(tick, timeline.length, chart - 1);
        line[at] = if at == 0 { '├' } else { '┼' };
        let label = span(tick);
        // A label is left out where it would run into the one before it.
        if at >= labels.chars().count() + usize::from(at > 0) {
            labels.push_str(&" ".repeat(at - labels.chars().count()));
            labels.push_str(&label);
        }
    }
    [labels, line.into_iter().collect()].into_iter()
}

/// A row's cells: exactly as many columns as the chart has.
fn cells(row: &Row, timeline: &Timeline, chart: usize, screen: Screen) -> String {
    let Some(last) = row.segments.last() else { return " ".repeat(chart) };
    let times: Vec<_> = row.segments.iter().map(|segment| segment.from).chain([last.to]).collect();
    // The last column is for how it ended.
    let at = spread(&times, timeline.length, chart - 1, 1);
    let mut text = " ".repeat(at[0]);
    for (segment, ends) in row.segments.iter().zip(at.windows(2)) {
        let drawn: String = std::iter::repeat_n(mark(segment.kind), ends[1] - ends[0]).collect();
        text.push_str(&screen.paint(tone(segment.kind), &drawn));
    }
    let end = at[at.len() - 1];
    text.push_str(&screen.paint(row.tone(), &end_mark(&row.end).to_string()));
    text.push_str(&" ".repeat(chart - 1 - end));
    text
}

fn legend(rows: &[&Row]) -> String {
    let kinds = Timeline::kinds(rows).into_iter().map(|kind| format!("{} {}", mark(kind), kind.name()));
    let ends = [(End::Good, "done"), (End::Bad, "failed or ended"), (End::Open, "goes on")];
    let ends = ends
        .into_iter()
        .filter(|(end, _)| rows.iter().any(|row| row.end == *end))
        .map(|(end, name)| format!("{} {name}", end_mark(&end)));
    kinds.chain(ends).collect::<Vec<_>>().join("   ")
}

fn causes(timeline: &Timeline, screen: Screen) -> Vec<String> {
    let mut lines = Vec::new();
    for cause in timeline.causes.iter().take(CAUSES_SHOWN_MAX) {
        lines.push(String::new());
        lines.push(screen.paint(Tone::Bad, &cause.line()));
        if !cause.remedy.is_empty() {
            lines.push(format!("  -> {}", cause.remedy));
        }
    }
    if let Some(more) = timeline.causes.len().checked_sub(CAUSES_SHOWN_MAX + 1) {
        lines.push(format!("\n… and {} more causes", more + 1));
    }
    lines
}
