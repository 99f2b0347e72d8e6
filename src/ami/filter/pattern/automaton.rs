//! Patterns with `?`: all ways to match at once, one bit for each place in the pattern.
//!
//! Backtracking will not do, since `?` has two ways to match. The bits are moved by whole words
//! (extended Shift-And: Navarro and Raffinot, "Flexible Pattern Matching in Strings", 2002), so a
//! character costs a few operations for every 64 parts.

use super::Part;

/// Words of state that are kept on the stack: enough for a value of 255 characters.
const WORDS: usize = 4;

/// A pattern from its first wildcard to its last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Automaton {
    /// The literals alone. A value has to hold them in this order, which is quickly seen.
    literals: Vec<char>,
    /// The literals that stand together.
    texts: Vec<String>,
    /// For each character that is a literal somewhere, the parts that it satisfies; sorted.
    satisfied: Vec<(char, Box<[u64]>)>,
    /// Where in `satisfied` an ASCII character is, and one more; 0 where it is not.
    ascii: Box<[u16; 128]>,
    /// The parts that are `*`.
    stars: Box<[u64]>,
    /// The parts that are `?`.
    options: Box<[u64]>,
    /// The place behind the last part.
    end: usize,
}

impl Automaton {
    pub(super) fn new(parts: &[Part]) -> Self {
        let words = parts.len() / 64 + 1;
        let mut automaton = Self {
            literals: Vec::new(),
            texts: Vec::new(),
            satisfied: Vec::new(),
            ascii: Box::new([0; 128]),
            stars: vec![0; words].into(),
            options: vec![0; words].into(),
            end: parts.len(),
        };
        for (at, part) in parts.iter().enumerate() {
            let (word, bit) = (at / 64, 1 << (at % 64));
            match part {
                Part::AnyNumber => automaton.stars[word] |= bit,
                Part::NoneOrOne => automaton.options[word] |= bit,
                Part::Literal(character) => {
                    automaton.literals.push(*character);
                    let known = automaton.satisfied.binary_search_by_key(character, |(known, _)| *known);
                    let place = known.unwrap_or_else(|place| {
                        automaton.satisfied.insert(place, (*character, vec![0; words].into()));
                        place
                    });
                    automaton.satisfied[place].1[word] |= bit;
                }
            }
        }
        for (place, (character, _)) in (1..).zip(&automaton.satisfied) {
            if let Some(entry) = automaton.ascii.get_mut(*character as usize) {
                *entry = place;
            }
        }
        let texts = parts.split(|part| !matches!(part, Part::Literal(_))).map(super::literals);
        automaton.texts = texts.filter(|text| !text.is_empty()).collect();
        automaton
    }

    /// The literals that stand together, in order.
    pub(super) fn texts(&self) -> &[String] {
        &self.texts
    }

    pub(super) fn matches(&self, value: &str) -> bool {
        let mut characters = value.chars();
        if !self.literals.iter().all(|literal| characters.any(|character| character == *literal)) {
            return false;
        }
        if self.stars.len() <= WORDS {
            self.run(value, &mut [0; WORDS][..self.stars.len()])
        } else {
            // No request has a pattern of this length.
            self.run(value, &mut vec![0; self.stars.len()])
        }
    }

    /// `reached` has a bit for every place that the characters so far can have led to.
    fn run(&self, value: &str, reached: &mut [u64]) -> bool {
        reached[0] = 1;
        self.skip(reached);
        for character in value.chars() {
            let satisfied = self.satisfied(character);
            let mut shifted_out = 0;
            let mut any = 0;
            for (word, state) in reached.iter_mut().enumerate() {
                let moved = *state & (satisfied.map_or(0, |parts| parts[word]) | self.options[word]);
                *state = *state & self.stars[word] | moved << 1 | shifted_out;
                shifted_out = moved >> 63;
                any |= *state;
            }
            if any == 0 {
                return false;
            }
            self.skip(reached);
        }
        reached[self.end / 64] >> (self.end % 64) & 1 != 0
    }

    /// Wildcards may match nothing, so what is reached before them is reached after them: adding
    /// the lowest place in a run of wildcards carries through to the place behind the run.
    fn skip(&self, reached: &mut [u64]) {
        let mut carry = false;
        for (word, state) in reached.iter_mut().enumerate() {
            let wildcards = self.stars[word] | self.options[word];
            let (sum, first) = wildcards.overflowing_add(*state & wildcards);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            *state |= sum ^ wildcards;
            carry = first || second;
        }
    }

    fn satisfied(&self, character: char) -> Option<&[u64]> {
        let place = match self.ascii.get(character as usize) {
            Some(0) => return None,
            Some(place) => usize::from(*place) - 1,
            None => self.satisfied.binary_search_by_key(&character, |(known, _)| *known).ok()?,
        };
        Some(&self.satisfied[place].1)
    }
}
