//! Secrets within one line that a name or a sentence announces.

use super::names::{is_of_name, is_of_password, is_telling};
use super::{MASKED, commands, words};

/// Words that may stand between "password" and what it is.
const BETWEEN_WORDS_MAX: usize = 4;
/// Characters of base64 that HTTP's `Basic` has at least: `a:b` has four, and prose has shorter words.
const BASIC_CHARS_MIN: usize = 8;

/// The line without its secrets. In a list of passwords every pair of a user and something is one.
pub(super) fn mask(line: &str, is_listed: bool) -> String {
    let mut line = sentence(&commands::mask(&named(&schemes(line))));
    if is_listed {
        line = pairs(&line);
    }
    words::mask(&line)
}

/// Whether the line ends in a telling name and a colon or equals sign, so that its value may be on the next.
pub(super) fn ends_in_name(line: &str) -> bool {
    let line = line.trim_end();
    line.ends_with([':', '=']) && name_before(line, 0, line.len() - 1).is_some_and(is_telling)
}

/// Values behind a telling name: `password=…`, `Token: …`, `"SecretAccessKey" : "…"`.
fn named(line: &str) -> String {
    let bytes = line.as_bytes();
    let mut masked = String::with_capacity(line.len());
    let mut done = 0;
    for (at, separator) in line.match_indices([':', '=']) {
        if at < done || !name_before(line, done, at).is_some_and(is_telling) {
            continue;
        }
        let mut start = at + 1;
        while bytes.get(start).is_some_and(|byte| matches!(byte, b'=' | b':' | b'>' | b' ')) {
            start += 1;
        }
        if start == line.len() {
            continue;
        }
        let is_quoted = matches!(bytes[start], b'"' | b'\'' | b'`');
        // Behind a colon, and in JSON within JSON, nothing says where a value ends.
        let to_end = (separator == ":" && !is_quoted) || bytes[start] == b'\\';
        masked.push_str(&line[done..start]);
        masked.push_str(MASKED);
        done = if to_end { line.len() } else { word_end(line, start) };
    }
    masked.push_str(&line[done..]);
    masked
}

/// The name that ends at `at`, perhaps in quotes and with spaces behind it, not before `from`.
pub(super) fn name_before(line: &str, from: usize, at: usize) -> Option<&str> {
    let before = line[from..at].trim_end_matches(' ');
    let before = before.strip_suffix(['"', '\'', '`', ']']).unwrap_or(before).trim_end_matches(['\\', '"', '\'']);
    let name = before.bytes().rev().take_while(|byte| is_of_name(*byte)).count();
    (name > 0).then(|| &before[before.len() - name..])
}

/// Where a word that begins at `start` ends, read as a shell does: quotes hold it together. One that has no end goes
/// to the end of the line.
pub(super) fn word_end(line: &str, start: usize) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, char) in line[start..].char_indices() {
        match (quote, char) {
            _ if escaped => escaped = false,
            (_, '\\') => escaped = true,
            (None, '"' | '\'' | '`') => quote = Some(char),
            (Some(open), char) if open == char => quote = None,
            (None, char) if char.is_whitespace() => return start + at,
            _ => {}
        }
    }
    line.len()
}

/// The words of a line, each with its place.
pub(super) fn places(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    line.split_inclusive(char::is_whitespace)
        .map(move |word| {
            let at = next;
            next += word.len();
            (at, word.trim_end_matches(char::is_whitespace))
        })
        .filter(|(_, word)| !word.is_empty())
}

/// Replaces what `find` finds, which is told each word with its place and the word before.
pub(super) fn replaced(line: &str, find: impl Fn(&str, usize, &str) -> Option<(usize, usize)>) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut done = 0;
    let mut before = "";
    for (at, word) in places(line) {
        if at >= done
            && let Some((start, end)) = find(before, at, word).filter(|(start, end)| start < end)
        {
            masked.push_str(&line[done..start]);
            masked.push_str(MASKED);
            done = end;
        }
        before = word;
    }
    masked.push_str(&line[done..]);
    masked
}

/// Credentials of HTTP: `Bearer …` and `Basic …` (RFC 6750, RFC 7617).
fn schemes(line: &str) -> String {
    replaced(line, |before, at, word| {
        let scheme = before.rsplit(|char: char| !char.is_ascii_alphabetic()).next().unwrap_or_default();
        let is_secret = scheme.eq_ignore_ascii_case("bearer")
            || (scheme.eq_ignore_ascii_case("basic")
                && word.trim_matches(['"', '\'']).len() >= BASIC_CHARS_MIN
                && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=\"'".contains(&byte)));
        is_secret.then(|| (at, at + word.len()))
    })
}

/// Sentences that say a password: `password to '…'`, `Password for user admin is …`, `password of root: …`.
fn sentence(line: &str) -> String {
    let words: Vec<(usize, &str)> = places(line).collect();
    for (place, (_, word)) in words.iter().enumerate() {
        if !is_of_password(word) {
            continue;
        }
        for (further, (at, next)) in words.iter().skip(place + 1).take(BETWEEN_WORDS_MAX).enumerate() {
            let bare = next.trim_end_matches([':', '=']).to_ascii_lowercase();
            let announces = next.ends_with(':')
                || matches!(bare.as_str(), "is" | "was" | "->" | "=>" | "")
                || (further == 0 && bare == "to");
            let value = line[at + next.len()..].trim_start();
            if announces && !value.is_empty() {
                return line[..line.len() - value.len()].to_owned() + MASKED;
            }
        }
    }
    line.to_owned()
}

/// Pairs of a user and a password, `user:password`.
fn pairs(line: &str) -> String {
    replaced(line, |_, at, word| {
        let bare = word.trim_start_matches(['"', '\'', '|']);
        let (user, password) = bare.split_once(':')?;
        let is_user =
            user.bytes().all(is_of_name) && user.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
        (is_user && !password.is_empty()).then(|| (at + word.len() - password.len(), word_end(line, at)))
    })
}
