//! A timeline as a picture: one SVG file that needs nothing else, for light and dark surroundings.
//!
//! Text from outside stands only in text nodes, which the writer escapes: it does not escape quotes in
//! attributes. Every stretch says its exact times where the pointer rests on it.

use std::time::Duration;

use svg::node::Text as Words;
use svg::node::element::{Circle, Description, Group, Line, Rectangle, Style, Text, Title};

use super::axis::{column, spread, ticks};
use super::{CAUSES_SHOWN_MAX, End, Kind, Row, Timeline};
use crate::cli::output::amounts::{cut, span};

/// What the file begins with, by which a picture is known for one of these.
pub(super) const MARK: &str = "<!-- a timeline by gantry -->\n";

/// Pixels from the edge, and between the columns.
const MARGIN: usize = 16;
/// The height of a row, and of its bar.
const ROW: usize = 22;
const BAR: usize = 14;
/// The width of the chart, and the least for a stretch.
const CHART: usize = 640;
const STRETCH_MIN: usize = 3;
/// Pixels for a tick and its label.
const TICK: usize = 70;
/// The width of a character: of the fixed font of 12 pixels, rounded up.
const CHARACTER: usize = 8;
/// The longest label and the longest line of text, in characters.
const LABEL_CHARACTERS_MAX: usize = 48;
/// Where the first row begins, below title and axis.
const TOP: usize = 72;

