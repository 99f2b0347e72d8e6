//! `gantry audit accept`: a log that has lost records goes on.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::audit;
use crate::cli::failure::Failure;
use crate::cli::output::print;
use crate::clock::{Clock as _, SystemClock};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The data directory, which no server may have open.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Why it may go on: what was looked into, and by whom. The next start puts it on record.
    #[arg(long)]
    reason: String,
}

impl Args {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let accepted = tokio::task::spawn_blocking(move || {
            let done = audit::accept(&self.data_dir, &self.reason, SystemClock::new().now());
            done.with_context(|| format!("{} does not go on", self.data_dir.display()))
        });
        let accepted = accepted.await??;
        let lost = match accepted.known_size {
            Some(known) if accepted.size < known => format!("{} that came after them are lost", known - accepted.size),
            Some(_) | None => "what came after is lost".to_owned(),
        };
        print(&format!(
            "the log goes on from {} records; {lost}. The next start records it, and looks for launches that were open.",
            accepted.size
        ))
    }
}
