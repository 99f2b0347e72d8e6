//! Rust source as tokens, enough to tell code from comments and strings, and tests from the rest.
//!
//! It is no parser: it knows literals, comments, nesting brackets and `mod name {`, and nothing
//! about types. That is what the rules need, and it needs no crate.

use std::fmt;
use std::ops::Range;

/// One file, read.
#[derive(Debug)]
pub(super) struct Source {
    /// Its path from the package's root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    pub(super) tokens: Vec<Token>,
    /// Ranges of tokens that are only compiled for tests.
    tests: Vec<Range<usize>>,
}

/// A word, `::`, or one other character. Comments are gone; a literal is one token without its
/// text, so that nothing inside a string looks like code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) line: usize,
    pub(super) text: String,
}

/// Where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Violation {
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) rule: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let tokens = tokens(text);
        let tests = test_ranges(&tokens);
        Self { path: path.to_owned(), text: text.to_owned(), tokens, tests }
    }

    /// Whether all of the file is tests or benches.
    pub(super) fn is_test_file(&self) -> bool {
        !self.path.starts_with("src/") || self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// Whether the token is only compiled for tests.
    pub(super) fn is_test(&self, token: usize) -> bool {
        self.is_test_file() || self.tests.iter().any(|range| range.contains(&token))
    }

    /// Whether the tokens from `at` on read `texts`.
    pub(super) fn reads(&self, at: usize, texts: &[&str]) -> bool {
        reads(&self.tokens, at, texts)
    }

    pub(super) fn violation(&self, line: usize, rule: impl Into<String>) -> Violation {
        Violation { path: self.path.clone(), line, rule: rule.into() }
    }

    /// The tokens of each attribute, `#` and brackets included.
    pub(super) fn attributes(&self) -> impl Iterator<Item = Range<usize>> {
        (0..self.tokens.len()).filter_map(|at| attribute_at(&self.tokens, at))
    }
}

pub(super) fn reads(tokens: &[Token], at: usize, texts: &[&str]) -> bool {
    texts.iter().zip(at..).all(|(text, at)| tokens.get(at).is_some_and(|token| token.text == *text))
}

/// The index after the bracket that closes the one at `open`.
pub(super) fn after_group(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

fn attribute_at(tokens: &[Token], at: usize) -> Option<Range<usize>> {
    let open = match (reads(tokens, at, &["#", "["]), reads(tokens, at, &["#", "!", "["])) {
        (true, _) => at + 1,
        (_, true) => at + 2,
        _ => return None,
    };
    Some(at..after_group(tokens, open))
}

/// Items under `#[cfg(test)]` or `#[cfg(all(test, ..))]`.
fn test_ranges(tokens: &[Token]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for at in 0..tokens.len() {
        let Some(attribute) = attribute_at(tokens, at) else { continue };
        let within = &tokens[attribute.clone()];
        let has = |word: &str| within.iter().any(|token| token.text == word);
        if has("cfg") && has("test") && !has("not") {
            ranges.push(at..after_item(tokens, attribute.end));
        }
    }
    ranges
}

/// The index after the item that begins at `at`: past its `;`, or past its braces.
fn after_item(tokens: &[Token], mut at: usize) -> usize {
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" => return at + 1,
            "{" => return after_group(tokens, at),
            "(" | "[" => at = after_group(tokens, at),
            _ => at += 1,
        }
    }
    at
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let end = token_end(&chars, at);
        let word: String = chars[at..end].iter().collect();
        if !word.trim().is_empty() && !word.starts_with("//") && !word.starts_with("/*") {
            let is_literal = word.len() > 1 && word.ends_with(['"', '\'', '#']) || word.starts_with('\'');
            tokens.push(Token { line, text: if is_literal { "\"\"".to_owned() } else { word.clone() } });
        }
        line += word.matches('\n').count();
        at = end;
    }
    tokens
}

