//! `gantry audit key`: with which key the log is verified, and another key for it.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::audit::rotate_key;
use crate::cli::connect::ClientArgs;
use crate::cli::failure::Failure;
use crate::cli::output::print;
use crate::client::pb;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A data directory, instead of a server.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Also the keys that have signed before, oldest last.
    #[arg(long)]
    all: bool,
    /// Make a new key for the log in the data directory, which no server may have open. The next start
    /// records it, and signs with it.
    #[arg(long, requires = "data_dir", conflicts_with = "all")]
    rotate: bool,
    #[command(flatten)]
    client: ClientArgs,
}

impl Args {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let keys = match &self.data_dir {
            Some(dir) if self.rotate => {
                rotate_key(dir).with_context(|| format!("{} has no new key", dir.display()))?.all().to_vec()
            }
            Some(dir) => super::log_in(dir)?.verifier_keys().all().to_vec(),
            None => {
                let info = self.client.connect().await?.get_log_info(pb::GetLogInfoRequest {}).await?;
                info.logs.into_iter().next().map(|log| log.verifier_keys).unwrap_or_default()
            }
        };
        let shown = if self.all { keys.len() } else { 1 };
        // A key a line, as verifiers read it.
        keys.iter().take(shown).try_for_each(|key| print(key))
    }
}
