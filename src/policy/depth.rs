//! How deep a policy is, before Cedar reads it.
//!
//! Cedar's parser, its validator and the release of what they made follow the nesting of a text on the stack, and a
//! stack that is too short ends the process. A candidate policy comes over the wire. So what could be too deep is
//! refused by its shape: by brackets, and by the operators of one policy, which bound how deep a chain of them can be.

use super::error::PolicyError;
use super::statements::{Piece, pieces};

/// Brackets within brackets.
pub const NESTING_MAX: usize = 32;

/// Operators in one policy: `&&`, `==`, `.`, `!`, `if`, `has` and so on. Elements of a list are not counted. Cedar's
/// validator takes about 2 KiB of stack for each, and finds nothing more wrong when it has too little.
pub const OPERATORS_MAX: usize = 300;

/// What of the text is too deep.
pub(super) fn check(text: &str) -> Vec<PolicyError> {
    let mut errors = Vec::new();
    let (mut nesting, mut operators) = (0_usize, 0_usize);
    let mut last_sign = None;
    for (piece, place) in pieces(text) {
        match piece {
            Piece::Open => {
                nesting += 1;
                if nesting == NESTING_MAX + 1 {
                    let message = format!("more than {NESTING_MAX} brackets within each other: split the policy");
                    errors.push(PolicyError::at(text, place.start, message));
                }
            }
            Piece::Close => nesting = nesting.saturating_sub(1),
            Piece::End => (nesting, operators) = (0, 0),
            Piece::Word => {
                operators += usize::from(matches!(&text[place.clone()], "if" | "has" | "like" | "in" | "is"));
            }
            Piece::Sign(b',' | b':' | b'@') | Piece::Text => {}
            Piece::Sign(sign) => {
                // `==` and `&&` are one operator; `!!` and `--` are two.
                let goes_on = last_sign == Some(place.start) && !matches!(sign, b'!' | b'-');
                operators += usize::from(!goes_on);
                last_sign = Some(place.end);
            }
        }
        if operators > OPERATORS_MAX {
            let message = format!("more than {OPERATORS_MAX} operators in one policy: split it");
            errors.push(PolicyError::at(text, place.start, message));
            operators = 0;
        }
    }
    errors
}
