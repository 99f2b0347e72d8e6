//! Printing results on stdout: tables without borders for a person, the API's JSON for a program.
//!
//! Which columns a table has is the business of the commands.

pub(crate) mod amounts;
mod screen;

use std::io::{IsTerminal as _, Write as _};

use super::connect::Format;
use super::failure::Failure;
use crate::client::json::{self, Printable};
pub(crate) use screen::{Screen, Tone, Word};

/// The end of a value's name in the contract, in the words of a table: `BOOT_PHASE_READY` is
/// `READY`. What was not given is a dash; a number that this version does not know stays a number.
macro_rules! word {
    ($enum:ty, $value:expr) => {{
        let value: i32 = $value;
        match <$enum>::try_from(value) {
            Ok(known) => {
                let unspecified = <$enum>::default().as_str_name();
                let prefix = unspecified.strip_suffix("UNSPECIFIED").unwrap_or_default();
                let name = known.as_str_name();
                if name == unspecified { "-".to_owned() } else { name.strip_prefix(prefix).unwrap_or(name).to_owned() }
            }
            Err(_) => value.to_string(),
        }
    }};
}
pub(crate) use word;

/// Where results go, and in which form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
}

impl Output {
    pub(crate) fn stdout(format: Format) -> Self {
        Self { format }
    }

    /// Whether results are words for a person.
    pub(crate) fn is_for_people(self) -> bool {
        self.format == Format::Table
    }

    /// Whether a person reads along on a terminal, so that bars may be drawn.
    pub(crate) fn is_interactive(self) -> bool {
        self.format == Format::Table && std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Prints one result.
    pub(crate) fn result<M: Printable>(self, message: &M, text: impl FnOnce(&M) -> String) -> Result<(), Failure> {
        match self.format {
            Format::Table => print(&text(message)),
            Format::Json => print(&json::pretty(message)?),
        }
    }

    /// Prints one of many results of a stream, on one line. No text means that a person is not
    /// shown this one.
    pub(crate) fn item<M: Printable>(
        self,
        message: &M,
        text: impl FnOnce(&M) -> Option<String>,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Table => text(message).map_or(Ok(()), |text| print(&text)),
            Format::Json => print(&json::line(message)?),
        }
    }

    /// Says something beside the result, on stderr, and only to a person.
    pub(crate) fn note(self, text: &str) {
        if self.format == Format::Table {
            eprintln!("{text}");
        }
    }
}

/// A line for programs that wait for it: flushed at once.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.trim_end_matches('\n').as_bytes())?;
    stdout.write_all(b"\n")?;
    stdout.flush()?;
    Ok(())
}

/// A table. On a terminal it is fitted to the width, elsewhere it is as wide as it needs.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows = rows.into_iter().map(|row| row.map(Word::from).to_vec());
    Screen::stdout().table(&header.map(str::to_owned), rows)
}

/// Names and values, one a line; values that are empty are left out.
pub(crate) fn fields<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let rows: Vec<_> = rows.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = rows.iter().map(|(name, value)| format!("{name:width$}  {}", value.replace('\n', "\n  ")));
    lines.collect::<Vec<_>>().join("\n")
}

/// A text of somebody else's, without the characters that would move the cursor, change the
/// terminal, show nothing, or turn others round; those are written out as `\u{202e}`.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() {
            shown.extend(char.escape_debug());
        } else if is_invisible(char) {
            shown.extend(char.escape_unicode());
        } else {
            shown.push(char);
        }
    }
    shown
}

/// Line separators, characters without width and those that change the direction of others (Unicode,
/// "Default_Ignorable_Code_Point" and bidirectional controls). `boot::console` leaves out the same; the
/// command line may not name it, and does not trust what a server sends.
fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// A text, or a dash where there is none.
pub(crate) fn or_dash(text: impl AsRef<str>) -> String {
    if text.as_ref().is_empty() { "-".to_owned() } else { printable(text.as_ref()) }
}

/// Yes, no, or a dash where nothing is known.
pub(crate) fn yes_no(value: Option<bool>) -> String {
    value.map_or("-", |yes| if yes { "yes" } else { "no" }).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::pb;

    #[test]
    fn values_of_the_contract_become_words() {
        assert_eq!(word!(pb::BootPhase, pb::BootPhase::TimedOut.into()), "TIMED_OUT");
        assert_eq!(word!(pb::RootDevice, pb::RootDevice::EbsBacked.into()), "EBS_BACKED");
        assert_eq!(word!(pb::RootDevice, 0), "-");
        assert_eq!(word!(pb::RootDevice, 99), "99");
    }

    #[test]
    fn what_somebody_else_wrote_shows_each_of_its_characters_where_it_is() {
        assert_eq!(printable("\u{1b}[2J\nab\u{202e}dc"), "\\u{1b}[2J\\nab\\u{202e}dc");
        for hidden in
            ['\u{200b}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{2066}', '\u{2069}', '\u{feff}', '\u{ad}']
        {
            assert!(printable(&hidden.to_string()).is_ascii(), "{hidden:?}");
        }
        assert_eq!(printable("Zürich 東京 \"x\""), "Zürich 東京 \"x\"");
    }

    #[test]
    fn tables_have_no_frame_and_no_trailing_blanks() {
        let rows = [["a".to_owned(), "1".to_owned()], ["longer".to_owned(), "-".to_owned()]];
        assert_eq!(table(["NAME", "N"], rows), "NAME    N\na       1\nlonger  -");
        assert_eq!(
            fields([("id", "x".to_owned()), ("none", String::new()), ("name", "y".to_owned())]),
            "id    x\nname  y"
        );
    }
}
