//! Passwords that one program writes and another reads: `echo … | passwd --stdin root`, on one line as in a script, or
//! on several as in a trace.

use super::MASKED;
use super::line::{name_before, places};
use super::names::is_telling;
use super::trace::Trace;

/// Lines before and behind a reader in which a trace of what writes for it is looked for: other commands of the pipe,
/// and lines of the kernel, may stand between.
const NEAR_LINES: usize = 4;

/// Options with which a program reads a password from its standard input.
const FROM_INPUT: &[&str] = &["--stdin", "-stdin", "/dev/stdin", "--passphrase-fd", "--with-token"];

/// Programs that read passwords from their standard input without an option.
const READERS: &[&str] =
    &["adcli", "chpasswd", "cryptsetup", "gpg", "kinit", "passwd", "realm", "smbpasswd", "stdin", "vncpasswd"];

/// Programs that write their arguments.
const WRITERS: &[&str] = &["echo", "printf"];

/// Which lines stand near one that reads a password or is set to one, so that what they write is taken for it.
pub(super) fn near_readers(lines: &[&str]) -> Vec<bool> {
    let mut near = vec![false; lines.len()];
    let traces: Vec<Option<Trace<'_>>> = lines.iter().map(|line| Trace::of(line)).collect();
    let mut mark = |from: usize, to: usize, depth_min: usize| {
        for at in from..to.min(lines.len()) {
            near[at] |= depth_min <= traces[at].map_or(0, |trace| trace.depth);
        }
    };
    for (at, line) in lines.iter().enumerate() {
        let trace = traces[at];
        if trace.is_some_and(|trace| is_reader(trace.command)) || has_option(line) || line.contains("chpasswd") {
            mark(at.saturating_sub(NEAR_LINES), at, 0);
            mark(at + 1, at + 1 + NEAR_LINES, 0);
        } else if trace.is_some_and(|trace| is_set(trace.command)) {
            // `DB_PASSWORD=$(echo … | base64 -d)`
            mark(at.saturating_sub(NEAR_LINES), at, 2);
        }
    }
    near
}

/// The line without what is written near a reader.
pub(super) fn mask_near(line: &str) -> String {
    match written(line) {
        Some(at) => line[..at].to_owned() + MASKED,
        None => line.to_owned(),
    }
}

/// The line without what is written into a pipe, or given as a here-string, to a reader on the same line.
pub(super) fn mask_piped(line: &str) -> String {
    if let Some(option) = FROM_INPUT.iter().find_map(|option| line.find(option))
        && let Some(text) = line[option..].find("<<<")
    {
        return line[..option + text + 3].to_owned() + " " + MASKED;
    }
    let mut end = line.len();
    while let Some(pipe) = line[..end].rfind('|') {
        if is_reader(&line[pipe + 1..end]) {
            return match written(&line[..pipe]) {
                Some(at) => format!("{}{MASKED} {}", &line[..at], &line[pipe..]),
                None => line.to_owned(),
            };
        }
        end = pipe;
    }
    line.to_owned()
}

/// Where begins what a line's first writer writes.
fn written(line: &str) -> Option<usize> {
    let (at, word) = places(line).find(|(_, word)| WRITERS.contains(&program(word)))?;
    let behind = at + word.len();
    let text = line[behind..].trim_start();
    (!text.is_empty()).then(|| line.len() - text.len())
}

/// Whether a command reads a password, or something with a telling name, from its standard input.
fn is_reader(command: &str) -> bool {
    let mut is_sudo = false;
    let mut takes_lines = false;
    let mut names_secret = false;
    for (_, word) in places(command) {
        let program = program(word);
        if READERS.contains(&program) || (is_sudo && word == "-S") {
            return true;
        }
        is_sudo |= program == "sudo";
        // `read -r DB_PASSWORD`, `tee /run/secrets/db`, `docker secret create db -`
        takes_lines |= matches!(program, "read" | "tee" | "-");
        names_secret |= is_telling(word);
    }
    (takes_lines && names_secret) || has_option(command)
}

fn has_option(text: &str) -> bool {
    FROM_INPUT.iter().any(|option| text.contains(option))
}

/// Whether a command sets a telling name.
fn is_set(command: &str) -> bool {
    command.find('=').is_some_and(|at| name_before(command, 0, at).is_some_and(is_telling))
}

/// A word as the name of a program: without its directory, and what may stand before it.
fn program(word: &str) -> &str {
    let word = word.trim_start_matches(['"', '\'', '`', '(', '$', '{', '|', '<']);
    word.rsplit('/').next().unwrap_or_default()
}
