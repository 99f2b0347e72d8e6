//! Values with wildcards, as EC2 documents them: `*` stands for any number of characters, `?` for
//! none or one, and a backslash takes the meaning from the character after it (EC2 User Guide,
//! "List and filter using the CLI and API", 2026-04). That `?` may stand for nothing differs from
//! shell patterns; it is what EC2 says, and has not been measured against it.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Literal(char),
    AnyNumber,
    NoneOrOne,
}

/// A filter value, ready to be matched. Matching is case-sensitive and by characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// None where the text has no special character, so that comparing is enough.
    parts: Option<Vec<Part>>,
}

impl Pattern {
    /// Reads a value. Every text is a pattern; a backslash at the end stands for itself.
    pub fn new(text: &str) -> Self {
        let special = text.contains(['*', '?', '\\']);
        Self { text: text.to_owned(), parts: special.then(|| read(text)) }
    }

    /// The value as the caller wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it holds wildcards or escapes.
    pub fn is_special(&self) -> bool {
        self.parts.is_some()
    }

    /// Whether the whole of `value` matches.
    ///
    /// Time is at most the product of both lengths, which the limits on requests bound: no
    /// pattern makes it exponential.
    pub fn matches(&self, value: &str) -> bool {
        match &self.parts {
            None => self.text == value,
            Some(parts) => matches(parts, value),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn read(text: &str) -> Vec<Part> {
    let mut characters = text.chars();
    let mut parts = Vec::with_capacity(text.len());
    while let Some(character) = characters.next() {
        let part = match character {
            '*' => Part::AnyNumber,
            '?' => Part::NoneOrOne,
            '\\' => Part::Literal(characters.next().unwrap_or('\\')),
            literal => Part::Literal(literal),
        };
        // A run of wildcards with `*` in it is the same as `*`, because `?` may stand for nothing.
        // Keeping only that makes the work small that `?*?*?*` would be for every character.
        match part {
            Part::AnyNumber => {
                while parts.last().is_some_and(|last| *last == Part::NoneOrOne) {
                    parts.pop();
                }
                if parts.last() != Some(&Part::AnyNumber) {
                    parts.push(part);
                }
            }
            Part::NoneOrOne if parts.last() == Some(&Part::AnyNumber) => {}
            Part::NoneOrOne | Part::Literal(_) => parts.push(part),
        }
    }
    parts
}

/// Simulates all ways to match at once: `reached[i]` says that the characters so far can be matched
/// by the first `i` parts. Backtracking will not do, since `?` has two ways to match too.
fn matches(parts: &[Part], value: &str) -> bool {
    let mut reached = vec![false; parts.len() + 1];
    reached[0] = true;
    skip_empty(parts, &mut reached);
    let mut next = reached.clone();
    for character in value.chars() {
        next.fill(false);
        for (position, part) in parts.iter().enumerate() {
            if reached[position] {
                match part {
                    Part::Literal(literal) => next[position + 1] |= *literal == character,
                    Part::NoneOrOne => next[position + 1] = true,
                    Part::AnyNumber => next[position] = true,
                }
            }
        }
        skip_empty(parts, &mut next);
        if !next.contains(&true) {
            return false;
        }
        std::mem::swap(&mut reached, &mut next);
    }
    reached[parts.len()]
}

/// Wildcards may match nothing, so what is reached before them is reached after them.
fn skip_empty(parts: &[Part], reached: &mut [bool]) {
    for (position, part) in parts.iter().enumerate() {
        if reached[position] && !matches!(part, Part::Literal(_)) {
            reached[position + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
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
            (
                "a?*b*?c",
                vec![Part::Literal('a'), Part::AnyNumber, Part::Literal('b'), Part::AnyNumber, Part::Literal('c')],
            ),
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

    proptest! {
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
}
