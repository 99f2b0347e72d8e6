//! Each rule is broken on purpose, and kept where it looks as if it were not.

use super::*;

type Rule = fn(&Source) -> Vec<Violation>;

/// Runs a rule over each text as `path`; the number is how often it must be broken.
fn expect(rule: Rule, table: &[(&str, &str, usize)]) {
    for (path, text, count) in table {
        let found = rule(&Source::new(path, text));
        assert_eq!(found.len(), *count, "{path}: {text}: {found:?}");
    }
}

fn lines(count: usize) -> String {
    "//! x\n".repeat(count)
}

#[test]
fn a_file_without_its_purpose_is_found() {
    expect(
        opens_with_doc,
        &[
            ("src/a.rs", "//! What it is for.\n", 0),
            ("src/a.rs", "// What it is for.\n", 1),
            ("src/a.rs", "\n//! What it is for.\n", 1),
            ("src/a.rs", "", 1),
        ],
    );
}

#[test]
fn words_for_later_are_found_in_any_text() {
    let word = concat!("TO", "DO");
    for (text, count) in [
        (format!("a\n// {word}: b\n"), 1),
        (format!("\"{word}\""), 1),
        (format!("// {}(me)", concat!("FIX", "ME")), 1),
        (format!("{word}S and {} of it", word.to_lowercase()), 0),
    ] {
        assert_eq!(has_no_left_open_words("proto/a.proto", &text).len(), count, "{text}");
    }
    let found = has_no_left_open_words("src/a.rs", &format!("a\nb\n{word}"));
    assert_eq!(found[0].to_string(), format!("src/a.rs:3: {word} is work left open"));
}

#[test]
fn macros_for_later_are_found() {
    expect(
        has_no_left_open_macros,
        &[
            ("src/a.rs", concat!("fn f() { db", "g!(x) }"), 1),
            ("src/a.rs", concat!("fn f() { to", "do!() }"), 1),
            ("src/a.rs", concat!("#[cfg(test)] mod t { fn f() { un", "implemented!(\"x\") } }"), 1),
            ("src/a.rs", "fn dbg() { todo() } // no macro", 0),
        ],
    );
}

#[test]
fn giving_up_is_found_outside_tests_only() {
    expect(
        does_not_give_up,
        &[
            ("src/a.rs", "fn f() { x.unwrap() }", 1),
            ("src/a.rs", "fn f() { x\n    .unwrap() }", 1),
            ("src/a.rs", "fn f() { panic!(\"x\") }", 1),
            ("src/a.rs", "fn f() { x.unwrap_or(1); x.expect(\"y\"); std::panic::catch_unwind(g) }", 0),
            ("src/a.rs", "// x.unwrap()\nfn f() { \"panic!()\" }", 0),
            ("src/a.rs", "#[cfg(test)]\nmod tests { fn f() { x.unwrap(); panic!() } }", 0),
            ("src/a.rs", "#[cfg(test)]\nmod tests { fn f() {} }\nfn g() { x.unwrap() }", 1),
            ("src/a.rs", "#[cfg(not(test))]\nmod real { fn f() { x.unwrap() } }", 1),
            ("src/a/tests.rs", "fn f() { x.unwrap() }", 0),
            ("src/a/tests/random.rs", "fn f() { panic!() }", 0),
            ("tests/it/a.rs", "fn f() { x.unwrap() }", 0),
        ],
    );
}

#[test]
fn a_mod_rs_is_found() {
    expect(
        is_no_mod_rs,
        &[("src/a/mod.rs", "//! x", 1), ("src/a/modest.rs", "//! x", 0), ("src/mod_rs.rs", "//! x", 0)],
    );
}

#[test]
fn a_long_file_is_found() {
    expect(is_not_too_long, &[("src/a.rs", &lines(LINES_MAX), 0), ("src/a.rs", &lines(LINES_MAX + 1), 1)]);
}

#[test]
fn a_test_that_does_not_run_is_found() {
    expect(
        ignores_no_test,
        &[
            ("src/a.rs", concat!("#[test]\n#[ig", "nore]\nfn f() {}"), 1),
            ("src/a.rs", concat!("#[ig", "nore = \"slow\"] fn f() {}"), 1),
            ("src/a.rs", concat!("#[cfg_attr(unix, ig", "nore)] fn f() {}"), 1),
            ("src/a.rs", "fn ignore() { x[ignore] }", 0),
        ],
    );
}

#[test]
fn a_sleep_is_found_everywhere_but_in_the_clock() {
    let std = concat!("fn f() { std::thread::", "sleep(d) }");
    let tokio = concat!("use tokio::time::{self, ", "sleep};");
    expect(
        does_not_sleep,
        &[
            ("src/a.rs", std, 1),
            ("tests/it/a.rs", std, 1),
            ("src/a.rs", tokio, 1),
            ("src/a.rs", concat!("use tokio::time; fn f() { time::", "sleep_until(t) }"), 1),
            ("src/clock.rs", tokio, 0),
            ("src/a.rs", "fn f() { clock.sleep(d); Clock::sleep(&c, d) }", 0),
        ],
    );
}

#[test]
fn a_lint_switched_off_is_found() {
    expect(
        gives_reasons_to_lints,
        &[
            ("src/a.rs", "#[expect(dead_code, reason = \"x\")] fn f() {}", 0),
            ("src/a.rs", "#[expect(dead_code)] fn f() {}", 1),
            ("src/a.rs", "#[allow(dead_code)] fn f() {}", 1),
            ("src/a.rs", "#![allow(dead_code, reason = \"x\")]", 1),
            ("src/a.rs", "#[cfg_attr(unix, allow(dead_code))] fn f() {}", 1),
            ("src/api/pb.rs", "#![allow(clippy::all, reason = \"generated\")]", 0),
            ("src/api/pb.rs", "#![allow(clippy::all)]", 1),
            ("src/a.rs", "fn f() { x.expect(\"y\"); allow(z) }", 0),
        ],
    );
}
