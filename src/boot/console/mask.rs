//! Secrets on a console, replaced by [`MASKED`].
//!
//! Four ways to find them: blocks that say what they are (private keys, elements of XML, lists of passwords),
//! values with a telling name before them, places where programs and formats take them (`curl -u`, SQL, a pipe into
//! `chpasswd`), and words whose shape is that of a credential. Where it is not certain how far a value goes, the rest of
//! the line is masked: a line too little is better than a secret too much, and what a console says is read before it is
//! masked. What has neither a name nor a shape, such as a password alone on a line, cannot be told from other text and
//! stays; that is why a tail is kept for a time only and never in the log. Masking masked text changes nothing.

mod below;
mod blocks;
mod commands;
mod formats;
mod line;
mod names;
mod prefix;
mod quotes;
mod trace;
mod words;
mod written;

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
    let mut quoted = trace::Quoted::default();
    let lines: Vec<&str> = text.lines().collect();
    let near_readers = written::near_readers(&lines);
    for (number, line) in lines.iter().copied().enumerate() {
        if heads_passwords(line) {
            listed = LISTED_LINES + 1;
        }
        let is_listed = listed > 0;
        listed = listed.saturating_sub(1);
        if !masked.is_empty() {
            masked.push('\n');
        }
        let mut own = below.mask(&quoted.mask(line));
        if near_readers[number] {
            own = written::mask_near(&own);
        }
        own = line::mask(&own, is_listed);
        if own.ends_with(MASKED) {
            quoted.masked_to_end(line, &lines[number + 1..]);
        }
        masked.push_str(&own);
    }
    masked
}

/// Whether pairs of user and password follow: cloud-init's `Set the following 'random' passwords`, or what is given to
/// chpasswd.
fn heads_passwords(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    line.contains("random' passwords") || line.contains("random passwords") || line.contains("chpasswd")
}
