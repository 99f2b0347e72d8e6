//! The house rules that no compiler checks, checked over the source as text.
//!
//! Which module may name which is in `tidy/arrows.rs`, everything else in `tidy/rules.rs`. Each
//! rule says where it is broken, and each is proven able to fail on a snippet beside it.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

mod arrows;
mod paths;
mod rules;
mod source;

use source::{Source, Violation};

/// Every file below `dir` whose name ends in `.extension`, as its path from the package's root and
/// its text, in the order of their paths.
fn files(dir: &str, extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(dir))
        .unwrap_or_else(|error| panic!("{dir}: {error}"))
        .map(|entry| entry.unwrap())
        .collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = format!("{dir}/{}", entry.file_name().into_string().unwrap());
        if entry.path().is_dir() {
            found.extend(files(&path, extension));
        } else if Path::new(&path).extension().is_some_and(|found| found == extension) {
            found.push((path, fs::read_to_string(entry.path()).unwrap()));
        }
    }
    found
}

/// All Rust that people write here, read once.
fn everything() -> &'static [Source] {
    static EVERYTHING: LazyLock<Vec<Source>> = LazyLock::new(|| {
        let mut files: Vec<_> = ["src", "tests", "benches"].into_iter().flat_map(|dir| files(dir, "rs")).collect();
        let build = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs")).unwrap();
        files.push(("build.rs".to_owned(), build));
        files.iter().map(|(path, text)| Source::new(path, text)).collect()
    });
    assert!(
        EVERYTHING.iter().any(|source| source.path == "src/lib.rs"),
        "the library was not read, so nothing is checked"
    );
    &EVERYTHING
}

fn assert_none(mut found: Vec<Violation>) {
    found.sort();
    let lines: Vec<String> = found.iter().map(Violation::to_string).collect();
    assert!(found.is_empty(), "{} broken:\n{}\n", found.len(), lines.join("\n"));
}

fn assert_kept(rule: fn(&Source) -> Vec<Violation>) {
    assert_none(everything().iter().flat_map(rule).collect());
}

#[test]
fn modules_name_only_what_they_may() {
    assert_kept(arrows::check);
}

#[test]
fn every_file_says_what_it_is_for() {
    assert_kept(rules::opens_with_doc);
}

#[test]
fn nothing_is_left_open() {
    assert_kept(rules::has_no_left_open_macros);
    let protos = files("proto/gantry", "proto");
    let texts = everything().iter().map(|source| (&source.path, &source.text));
    let texts = texts.chain(protos.iter().map(|(path, text)| (path, text)));
    assert_none(texts.flat_map(|(path, text)| rules::has_no_left_open_words(path, text)).collect());
}

#[test]
fn nothing_outside_tests_gives_up() {
    assert_kept(rules::does_not_give_up);
}

#[test]
fn no_module_is_a_mod_rs() {
    assert_kept(rules::is_no_mod_rs);
}

#[test]
fn no_file_is_too_long() {
    assert_kept(rules::is_not_too_long);
}

#[test]
fn no_test_is_ignored() {
    assert_kept(rules::ignores_no_test);
}

#[test]
fn only_the_clock_waits() {
    assert_kept(rules::does_not_sleep);
}

#[test]
fn lints_are_switched_off_with_a_reason() {
    assert_kept(rules::gives_reasons_to_lints);
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/semantics.md")).unwrap();
    let named = page.split('`').skip(1).step_by(2).filter(|words| words.contains("::"));
    let missing: Vec<&str> = named
        .filter(|path| {
            let name = path.rsplit("::").next().unwrap_or(path);
            let (function, module) = (format!("fn {name}("), format!("tests/it/{name}.rs"));
            !everything().iter().any(|source| source.text.contains(&function) || source.path == module)
        })
        .collect();
    assert!(missing.is_empty(), "docs/semantics.md names tests that do not exist: {missing:?}");
}
