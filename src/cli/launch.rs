//! `gantry launch`: one governed launch, and with `--watch` its boot to the end.

mod image;
pub(crate) mod receipt;
pub(crate) mod spec;
mod volume;

use std::time::Duration;

use super::connect::ClientArgs;
use super::failure::Failure;
use super::{describe, parse, watch};
use crate::client::{self, ClientError, pb};
use crate::ids;
use spec::SpecArgs;

/// Flags of `gantry launch`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    /// Why, for the record and for policies.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    /// The key under which this launch happens once; repeat it to repeat the call [default: a new one, printed].
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Ask for what policy forbids to be let pass, where policy permits that; needs a --reason.
    #[arg(long)]
    break_glass: bool,
    /// Only say whether it would be admitted.
    #[arg(long, conflicts_with = "watch")]
    validate_only: bool,
    /// How long to wait for EC2's answer [default: 30s; with --watch 0].
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    wait: Option<Duration>,
    /// Stay until every instance is ready: 0 then, 1 if one will not be.
    #[arg(long)]
    watch: bool,
    /// With --watch: in the end also print the last lines of the console of each boot that failed.
    #[arg(long, requires = "watch")]
    console: bool,
    #[command(flatten)]
    client: ClientArgs,
}

impl Args {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let output = self.client.output();
        let (region, account_id) = (self.client.region()?, self.client.account());
        let client = self.client.connect().await?;
        let spec = self.spec.build(&client, &region, &account_id).await?;
        let request_id =
            if self.validate_only { self.request_id.unwrap_or_default() } else { request_id(self.request_id) };
        let wait = if self.watch { self.wait.or(Some(Duration::ZERO)) } else { self.wait };
        let request = pb::LaunchInstancesRequest {
            region,
            account_id,
            spec: Some(spec),
            reason: self.reason,
            request_id: request_id.clone(),
            validate_only: self.validate_only,
            wait_timeout: wait.map(client::duration),
            break_glass: self.break_glass,
        };
        let launch = match client.launch_instances(request).await {
            Err(ClientError::Refused(refusal)) if refusal.is_interruption() && !self.validate_only => {
                let again = format!("repeat the command with --request-id {request_id}: it will not launch twice");
                return Err(anyhow::Error::from(ClientError::Refused(refusal)).context(again).into());
            }
            launch => launch?,
        };
        if !self.watch {
            output.result(&launch, describe::launch)?;
            return match launch.state() {
                pb::LaunchState::Failed | pb::LaunchState::Cancelled => {
                    Err(anyhow::anyhow!("launch {} {}", launch.launch_id, describe::state(&launch)).into())
                }
                _ => Ok(()),
            };
        }
        output.note(&format!("launch {}", launch.launch_id));
        let follow = pb::WatchLaunchRequest { launch_id: launch.launch_id, after_sequence: 0 };
        watch::until(pb::LaunchState::Ready, client.follow_launch(follow), output, self.console).await
    }
}

/// The caller's key, or a new one, which is said on stderr before anything happens: with it a call
/// whose answer got lost can be repeated.
pub(crate) fn request_id(given: Option<String>) -> String {
    given.unwrap_or_else(|| {
        let made = uuid::Builder::from_random_bytes(ids::random_bytes()).into_uuid().to_string();
        eprintln!("request-id {made}");
        made
    })
}
