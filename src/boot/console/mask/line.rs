//! Secrets within one line that a name or a sentence announces.

use super::names::{is_of_name, is_of_password, is_telling};
use super::quotes::value_end;
use super::{MASKED, commands, formats, prefix, words};

/// Words that may stand between "password" and what it is.
const BETWEEN_WORDS_MAX: usize = 4;
/// Characters of base64 that HTTP's `Basic` has at least: `a:b` has four, and prose has shorter words.
const BASIC_CHARS_MIN: usize = 8;

/// The line without its secrets. In a list of passwords every pair of a user and something is one.
pub(super) fn mask(line: &str, is_listed: bool) -> String {
    let mut line = formats::mask(&sentence(&commands::mask(&named(&schemes(line)))));
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

/// Values behind a telling name: `password=…`, `Token: …`, `"SecretAccessKey" : "…"`. Nothing says where one without
/// quotes ends: it may be several words in an `.env` file, in a trace of dash's, and in quotes that begin before the
/// name, as in `'DB_PASSWORD=two words'`.
fn named(line: &str) -> String {
    let bytes = line.as_bytes();
    let mut masked = String::with_capacity(line.len());
    let mut done = 0;
    let is_kernels = is_command_line(line);
    for (at, separator) in line.match_indices([':', '=']) {
        if at < done {
            continue;
        }
        let Some(name) = name_before(line, done, at).filter(|name| is_telling(name)) else { continue };
        let mut start = at + 1;
        while bytes.get(start).is_some_and(|byte| matches!(byte, b'=' | b':' | b'>' | b' ')) {
            start += 1;
        }
        if start == line.len() {
            continue;
        }
        let is_word = separator == "=" && (is_kernels || is_query(&line[done..at], name));
        masked.push_str(&line[done..start]);
        masked.push_str(MASKED);
        done = value_end(line, start, start, is_word);
    }
    masked.push_str(&line[done..]);
    masked
}

/// Whether the kernel shows how it was started: its parameters are words.
fn is_command_line(line: &str) -> bool {
    line.contains("ommand line: ") && (line.contains("console=") || line.contains("root="))
}

/// Whether a name at the end of `before` is one in the query of a URL, which has no spaces.
fn is_query(before: &str, name: &str) -> bool {
    let query = before.strip_suffix(name).filter(|url| url.ends_with(['?', '&']));
    query.and_then(|url| url.rsplit(char::is_whitespace).next()).is_some_and(|url| url.contains("://"))
}

/// The name that ends at `at`, perhaps in quotes and with spaces behind it, not before `from`.
pub(super) fn name_before(line: &str, from: usize, at: usize) -> Option<&str> {
    let before = line[from..at].trim_end_matches(' ');
    let before = before.strip_suffix(['"', '\'', '`', ']']).unwrap_or(before).trim_end_matches(['\\', '"', '\'']);
    let name = before.bytes().rev().take_while(|byte| is_of_name(*byte)).count();
    (name > 0).then(|| &before[before.len() - name..])
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

/// Pairs of a user and a password, `user:password`. One with which a line begins, as in a file, goes to its end.
fn pairs(line: &str) -> String {
    let own = prefix::end(line);
    replaced(line, |_, at, word| {
        let bare = word.trim_start_matches(['"', '\'', '|']);
        let (user, password) = bare.split_once(':')?;
        let is_user =
            user.bytes().all(is_of_name) && user.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
        let start = at + word.len() - password.len();
        let is_word = own < at && line[own..at].contains(|char: char| !char.is_whitespace() && char != '-');
        (is_user && !password.is_empty()).then(|| (start, value_end(line, at, start, is_word)))
    })
}
