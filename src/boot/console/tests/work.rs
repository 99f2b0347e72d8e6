//! What a hostile console costs: as much as its bytes, whatever they are.

use std::time::Duration;

use super::super::{READ_BYTES_MAX, mask};
use crate::clock::{Clock as _, SystemClock};

/// A line as boots have them.
const ORDINARY: &str = "[    2.401733] systemd[1]: Detected virtualization amazon, password=x.\n";
/// How many times as long as an ordinary text a hostile one of as many bytes may take; what goes over the rest of the
/// text again and again takes tens to hundreds of times as long. Both are long, so that a busy machine slows both.
const TIMES_MAX: u32 = 10;

/// How often a hostile text is held against an ordinary one before it is taken to be slow.
const TRIES_MAX: u32 = 5;

/// Texts that, repeated, made masking look at the rest of the line or at much of the text again and again.
const REPEATED: &[&str] = &[
    "://",
    "a://b:c",
    "<pw>\n",
    "<pw>",
    "</pw",
    "AAAAaaBB1234567890123456789012345678901234567890,",
    "--BEGIN PRIVATE KEY\n",
    "--END PRIVATE KEY\nab",
    "password ",
    "x=",
    "$1$",
    "name: password\n",
    "p: |\n  ",
    "\n12:00:00 ",
    "+ pw='\n",
    "x\n+ pw='",
    "echo x|",
    "a://?pw=",
    "+ + ",
    "password '",
    "login -p'\\",
];

#[test]
fn masking_takes_time_in_proportion_to_the_text() {
    for repeated in REPEATED {
        // Whoever else is at work disturbs one of them and not all.
        let is_linear = (0..TRIES_MAX).any(|_| fastest(repeated) < fastest(ORDINARY) * TIMES_MAX);
        assert!(is_linear, "{repeated:?} takes {:?}, an ordinary text {:?}", fastest(repeated), fastest(ORDINARY));
    }
}

/// How long it takes to mask a line that fills a console; the least of a few, since others use the processor too.
fn fastest(line: &str) -> Duration {
    let text = line.repeat(READ_BYTES_MAX / line.len());
    let clock = SystemClock::new();
    let once = || {
        let begin = clock.uptime();
        std::hint::black_box(mask::mask(std::hint::black_box(&text)));
        clock.uptime().saturating_sub(begin)
    };
    (0..3).map(|_| once()).min().unwrap_or_default()
}
