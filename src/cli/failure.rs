//! How a command ends when it does not end well: the words on stderr and the exit code.

use std::fmt;
use std::process::ExitCode;

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
                write!(f, "error: {}", chain(error))?;
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
                write!(f, "{word}: ")?;
            }
        }
        write!(f, "{}", violation.description)?;
    }
    if let Some((kind, name)) = &refusal.resource {
        write!(f, "\n  {kind}: {name}")?;
    }
    for (key, value) in &refusal.metadata {
        write!(f, "\n  {key}: {value}")?;
    }
    if let Some(delay) = refusal.retry_after {
        write!(f, "\n  try again after {}", humantime::format_duration(delay))?;
    }
    Ok(())
}
