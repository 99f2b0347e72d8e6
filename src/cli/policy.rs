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
            Self::Schema => super::output::print(SCHEMA_TEXT),
        }
    }
}

async fn show(args: ShowArgs) -> Result<(), Failure> {
    let output = args.client.output();
    let policy = args.client.connect().await?.get_policy(pb::GetPolicyRequest {}).await?;
    output.result(&policy, |policy| {
        if policy.hash.is_empty() {
            return "no policy is loaded: facts alone decide".to_owned();
        }
        // Comments of Cedar, so that what is printed is the policy still.
        let loaded = describe::time(policy.load_time);
        format!("// {}, in force since {loaded}\n{}", policy.hash, policy.text)
    })
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
