//! `gantry serve`: the service, against AWS or a sandbox of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;

use super::failure::Failure;
use super::{output, parse, stop};
use crate::clock::SystemClock;
use crate::config::{Config, LogFormat, PolicySource, SANDBOX_REGION_DEFAULT, TlsConfig};
use crate::ids::{QueueUrl, Region};
use crate::{server, telemetry};

/// Where the AWS tools look for a Region, first hit first.
const AWS_REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// Flags of `gantry serve`. Each wins over the file's setting of the same name.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// A file of settings, TOML; flags win over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to accept gRPC; port 0 takes a free one [default: 127.0.0.1:50051].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The directory of the audit log and its stores [default: gantry-data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The Regions to serve [default: AWS_REGION or AWS_DEFAULT_REGION; with --sandbox, sandbox-1].
    #[arg(long, alias = "region", value_name = "REGION", value_delimiter = ',', num_args = 1..)]
    regions: Vec<Region>,
    /// Whose images the catalogue holds, and lists when a request does not say; "all" is possible
    /// [default: self, amazon, aws-marketplace].
    #[arg(long, value_name = "OWNER", value_delimiter = ',', num_args = 1..)]
    owners: Vec<String>,
    /// Between two full readings of a Region's images [default: 1h].
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    crawl_period: Option<Duration>,
    /// Between two looks at the newest images [default: 60s].
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    refresh_period: Option<Duration>,
    /// Hear of state changes and Spot interruptions from this SQS queue, which an EventBridge rule feeds; EC2 is asked all
    /// the same [default: none].
    #[arg(long, value_name = "URL")]
    events_queue: Option<QueueUrl>,
    /// Serve metrics for Prometheus here, at /metrics [default: nowhere].
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// What governs launches and calls: a file in Cedar, or "default" for the built-in policy
    /// [default: none; facts alone decide].
    #[arg(long, value_name = "FILE")]
    policy: Option<PolicySource>,
    /// Certificate chain for TLS, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key for TLS, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Let in only clients with a certificate from these authorities, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    client_ca: Option<PathBuf>,
    /// Serve plaintext off loopback too, on a network that encrypts by itself.
    #[arg(long)]
    insecure_plaintext: bool,
    /// How long calls under way may take after SIGTERM [default: 20s].
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    drain_deadline: Option<Duration>,
    /// How log lines look [default: human].
    #[arg(long, value_enum)]
    log_format: Option<LogFormatArg>,
    /// What is logged, such as info,gantry=debug [default: info].
    #[arg(long, value_name = "FILTER", env = "GANTRY_LOG")]
    log_filter: Option<String>,
    /// Serve an EC2 of its own instead of AWS, saved in the data directory.
    #[arg(long)]
    sandbox: bool,
    /// Images in each Region of the sandbox [default: 2000].
    #[arg(long, value_name = "N")]
    images: Option<u32>,
    /// Sandbox seconds in a real one [default: 1].
    #[arg(long, value_name = "X")]
    speed: Option<f64>,
    /// What the sandbox is made from; the same seed makes the same Regions [default: 1].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// A plan of what goes wrong in the sandbox, TOML.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormatArg {
    Human,
    Json,
}

