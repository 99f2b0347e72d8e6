//! `gantry audit list` and `show`: records, searched for and one by one.

use super::conditions::{Conditions, kind_number, verdict_number};

use crate::cli::connect::ClientArgs;
use crate::cli::failure::Failure;
use crate::cli::output::{or_dash, table, word};
use crate::cli::{describe, parse};
use crate::client::{self, pb};
use crate::clock::Timestamp;

/// The server's largest page.
const PAGE_SIZE_MAX: u32 = 1000;

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    conditions: Conditions,
    /// Only records at or after this time, or so long ago.
    #[arg(long, value_name = "TIME", value_parser = parse::moment)]
    since: Option<Timestamp>,
    /// Only records before this time.
    #[arg(long, value_name = "TIME", value_parser = parse::moment)]
    until: Option<Timestamp>,
    /// Oldest first.
    #[arg(long)]
    oldest_first: bool,
    /// How many at most; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// The log [default: the server's own].
    #[arg(long, value_name = "LOG_ID", default_value = "", hide_default_value = true)]
    log: String,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The record's index.
    index: u64,
    /// The log [default: the server's own].
    #[arg(long, value_name = "LOG_ID", default_value = "", hide_default_value = true)]
    log: String,
    #[command(flatten)]
    client: ClientArgs,
}

pub(super) async fn list(args: ListArgs) -> Result<(), Failure> {
    let output = args.client.output();
    let Conditions { kind, verdict, principal, image, launch, instance } = args.conditions;
    let mut request = pb::ListRecordsRequest {
        log_id: args.log,
        kind: kind_number(kind),
        principal: principal.unwrap_or_default(),
        account_id: args.client.account(),
        region: args.client.region_filter(),
        image_id: image.unwrap_or_default(),
        launch_id: launch.unwrap_or_default(),
        instance_id: instance.unwrap_or_default(),
        verdict: verdict_number(verdict),
        start_time: args.since.map(client::timestamp),
        end_time: args.until.map(client::timestamp),
        order_by: if args.oldest_first { "index" } else { "index desc" }.to_owned(),
        page_size: 0,
        page_token: String::new(),
    };
    let client = args.client.connect().await?;
    let mut all = pb::ListRecordsResponse::default();
    loop {
        let had = u32::try_from(all.records.len())?;
        let wanted = if args.limit == 0 { PAGE_SIZE_MAX } else { args.limit.saturating_sub(had).min(PAGE_SIZE_MAX) };
        request.page_size = i32::try_from(wanted)?;
        let page = client.list_records(request.clone()).await?;
        all.records.extend(page.records);
        all.next_page_token.clone_from(&page.next_page_token);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() || (args.limit != 0 && all.records.len() >= usize::try_from(args.limit)?) {
            break;
        }
    }
    output.result(&all, |all| rows(&all.records))?;
    if !all.next_page_token.is_empty() {
        output.note("there are more: --limit 0 lists all");
    }
    Ok(())
}

fn rows(records: &[pb::AuditRecord]) -> String {
    table(["INDEX", "TIME", "KIND", "VERDICT", "LAUNCH", "INSTANCES", "BY", "REASON"], records.iter().map(cells))
}

/// What a person is shown of a record.
pub(super) fn cells(record: &pb::AuditRecord) -> [String; 8] {
    let preview = if record.preview { " (preview)" } else { "" };
    [
        record.index.to_string(),
        or_dash(describe::time(record.time)),
        format!("{}{preview}", word!(pb::RecordKind, record.kind)),
        word!(pb::DecisionVerdict, record.verdict),
        or_dash(&record.launch_id),
        or_dash(record.instance_ids.join(",")),
        or_dash(&record.principal),
        or_dash(&record.reason),
    ]
}

pub(super) async fn show(args: ShowArgs) -> Result<(), Failure> {
    let request = pb::GetRecordRequest { log_id: args.log, index: args.index };
    let answer = args.client.connect().await?.get_record(request).await?;
    // The leaf is a line of JSON: printed as it is, it can be hashed again.
    args.client.output().result(&answer, |answer| String::from_utf8_lossy(&answer.leaf).into_owned())
}
