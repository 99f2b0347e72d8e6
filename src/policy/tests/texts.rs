//! Texts that are no policies, and that are too much.

use super::*;

const FORBID: &str = r#"forbid (principal, action == Action::"launch", resource)"#;

#[test]
fn every_error_has_its_place() {
    let named = r#"@id("a") @reason("r") @remedy("m")"#;
    let misspelt = format!("// x\n{named}\n{FORBID}\n  when {{ resource.arch == \"arm64\" }};");
    let unknown = format!("{named}\n{FORBID} when {{ resource.root_device_type == \"ebs\" }};");
    let wrong_type = format!("{named} {FORBID} when {{ context.spec.max_count == \"1\" }};");
    let twice = format!("{named} {FORBID};\n\n  // again\n  {named} {FORBID};");
    let nameless = format!("\n@reason(\"r\") @remedy(\"m\") {FORBID};");
    let mute = format!("@id(\"a\") {FORBID};");
    let long = format!("@id(\"a\") @reason(\"{}\") @remedy(\"m\") {FORBID};", "x".repeat(TEXT_CHARS_MAX + 1));
    let template = r#"@id("t") permit (principal == ?principal, action, resource);"#;
    #[rustfmt::skip]
    let table: &[(&str, &[(&str, &str)])] = &[
        (&misspelt, &[("4:10:", "arch")]),
        (&unknown, &[("2:", "root_device_type")]),
        (&wrong_type, &[("1:", "Long and String")]),
        (&twice, &[("4:3:", "another policy has the name a")]),
        (&nameless, &[("2:1:", "@id")]),
        (&mute, &[("1:1:", "@reason"), ("1:1:", "@remedy")]),
        (&long, &[("1:1:", "400 characters")]),
        (template, &[("1:1:", "template")]),
        ("permit (principal action, resource);", &[("1:19:", "unexpected")]),
        ("@id(\"a\")\npermit (principal, action == Action::\"fly\", resource);", &[("2:", "fly")]),
        ("@id(\"é\") permit (principal, action, resource); é", &[("1:48:", "token")]),
        ("@id(\"a,b\") permit (principal, action, resource);", &[("1:1:", "name")]),
    ];
    for (text, expected) in table {
        let errors = Policy::compile(text).expect_err(text);
        assert_eq!(errors.errors().len(), expected.len(), "{text}: {errors}");
        for (error, (place, word)) in errors.errors().iter().zip(*expected) {
            let said = error.to_string();
            assert!(said.starts_with(place) && said.contains(word), "{text}: {said}");
        }
    }
}

#[test]
fn what_is_probably_not_meant_is_warned_about() {
    for (text, place, word) in [
        (r#"@id("a") permit (principal, action, resource);"#, "1:1:", "break_glass"),
        ("", "1:1:", "no permit"),
        (
            "@id(\"a\") permit (principal, action == Action::\"query\", resource)\n when { 1 == 2 };",
            "1:1:",
            "impossible",
        ),
    ] {
        let policy = compile(text);
        let said = policy.warnings().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(said.starts_with(place) && said.contains(word), "{text}: {said}");
    }
}

#[test]
fn texts_that_are_too_long_or_too_deep_are_refused_and_end_nothing() {
    // What Cedar gets to see must fit on the smallest stack that it is read on.
    let on_small_stack = || {
        let condition = |inner: String| {
            format!(r#"@id("a") permit (principal, action == Action::"launch", resource) when {{ {inner} }};"#)
        };
        let brackets = |depth: usize| condition(format!("{}true{}", "(".repeat(depth), ")".repeat(depth)));
        let ands = |count: usize| condition(vec!["true"; count].join(" && "));
        let ifs = |count: usize| condition(format!("{}true", "if true then true else ".repeat(count)));
        let dots = |count: usize| condition(format!("resource{}", ".a".repeat(count)));
        let nots = |count: usize| condition(format!("{}true", "!".repeat(count)));
        assert!(Policy::compile(&brackets(NESTING_MAX - 2)).is_ok());
        for depth in [NESTING_MAX + 1, 100_000] {
            assert!(Policy::compile(&brackets(depth)).is_err());
        }
        let deepest = compile(&ands(OPERATORS_MAX - 5));
        assert!(deepest.rule(&Case::good().launch()).permitted);
        let deepest = compile(&ifs(OPERATORS_MAX - 10));
        assert!(deepest.rule(&Case::good().launch()).permitted);
        for text in [ands(20_000), ifs(10_000), dots(OPERATORS_MAX - 10), dots(100_000), nots(100_000)] {
            assert!(Policy::compile(&text).is_err());
        }
        for text in [&"(".repeat(POLICY_BYTES_MAX), &"\"".repeat(99), &"@".repeat(99), "/", "//", "\"\\"] {
            assert!(Policy::compile(text).is_err() || text.starts_with("//"), "{text}");
        }
        let long = " ".repeat(POLICY_BYTES_MAX + 1);
        assert!(Policy::compile(&long).unwrap_err().to_string().contains("bytes"));
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(on_small_stack).unwrap().join().unwrap();
}

#[test]
fn a_long_list_is_not_deep() {
    let images: Vec<String> = (0..5_000).map(|number| format!("\"ami-{number:08x}\"")).collect();
    let text = format!(
        r#"@id("list") permit (principal, action == Action::"launch", resource) when {{ [{}].contains(resource.image_id) }};"#,
        images.join(", ")
    );
    assert!(rule(&text, &Case::good()).permitted);
}

#[test]
fn whether_values_of_tags_are_read_is_told_from_the_text() {
    let text = |condition: &str| {
        format!(r#"@id("a") permit (principal, action == Action::"launch", resource) when {{ {condition} }};"#)
    };
    assert!(!compile(&text(r#"context.spec.hasTag("getTag")"#)).reads_tag_values());
    assert!(compile(&text(r#"resource.hasTag("a") && resource.getTag("a") == "b""#)).reads_tag_values());
}
