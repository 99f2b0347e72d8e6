//! Filter values: `*`, `?` and backslash escapes as EC2 reads them.
//!
//! In EC2 `?` stands for zero or one character, not for exactly one (EC2 User Guide, "List and
//! filter your resources"). Matching is case-sensitive.

/// A compiled filter value.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    /// The text, when there are no wildcards.
    literal: Option<String>,
    symbols: Vec<Symbol>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Exactly(char),
    ZeroOrOne,
    Any,
}

impl Pattern {
    /// Compiles one value. A backslash at the very end stands for itself.
    pub(crate) fn new(text: &str) -> Self {
        let mut symbols = Vec::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            symbols.push(match c {
                '*' => Symbol::Any,
                '?' => Symbol::ZeroOrOne,
                '\\' => Symbol::Exactly(chars.next().unwrap_or('\\')),
                c => Symbol::Exactly(c),
            });
        }
        let literal = symbols
            .iter()
            .map(|symbol| match symbol {
                Symbol::Exactly(c) => Some(*c),
                Symbol::ZeroOrOne | Symbol::Any => None,
            })
            .collect();
        Self { literal, symbols }
    }

    /// Whether `text` matches as a whole.
    pub(crate) fn matches(&self, text: &str) -> bool {
        if let Some(literal) = &self.literal {
            return literal == text;
        }
        // Most patterns begin with a few plain characters, which settles most texts at once.
        let mut rest = text.chars();
        let plain = self.symbols.iter().take_while(|symbol| matches!(symbol, Symbol::Exactly(_))).count();
        for symbol in &self.symbols[..plain] {
            if rest.next().map(Symbol::Exactly) != Some(*symbol) {
                return false;
            }
        }
        self.symbols_match(plain, rest.as_str())
    }

    /// Walks all readings of the pattern at once, so that no pattern takes exponential time.
    fn symbols_match(&self, first: usize, text: &str) -> bool {
        let symbols = &self.symbols[first..];
        let mut reached = vec![false; symbols.len() + 1];
        reached[0] = true;
        skip_empty(symbols, &mut reached);
        for c in text.chars() {
            let mut next = vec![false; symbols.len() + 1];
            for (at, symbol) in symbols.iter().enumerate() {
                if reached[at] {
                    match symbol {
                        Symbol::Any => next[at] = true,
                        Symbol::ZeroOrOne => next[at + 1] = true,
                        Symbol::Exactly(wanted) => next[at + 1] |= *wanted == c,
                    }
                }
            }
            skip_empty(symbols, &mut next);
            reached = next;
        }
        reached[symbols.len()]
    }
}

/// Wildcards may stand for nothing.
fn skip_empty(symbols: &[Symbol], reached: &mut [bool]) {
    for (at, symbol) in symbols.iter().enumerate() {
        if reached[at] && matches!(symbol, Symbol::Any | Symbol::ZeroOrOne) {
            reached[at + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_read_as_ec2_reads_them() {
        for (pattern, text, expected) in [
            ("amazon", "amazon", true),
            ("amazon", "Amazon", false),
            ("a*n", "amazon", true),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", true),
            ("a?c", "abbc", false),
            ("al2023-ami-2023*-x86_64", "al2023-ami-2023.12.0-kernel-6.1-x86_64", true),
            ("2021-09-29T*", "2021-09-29T11:04:43.000Z", true),
            (r"\*amazon\?\\", r"*amazon?\", true),
            (r"\*amazon\?\\", r"xamazony\", false),
            ("[a-z]", "a", false),
            ("a\\", "a\\", true),
            ("??", "", true),
            ("é?", "éa", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn hostile_patterns_take_linear_space_and_bounded_time() {
        let pattern = Pattern::new(&"*a?".repeat(85));
        assert!(!pattern.matches(&"a".repeat(84)));
    }
}
