//! Filter values: `*`, `?` and backslash escapes as EC2 reads them.
//!
//! In EC2 `?` stands for zero or one character, not for exactly one (EC2 User Guide, "List and
//! filter your resources"). Matching is case-sensitive.

/// A compiled filter value.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    /// Without wildcards it matches one text.
    Literal(String),
    Wild(Box<Automaton>),
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
        let literal: Option<String> = symbols
            .iter()
            .map(|symbol| match symbol {
                Symbol::Exactly(c) => Some(*c),
                Symbol::ZeroOrOne | Symbol::Any => None,
            })
            .collect();
        literal.map_or_else(|| Self::Wild(Box::new(Automaton::new(&symbols))), Self::Literal)
    }

    /// Whether `text` matches as a whole.
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Literal(literal) => literal == text,
            Self::Wild(automaton) => automaton.matches(text),
        }
    }
}

/// Places in one word of a set.
const WORD_BITS: usize = 64;

/// A pattern that is read in all its ways at once, so that none takes exponential time: a set of
/// places in it, one bit each, moves with every character of the text. Two hundred of the longest
/// patterns on every image of a Region are a request that EC2 allows.
#[derive(Debug, Clone)]
pub(crate) struct Automaton {
    /// The plain characters that it begins with, which settle most texts at once.
    prefix: String,
    /// Symbols after them; the place after the last one is where a text must end.
    length: usize,
    /// Places where `*` stands.
    any: Vec<u64>,
    /// Places where `?` stands.
    optional: Vec<u64>,
    /// The characters that stand somewhere, in order.
    letters: Vec<char>,
    /// Where each of them stands, one set after the other.
    places: Vec<u64>,
}

impl Automaton {
    fn new(symbols: &[Symbol]) -> Self {
        let plain = |symbol: &Symbol| match symbol {
            Symbol::Exactly(c) => Some(*c),
            Symbol::ZeroOrOne | Symbol::Any => None,
        };
        let prefix: String = symbols.iter().map_while(plain).collect();
        let symbols = &symbols[prefix.chars().count()..];
        let words = symbols.len() / WORD_BITS + 1;
        let mut letters: Vec<char> = symbols.iter().filter_map(plain).collect();
        letters.sort_unstable();
        letters.dedup();
        let (mut any, mut optional) = (vec![0; words], vec![0; words]);
        let mut places = vec![0; words * letters.len()];
        for (at, symbol) in symbols.iter().enumerate() {
            let set = match symbol {
                Symbol::Any => &mut any[..],
                Symbol::ZeroOrOne => &mut optional[..],
                Symbol::Exactly(c) => {
                    let letter = letters.partition_point(|letter| letter < c);
                    &mut places[letter * words..][..words]
                }
            };
            set[at / WORD_BITS] |= 1 << (at % WORD_BITS);
        }
        Self { prefix, length: symbols.len(), any, optional, letters, places }
    }

    fn matches(&self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix(self.prefix.as_str()) else { return false };
        let words = self.any.len();
        let mut reached = vec![0_u64; words];
        reached[0] = 1;
        self.skip_empty(&mut reached);
        for c in rest.chars() {
            let places = self.letters.binary_search(&c).ok().map(|letter| &self.places[letter * words..][..words]);
            let mut carry = 0;
            let mut left = 0;
            for (word, set) in reached.iter_mut().enumerate() {
                let exact = places.map_or(0, |places| places[word]);
                let steps = *set & (exact | self.optional[word]);
                *set = *set & self.any[word] | steps << 1 | carry;
                carry = steps >> (WORD_BITS - 1);
                left |= *set;
            }
            if left == 0 {
                return false;
            }
            self.skip_empty(&mut reached);
        }
        reached[self.length / WORD_BITS] >> (self.length % WORD_BITS) & 1 == 1
    }

    /// Wildcards may stand for nothing. A run of them that was passed stays passed while the text
    /// moves through it, so the passes here are no more than the characters of the text, in all.
    fn skip_empty(&self, reached: &mut [u64]) {
        loop {
            let mut carry = 0;
            let mut grown = false;
            for (word, set) in reached.iter_mut().enumerate() {
                let steps = *set & (self.any[word] | self.optional[word]);
                let more = *set | steps << 1 | carry;
                carry = steps >> (WORD_BITS - 1);
                grown |= more != *set;
                *set = more;
            }
            if !grown {
                return;
            }
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
        assert!(pattern.matches(&"a".repeat(85)));
        // As many as one filter has values, on as many texts as a small Region has images.
        let patterns: Vec<Pattern> = (0..200).map(|_| Pattern::new(&format!("{}z*", "*a?".repeat(84)))).collect();
        let text = "al2023-ami-2023.12.0-kernel-6.1-x86_64".repeat(2);
        assert!((0..100).all(|_| !patterns.iter().any(|pattern| pattern.matches(&text))));
    }

    proptest::proptest! {
        /// Against the definition, over patterns that are longer than a word of places.
        #[test]
        fn patterns_match_what_their_symbols_say(pattern in "[ab*?]{0,9}", pad in 0..3_usize, text in "[ab]{0,9}") {
            fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
                match (pattern.split_first(), text.split_first()) {
                    (None, _) => text.is_empty(),
                    (Some((b'*', rest)), tail) => {
                        by_definition(rest, text) || tail.is_some_and(|(_, tail)| by_definition(pattern, tail))
                    }
                    (Some((b'?', rest)), tail) => {
                        by_definition(rest, text) || tail.is_some_and(|(_, tail)| by_definition(rest, tail))
                    }
                    (Some((wanted, rest)), Some((c, tail))) => wanted == c && by_definition(rest, tail),
                    (Some(_), None) => false,
                }
            }
            let expected = by_definition(pattern.as_bytes(), text.as_bytes());
            let long = |text: &str| format!("{}{text}", "ab".repeat(31 * pad));
            proptest::prop_assert_eq!(Pattern::new(&long(&pattern)).matches(&long(&text)), expected);
            let long = |wild: &str, text: &str| format!("{wild}{}{text}", "cd".repeat(1 + 31 * pad));
            proptest::prop_assert_eq!(Pattern::new(&long("?", &pattern)).matches(&long("", &text)), expected);
        }
    }
}