/// Colours in light surroundings and, behind the query, in dark ones. Both are written out: not every
/// viewer knows variables.
const STYLE: &str = "\
svg { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
.paper { fill: #ffffff; }
text { fill: #1f2328; }
.title { font-weight: 600; }
.quiet { fill: #59636e; }
.grid { stroke: #d1d9e0; stroke-width: 1; }
.bad { fill: #b42318; }
.good { fill: #1a7f37; }
.open { fill: #59636e; }
.calling { fill: #818b98; }
.unknown { fill: #d4a72c; }
.requested { fill: #d8dee4; }
.pending { fill: #a5cdf2; }
.running { fill: #54a0e8; }
.checking { fill: #1a5fb4; }
.impaired { fill: #e8710a; }
.stopped { fill: #8c6bb1; }
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117; }
text { fill: #e6edf3; }
.quiet { fill: #9198a1; }
.grid { stroke: #30363d; }
.bad { fill: #ff7b72; }
.good { fill: #3fb950; }
.open { fill: #9198a1; }
.requested { fill: #3d444d; }
.pending { fill: #1f4e79; }
.running { fill: #2f81d8; }
.checking { fill: #9cd0ff; }
}";

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Calling => "calling",
        Kind::FindingOut => "unknown",
        Kind::Requested => "requested",
        Kind::Pending => "pending",
        Kind::Running => "running",
        Kind::Checking => "checking",
        Kind::Impaired => "impaired",
        Kind::Stopped => "stopped",
    }
}

fn end_class(end: &End) -> &'static str {
    match end {
        End::Open => "open",
        End::Good => "good",
        End::Bad => "bad",
    }
}

/// The timeline as SVG.
pub(crate) fn svg(timeline: &Timeline, all: bool) -> String {
    let (rows, left_out) = timeline.shown(all);
    let longest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let label = longest(&mut rows.iter().map(|row| row.label.chars().count())).min(LABEL_CHARACTERS_MAX) * CHARACTER;
    let result = longest(&mut rows.iter().map(|row| row.result().chars().count())) * CHARACTER;
    let title = timeline.title();
    let left = MARGIN + label + MARGIN;
    let width = (left + CHART + MARGIN + result + MARGIN).max(title.chars().count() * CHARACTER + 2 * MARGIN);
    let line_characters = (width - 2 * MARGIN) / CHARACTER;
    let bottom = TOP + rows.len() * ROW;

    let mut picture = Group::new().add(words("title", MARGIN, MARGIN + 12, &title));
    if rows.is_empty() {
        picture = picture.add(words("quiet", MARGIN, TOP, "nothing was tried"));
    } else {
        picture = picture.add(grid(timeline.length, left, bottom));
    }
    for (number, row) in rows.iter().enumerate() {
        picture = picture.add(row_group(row, timeline, left, TOP + number * ROW));
    }
    let mut y = bottom + ROW;
    if let Some(text) = left_out {
        picture = picture.add(words("quiet", MARGIN, y, &text));
        y += ROW;
    }
    for (class, text) in notes(timeline, line_characters) {
        picture = picture.add(words(class, MARGIN, y, &text));
        y += ROW - 4;
    }
    let (legend, below) = legend(&rows, width, y);
    let height = below + MARGIN;
    let described = format!("{} of {}", describe(&rows), span(timeline.length));
    let document = svg::Document::new()
        .set("viewBox", (0, 0, width, height))
        .set("width", width)
        .set("height", height)
        .set("role", "img")
        .add(Title::new(title))
        .add(Description::new().add(Words::new(described)))
        .add(Style::new(STYLE))
        .add(Rectangle::new().set("class", "paper").set("width", width).set("height", height))
        .add(picture)
        .add(legend);
    format!("{MARK}{document}\n")
}

/// The axis, with a line down at each tick.
fn grid(length: Duration, left: usize, bottom: usize) -> Group {
    let mut group = Group::new();
    for tick in ticks(length, CHART / TICK) {
        let x = left + column(tick, length, CHART);
        let line = Line::new().set("class", "grid").set("x1", x).set("x2", x).set("y1", TOP - 10).set("y2", bottom);
        group = group.add(line).add(words("quiet", x, TOP - 18, &span(tick)).set("text-anchor", "middle"));
    }
    group
}

fn row_group(row: &Row, timeline: &Timeline, left: usize, y: usize) -> Group {
    let baseline = y + BAR;
    let label = cut(&row.label, LABEL_CHARACTERS_MAX);
    let indent = label.len() - label.trim_start().len();
    let mut group = Group::new().add(words("label", MARGIN + indent * CHARACTER, baseline, label.trim_start()));
    let at: Vec<_> =
        row.segments.iter().map(|segment| segment.from).chain(row.segments.last().map(|last| last.to)).collect();
    let at = spread(&at, timeline.length, CHART, STRETCH_MIN);
    for (segment, ends) in row.segments.iter().zip(at.windows(2)) {
        let times = format!(
            "{} {}: {} to {}, {}",
            row.id,
            segment.kind.name(),
            span(segment.from),
            span(segment.to),
            span(segment.to - segment.from)
        );
        let bar = Rectangle::new()
            .set("class", class(segment.kind))
            .set("x", left + ends[0])
            .set("y", y + 3)
            .set("width", ends[1] - ends[0])
            .set("height", BAR)
            .add(Title::new(times));
        group = group.add(bar);
    }
    let end = left + at.last().copied().unwrap_or(0);
    let result = row.result();
    if !row.segments.is_empty() {
        group = group.add(end_mark(&row.end, end, y + 3 + BAR / 2, &format!("{} {result}", row.id)));
    }
    group.add(words(end_class(&row.end), left + CHART + MARGIN, baseline, &result))
}

/// A dot, a cross or an arrow: told apart without colours.
fn end_mark(end: &End, x: usize, y: usize, title: &str) -> Group {
    let mark = match end {
        End::Good => Group::new().add(Circle::new().set("cx", x).set("cy", y).set("r", 5)),
        End::Bad => Group::new()
            .add(path(format!("M{x} {y} m-5 -3 l2 -2 l3 3 l3 -3 l2 2 l-3 3 l3 3 l-2 2 l-3 -3 l-3 3 l-2 -2 l3 -3 z"))),
        End::Open => Group::new().add(path(format!("M{x} {y} m0 -7 l9 7 l-9 7 z"))),
    };
    mark.set("class", end_class(end)).add(Title::new(title))
}

fn path(data: String) -> svg::node::element::Path {
    svg::node::element::Path::new().set("d", data)
}

/// What went wrong, each cause with its remedy; lines are cut to the width.
fn notes(timeline: &Timeline, characters: usize) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for cause in timeline.causes.iter().take(CAUSES_SHOWN_MAX) {
        lines.extend(wrapped(&cause.line(), characters).into_iter().map(|line| ("bad", line)));
        if !cause.remedy.is_empty() {
            lines.extend(wrapped(&format!("→ {}", cause.remedy), characters).into_iter().map(|line| ("quiet", line)));
        }
    }
    if let Some(more) = timeline.causes.len().checked_sub(CAUSES_SHOWN_MAX + 1) {
        lines.push(("quiet", format!("… and {} more causes", more + 1)));
    }
    lines
}

/// A text in lines of at most so many characters, broken at blanks where there are any.
fn wrapped(text: &str, characters: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let word = cut(word, characters);
        let line = lines.last_mut().expect("there is a line from the beginning");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > characters {
            lines.push(word);
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
    }
    lines
}

/// The legend in as many lines as it takes, and where it ends.
fn legend(rows: &[&Row], width: usize, top: usize) -> (Group, usize) {
    let ends = [(End::Good, "done"), (End::Bad, "failed or ended"), (End::Open, "goes on")];
    let ends = ends.iter().filter(|(end, _)| rows.iter().any(|row| row.end == *end));
    let kinds = Timeline::kinds(rows);
    let mut group = Group::new();
    let (mut x, mut y) = (MARGIN, top + 4);
    let mut place = |name: &str| {
        let entry = 20 + name.chars().count() * CHARACTER + MARGIN;
        if x + entry > width && x > MARGIN {
            (x, y) = (MARGIN, y + ROW);
        }
        let at = (x, y);
        x += entry;
        at
    };
    for kind in kinds {
        let (x, y) = place(kind.name());
        let swatch =
            Rectangle::new().set("class", class(kind)).set("x", x).set("y", y).set("width", 14).set("height", BAR);
        group = group.add(swatch).add(words("quiet", x + 20, y + 11, kind.name()));
    }
    for (end, name) in ends {
        let (x, y) = place(name);
        group = group.add(end_mark(end, x + 7, y + BAR / 2, name)).add(words("quiet", x + 20, y + 11, name));
    }
    (group, y + BAR)
}

/// The picture in words, for those who do not see it.
fn describe(rows: &[&Row]) -> String {
    let parts = rows.iter().map(|row| format!("{} {}", row.label.trim(), row.result()));
    format!(
        "A row for each attempt and instance: {}. Time from the decision, in all",
        parts.collect::<Vec<_>>().join("; ")
    )
}

/// A line of text. Characters that XML cannot have were made printable before; two are left.
fn words(class: &str, x: usize, y: usize, text: &str) -> Text {
    Text::new(text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")).set("class", class).set("x", x).set("y", y)
}
