//! `gantry policy`: check a policy, show the one in force, and try one on launches to come and on those that were.

mod backtest;
mod check;
mod evaluate;

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use clap::Subcommand;

use super::connect::ClientArgs;
use super::describe;
use super::failure::Failure;
use super::output::printable;
use crate::client::pb;
use crate::policy::{DEFAULT_NAME, DEFAULT_TEXT, POLICY_BYTES_MAX, SCHEMA_TEXT};

/// What can be done with policies.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a policy against the schema, without a server: 0 if it can be used, 1 with line and column if not.
    Check(check::Args),
    /// Show the policy in force.
    Show(ShowArgs),
    /// Say what a launch would get, under the policy in force or under another. Nothing is launched or recorded.
    Evaluate(Box<evaluate::Args>),
    /// Say which recorded launches would have been decided differently under a policy.
    Backtest(backtest::Args),
    /// Print the schema: what policies can ask about.
    Schema,
    /// Stop new launches at once, on record. What an attempt under way makes is kept.
    Pause(SwitchArgs),
    /// Let launches go on.
    Resume(SwitchArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct SwitchArgs {
    /// Why, for the record and for those who are refused.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    client: ClientArgs,
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Check(args) => args.run(),
            Self::Show(args) => show(args).await,
            Self::Evaluate(args) => args.run().await,
            Self::Backtest(args) => args.run().await,
            Self::Pause(args) => turn(args, true).await,
            Self::Resume(args) => turn(args, false).await,
            Self::Schema => super::output::print(SCHEMA_TEXT),
        }
    }
}

async fn show(args: ShowArgs) -> Result<(), Failure> {
    let output = args.client.output();
    let policy = args.client.connect().await?.get_policy(pb::GetPolicyRequest {}).await?;
    output.result(&policy, |policy| {
        // Comments of Cedar, so that what is printed is the policy still.
        let paused = policy.launch_switch.as_ref().filter(|switch| switch.paused);
        let paused = paused.map_or_else(String::new, |switch| format!("// {}\n", switch_words(switch)));
        if policy.hash.is_empty() {
            return format!("{paused}no policy is loaded: facts alone decide");
        }
        let loaded = describe::time(policy.load_time);
        format!("{paused}// {}, in force since {loaded}\n{}", policy.hash, policy.text)
    })
}

async fn turn(args: SwitchArgs, paused: bool) -> Result<(), Failure> {
    let SwitchArgs { reason, client: connection } = args;
    let client = connection.connect().await?;
    let switch = if paused {
        client.pause_launches(pb::PauseLaunchesRequest { reason }).await?
    } else {
        client.resume_launches(pb::ResumeLaunchesRequest { reason }).await?
    };
    connection.output().result(&switch, switch_words)
}

fn switch_words(switch: &pb::LaunchSwitch) -> String {
    let pb::LaunchSwitch { paused, reason, principal, change_time } = switch;
    let stand = if *paused { "launches are paused" } else { "launches are let pass" };
    match change_time {
        // Lines that somebody else wrote stay on this one.
        Some(_) => format!("{stand}, by {principal} at {}: {}", describe::time(*change_time), printable(reason)),
        None => format!("{stand}; they were never paused"),
    }
}

/// The text of a policy: a file, or the one that comes with the program.
fn read(path: &Path) -> Result<String, Failure> {
    if path == Path::new(DEFAULT_NAME) {
        return Ok(DEFAULT_TEXT.to_owned());
    }
    let reading = || -> std::io::Result<String> {
        let mut text = String::new();
        // One byte more than it may have, so that a policy that is too long is told to be.
        std::fs::File::open(path)?.take(POLICY_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
        Ok(text)
    };
    Ok(reading().with_context(|| format!("cannot read {}", path.display()))?)
}
