//! The paths a file names, made absolute.

use super::source::{Source, after_group};

/// A path that code names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) line: usize,
    /// From the crate's root if `in_crate`; otherwise as written.
    pub(super) segments: Vec<String>,
    /// Whether it begins with `crate`, `self` or `super`, or, in the binary, with the library.
    pub(super) in_crate: bool,
    /// Whether it is all that a `use` names.
    pub(super) whole_use: bool,
}

impl Named {
    pub(super) fn text(&self) -> String {
        self.segments.join("::")
    }

    /// Whether the path is `prefix` or lies below it.
    pub(super) fn is_within(&self, prefix: &str) -> bool {
        is_within(&self.segments, prefix)
    }
}

pub(super) fn is_within(segments: &[String], prefix: &str) -> bool {
    let prefix: Vec<&str> = prefix.split("::").collect();
    segments.len() >= prefix.len() && segments.iter().zip(prefix).all(|(segment, part)| segment == part)
}

/// The module that a file under `src` is; empty for the two roots.
pub(super) fn module_of(path: &str) -> Vec<String> {
    let inner = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    match inner {
        "lib" | "main" => Vec::new(),
        _ => inner.split('/').map(str::to_owned).collect(),
    }
}

/// Every path in the file's code, groups of `use` taken apart.
pub(super) fn paths(source: &Source) -> Vec<Named> {
    let tokens = &source.tokens;
    let mut found = Vec::new();
    let mut module = module_of(&source.path);
    // The ends of the inline modules that we are in.
    let mut ends: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        while ends.last().is_some_and(|end| *end <= at) {
            ends.pop();
            module.pop();
        }
        if tokens[at].text == "mod" && source.reads(at + 2, &["{"]) {
            module.push(tokens[at + 1].text.clone());
            ends.push(after_group(tokens, at + 2));
            at += 3;
            continue;
        }
        if begins_path(source, at) {
            let in_use = at > 0 && tokens[at - 1].text == "use";
            let mut written = Vec::new();
            let end = read(source, at, &mut Vec::new(), &mut written);
            for (line, segments) in written {
                let whole_use = in_use && segments.len() == 1;
                found.push(absolute(&source.path, &module, line, segments, whole_use));
            }
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

/// Words that a path may follow and never begins with.
const KEYWORDS: [&str; 10] = ["use", "pub", "in", "as", "for", "impl", "dyn", "mut", "return", "extern"];

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && !KEYWORDS.contains(&text)
}

/// A name that follows neither `::` (it belongs to the path before) nor `.` (it is a field or a
/// method); or a `::` that follows neither a name nor `>`.
fn begins_path(source: &Source, at: usize) -> bool {
    let before = at.checked_sub(1).map_or("", |before| source.tokens[before].text.as_str());
    match source.tokens[at].text.as_str() {
        "::" => !is_name(before) && before != ">",
        text => is_name(text) && before != "::" && before != ".",
    }
}

/// Reads one path, or a tree of them, whose first part is `prefix`. Returns where it ends.
fn read(source: &Source, mut at: usize, prefix: &mut Vec<String>, found: &mut Vec<(usize, Vec<String>)>) -> usize {
    let tokens = &source.tokens;
    let depth = prefix.len();
    let line = tokens[at].line;
    while at < tokens.len() {
        let text = tokens[at].text.as_str();
        if text == "{" {
            let end = after_group(tokens, at);
            at += 1;
            while at + 1 < end {
                at = read(source, at, prefix, found);
                // The comma, and before it `as name`.
                while at + 1 < end && tokens[at].text != "," {
                    at += 1;
                }
                at += usize::from(at + 1 < end);
            }
            prefix.truncate(depth);
            return end;
        }
        if is_name(text) || text == "*" {
            prefix.push(text.to_owned());
            at += 1;
        }
        let goes_on =
            source.reads(at, &["::"]) && tokens.get(at + 1).is_some_and(|t| is_name(&t.text) || "*{".contains(&t.text));
        if !goes_on {
            break;
        }
        at += 1;
    }
    if prefix.last().is_some_and(|last| last == "self") && prefix.len() > 1 {
        prefix.pop();
    }
    found.push((line, prefix.clone()));
    prefix.truncate(depth);
    // A path that could not be read must still end further on.
    at
}

fn absolute(path: &str, module: &[String], line: usize, segments: Vec<String>, whole_use: bool) -> Named {
    let named = |segments, in_crate| Named { line, segments, in_crate, whole_use };
    match segments[0].as_str() {
        "crate" => named(segments[1..].to_vec(), true),
        "gantry" if path == "src/main.rs" => named(segments[1..].to_vec(), true),
        "self" | "super" => {
            let supers = segments.iter().take_while(|segment| *segment == "super").count();
            let base = &module[..module.len().saturating_sub(supers)];
            let rest = segments.iter().skip_while(|segment| *segment == "super" || *segment == "self");
            named(base.iter().chain(rest).cloned().collect(), true)
        }
        _ => named(segments, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str, text: &str) -> Vec<String> {
        let in_crate = |named: &Named| named.in_crate;
        paths(&Source::new(path, text)).iter().filter(|n| in_crate(n)).map(Named::text).collect()
    }

    #[test]
    fn every_way_to_name_a_module_is_seen() {
        for (text, expected) in [
            ("use crate::ids::ImageId;", vec!["ids::ImageId"]),
            (
                "use crate::{ids, record::{Entry, Event as E}, clock::*};",
                vec!["ids", "record::Entry", "record::Event", "clock::*"],
            ),
            ("use {crate::ids, crate::clock::Clock};", vec!["ids", "clock::Clock"]),
            ("use crate::ec2::{self, facts};", vec!["ec2", "ec2::facts"]),
            ("fn f() -> crate::ids::Region { crate::ids::Region::<u8>::new() }", vec!["ids::Region", "ids::Region"]),
            ("use super::super::launch::Plan;", vec!["launch::Plan"]),
            ("use super::finding;", vec!["ami::finding"]),
            ("use self::x::Y;", vec!["ami::rules::x::Y"]),
            ("mod a { mod b { use super::super::super::c; } } use super::d;", vec!["ami::c", "ami::d"]),
            ("use super::{super::boot, x};", vec!["boot", "ami::x"]),
            ("macro_rules! m { () => { $crate::ids::X } }", vec!["ids::X"]),
            ("/// [`crate::launch`]\nfn f() { \"crate::launch\"; }", vec![]),
            ("pub(crate) fn f(x: &crate::ids::X) {}", vec!["", "ids::X"]),
            ("pub(in super::super) fn f() {}", vec![""]),
        ] {
            assert_eq!(named("src/ami/rules.rs", text), expected, "{text}");
        }
        assert_eq!(named("src/main.rs", "fn main() { gantry::cli::run() }"), ["cli::run"]);
        assert!(named("src/ids.rs", "gantry::cli::run(); x.crate_name").is_empty());
    }

    #[test]
    fn names_of_other_crates_are_as_written() {
        let text = "use tonic::{Status, codec}; use ::prost::Message; fn f() { sled::open(a.sled); <T as X>::tonic() } use tokio;";
        let found = paths(&Source::new("src/ids.rs", text));
        let other: Vec<_> =
            found.iter().filter(|n| !n.in_crate && (n.segments.len() > 1 || n.whole_use)).map(Named::text).collect();
        assert_eq!(other, ["tonic::Status", "tonic::codec", "prost::Message", "sled::open", "tokio"]);
    }
}
