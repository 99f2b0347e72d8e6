//! Rules that one file keeps or breaks by itself.
//!
//! The words these rules look for are put together from halves, so that this file keeps them.

use super::paths::paths;
use super::source::{Source, Violation, after_group};

/// Lines in a file, above which it has two subjects.
const LINES_MAX: usize = 400;

/// Files where `expect` will not do, each with the reason. A reviewed list.
const MAY_ALLOW: &[(&str, &str)] = &[
    ("src/api/pb.rs", "what a generator writes may or may not break a lint"),
    ("src/sandbox/images/facts.rs", "a macro breaks the lint in some of the places where it is used"),
];

/// The one place that waits.
const MAY_SLEEP: &str = "src/clock.rs";

/// Every file says in its first lines what it is for and what it does not do.
pub(super) fn opens_with_doc(source: &Source) -> Vec<Violation> {
    if source.text.starts_with("//!") {
        return Vec::new();
    }
    vec![source.violation(1, "a file begins with //! and what it is for")]
}

/// Nothing is left for later. Also run over files that are not Rust.
pub(super) fn has_no_left_open_words(path: &str, text: &str) -> Vec<Violation> {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let mut here = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        if let Some(word) = here.find(|word| words.contains(word)) {
            found.push(Violation { path: path.to_owned(), line: number, rule: format!("{word} is work left open") });
        }
    }
    found
}

/// No macro that stands for work left open, anywhere.
pub(super) fn has_no_left_open_macros(source: &Source) -> Vec<Violation> {
    let macros = ["dbg", "todo", "unimplemented"];
    each_token(source, |at| {
        let name = macros.iter().find(|name| source.reads(at, &[**name, "!"]))?;
        Some(format!("{name}! is work left open"))
    })
}

/// Nothing outside tests gives up: an error is a value, and what cannot happen is an `expect`
/// that says why it cannot.
pub(super) fn does_not_give_up(source: &Source) -> Vec<Violation> {
    each_token(source, |at| {
        let rule = if source.reads(at, &[".", "unwrap", "(", ")"]) {
            ".unwrap() outside tests: return the error, or expect(\"why it cannot happen\")"
        } else if source.reads(at, &["panic", "!"]) {
            "panic! outside tests: return an error"
        } else {
            return None;
        };
        (!source.is_test(at)).then(|| rule.to_owned())
    })
}

/// `foo.rs` and `foo/`, never `foo/mod.rs`.
pub(super) fn is_no_mod_rs(source: &Source) -> Vec<Violation> {
    if source.path.ends_with("/mod.rs") {
        return vec![source.violation(1, "a module is foo.rs beside foo/, not foo/mod.rs")];
    }
    Vec::new()
}

/// A file has one subject.
pub(super) fn is_not_too_long(source: &Source) -> Vec<Violation> {
    let lines = source.text.lines().count();
    if lines <= LINES_MAX {
        return Vec::new();
    }
    vec![source.violation(LINES_MAX + 1, format!("{lines} lines, more than {LINES_MAX}: split it by subject"))]
}

/// A test that does not run proves nothing; one that is wrong asserts what is wrong and says so.
pub(super) fn ignores_no_test(source: &Source) -> Vec<Violation> {
    source
        .attributes()
        .filter(|range| source.tokens[range.clone()].iter().any(|token| token.text == "ignore"))
        .map(|range| source.violation(source.tokens[range.start].line, "no test is ignored"))
        .collect()
}

/// Waiting is the clock's: tests move time, and nobody guesses how long something takes.
pub(super) fn does_not_sleep(source: &Source) -> Vec<Violation> {
    if source.path == MAY_SLEEP {
        return Vec::new();
    }
    let sleeps = |window: &[String]| {
        ["thread", "time"].contains(&window[0].as_str()) && ["sleep", "sleep_until"].contains(&window[1].as_str())
    };
    let mut found = Vec::new();
    for path in paths(source) {
        if path.segments.windows(2).any(sleeps) {
            found.push(source.violation(path.line, format!("{}: only {MAY_SLEEP} waits", path.text())));
        }
    }
    found
}

/// A lint is switched off with `expect`, which says so when it is no longer needed, and a reason.
pub(super) fn gives_reasons_to_lints(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for attribute in source.attributes() {
        for at in attribute {
            let is = |word: &str| source.reads(at, &[word, "("]);
            if !is("allow") && !is("expect") {
                continue;
            }
            let group = at + 1..after_group(&source.tokens, at + 1);
            let line = source.tokens[at].line;
            if !group.clone().any(|at| source.reads(at, &["reason", "="])) {
                found.push(source.violation(line, "a lint is switched off without a reason"));
            } else if is("allow") && !MAY_ALLOW.iter().any(|(path, _)| *path == source.path) {
                found.push(source.violation(line, "expect, not allow: it says when it is no longer needed"));
            }
        }
    }
    found
}

fn each_token(source: &Source, rule: impl Fn(usize) -> Option<String>) -> Vec<Violation> {
    let broken = |at: usize| Some(source.violation(source.tokens[at].line, rule(at)?));
    (0..source.tokens.len()).filter_map(broken).collect()
}

#[cfg(test)]
mod tests;
