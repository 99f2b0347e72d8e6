//! Secrets that a format puts at a certain place: statements of SQL, files of netrc, settings of two words, and the
//! text that the AWS CLI prints of parameters.

use super::line::places;
use super::names::{is_of_name, is_telling};
use super::{MASKED, prefix};

/// Words between `IDENTIFIED` and `BY`: `WITH` and the name of a plugin.
const IDENTIFIED_WORDS_MAX: usize = 3;

/// Words which say that `password` stands before one: netrc's, mysqladmin, and jq's option for a variable.
const BEFORE_PASSWORD: &[&str] = &["machine", "login", "account", "mysqladmin", "--arg"];

/// The line without what follows such a place; the rest of the line goes with it.
pub(super) fn mask(line: &str) -> String {
    match secret(line) {
        Some(at) => line[..at].to_owned() + MASKED,
        None => line.to_owned(),
    }
}

/// Where the first secret begins.
fn secret(line: &str) -> Option<usize> {
    let words: Vec<(usize, &str)> = places(line).collect();
    let mut is_password_expected = false;
    let mut is_telling_parameter = false;
    for (place, (at, word)) in words.iter().enumerate() {
        let next = words.get(place + 1);
        let bare = word.trim_matches(['"', '\'', '`', '(', ',']);
        let found = if bare.eq_ignore_ascii_case("identified") {
            identified(&words[place + 1..])
        } else if bare.eq_ignore_ascii_case("password") || bare.eq_ignore_ascii_case("passphrase") {
            next.filter(|(_, next)| is_password_expected || is_quoted(next)).map(|(at, _)| *at)
        } else if bare == "SecureString" || (is_telling_parameter && matches!(bare, "String" | "StringList")) {
            // In a table nothing but its edge follows.
            next.filter(|(_, next)| !next.trim_matches('|').is_empty()).map(|(at, _)| *at)
        } else {
            call(word).map(|behind| at + behind)
        };
        if found.is_some() {
            return found;
        }
        is_password_expected |= BEFORE_PASSWORD.iter().any(|before| bare.ends_with(before));
        // `arn:aws:ssm:eu-central-1:111122223333:parameter/prod/db/password`
        is_telling_parameter |= word.split_once(":parameter/").is_some_and(|(_, name)| is_telling(name));
    }
    setting(line, &words)
}

/// `BY '…'`, perhaps behind `WITH mysql_native_password`, in what follows `IDENTIFIED`.
fn identified(words: &[(usize, &str)]) -> Option<usize> {
    words.iter().take(IDENTIFIED_WORDS_MAX).enumerate().find_map(|(place, (at, word))| {
        let (by, value) = word.split_at_checked(2)?;
        match by.eq_ignore_ascii_case("by") {
            true if value.is_empty() => words.get(place + 1).map(|(at, _)| *at),
            true if is_quoted(value) => Some(at + by.len()),
            _ => None,
        }
    })
}

/// `PASSWORD('…')`: how many bytes stand before the value.
fn call(word: &str) -> Option<usize> {
    const NAME: &str = "password(";
    let name = word.get(..NAME.len())?;
    (name.eq_ignore_ascii_case(NAME) && is_quoted(&word[NAME.len()..])).then_some(NAME.len())
}

/// Whether a word begins with a quote, also with one of PostgreSQL's dollars, or one that is escaped.
fn is_quoted(word: &str) -> bool {
    word.starts_with(['\'', '"', '`', '\\', '$'])
}

/// The value of a setting that is the whole line: netrc's `password …`, Redis' `requirepass …`. Sentences begin with a
/// capital.
fn setting(line: &str, words: &[(usize, &str)]) -> Option<usize> {
    let own = prefix::end(line);
    let mut own_words = words.iter().skip_while(|(at, _)| *at < own);
    let (_, name) = own_words.next()?;
    let (value, _) = own_words.next()?;
    let is_setting = own_words.next().is_none()
        && name.starts_with(|char: char| char.is_ascii_lowercase())
        && name.bytes().all(is_of_name)
        && is_telling(name);
    is_setting.then_some(*value)
}
