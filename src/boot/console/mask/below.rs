//! Values that stand on a later line than what names them, or in a member beside the one that does.

use super::names::is_telling;
use super::{MASKED, line, prefix};

/// Lines behind a member that names a secret in which the member with its value is looked for. AWS, ECS and Kubernetes
/// put at most a type and a version between them.
const MEMBER_LINES_MAX: usize = 8;

/// Parts of commands that print a secret and nothing else, if so told.
const PRINTERS: &[&str] = &[
    " --with-decryption",
    "get-login-password",
    "get-password-data",
    "get-random-password",
    "get-secret-value",
    "openssl rand ",
    "pwgen ",
];

/// What lines before said about those that follow.
#[derive(Debug, Default)]
pub(super) struct Below {
    /// The last line that was not blank ended in a telling name and a colon or equals sign, or is a command that prints
    /// a secret.
    hanging: bool,
    /// The column of a telling key whose value is the YAML block below.
    block: Option<usize>,
    /// Lines in which a member `value` has the value of a telling `name`.
    members: usize,
}

impl Below {
    /// The line without what lines before it, or members on it, say is secret.
    pub(super) fn mask(&mut self, line: &str) -> String {
        let prefix = prefix::end(line);
        let body = &line[prefix..];
        let text = body.trim();
        if text.is_empty() {
            return line.to_owned();
        }
        let column = body.len() - body.trim_start().len();
        if self.block.is_some_and(|key| key < column) {
            return format!("{}{MASKED}", &line[..prefix + column]);
        }
        self.block = block(body);
        let is_value = self.hanging && !text.contains(char::is_whitespace);
        self.hanging = line::ends_in_name(line) || PRINTERS.iter().any(|printer| line.contains(printer));
        if is_value {
            return format!("{}{MASKED}", &line[..prefix + column]);
        }
        self.members(line)
    }

    /// Values in members: `"Name": "/prod/db/password", "Value": "…"`, and in tables. The rest of the line goes with
    /// them. A parameter of SSM that is a `SecureString` is secret whatever it is called.
    fn members(&mut self, line: &str) -> String {
        self.members = self.members.saturating_sub(1);
        if line.contains("SecureString") {
            self.members = MEMBER_LINES_MAX;
        }
        let mut from = 0;
        for (at, _) in line.match_indices([':', '=', '|']) {
            let Some(name) = line::name_before(line, from, at) else { continue };
            from = at + 1;
            let value = line[from..].trim_start_matches([' ', ':', '=', '|']);
            if ends_with(name, "value") && self.members > 0 && !value.is_empty() {
                self.members = 0;
                return format!("{}{MASKED}", &line[..line.len() - value.len()]);
            }
            if ends_with(name, "name") || ends_with(name, "key") {
                let value = value.trim_start_matches(['"', '\'', '\\']);
                let is_end = |char: char| char.is_whitespace() || matches!(char, '"' | '\'' | '\\' | ',' | ':' | '=');
                if is_telling(value.split(is_end).next().unwrap_or_default()) {
                    self.members = MEMBER_LINES_MAX;
                }
            }
        }
        line.to_owned()
    }
}

/// Whether a name ends so, in whatever case.
fn ends_with(name: &str, end: &str) -> bool {
    name.len().checked_sub(end.len()).and_then(|at| name.get(at..)).is_some_and(|last| last.eq_ignore_ascii_case(end))
}

/// The column of a telling key whose value is a block scalar: `password: |`, also with an indicator (`>-`, `|2`) and a
/// tag or an anchor before it (YAML 1.2.2, "Block Scalar Headers").
fn block(body: &str) -> Option<usize> {
    let (key, value) = body.trim_end().rsplit_once(':')?;
    let mut words = value.split_whitespace().rev();
    let header = words.next()?.strip_prefix(['|', '>'])?;
    let is_header =
        header.len() <= 2 && header.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-'));
    if !is_header
        || !words.all(|word| word.starts_with(['!', '&']))
        || !line::name_before(body, 0, key.len()).is_some_and(is_telling)
    {
        return None;
    }
    // The dash of a list is indentation of what stands behind it.
    Some(body.len() - body.trim_start_matches([' ', '-']).len())
}
