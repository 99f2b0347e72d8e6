//! Secrets on a console, replaced by [`MASKED`].
//!
//! Three ways to find them: blocks that say what they are (private keys, elements of XML, lists of passwords),
//! values with a telling name before them, and words whose shape is that of a credential. Where it is not certain how
//! far a value goes, the rest of the line is masked: a line too little is better than a secret too much. What has
//! neither a name nor a shape, such as a password alone on a line, cannot be told from other text and stays; that is
//! why a tail is kept for a time only and never in the log. Masking masked text changes nothing.

mod below;
mod blocks;
mod commands;
mod line;
mod names;
mod prefix;
mod words;

/// What stands where a secret was.
pub(super) const MASKED: &str = "[masked]";

/// What stands where a private key was.
const MASKED_KEY: &str = "[masked-private-key]";

/// How many lines after a heading of passwords are looked at for pairs of user and password.
const LISTED_LINES: usize = 32;

/// The plain text of a console without its secrets.
pub(super) fn mask(text: &str) -> String {
    let text = blocks::elements(&blocks::private_keys(text));
    let mut masked = String::with_capacity(text.len());
    let mut listed = 0;
    let mut below = below::Below::default();
    for line in text.lines() {
        if heads_passwords(line) {
            listed = LISTED_LINES + 1;
        }
        let is_listed = listed > 0;
        listed = listed.saturating_sub(1);
        if !masked.is_empty() {
            masked.push('\n');
        }
        masked.push_str(&line::mask(&below.mask(line), is_listed));
    }
    masked
}

/// Whether pairs of user and password follow: cloud-init's `Set the following 'random' passwords`, or what is given to
/// chpasswd.
fn heads_passwords(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    line.contains("random' passwords") || line.contains("random passwords") || line.contains("chpasswd")
}
