//! Secrets over several lines: private keys, and elements of XML.

use std::collections::HashMap;

use super::names::{is_of_name, is_telling};
use super::{MASKED, MASKED_KEY};

/// Lines of a private key; one of RSA with 16,384 bits has about 200.
const KEY_LINES_MAX: usize = 400;
/// Bytes behind `BEGIN` in which `PRIVATE KEY` follows.
const KIND_BYTES_MAX: usize = 64;
/// Bytes between the beginning and the end of an element whose content is masked.
const ELEMENT_BYTES_MAX: usize = 16 * 1024;
/// Bytes of an element's name.
const ELEMENT_NAME_BYTES_MAX: usize = 64;
/// Bytes of an element's attributes.
const ATTRIBUTES_BYTES_MAX: usize = 256;
/// Characters of base64 that are part of a key where other words stand before them, as a log's own prefix does.
const KEY_LINE_CHARS_MIN: usize = 16;

/// Private keys in armour: PEM (RFC 7468), OpenSSH, PGP, SSH2 (RFC 4716) and PuTTY. Also one whose beginning EC2 no
/// longer has, and one that is not ended, between whose lines others may have come.
pub(super) fn private_keys(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut kept: Vec<String> = Vec::with_capacity(lines.len());
    let mut next = 0;
    let mut open_until = 0;
    // Each line is looked at once, however many keys begin before it.
    let ends: Vec<bool> = lines.iter().map(|line| ends_key(line)).collect();
    while let Some(&line) = lines.get(next) {
        next += 1;
        if let Some(begin) = boundary(line, "BEGIN ") {
            let before = line[..begin.0].to_owned() + MASKED_KEY;
            let closed = boundary(&line[begin.1..], "END ").is_some();
            let until = lines.len().min(next + KEY_LINES_MAX);
            let end = if closed { Some(0) } else { ends[next..until].iter().position(|is_end| *is_end) };
            match end {
                Some(0) if closed => {}
                Some(further) => next += further + 1,
                None => open_until = next + KEY_LINES_MAX,
            }
            kept.push(before);
        } else if ends[next - 1] {
            let body = kept.iter().rev().take(KEY_LINES_MAX).take_while(|line| is_of_key(line)).count();
            kept.truncate(kept.len() - body);
            kept.push(MASKED_KEY.to_owned());
        } else if let Some(body) = private_lines(line) {
            kept.push(line.to_owned());
            kept.push(MASKED_KEY.to_owned());
            next += body;
        } else if open_until < next || !is_of_key(line) {
            kept.push(line.to_owned());
        }
    }
    kept.join("\n")
}

/// Where a line says that a private key begins or ends: from its first dash to behind the words.
fn boundary(line: &str, word: &str) -> Option<(usize, usize)> {
    const KEY: &str = "PRIVATE KEY";
    line.match_indices(word).find_map(|(at, _)| {
        let before = line[..at].trim_end_matches(' ');
        let dashes = before.bytes().rev().take_while(|byte| *byte == b'-').count();
        // Between the words stands only which key it is.
        let kind = at + word.len();
        let is_of_kind = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b' ';
        let kind_bytes = line[kind..].bytes().take(KIND_BYTES_MAX).take_while(is_of_kind).count();
        let key = kind + line[kind..kind + kind_bytes].find(KEY)?;
        (dashes >= 2).then(|| (before.len() - dashes, key + KEY.len()))
    })
}

fn ends_key(line: &str) -> bool {
    boundary(line, "END ").is_some()
}

/// Whether it looks like a line of a key's body, behind whatever a log put before it.
fn is_of_key(line: &str) -> bool {
    let mut words = line.split_whitespace().rev();
    words.next().is_some_and(|last| {
        last.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
            && (last.len() >= KEY_LINE_CHARS_MIN || words.next().is_none())
    })
}

/// How many lines of a private key follow in a file of PuTTY's; none if it has none.
fn private_lines(line: &str) -> Option<usize> {
    let (_, lines) = line.split_once("Private-Lines:")?;
    lines.trim().parse().ok().filter(|lines| (1..=KEY_LINES_MAX).contains(lines))
}

/// Contents of elements with a telling name, such as the `<Password>` that EC2's agents on Windows print encrypted.
/// Of one that does not end, the rest of its line and what of base64 follows.
pub(super) fn elements(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    let closings = closings(text);
    for (at, _) in text.match_indices('<') {
        if at < done {
            continue;
        }
        let Some((name, inside)) = opening(text, at) else { continue };
        let rest = &text[inside..];
        let close = closings.get(&name.to_ascii_lowercase()).and_then(|places| {
            let place = *places.get(places.partition_point(|place| *place < inside))?;
            Some(place - inside).filter(|bytes| *bytes <= ELEMENT_BYTES_MAX)
        });
        let content = &rest[..close.unwrap_or_else(|| unclosed(rest))];
        if content.trim().is_empty() {
            continue;
        }
        masked.push_str(&text[done..inside]);
        masked.push_str(MASKED);
        done = inside + content.len();
    }
    masked.push_str(&text[done..]);
    masked
}

/// Where elements close, in order, by their telling names in lower case. Found once: a text may open an element at
/// each of its lines and close none.
fn closings(text: &str) -> HashMap<String, Vec<usize>> {
    let mut closings: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, mark) in text.match_indices("</") {
        let name = name(&text[at + mark.len()..]);
        if is_telling(name) {
            closings.entry(name.to_ascii_lowercase()).or_default().push(at);
        }
    }
    closings
}

/// The name that a text begins with.
fn name(text: &str) -> &str {
    let bytes = text.bytes().take(ELEMENT_NAME_BYTES_MAX).take_while(|byte| is_of_name(*byte)).count();
    &text[..bytes]
}

/// The name of an element that opens at `at`, if it is telling, and where its content begins.
fn opening(text: &str, at: usize) -> Option<(&str, usize)> {
    let rest = &text[at + 1..];
    let name = name(rest);
    let name_bytes = name.len();
    if !is_telling(name) {
        return None;
    }
    let close = rest[name_bytes..].bytes().take(ATTRIBUTES_BYTES_MAX).position(|byte| byte == b'>')?;
    let attributes = &rest[name_bytes..name_bytes + close];
    let opens = attributes.is_empty() || (attributes.starts_with(' ') && !attributes.contains(['<', '\n']));
    (opens && !attributes.ends_with('/')).then_some((name, at + 1 + name_bytes + close + 1))
}

/// How far the content of an element goes that has no end.
fn unclosed(rest: &str) -> usize {
    let mut end = rest.find('\n').unwrap_or(rest.len());
    while let Some(line) = rest[end..].strip_prefix('\n').map(|rest| rest.lines().next().unwrap_or_default()) {
        if line.trim().contains(' ') || !is_of_key(line) {
            break;
        }
        end += 1 + line.len();
    }
    end
}
