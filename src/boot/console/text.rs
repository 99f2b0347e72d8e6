//! A console's bytes as plain lines: without control sequences, and cut where a line begins.

use super::mask::MASKED;

/// The end of `text`, at most `bytes_max` bytes, from a character's beginning.
pub(super) fn end(text: &str, bytes_max: usize) -> &str {
    let least = text.len().saturating_sub(bytes_max);
    let start = (least..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[start..]
}

/// The text without escape sequences (ECMA-48), control characters, and characters that show nothing or turn others
/// round, with each line ended by `\n` and nothing blank at its end. A carriage return ends a line: a console that is
/// written over, as by a progress bar, hides nothing here.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '\u{1b}' => match rest.next_if(|next| ('\u{20}'..='\u{7e}').contains(next)) {
                Some('[') => control_sequence(&mut rest),
                Some(']' | 'P' | 'X' | '^' | '_') => control_string(&mut rest),
                // A few characters before the final one, such as the choice of a character set.
                Some(' '..='/') => {
                    while rest.next_if(|next| (' '..='/').contains(next)).is_some() {}
                    rest.next_if(|next| ('0'..='~').contains(next));
                }
                _ => {}
            },
            '\u{9b}' => control_sequence(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => control_string(&mut rest),
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => end_line(&mut plain),
            '\t' => plain.push(' '),
            hidden if hidden.is_control() || is_invisible(hidden) => {}
            seen => plain.push(seen),
        }
    }
    end_line(&mut plain);
    plain.trim_matches('\n').to_owned()
}

/// `ESC [`, parameters, and one final character.
fn control_sequence(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while rest.next_if(|next| (' '..='?').contains(next)).is_some() {}
    rest.next_if(|next| ('@'..='~').contains(next));
}

/// A string for the terminal itself, such as a title. One that does not end on its line is taken to end there.
fn control_string(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(next) = rest.next_if(|next| !matches!(next, '\n' | '\r')) {
        match next {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                rest.next_if(|next| *next == '\\');
                return;
            }
            _ => {}
        }
    }
}

fn end_line(plain: &mut String) {
    plain.truncate(plain.trim_end_matches(char::is_whitespace).len().max(last_line(plain)));
    // One blank line says as much as many.
    if !plain.ends_with("\n\n") {
        plain.push('\n');
    }
}

/// Where the last line begins.
fn last_line(text: &str) -> usize {
    text.rfind('\n').map_or(0, |at| at + 1)
}

/// Characters without width and those that change the direction of others (Unicode, "Default_Ignorable_Code_Point"
/// and bidirectional controls): they could part a word that is to be masked, or make one look like another.
fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The last lines of a masked text that fit into `bytes_max`. Of a single line that does not, the last whole words:
/// a part of a word would say something else, and might be a part of a secret.
pub(super) fn tail(text: &str, bytes_max: usize) -> String {
    let kept = end(text, bytes_max);
    let start = text.len() - kept.len();
    let kept = if start == 0 || text[..start].ends_with('\n') {
        kept
    } else if let Some((_, lines)) = kept.split_once('\n') {
        lines
    } else if text[..start].ends_with(char::is_whitespace) {
        kept
    } else if let Some(at) = kept.find(char::is_whitespace) {
        &kept[at..]
    } else {
        MASKED
    };
    kept.trim_start().to_owned()
}
