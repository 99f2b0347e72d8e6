//! `gantry policy check`: whether a text is a policy.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::connect::Format;
use crate::cli::failure::Failure;
use crate::cli::output::print;
use crate::policy::{Policy, PolicyError};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The policy, in Cedar; "default" is the one that comes with the program.
    file: PathBuf,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// What was found out about a text.
#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<usize>,
    errors: Vec<Place>,
    warnings: Vec<Place>,
}

#[derive(Debug, Serialize)]
struct Place {
    line: usize,
    column: usize,
    message: String,
}

impl From<&PolicyError> for Place {
    fn from(error: &PolicyError) -> Self {
        let PolicyError { line, column, message } = error;
        Self { line: *line, column: *column, message: message.clone() }
    }
}

impl Args {
    pub(super) fn run(self) -> Result<(), Failure> {
        let text = super::read(&self.file)?;
        let file = self.file.display().to_string();
        let compiled = Policy::compile(&text);
        let checked = match &compiled {
            Ok(policy) => Checked {
                valid: true,
                hash: Some(policy.hash().to_string()),
                policies: Some(policy.len()),
                errors: Vec::new(),
                warnings: policy.warnings().iter().map(Place::from).collect(),
                file,
            },
            Err(errors) => Checked {
                valid: false,
                hash: None,
                policies: None,
                errors: errors.errors().iter().map(Place::from).collect(),
                warnings: Vec::new(),
                file,
            },
        };
        match self.output {
            Format::Json => print(&serde_json::to_string_pretty(&checked)?)?,
            Format::Table => print(&words(&checked))?,
        }
        match compiled {
            Ok(_) => Ok(()),
            Err(errors) => {
                let count = errors.errors().len() + errors.dropped();
                Err(anyhow::anyhow!("{} is no policy: {count} {}", checked.file, plural(count, "error")).into())
            }
        }
    }
}

fn words(checked: &Checked) -> String {
    let Checked { file, valid: _, hash, policies, errors, warnings } = checked;
    let line = |kind: &str, place: &Place| {
        let Place { line, column, message } = place;
        format!("{file}:{line}:{column}: {kind}: {message}")
    };
    let mut lines: Vec<String> = errors.iter().map(|place| line("error", place)).collect();
    lines.extend(warnings.iter().map(|place| line("warning", place)));
    if let (Some(hash), Some(count)) = (hash, *policies) {
        lines.push(format!("{file}: {count} {}, sha256 {hash}", if count == 1 { "policy" } else { "policies" }));
    }
    lines.join("\n")
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}
