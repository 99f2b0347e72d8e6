//! What a log puts before each of its lines: the kernel's time, a date, a program with its process.

/// Bytes in which one part of a prefix ends.
const PART_BYTES_MAX: usize = 128;
/// Parts that follow each other, as in `[   12.334019] cloud-init[412]: `.
const PARTS_MAX: usize = 4;
/// Words between a time and the program's name with a colon: the host's name, and a dash or a zone.
const WORDS_BEHIND_TIME_MAX: usize = 2;

/// Where a line's own text begins, with the indentation that it may have.
pub(super) fn end(line: &str) -> usize {
    let mut end = 0;
    for _ in 0..PARTS_MAX {
        let rest = &line[end..];
        let near = &rest[..rest.floor_char_boundary(PART_BYTES_MAX)];
        let Some(part) = program(near).or_else(|| kernel_time(near)).or_else(|| tagged(near)) else { break };
        end += part;
    }
    end
}

/// Up to `cloud-init[412]: ` or `util.py[WARNING]: `, with whatever date stands before.
fn program(near: &str) -> Option<usize> {
    let close = near.find("]:")?;
    let (before, inside) = near[..close].rsplit_once('[')?;
    let is_process_or_level =
        inside.bytes().all(|byte| byte.is_ascii_digit()) || inside.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_named = before.ends_with(|char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | ')'));
    (is_process_or_level && !inside.is_empty() && is_named).then(|| behind(near, close + 2))
}

/// `[   12.334019] `.
fn kernel_time(near: &str) -> Option<usize> {
    let from = near.len() - near.trim_start().len();
    let inside = near[from..].strip_prefix('[')?;
    let close = inside.find(']')?;
    // With CONFIG_PRINTK_CALLER the caller stands there too: `T1`, `C0`.
    let is_time = |byte: u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'.' | b'T' | b'C');
    (close > 0 && inside[..close].bytes().all(is_time)).then(|| behind(near, from + 1 + close + 1))
}

/// Up to `user-data: ` in `<13>Nov 26 12:00:00 ip-10-0-0-1 user-data: `, as logger(1) writes it.
fn tagged(near: &str) -> Option<usize> {
    let mut at = 0;
    let mut behind_time = None;
    for word in near.split_inclusive(' ') {
        at += word.len();
        let word = word.trim_end();
        match behind_time {
            None if is_time(word) => behind_time = Some(0),
            None => {}
            Some(_) if word.is_empty() => {}
            Some(_) if word.ends_with(':') => return Some(at),
            Some(WORDS_BEHIND_TIME_MAX) => return None,
            Some(words) => behind_time = Some(words + 1),
        }
    }
    None
}

/// `12:00:00`, perhaps with a date before it and parts of a second behind it.
fn is_time(word: &str) -> bool {
    word.matches(':').count() >= 2
        && word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b',' | b'-' | b'+' | b'T' | b'Z'))
}

/// The one space between a prefix and the text is the prefix's.
fn behind(near: &str, at: usize) -> usize {
    at + usize::from(near[at..].starts_with(' '))
}
