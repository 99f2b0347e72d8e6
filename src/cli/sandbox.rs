//! `gantry sandbox`: the sandbox alone, so that it outlives the servers that use it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::failure::Failure;
use super::{serve, stop};
use crate::clock::SystemClock;
use crate::config::{LOG_FILTER_DEFAULT, SANDBOX_IMAGES_DEFAULT, SANDBOX_REGION_DEFAULT, SANDBOX_SEED_DEFAULT};
use crate::ids::Region;
use crate::sandbox::{Options, Sandbox};
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
    /// Images in each Region.
    #[arg(long, value_name = "N", default_value_t = SANDBOX_IMAGES_DEFAULT)]
    images: u32,
    /// Sandbox seconds in a real one.
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    speed: f64,
    /// What it is made from; the same seed makes the same Regions.
    #[arg(long, value_name = "N", default_value_t = SANDBOX_SEED_DEFAULT)]
    seed: u64,
    /// What is logged, such as info,gantry=debug.
    #[arg(long, value_name = "FILTER", env = "GANTRY_LOG", default_value = LOG_FILTER_DEFAULT)]
    log_filter: String,
}

impl Args {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        telemetry::init(telemetry::Format::Human, &self.log_filter)?;
        let shutdown = stop::on_signal()?;
        let options = Options {
            regions: self.region,
            images: usize::try_from(self.images)?,
            speed: self.speed,
            seed: self.seed,
            state_dir: None,
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
