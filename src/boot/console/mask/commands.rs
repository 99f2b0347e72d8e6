//! Secrets that programs take where no name says so: by a letter, or by their place.

use super::MASKED;
use super::line::{places, replaced};
use super::names::is_telling;
use super::quotes::value_end;
use super::trace::Trace;
use super::written;

/// A password given to a program by a letter.
struct Letter {
    /// Part of a line on which the program is.
    program: &'static str,
    flag: &'static str,
    /// Whether the password may follow without a space.
    is_attached: bool,
}

const fn letter(program: &'static str, flag: &'static str, is_attached: bool) -> Letter {
    Letter { program, flag, is_attached }
}

const LETTERS: &[Letter] = &[
    letter("sshpass", "-p", true),
    letter("mysql", "-p", true),
    letter("mariadb", "-p", true),
    // docker, podman, helm, oras, oc, az
    letter(" login ", "-p", true),
    letter("redis-cli", "-a", false),
    letter("mongo", "-p", false),
    letter("ldap", "-w", false),
    letter("useradd", "-p", false),
    letter("usermod", "-p", false),
    letter("zip", "-P", false),
    letter("7z", "-p", true),
    letter("openssl", "-k", false),
    letter("openssl", "-K", false),
    // A parameter of SSM may be a secret whatever it is called.
    letter("put-parameter", "--value", false),
    letter("put-parameter", "--value=", true),
];

/// Options whose value is a user and a password.
const USER_FLAGS: &[&str] = &["-u", "--user", "--proxy-user", "--auth"];

/// The line without what is given to programs.
pub(super) fn mask(line: &str) -> String {
    flags(&hashed(&by_place(&written::mask_piped(line))))
}

/// Values behind a telling flag (`--password …`), and those of programs that take one by a letter. In a trace of dash
/// nothing says where they end.
fn flags(line: &str) -> String {
    let letters: Vec<&Letter> = LETTERS.iter().filter(|letter| line.contains(letter.program)).collect();
    let is_curl = line.contains("curl");
    let is_word = Trace::of(line).is_none();
    replaced(line, |before, at, word| {
        let flag = before.trim_start_matches(['"', '\'', '`', '(']);
        let is_flag = flag.starts_with('-') && !flag.contains([':', '=']);
        if is_flag && is_telling(flag) || letters.iter().any(|letter| letter.flag == flag) {
            return Some((at, value_end(line, at, at, is_word)));
        }
        let quotes = word.len() - word.trim_start_matches(['"', '\'']).len();
        let bare = &word[quotes..];
        let behind = |bytes: usize| {
            let start = at + quotes + bytes;
            (start, value_end(line, at, start, is_word))
        };
        let behind_colon = || bare.find(':').map(|colon| behind(colon + 1));
        if USER_FLAGS.contains(&flag) || (is_curl && is_user_flag(flag)) {
            return behind_colon();
        }
        if USER_FLAGS.iter().any(|user| bare.strip_prefix(user).is_some_and(|value| value.starts_with('='))) {
            return behind_colon();
        }
        // Letters of curl may stand together, and before their value: `-sSuadmin:…`.
        if is_curl
            && bare.split(':').next().is_some_and(|start| flag_letters(start).is_some_and(|it| it.contains(['u', 'U'])))
        {
            return behind_colon();
        }
        let is_behind = |letter: &&&Letter| letter.is_attached && bare.starts_with(letter.flag) && bare != letter.flag;
        let attached = letters.iter().find(is_behind)?;
        Some(behind(attached.flag.len()))
    })
}

/// Whether the last of curl's letters is that of a user with a password: `-u`, `-su`, `-U`.
fn is_user_flag(flag: &str) -> bool {
    flag_letters(flag).is_some_and(|letters| letters.ends_with(['u', 'U']))
}

/// The letters of a flag that has only one dash.
fn flag_letters(flag: &str) -> Option<&str> {
    flag.strip_prefix('-').filter(|letters| !letters.is_empty() && !letters.starts_with('-'))
}

/// Passwords of `htpasswd -b FILE USER PASSWORD`; with `-n` there is no file.
fn by_place(line: &str) -> String {
    let words = places(line).skip_while(|(_, word)| !word.ends_with("htpasswd")).skip(1);
    let (mut is_given, mut has_file, mut is_cost, mut given) = (false, true, false, 0);
    for (at, word) in words {
        if given == 0
            && let Some(letters) = flag_letters(word)
        {
            is_given |= letters.contains('b');
            has_file &= !letters.contains('n');
            is_cost = letters.ends_with(['C', 'r']);
        } else if std::mem::take(&mut is_cost) {
            // The cost, or the rounds.
        } else if given == 1 + usize::from(has_file) {
            return if is_given { line[..at].to_owned() + MASKED } else { line.to_owned() };
        } else {
            given += 1;
        }
    }
    line.to_owned()
}

/// What `openssl passwd -6 …` hashes; an option may look like it.
fn hashed(line: &str) -> String {
    let mut words = places(line).skip_while(|(_, word)| !word.ends_with("openssl")).skip(1);
    match (words.next(), words.next()) {
        (Some((_, "passwd")), Some((at, _))) => line[..at].to_owned() + MASKED,
        _ => line.to_owned(),
    }
}
