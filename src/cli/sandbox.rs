//! `gantry sandbox`: the sandbox alone, so that it outlives the servers that use it; and the replay
//! of what one recorded.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::failure::Failure;
use super::{output, serve, stop};
use crate::clock::SystemClock;
use crate::config::{LOG_FILTER_DEFAULT, SANDBOX_IMAGES_DEFAULT, SANDBOX_REGION_DEFAULT, SANDBOX_SEED_DEFAULT};
use crate::ids::{AccountId, Region};
use crate::sandbox::{self, Options, Plan, Sandbox};
use crate::telemetry;

/// Flags of `gantry sandbox`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to accept EC2's Query protocol; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4599")]
    listen: SocketAddr,
    /// Its Regions, each with its own images and instances.
    #[arg(long, value_name = "REGION", value_delimiter = ',', num_args = 1.., default_value = SANDBOX_REGION_DEFAULT)]
    region: Vec<Region>,
    /// Accounts that it has beside 000000000000, for AssumeRole to lead into.
    #[arg(long, value_name = "ID", value_delimiter = ',', num_args = 1..)]
    account: Vec<AccountId>,
    /// Images in each Region.
    #[arg(long, value_name = "N", default_value_t = SANDBOX_IMAGES_DEFAULT)]
    images: u32,
    /// Sandbox seconds in a real one.
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    speed: f64,
    /// What it is made from; the same seed makes the same Regions.
    #[arg(long, value_name = "N", default_value_t = SANDBOX_SEED_DEFAULT)]
    seed: u64,
    /// Where its instances, tokens and tags are saved; without it they are forgotten at its end.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// A plan of what goes wrong, TOML.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Record every call and its answer in a new file; calls are then answered one at a time.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Serve nobody, but ask what was recorded again, and fail if an answer differs.
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "listen", "region", "account", "images", "speed", "seed", "data_dir", "faults", "record",
    ])]
    replay: Option<PathBuf>,
    /// What is logged, such as info,gantry=debug.
    #[arg(long, value_name = "FILTER", env = "GANTRY_LOG", default_value = LOG_FILTER_DEFAULT)]
    log_filter: String,
}

impl Args {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        telemetry::init(telemetry::Format::Human, &self.log_filter)?;
        if let Some(recording) = self.replay {
            return replay(recording).await;
        }
        let shutdown = stop::on_signal()?;
        let options = Options {
            regions: self.region,
            accounts: self.account,
            images: usize::try_from(self.images)?,
            speed: self.speed,
            seed: self.seed,
            state_dir: self.data_dir,
            faults: self.faults.as_deref().map(read_faults).transpose()?,
            record: self.record,
        };
        // Making 150,000 images takes a second, and signals are listened for meanwhile.
        let sandbox =
            tokio::task::spawn_blocking(move || Sandbox::open(options, Arc::new(SystemClock::new()))).await??;
        let listener = TcpListener::bind(self.listen).await?;
        serve::announce(listener.local_addr()?);
        sandbox.serve(listener, shutdown).await?;
        Ok(())
    }
}

fn read_faults(path: &Path) -> Result<Plan, Failure> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read the plan of faults {}", path.display()))?;
    Ok(Plan::parse(&text).with_context(|| format!("{} cannot be used", path.display()))?)
}

/// Asks again what was recorded. The sum goes to stdout, the first difference to stderr.
async fn replay(recording: PathBuf) -> Result<(), Failure> {
    let report = tokio::task::spawn_blocking(move || sandbox::replay(&recording)).await??;
    output::print(&report.to_string())?;
    match report.first_difference {
        None => Ok(()),
        Some(difference) => Err(Failure::Failed(anyhow::anyhow!("{difference}"))),
    }
}
