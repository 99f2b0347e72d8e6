//! What results are printed on: how wide it is, and whether it has colours.

use std::io::IsTerminal as _;

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};

/// How a word looks where there are colours. Never the only sign: the word says it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Like everything else.
    Plain,
    /// All is well.
    Good,
    /// Somebody should know.
    Warn,
    /// It does not work.
    Bad,
}

/// A word of a table.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        Self { text, tone: Tone::Plain }
    }
}

/// Where results appear.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Characters in a line; none where lines are as long as they need, such as in a file.
    pub(crate) width: Option<u16>,
    /// Whether colours are understood and wanted.
    pub(crate) colours: bool,
}

impl Screen {
    /// What is behind stdout. NO_COLOR, in whatever form, is heeded (no-color.org).
    pub(crate) fn stdout() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { width: Table::new().width(), colours: wanted && std::io::stdout().is_terminal() }
    }

    /// The text in its tone.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => 32,
            Tone::Warn => 33,
            Tone::Bad => 31,
        };
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A table without borders, fitted to the width.
    pub(crate) fn table(self, header: &[String], rows: impl IntoIterator<Item = Vec<Word>>) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        // What stdout is has been asked already, and tests are not to depend on it.
        table.force_no_tty();
        if self.colours {
            table.enforce_styling();
            table.style_text_only();
        }
        if let Some(width) = self.width {
            table.set_width(width);
        }
        table.set_header(header);
        for row in rows {
            table.add_row(row.into_iter().map(|word| {
                let cell = Cell::new(word.text);
                match word.tone {
                    Tone::Plain => cell,
                    Tone::Good => cell.fg(Color::DarkGreen),
                    Tone::Warn => cell.fg(Color::DarkYellow),
                    Tone::Bad => cell.fg(Color::DarkRed),
                }
            }));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_only_where_they_are_wanted() {
        let row = || [vec![Word { text: "FAIL".to_owned(), tone: Tone::Bad }, "x".to_owned().into()]];
        let header = ["A".to_owned(), "B".to_owned()];
        let plain = Screen { width: None, colours: false };
        assert_eq!(plain.table(&header, row()), "A     B\nFAIL  x");
        assert_eq!(plain.paint(Tone::Bad, "FAIL"), "FAIL");
        let coloured = Screen { width: Some(80), colours: true };
        assert!(coloured.table(&header, row()).contains("\x1b["));
        assert_eq!(coloured.paint(Tone::Bad, "FAIL"), "\x1b[31mFAIL\x1b[0m");
    }
}
