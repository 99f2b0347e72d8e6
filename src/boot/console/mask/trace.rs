//! What shells print of the commands that they run (`set -x`): `+ export 'DB_PASSWORD=two words'`.
//!
//! Each command of a pipe is on a line of its own, in any order, since they run at once. bash quotes words as it would
//! read them, also over several lines; dash quotes nothing.

use super::{MASKED, prefix};

/// Bytes of a line in which the plus sign of a trace is looked for.
const MARK_BYTES_MAX: usize = 256;
/// Lines in which a quotation ends that a trace begins.
const QUOTED_LINES_MAX: usize = 16;

/// One command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace<'a> {
    /// Plus signs: more than one in a substitution.
    pub(super) depth: usize,
    /// The command with its arguments, behind whatever else the shell's `PS4` has.
    pub(super) command: &'a str,
}

impl<'a> Trace<'a> {
    /// The command that a line is the trace of, behind whatever a log put before it.
    pub(super) fn of(line: &'a str) -> Option<Self> {
        let near = &line[..line.floor_char_boundary(MARK_BYTES_MAX)];
        let own = prefix::end(line);
        let indent = line[own..].len() - line[own..].trim_start().len();
        let at = match line[own + indent..].starts_with('+') {
            true => own + indent,
            false => near.find(" + ").or_else(|| near.find(" ++ "))? + 1,
        };
        let depth = line[at..].bytes().take_while(|byte| *byte == b'+').count();
        Some(Self { depth, command: &line[at + depth..] })
    }

    /// The quote that is open where the line ends, as bash quotes.
    fn open_quote(self) -> Option<char> {
        let mut quote = None;
        let mut escaped = false;
        for char in self.command.chars() {
            match (quote, char) {
                _ if escaped => escaped = false,
                (Some('"') | None, '\\') => escaped = true,
                (None, '"' | '\'') => quote = Some(char),
                (Some(open), char) if open == char => quote = None,
                _ => {}
            }
        }
        quote
    }
}

/// Lines that belong to a quotation which a trace began.
#[derive(Debug, Default)]
pub(super) struct Quoted {
    quote: Option<char>,
}

impl Quoted {
    /// The line without what of it belongs to a secret that an earlier line began.
    pub(super) fn mask(&mut self, line: &str) -> String {
        let Some(quote) = self.quote else { return line.to_owned() };
        let own = prefix::end(line);
        match line[own..].find(quote) {
            Some(end) => {
                self.quote = None;
                format!("{}{MASKED}{}", &line[..own], &line[own + end..])
            }
            None => format!("{}{MASKED}", &line[..own]),
        }
    }

    /// Takes note that a secret was masked to the end of `line`: it goes on where the trace has a quote open that
    /// one of the next lines closes before another command is traced.
    pub(super) fn masked_to_end(&mut self, line: &str, next: &[&str]) {
        if !line.contains(['"', '\'']) {
            return;
        }
        let Some(quote) = Trace::of(line).and_then(Trace::open_quote) else { return };
        // What a quotation has may begin with a plus sign too.
        let is_command = |line: &str| Trace::of(line).is_some_and(|trace| trace.command.starts_with(' '));
        let mut lines = next.iter().take(QUOTED_LINES_MAX).take_while(|line| !is_command(line));
        if lines.any(|line| line.contains(quote)) {
            self.quote = Some(quote);
        }
    }
}
