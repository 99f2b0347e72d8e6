//! `gantry audit backup`: the log, copied beside a running server.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::audit;
use crate::cli::connect::Format;
use crate::cli::failure::Failure;
use crate::clock::{Clock as _, SystemClock};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The data directory, whether a server has it open or not.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Where to: a directory that is new or empty, or a backup of this log, which is brought up to date.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Copy the private keys as well. Whoever reads such a backup can sign for this log; without them, a
    /// restore makes a new one, and repeats of requests with redacted tags are refused.
    #[arg(long)]
    with_key: bool,
    /// How to print the result: for a person, or as JSON.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

impl Args {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self { data_dir, out, with_key, output } = self;
        let report = tokio::task::spawn_blocking(move || {
            let done = audit::backup(&data_dir, &out, with_key, SystemClock::new().now());
            done.with_context(|| format!("{} is not backed up", data_dir.display()))
        });
        super::print_done(&report.await??, output)
    }
}
