//! How a command ends when it does not end well: the words on stderr and the exit code.

use std::fmt;
use std::process::ExitCode;

use super::output::printable;
use crate::client::{ClientError, Refusal};

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// It was asked wrongly, in a way that only shows when flags are put together.
    Usage(String),
    /// It was refused, or it failed.
    Failed(anyhow::Error),
}

impl Failure {
    /// 2 for a wrong question, 1 for everything else.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }

    /// Whether nobody reads what is printed any more.
    pub(super) fn is_broken_pipe(&self) -> bool {
        match self {
            Self::Usage(_) => false,
            Self::Failed(error) => error
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => write!(f, "error: {message}\n\nFor more information, try '--help'."),
            Self::Failed(error) => {
                // A server's words are among them; lines of our own, such as a place in a file of settings, stay lines.
                let lines: Vec<String> = chain(error).lines().map(printable).collect();
                write!(f, "error: {}", lines.join("\n"))?;
                match error.downcast_ref::<ClientError>().and_then(ClientError::refusal) {
                    Some(refusal) => write_details(f, refusal),
                    None => Ok(()),
                }
            }
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The error and its causes on one line. Other people's errors like to say what their cause says:
/// such a cause is passed over.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    let mut last = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text.clone_from(&cause);
        } else if !last.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        last = cause;
    }
    text
}

/// Everything that came with a refusal, a line each: what was wrong, what it was about, and what
/// to do.
fn write_details(f: &mut fmt::Formatter<'_>, refusal: &Refusal) -> fmt::Result {
    for violation in &refusal.violations {
        write!(f, "\n  ")?;
        for word in [&violation.reason, &violation.subject] {
            if !word.is_empty() {
                write!(f, "{}: ", printable(word))?;
            }
        }
        write!(f, "{}", printable(&violation.description))?;
    }
    if let Some((kind, name)) = &refusal.resource {
        write!(f, "\n  {}: {}", printable(kind), printable(name))?;
    }
    for (key, value) in &refusal.metadata {
        write!(f, "\n  {}: {}", printable(key), printable(value))?;
    }
    if let Some(delay) = refusal.retry_after {
        write!(f, "\n  try again after {}", humantime::format_duration(delay))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Violation;

    #[test]
    fn nothing_that_a_server_says_of_a_refusal_changes_a_terminal() {
        const HOSTILE: &str = "\u{1b}[2J\u{202e}no";
        let text = || HOSTILE.to_owned();
        let refusal = Refusal {
            code: "NOT_FOUND",
            message: text(),
            reason: Some(text()),
            metadata: [(text(), text())].into(),
            violations: vec![Violation { reason: text(), subject: text(), description: text() }],
            resource: Some((text(), text())),
            retry_after: None,
        };
        let shown = Failure::from(ClientError::Refused(Box::new(refusal))).to_string();
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
        assert_eq!(shown.lines().count(), 4, "a line for each of them: {shown:?}");
        let ours = Failure::Failed(anyhow::anyhow!("a file\n  | here")).to_string();
        assert_eq!(ours, "error: a file\n  | here");
    }
}
