//! `gantry audit tail`: the log as it grows.

use super::list::{Kind, Verdict, cells};
use crate::cli::connect::ClientArgs;
use crate::cli::failure::Failure;
use crate::client::pb;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Begin with this index instead of what comes next; 0 is the beginning.
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    /// Only records of this kind.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Only decisions with this verdict.
    #[arg(long, value_enum)]
    verdict: Option<Verdict>,
    /// Only on behalf of this principal.
    #[arg(long)]
    principal: Option<String>,
    /// Only about this image.
    #[arg(long, value_name = "IMAGE_ID")]
    image: Option<String>,
    /// Only about this launch.
    #[arg(long, value_name = "LAUNCH_ID")]
    launch: Option<String>,
    /// Only about this instance.
    #[arg(long, value_name = "INSTANCE_ID")]
    instance: Option<String>,
    /// The log [default: the server's own].
    #[arg(long, value_name = "LOG_ID", default_value = "", hide_default_value = true)]
    log: String,
    #[command(flatten)]
    client: ClientArgs,
}

impl Args {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let output = self.client.output();
        let request = pb::TailRecordsRequest {
            log_id: self.log,
            start_index: self.from,
            kind: self.kind.map_or(pb::RecordKind::Unspecified, pb::RecordKind::from).into(),
            principal: self.principal.unwrap_or_default(),
            account_id: self.client.account(),
            region: self.client.region_filter(),
            image_id: self.image.unwrap_or_default(),
            launch_id: self.launch.unwrap_or_default(),
            instance_id: self.instance.unwrap_or_default(),
            verdict: self.verdict.map_or(pb::DecisionVerdict::Unspecified, pb::DecisionVerdict::from).into(),
        };
        let mut records = self.client.connect().await?.tail_records(request).await?;
        while let Some(answer) = records.next().await? {
            // No columns: what comes next is not known, and a line must not wait for it.
            output.item(&answer, |answer| answer.record.as_ref().map(|record| cells(record).join("  ")))?;
        }
        Ok(())
    }
}
