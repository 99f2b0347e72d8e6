//! `gantry audit proof`: that one record is in the log, for whoever has its verifier key.

use crate::cli::connect::ClientArgs;
use crate::cli::failure::Failure;
use crate::client::pb;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The record's index.
    index: u64,
    /// The log [default: the server's own].
    #[arg(long, value_name = "LOG_ID", default_value = "", hide_default_value = true)]
    log: String,
    #[command(flatten)]
    client: ClientArgs,
}

impl Args {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let request = pb::GetInclusionProofRequest { log_id: self.log, index: self.index, tree_size: 0 };
        let answer = self.client.connect().await?.get_inclusion_proof(request).await?;
        // The text is the format: it can be put into a file as it is.
        self.client.output().result(&answer, |answer| answer.tlog_proof.clone())
    }
}
