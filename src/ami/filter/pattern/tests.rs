//! Patterns against their definition.

use proptest::prelude::*;

use super::*;

#[test]
fn wildcards_mean_what_ec2_says() {
    let cases = [
        ("amzn*", "amzn2-ami", true),
        ("amzn*", "Amzn2-ami", false),
        ("*", "", true),
        ("", "", true),
        ("", "a", false),
        ("a?c", "abc", true),
        ("a?c", "ac", true),
        ("a?c", "abbc", false),
        ("a??", "a", true),
        (r"\*amazon\?\\", r"*amazon?\", true),
        (r"\*amazon\?\\", r"xamazon?\", false),
        (r"a\bc", "abc", true),
        ("a\\", "a\\", true),
        ("2021-09-29T*", "2021-09-29T11:04:43.000Z", true),
        ("*é?", "caféx", true),
        ("[ab]", "a", false),
    ];
    for (pattern, value, expected) in cases {
        assert_eq!(Pattern::new(pattern).matches(value), expected, "{pattern} against {value}");
    }
}

#[test]
fn a_run_of_wildcards_is_one_part() {
    for (pattern, parts) in [
        ("*?", vec![Part::AnyNumber]),
        ("??*??*", vec![Part::AnyNumber]),
        ("??", vec![Part::NoneOrOne, Part::NoneOrOne]),
        (r"?\*?*", vec![Part::NoneOrOne, Part::Literal('*'), Part::AnyNumber]),
        ("a?*b*?c", vec![Part::Literal('a'), Part::AnyNumber, Part::Literal('b'), Part::AnyNumber, Part::Literal('c')]),
    ] {
        assert_eq!(read(pattern), parts, "{pattern}");
    }
    assert_eq!(read(&format!("*{}", "?*".repeat(100))), [Part::AnyNumber]);
}

/// The definition, written down as it is read.
fn model(pattern: &[char], value: &[char]) -> bool {
    match (pattern, value) {
        ([], []) => true,
        (['*', rest @ ..], _) => model(rest, value) || (!value.is_empty() && model(pattern, &value[1..])),
        (['?', rest @ ..], _) => model(rest, value) || (!value.is_empty() && model(rest, &value[1..])),
        (['\\', literal, rest @ ..], [first, others @ ..]) => literal == first && model(rest, others),
        (['\\'], ['\\']) => true,
        (['\\', ..], _) | ([], _) | (_, []) => false,
        ([literal, rest @ ..], [first, others @ ..]) => literal == first && model(rest, others),
    }
}

/// The definition again, for lengths that would take the first one years: which beginnings of the
/// value each part can have led to.
fn long_model(parts: &[Part], value: &str) -> bool {
    let value: Vec<char> = value.chars().collect();
    let mut reached = vec![false; value.len() + 1];
    reached[0] = true;
    for part in parts {
        let before = reached.clone();
        for at in 0..=value.len() {
            reached[at] = match part {
                Part::Literal(literal) => at > 0 && before[at - 1] && value[at - 1] == *literal,
                Part::NoneOrOne => before[at] || at > 0 && before[at - 1],
                Part::AnyNumber => before[..=at].contains(&true),
            };
        }
    }
    reached[value.len()]
}

proptest! {
    /// Lengths around and beyond the words of the automaton.
    #[test]
    fn long_patterns_are_matched_too(
        pattern in prop_oneof!["[abé?]{50,140}", "[ab?*]{200,300}", "(a[?]{0,70}b?[*]?){1,4}", "[?]{120,130}[*]?b?"],
        value in "[abé]{0,140}",
        keep in 0..400usize,
    ) {
        let pattern = Pattern::new(&pattern);
        prop_assert_eq!(pattern.matches(&value), long_model(&read(pattern.as_str()), &value));
        // The pattern's own literals, some of them left out, match more often than not.
        let near: String = pattern.as_str().chars().filter(|c| !matches!(c, '?' | '*')).take(keep).collect();
        let expected = long_model(&read(pattern.as_str()), &near);
        prop_assert_eq!(pattern.matches(&near), expected);
        prop_assert_eq!(pattern.matches_signed(&near, Signature::of(&near)), expected);
    }

    #[test]
    fn the_matcher_agrees_with_the_definition(pattern in r"[ab*?\\]{0,9}", value in r"[ab*?\\]{0,9}") {
        let characters = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(
            Pattern::new(&pattern).matches(&value),
            model(&characters(&pattern), &characters(&value))
        );
    }

    #[test]
    fn a_value_that_is_escaped_matches_itself_only(value in r"[a-c*?\\]{0,12}", other in r"[a-c*?\\]{0,12}") {
        let escaped: String = value
            .chars()
            .flat_map(|c| matches!(c, '*' | '?' | '\\').then_some('\\').into_iter().chain([c]))
            .collect();
        prop_assert!(Pattern::new(&escaped).matches(&value));
        prop_assert_eq!(Pattern::new(&escaped).matches(&other), value == other);
    }
}
