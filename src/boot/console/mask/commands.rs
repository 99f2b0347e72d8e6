//! Secrets that programs take where no name says so: by a letter, by their place, or from a pipe.

use super::MASKED;
use super::line::{places, replaced, word_end};
use super::names::is_telling;

/// Options after which a password comes from the standard input.
const FROM_INPUT: &[&str] = &["--stdin", "--password-stdin", "--passphrase-fd"];

/// The line without what is given to programs.
pub(super) fn mask(line: &str) -> String {
    flags(&by_place(&piped(line)))
}

/// Values behind a telling flag (`--password …`), and those of programs that take one by a letter.
fn flags(line: &str) -> String {
    let is_mysql = line.contains("mysql") || line.contains("mariadb");
    let is_redis = line.contains("redis-cli");
    let is_sshpass = line.contains("sshpass");
    // docker, podman, helm, oras, oc, az
    let is_login = line.contains(" login ");
    let is_curl = line.contains("curl");
    replaced(line, |before, at, word| {
        let flag = before.trim_start_matches(['"', '\'', '`', '(']);
        let is_flag = flag.starts_with('-') && !flag.contains([':', '=']);
        if is_flag && is_telling(flag)
            || (flag == "-p" && (is_sshpass || is_mysql || is_login))
            || (flag == "-a" && is_redis)
        {
            return Some((at, word_end(line, at)));
        }
        let behind_colon = || word.find(':').map(|colon| (at + colon + 1, word_end(line, at)));
        if matches!(flag, "-u" | "--user" | "--proxy-user") || (is_curl && is_user_flag(flag)) {
            return behind_colon();
        }
        if word.starts_with("--user=") || word.starts_with("--proxy-user=") {
            return behind_colon();
        }
        // Letters of curl may stand together, and before their value: `-sSuadmin:…`.
        if is_curl
            && word.split(':').next().is_some_and(|start| letters(start).is_some_and(|it| it.contains(['u', 'U'])))
        {
            return behind_colon();
        }
        ((is_mysql || is_login) && word.starts_with("-p")).then(|| (at + 2, word_end(line, at)))
    })
}

/// Whether the last of curl's letters is that of a user with a password: `-u`, `-su`, `-U`.
fn is_user_flag(flag: &str) -> bool {
    letters(flag).is_some_and(|letters| letters.ends_with(['u', 'U']))
}

/// The letters of `-sS`.
fn letters(flag: &str) -> Option<&str> {
    flag.strip_prefix('-').filter(|letters| !letters.is_empty() && !letters.starts_with('-'))
}

/// Passwords of `htpasswd -b FILE USER PASSWORD`; with `-n` there is no file.
fn by_place(line: &str) -> String {
    let mut words = places(line).skip_while(|(_, word)| !word.ends_with("htpasswd")).skip(1);
    let (mut is_given, mut left, mut is_cost) = (false, 2, false);
    let password = words.find(|(_, word)| {
        if let Some(letters) = letters(word) {
            is_given |= letters.contains('b');
            left -= usize::from(letters.contains('n') && left == 2);
            is_cost = letters.ends_with('C') || letters.ends_with('r');
            return false;
        }
        if std::mem::take(&mut is_cost) {
            return false;
        }
        let is_password = left == 0;
        left -= usize::from(left > 0);
        is_password
    });
    match password {
        Some((at, _)) if is_given => line[..at].to_owned() + MASKED,
        _ => line.to_owned(),
    }
}

/// What is written into a pipe for a program that reads a password from it: `echo … | passwd --stdin root`.
fn piped(line: &str) -> String {
    let Some(at) = FROM_INPUT.iter().find_map(|option| line.find(option)) else { return line.to_owned() };
    if let Some(text) = line[at..].find("<<<") {
        return line[..at + text + 3].to_owned() + " " + MASKED;
    }
    let Some(pipe) = line[..at].rfind('|') else { return line.to_owned() };
    let writer = ["echo ", "printf "].iter().filter_map(|writer| Some(line[..pipe].find(writer)? + writer.len())).min();
    match writer {
        Some(start) => format!("{}{MASKED} {}", &line[..start], &line[pipe..]),
        None => line.to_owned(),
    }
}