/// The end of the token, comment or blank that begins at `at`.
fn token_end(chars: &[char], at: usize) -> usize {
    let starts = |text: &str| text.chars().zip(at..).all(|(c, at)| chars.get(at) == Some(&c));
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    let word_end = |from: usize| chars[from..].iter().position(|c| !is_word(c)).map_or(chars.len(), |n| from + n);
    if starts("//") {
        return chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |n| at + n);
    }
    if starts("/*") {
        return comment_end(chars, at);
    }
    if starts("::") {
        return at + 2;
    }
    if is_word(&chars[at]) {
        let end = word_end(at);
        let prefix: String = chars[at..end].iter().collect();
        return match (prefix.as_str(), chars.get(end)) {
            ("r" | "br" | "cr", Some('"' | '#')) => raw_end(chars, end).unwrap_or_else(|| word_end(end + 1)),
            ("b" | "c", Some('"')) => quoted_end(chars, end),
            ("b", Some('\'')) => quoted_end(chars, end),
            _ => end,
        };
    }
    match chars[at] {
        '"' => quoted_end(chars, at),
        // `'a'` and `'\n'` are characters, `'a` is a lifetime.
        '\'' if chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'') => quoted_end(chars, at),
        '\'' => word_end(at + 1),
        _ => at + 1,
    }
}

fn quoted_end(chars: &[char], open: usize) -> usize {
    let mut at = open + 1;
    while at < chars.len() && chars[at] != chars[open] {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The end of the raw string whose hashes begin at `from`; none for a raw identifier.
fn raw_end(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from..].iter().take_while(|c| **c == '#').count();
    if chars.get(from + hashes) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = from + hashes + 1;
    let length = chars[body..].windows(close.len()).position(|window| window == close);
    Some(length.map_or(chars.len(), |length| body + length + close.len()))
}

fn comment_end(chars: &[char], open: usize) -> usize {
    let (mut at, mut depth) = (open, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (at, depth) = (at + 2, depth + 1),
            ('*', Some('/')) => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        tokens(text).into_iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_vanish_and_literals_keep_no_text() {
        for (text, expected) in [
            ("a // b\nc", "a c"),
            ("a /* b /* c */ d */ e", "a e"),
            ("\"a // b\" c", "\"\" c"),
            ("\"a \\\" b\" c", "\"\" c"),
            ("r#\"a \" b\"# c", "\"\" c"),
            ("br\"a\" b'x' b\"y\" c", "\"\" \"\" \"\" c"),
            ("'a' '\\'' '\"' x", "\"\" \"\" \"\" x"),
            ("fn f<'a>(x: &'a str)", "fn f < \"\" > ( x : & \"\" str )"),
            ("r#type::x", "r#type :: x"),
            ("0..x.unwrap()", "0 . . x . unwrap ( )"),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn lines_are_counted_through_comments_and_strings() {
        let lines: Vec<usize> = tokens("a\n/* x\n */ b \"\n\n\" c").into_iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 3, 3, 5]);
    }

    #[test]
    fn test_items_are_told_from_the_rest() {
        let source = Source::new(
            "src/x.rs",
            "use a; #[cfg(test)] use b; fn c() { d } #[cfg(test)] #[x] mod tests { fn e([f; 2]: g) { h } } \
             #[cfg(not(test))] mod i { j } #[cfg(all(test, unix))] fn k(l: [u8; 2]) { m }",
        );
        let in_tests = |word: &str| source.is_test(source.tokens.iter().position(|t| t.text == word).unwrap());
        for word in ["b", "e", "f", "g", "h", "k", "l", "m"] {
            assert!(in_tests(word), "{word}");
        }
        for word in ["a", "c", "d", "i", "j"] {
            assert!(!in_tests(word), "{word}");
        }
        assert!(Source::new("src/ids/tests.rs", "a").is_test(0));
        assert!(Source::new("tests/it/main.rs", "a").is_test(0));
        assert!(!Source::new("src/tests_of_time.rs", "a").is_test(0));
    }
}