impl Args {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let config = self.settings()?;
        let format = match config.log_format {
            LogFormat::Human => telemetry::Format::Human,
            LogFormat::Json => telemetry::Format::Json,
        };
        telemetry::init(format, &config.log_filter)?;
        let shutdown = stop::on_signal()?;
        server::run(config, Arc::new(SystemClock::new()), announce, shutdown).await?;
        Ok(())
    }

    /// The file's settings with the flags over them.
    fn settings(self) -> Result<Config, Failure> {
        let mut config = match &self.config {
            Some(path) => Config::from_file(path)?,
            None => Config::default(),
        };
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        if let Some(data_dir) = self.data_dir {
            config.data_dir = data_dir;
        }
        if !self.regions.is_empty() {
            config.regions = self.regions;
        }
        if !self.owners.is_empty() {
            config.owners = self.owners;
        }
        if let Some(crawl_period) = self.crawl_period {
            config.crawl_period = crawl_period;
        }
        if let Some(refresh_period) = self.refresh_period {
            config.refresh_period = refresh_period;
        }
        config.metrics_listen = self.metrics_listen.or(config.metrics_listen);
        config.events_queue = self.events_queue.or(config.events_queue);
        config.policy = self.policy.or(config.policy);
        if let (Some(cert), Some(key)) = (self.tls_cert, self.tls_key) {
            config.tls = Some(TlsConfig { cert, key, client_ca: self.client_ca });
        }
        config.insecure_plaintext |= self.insecure_plaintext;
        if let Some(drain_deadline) = self.drain_deadline {
            config.drain_deadline = drain_deadline;
        }
        if let Some(log_format) = self.log_format {
            config.log_format = match log_format {
                LogFormatArg::Human => LogFormat::Human,
                LogFormatArg::Json => LogFormat::Json,
            };
        }
        if let Some(log_filter) = self.log_filter {
            config.log_filter = log_filter;
        }
        if self.sandbox {
            config.sandbox.get_or_insert_default();
        }
        match &mut config.sandbox {
            Some(sandbox) => {
                sandbox.images = self.images.unwrap_or(sandbox.images);
                sandbox.speed = self.speed.unwrap_or(sandbox.speed);
                sandbox.seed = self.seed.unwrap_or(sandbox.seed);
                if self.faults.is_some() {
                    sandbox.faults = self.faults;
                }
                if config.regions.is_empty() {
                    config.regions = vec![SANDBOX_REGION_DEFAULT.parse()?];
                }
            }
            None if self.images.is_some() || self.speed.is_some() || self.seed.is_some() || self.faults.is_some() => {
                return Err(Failure::Usage(
                    "--images, --speed, --seed and --faults are about the sandbox: give --sandbox too".into(),
                ));
            }
            None if config.regions.is_empty() => config.regions = region_of_the_environment()?,
            None => {}
        }
        config.check()?;
        Ok(config)
    }
}

/// The Region that the AWS tools would take from the environment.
fn region_of_the_environment() -> Result<Vec<Region>, Failure> {
    let named = AWS_REGION_VARIABLES.iter().find_map(|name| std::env::var(name).ok()).filter(|name| !name.is_empty());
    Ok(named.map(|name| name.parse()).transpose()?.into_iter().collect())
}

/// The one line on stdout, for programs that wait until they can connect. Nobody may be reading it,
/// and that is no reason not to serve.
pub(crate) fn announce(address: SocketAddr) {
    let _ = output::print(&format!("listening on {address}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"listen = '127.0.0.1:1'\ndata_dir = 'from-file'\n[sandbox]\nspeed = 60.0\nseed = 7\n").unwrap();
        let args = Args {
            config: Some(file.path().to_owned()),
            listen: Some("127.0.0.1:2".parse().unwrap()),
            seed: Some(8),
            ..Args::default()
        };
        let config = args.settings().unwrap();
        assert_eq!(config.listen, "127.0.0.1:2".parse().unwrap());
        assert_eq!(config.data_dir, PathBuf::from("from-file"));
        let sandbox = config.sandbox.unwrap();
        assert_eq!((sandbox.speed, sandbox.seed), (60.0, 8));
        assert_eq!(config.regions[0].as_str(), "sandbox-1");
    }

    #[test]
    fn flags_that_would_have_no_effect_are_wrong() {
        assert!(matches!(Args { speed: Some(2.0), ..Args::default() }.settings(), Err(Failure::Usage(_))));
        let open = Args { listen: Some("0.0.0.0:1".parse().unwrap()), ..Args::default() };
        assert!(matches!(open.settings(), Err(Failure::Failed(_))));
    }
}
