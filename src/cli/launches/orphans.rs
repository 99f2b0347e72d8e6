//! `gantry launches orphans`.

use crate::cli::connect::ClientArgs;
use crate::cli::describe;
use crate::cli::failure::Failure;
use crate::cli::output::{or_dash, table, word};
use crate::client::pb;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    client: ClientArgs,
}

impl Args {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let output = self.client.output();
        let request = pb::ListOrphansRequest { region: self.client.region()?, account_id: self.client.account() };
        let answer = self.client.connect().await?.list_orphans(request).await?;
        output.result(&answer, |answer| match answer.orphans.as_slice() {
            [] => "every instance of this server's belongs to a launch".to_owned(),
            orphans => rows(orphans),
        })?;
        if i64::try_from(answer.orphans.len())? < answer.total_size {
            output.note(&format!("there are {} in all", answer.total_size));
        }
        Ok(())
    }
}

fn rows(orphans: &[pb::Orphan]) -> String {
    table(
        ["INSTANCE", "STATE", "TYPE", "LAUNCHED", "LAUNCH", "WHY", "WHAT TO DO"],
        orphans.iter().map(|orphan| {
            [
                orphan.instance_id.clone(),
                or_dash(&orphan.state),
                or_dash(&orphan.instance_type),
                or_dash(describe::time(orphan.launch_time)),
                or_dash(&orphan.launch_id),
                word!(pb::OrphanReason, orphan.reason),
                or_dash(&orphan.message),
            ]
        }),
    )
}
