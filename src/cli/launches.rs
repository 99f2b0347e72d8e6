//! `gantry launches`: list, show, cancel, terminate, and how long boots took.

mod denials;
mod orphans;
mod statistics;
mod timeline;

use clap::{Subcommand, ValueEnum};

use super::connect::ClientArgs;
use super::failure::Failure;
use super::output::{or_dash, table, word};
use super::{describe, launch, parse, watch};
use crate::client::{self, pb};
use crate::clock::Timestamp;

/// The server's largest page.
const PAGE_SIZE_MAX: u32 = 500;

/// What can be done with launches.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List launches, newest first.
    List(Box<ListArgs>),
    /// Show one launch: the decision, what was tried, and the instances.
    Show(Box<ShowArgs>),
    /// Make no further attempts; what exists stays.
    Cancel(EndArgs),
    /// Terminate every instance of a launch.
    Terminate(TerminateArgs),
    /// List instances of this server's that belong to no launch.
    Orphans(orphans::Args),
    /// Say how long boots took, measured on this server's launches.
    Statistics(Box<statistics::Args>),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only launches in one of these states.
    #[arg(long, value_enum, value_delimiter = ',')]
    state: Vec<State>,
    /// Only launches by this principal.
    #[arg(long)]
    principal: Option<String>,
    /// Only launches of this image.
    #[arg(long, value_name = "IMAGE_ID")]
    image: Option<String>,
    /// Only launches decided at or after this time, or so long ago.
    #[arg(long, value_name = "TIME", value_parser = parse::moment)]
    since: Option<Timestamp>,
    /// Only launches decided before this time.
    #[arg(long, value_name = "TIME", value_parser = parse::moment)]
    until: Option<Timestamp>,
    /// How many at most; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Refused,
    Launching,
    Booting,
    Ready,
    Partial,
    Failed,
    Cancelled,
    Terminating,
    Terminated,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The launch.
    launch_id: String,
    /// Decode encoded authorization failure messages, with your own AWS credentials: it takes the
    /// permission sts:DecodeAuthorizationMessage. The record keeps them as they are.
    #[arg(long)]
    decode: bool,
    #[command(flatten)]
    timeline: timeline::TimelineArgs,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EndArgs {
    /// The launch.
    launch_id: String,
    /// Why, for the record.
    #[arg(long, default_value = "")]
    reason: String,
    /// The key under which this happens once [default: a new one].
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TerminateArgs {
    #[command(flatten)]
    end: EndArgs,
    /// Stay until every instance is terminated.
    #[arg(long)]
    watch: bool,
    /// Terminate this instance with it, which no launch made: an orphan. May be given several times.
    #[arg(long = "other", value_name = "INSTANCE_ID")]
    others: Vec<String>,
    /// Terminate the others also where this server did not launch them.
    #[arg(long, requires = "others")]
    include_not_launched: bool,
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(args) => list(*args).await,
            Self::Show(args) => show(*args).await,
            Self::Cancel(args) => cancel(args).await,
            Self::Terminate(args) => terminate(args).await,
            Self::Orphans(args) => args.run().await,
            Self::Statistics(args) => args.run().await,
        }
    }
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let output = args.client.output();
    let mut request = pb::ListLaunchesRequest {
        region: args.client.region_filter(),
        account_id: args.client.account(),
        states: args.state.into_iter().map(|state| pb::LaunchState::from(state).into()).collect(),
        principal: args.principal.unwrap_or_default(),
        image_id: args.image.unwrap_or_default(),
        start_time: args.since.map(client::timestamp),
        end_time: args.until.map(client::timestamp),
        page_size: 0,
        page_token: String::new(),
    };
    let client = args.client.connect().await?;
    let mut all = pb::ListLaunchesResponse::default();
    loop {
        let had = u32::try_from(all.launches.len())?;
        let wanted = if args.limit == 0 { PAGE_SIZE_MAX } else { args.limit.saturating_sub(had).min(PAGE_SIZE_MAX) };
        request.page_size = i32::try_from(wanted)?;
        let page = client.list_launches(request.clone()).await?;
        all.launches.extend(page.launches);
        all.next_page_token.clone_from(&page.next_page_token);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() || (args.limit != 0 && all.launches.len() >= usize::try_from(args.limit)?) {
            break;
        }
    }
    output.result(&all, |all| rows(&all.launches))?;
    if !all.next_page_token.is_empty() {
        output.note("there are more: --limit 0 lists all");
    }
    Ok(())
}

fn rows(launches: &[pb::Launch]) -> String {
    table(
        ["LAUNCH", "DECIDED", "STATE", "INSTANCES", "IMAGE", "BY", "REGION", "REASON"],
        launches.iter().map(|launch| {
            let preview = if launch.preview { " (preview)" } else { "" };
            [
                launch.launch_id.clone(),
                or_dash(describe::time(launch.create_time)),
                format!("{}{preview}", word!(pb::LaunchState, launch.state)),
                launch.instances.len().to_string(),
                or_dash(describe::launched_image(launch)),
                or_dash(&launch.principal),
                or_dash(&launch.region),
                or_dash(&launch.reason),
            ]
        }),
    )
}

async fn show(args: ShowArgs) -> Result<(), Failure> {
    let request = pb::GetLaunchRequest { launch_id: args.launch_id };
    let client = args.client.connect().await?;
    let mut launch = client.get_launch(request).await?;
    if args.timeline.is_wanted() {
        return args.timeline.show(&client, &launch, args.client.output()).await;
    }
    // What can be shown is shown, also when a message cannot be decoded.
    let decoded = if args.decode { denials::decode_all(&mut launch).await } else { Ok(()) };
    args.client.output().result(&launch, describe::launch)?;
    decoded
}

async fn cancel(args: EndArgs) -> Result<(), Failure> {
    let client = args.client.connect().await?;
    let request_id = launch::request_id(args.request_id);
    let request = pb::CancelLaunchRequest { launch_id: args.launch_id, reason: args.reason, request_id };
    let launch = client.cancel_launch(request).await?;
    args.client.output().result(&launch, describe::launch)
}

async fn terminate(args: TerminateArgs) -> Result<(), Failure> {
    let TerminateArgs { end, watch, others, include_not_launched } = args;
    let client = end.client.connect().await?;
    let request_id = launch::request_id(end.request_id);
    let request = pb::TerminateLaunchRequest {
        launch_id: end.launch_id,
        reason: end.reason,
        request_id,
        other_instance_ids: others,
        include_not_launched,
    };
    let launch = client.terminate_launch(request).await?;
    if !watch {
        return end.client.output().result(&launch, describe::launch);
    }
    // What came before this answer has been said: it is the end that is waited for. An end that is
    // there already is the last event, and is said as any other.
    let ended = matches!(launch.state(), pb::LaunchState::Terminated | pb::LaunchState::Cancelled);
    let after_sequence = launch.last_sequence.saturating_sub(u64::from(ended));
    let follow = pb::WatchLaunchRequest { launch_id: launch.launch_id, after_sequence };
    watch::until(pb::LaunchState::Terminated, client.follow_launch(follow), end.client.output(), false).await
}

impl From<State> for pb::LaunchState {
    fn from(state: State) -> Self {
        match state {
            State::Refused => Self::Refused,
            State::Launching => Self::Launching,
            State::Booting => Self::Booting,
            State::Ready => Self::Ready,
            State::Partial => Self::Partial,
            State::Failed => Self::Failed,
            State::Cancelled => Self::Cancelled,
            State::Terminating => Self::Terminating,
            State::Terminated => Self::Terminated,
        }
    }
}
