//! `gantry audit restore`: a data directory from a backup.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::audit;
use crate::cli::connect::Format;
use crate::cli::failure::Failure;
use crate::clock::{Clock as _, SystemClock};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The backup.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The data directory to make: new, or empty.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// A signed checkpoint that was kept elsewhere: says how much is missing.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// How to print the result: for a person, or as JSON.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

impl Args {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self { from, data_dir, checkpoint, output } = self;
        let report = tokio::task::spawn_blocking(move || {
            let done = audit::restore(&from, &data_dir, checkpoint.as_deref(), SystemClock::new().now());
            done.with_context(|| format!("{} is not restored", from.display()))
        });
        super::print_done(&report.await??, output)
    }
}
