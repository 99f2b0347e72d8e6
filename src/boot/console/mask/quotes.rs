//! How far a word or a value goes, where quotes may hold it together.

use super::MASKED;

/// Where a word that begins at `start` ends: quotes hold it together, and one that has no end goes to the end of the
/// line. Between single quotes a backslash is itself to a shell and an escape to Python; of the two readings the
/// longer one counts.
pub(super) fn word_end(line: &str, start: usize) -> usize {
    read(line, start, true).max(read(line, start, false))
}

fn read(line: &str, start: usize, escapes_in_single: bool) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, char) in line[start..].char_indices() {
        match (quote, char) {
            _ if escaped => escaped = false,
            (quote, '\\') => escaped = escapes_in_single || quote != Some('\''),
            (None, '"' | '\'' | '`') => quote = Some(char),
            (Some(open), char) if open == char => quote = None,
            (None, char) if char.is_whitespace() => return start + at,
            _ => {}
        }
    }
    line.len()
}

/// Where the value at `start` ends, which is all or the rest of the word at `word`: with its quotes, else with the
/// word where that is certain, else with the line. Behind what was masked already nothing is secret.
pub(super) fn value_end(line: &str, word: usize, start: usize, is_word: bool) -> usize {
    let value = &line[start..];
    if value.starts_with(MASKED) {
        return start + MASKED.len();
    }
    // A quote within quotes (`'\''`, `\"`), whose end would be taken for that of the outer ones.
    if value.starts_with("'\\''") || value.starts_with('\\') {
        return line.len();
    }
    match [word, start].into_iter().find(|at| line[*at..].starts_with(['"', '\'', '`'])) {
        Some(quote) => word_end(line, quote),
        None if is_word => word_end(line, start),
        None => line.len(),
    }
}
