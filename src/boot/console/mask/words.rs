//! Words whose shape alone is that of a credential.

use super::MASKED;

/// Characters of an unbroken run of base64 from which it is taken for a secret: an AWS secret access key has 40.
const RUN_CHARS_MIN: usize = 40;
/// Letters that a run of base64 has of each case at least, beside a digit; names and paths rarely have.
const EACH_CASE_MIN: usize = 2;
/// Characters of an AWS access key id.
const KEY_ID_CHARS: usize = 20;
/// Characters of a token with a well-known beginning, at least.
const TOKEN_CHARS_MIN: usize = 16;
/// Bytes of the name of a kind of public key.
const KIND_BYTES_MAX: usize = 64;
/// Characters of a hashed password behind its method.
const HASH_CHARS_MIN: usize = 8;

/// How tokens begin, as those who hand them out say: JSON Web Tokens, GitHub, GitLab, Slack, Stripe, Google, npm,
/// DigitalOcean, age, OpenAI and Anthropic.
const TOKEN_BEGINNINGS: &[&str] = &[
    "eyJ",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxr-",
    "xoxs-",
    "sk_live_",
    "rk_live_",
    "sk_test_",
    "AIza",
    "npm_",
    "dop_v1_",
    "AGE-SECRET-KEY-",
    "sk-proj-",
    "sk-ant-",
];

/// How AWS access key ids begin: long-term ones and those of sessions (IAM User Guide, "IAM identifiers").
const KEY_ID_BEGINNINGS: &[&str] = &["AKIA", "ASIA"];

/// Methods of hashed passwords (crypt(5)) and of Argon2.
const HASH_METHODS: &[&str] =
    &["1", "2", "2a", "2b", "2x", "2y", "3", "5", "6", "7", "y", "gy", "md5", "sha1", "argon2i", "argon2d", "argon2id"];

/// The line without its credentials.
pub(super) fn mask(line: &str) -> String {
    runs(&hashes(&addresses(line)))
}

/// What stands before the `@` of a URL: `https://user:password@host`.
fn addresses(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut done = 0;
    // Where the word ends and the last `@` in it: looked for once in each word, which may have many marks.
    let mut word_end = 0;
    let mut last_at = None;
    for (at, mark) in line.match_indices("://") {
        let start = at + mark.len();
        if start < done {
            continue;
        }
        if word_end <= start {
            word_end = line[start..].find(char::is_whitespace).map_or(line.len(), |end| start + end);
            last_at = line[start..word_end].rfind('@').map(|last| start + last);
        }
        // It ends before the next mark's own slashes at the latest.
        let authority = line[start..word_end].split(['/', '?', '#']).next().unwrap_or_default();
        let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let end = match (authority.rfind('@'), authority.split_once(':')) {
            (Some(end), _) => Some(end),
            // A password with a slash that should have been encoded.
            (None, Some((_, port))) if !is_port(port) => last_at.and_then(|last| last.checked_sub(start)),
            _ => None,
        };
        if let Some(end) = end.filter(|end| *end > 0) {
            masked.push_str(&line[done..start]);
            masked.push_str(MASKED);
            done = start + end;
        }
    }
    masked.push_str(&line[done..]);
    masked
}

/// Hashed passwords: `$6$salt$hash`.
fn hashes(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut done = 0;
    for (at, _) in line.match_indices('$') {
        if at < done {
            continue;
        }
        let Some((method, rest)) = line[at + 1..].split_once('$') else { break };
        if !HASH_METHODS.contains(&method) {
            continue;
        }
        let of_hash = |byte: &u8| byte.is_ascii_alphanumeric() || b"./$=,+-".contains(byte);
        let hash = rest.bytes().take_while(of_hash).count();
        if hash >= HASH_CHARS_MIN {
            masked.push_str(&line[done..at]);
            masked.push_str(MASKED);
            done = at + 1 + method.len() + 1 + hash;
        }
    }
    masked.push_str(&line[done..]);
    masked
}

/// Runs of base64, and of base64 for URLs, that are credentials.
fn runs(line: &str) -> String {
    let is_of_run = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    let bytes = line.as_bytes();
    let mut masked = String::with_capacity(line.len());
    let mut done = 0;
    let mut at = 0;
    let mut in_token = false;
    while at < bytes.len() {
        let run = bytes[at..].iter().take_while(|byte| is_of_run(**byte)).count();
        let padding = bytes[at + run..].iter().take_while(|byte| **byte == b'=').count();
        if run == 0 {
            // A JSON Web Token goes on behind a point.
            in_token &= bytes[at] == b'.';
            at += 1;
            continue;
        }
        let word = &line[at..at + run];
        in_token = in_token || is_credential(word, &line[..at]);
        if in_token {
            masked.push_str(&line[done..at]);
            masked.push_str(MASKED);
            done = at + run + padding;
        }
        at += run + padding;
    }
    masked.push_str(&line[done..]);
    masked
}

fn is_credential(run: &str, before: &str) -> bool {
    let has_key_id = run.split(['/', '-', '_', '+']).any(|part| {
        part.len() == KEY_ID_CHARS
            && KEY_ID_BEGINNINGS.iter().any(|beginning| part.starts_with(beginning))
            && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    });
    let is_token = TOKEN_CHARS_MIN <= run.len()
        && TOKEN_BEGINNINGS.iter().any(|beginning| run.trim_start_matches(['/', '-', '_', '+']).starts_with(beginning));
    has_key_id || is_token || is_random(run, before)
}

/// Whether a run looks drawn, as keys are. Public keys and fingerprints of SSH, which a console shows so that somebody
/// may compare them, are left; so are paths.
fn is_random(run: &str, before: &str) -> bool {
    let count = |is: fn(&u8) -> bool| run.bytes().filter(is).count();
    let (small, capital, digits) =
        (count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase), count(u8::is_ascii_digit));
    let is_mixed = small >= EACH_CASE_MIN && capital >= EACH_CASE_MIN && digits > 0;
    let is_public = before.ends_with("SHA256:")
        || (run.starts_with("AAAA")
            && last_word(before).is_some_and(|kind| kind.starts_with("ssh-") || kind.starts_with("ecdsa-")));
    let is_path = run.matches('/').count() >= 3 && !run.contains('+') && small * 10 >= run.len() * 6;
    run.len() >= RUN_CHARS_MIN && is_mixed && !is_public && !is_path
}

/// The last word, unless it is longer than the name of a kind of public key.
fn last_word(text: &str) -> Option<&str> {
    let text = text.trim_end();
    let bytes = text.bytes().rev().take(KIND_BYTES_MAX + 1).take_while(|byte| !byte.is_ascii_whitespace()).count();
    (bytes <= KIND_BYTES_MAX).then(|| text.get(text.len() - bytes..)).flatten()
}
