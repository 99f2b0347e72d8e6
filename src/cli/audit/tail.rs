//! `gantry audit tail`: the log as it grows.

use super::conditions::{Conditions, kind_number, verdict_number};
use super::list::cells;
use crate::cli::connect::ClientArgs;
use crate::cli::failure::Failure;
use crate::client::pb;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Begin with this index instead of what comes next; 0 is the beginning.
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    #[command(flatten)]
    conditions: Conditions,
    /// The log [default: the server's own].
    #[arg(long, value_name = "LOG_ID", default_value = "", hide_default_value = true)]
    log: String,
    #[command(flatten)]
    client: ClientArgs,
}

impl Args {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let output = self.client.output();
        let Conditions { kind, verdict, principal, image, launch, instance } = self.conditions;
        let request = pb::TailRecordsRequest {
            log_id: self.log,
            start_index: self.from,
            kind: kind_number(kind),
            principal: principal.unwrap_or_default(),
            account_id: self.client.account(),
            region: self.client.region_filter(),
            image_id: image.unwrap_or_default(),
            launch_id: launch.unwrap_or_default(),
            instance_id: instance.unwrap_or_default(),
            verdict: verdict_number(verdict),
        };
        let mut records = self.client.connect().await?.tail_records(request).await?;
        while let Some(answer) = records.next().await? {
            // No columns: what comes next is not known, and a line must not wait for it.
            output.item(&answer, |answer| answer.record.as_ref().map(|record| cells(record).join("  ")))?;
        }
        Ok(())
    }
}
