//! Every setting of the server, with its default, its unit and its reason.
//!
//! A setting comes from a flag, else from the file that `--config` names, else from here; which
//! flags there are is the command line's business (`cli/serve.rs`). No file is looked for by
//! itself, so that two servers started in one directory do not share settings by accident. AWS
//! credentials and endpoints are not settings of Gantry: the standard AWS chain finds them.

mod accounts;
mod audit;
mod budget;
mod policy;
mod quotas;
mod retention;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

pub use self::accounts::{ACCOUNTS_MAX, AccountConfig, EXTERNAL_ID_CHARS};
pub use self::audit::{
    AuditConfig, FREE_SPACE_RESERVE_MIB_DEFAULT, FREE_SPACE_RESERVE_MIB_MAX, REDACT_TAG_CHARS_MAX, REDACT_TAGS_MAX,
    SEGMENT_KIB_DEFAULT, SEGMENT_KIB_MAX, SEGMENT_KIB_MIN, WITNESSES_MAX, WitnessConfig,
};
pub use self::budget::{
    BUDGET_SCALE_DEFAULT, BUDGET_SCALE_MAX, BUDGET_SCALE_MIN, BUDGET_SHARE_DEFAULT, BUDGET_SHARE_MIN, BudgetConfig,
};
pub use self::policy::PolicySource;
pub use self::quotas::{QUOTA_MAX, QUOTA_PRINCIPALS_MAX, QuotaConfig, QuotasConfig};
pub use self::retention::{RETENTION_DAYS_MAX, RetentionConfig};

use crate::ids::{QueueUrl, Region};

/// The default port, and loopback only: who wants more says so, and then needs TLS.
pub const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 50_051);
/// Where the log and its stores live, below the working directory.
pub const DATA_DIR_DEFAULT: &str = "gantry-data";
/// The time that calls under way get to finish after SIGTERM. Kubernetes kills after 30 s by
/// default, and what is durable needs no draining, so it is shorter than that.
pub const DRAIN_DEADLINE_DEFAULT: Duration = Duration::from_secs(20);
/// The longest drain that can be asked for; more is a typing error.
pub const DRAIN_DEADLINE_MAX: Duration = Duration::from_secs(3600);
/// Whose images are listed when a request names no owners: what the account can mean by a name. `all`
/// would be tens of thousands, most of them published by nobody in particular.
pub const OWNERS_DEFAULT: [&str; 3] = ["self", "amazon", "aws-marketplace"];
/// The most images that one question may bring. A Region has over a hundred thousand public AMIs,
/// and a question that wants them all wants narrowing; fifty thousand take about 100 MB.
pub const CRAWL_IMAGES_MAX_DEFAULT: usize = 50_000;
/// Between two full crawls of a Region's images. A crawl of 150,000 takes 150 calls; what is new is
/// found between two crawls, and an hour is how late Gantry notices that an image has gone.
pub const CRAWL_PERIOD_DEFAULT: Duration = Duration::from_secs(60 * 60);
/// The shortest time between two full crawls: they would take the whole budget otherwise.
pub const CRAWL_PERIOD_MIN: Duration = Duration::from_secs(60);
/// Between two looks at the newest images and at those somebody asked for: a handful of calls.
pub const REFRESH_PERIOD_DEFAULT: Duration = Duration::from_secs(60);
/// The shortest time between two refreshes.
pub const REFRESH_PERIOD_MIN: Duration = Duration::from_secs(5);
/// Between two looks at all instances: a thousand cost six calls.
pub const SWEEP_PERIOD_DEFAULT: Duration = Duration::from_secs(15 * 60);
/// The shortest.
pub const SWEEP_PERIOD_MIN: Duration = Duration::from_secs(60);
/// The longest of any of them: more is a typing error.
pub const CATALOGUE_PERIOD_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// For how long the tails of consoles are kept from which failures were explained: long enough to be read after a
/// weekend, and not for ever, because no masking finds every secret.
pub const CONSOLE_RETENTION_DEFAULT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The shortest.
pub const CONSOLE_RETENTION_MIN: Duration = Duration::from_secs(60 * 60);
/// The longest: a year.
pub const CONSOLE_RETENTION_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// What is logged: a line per call and per outcome, not the details of the libraries.
pub const LOG_FILTER_DEFAULT: &str = "info";

/// How many images the sandbox makes for each Region: enough for many pages and for every class of
/// image, few enough to be there at once.
pub const SANDBOX_IMAGES_DEFAULT: u32 = 2_000;
/// The fewest images of a Region of the sandbox: every class of image is among them.
pub const SANDBOX_IMAGES_MIN: u32 = 400;
/// The most images of a Region of the sandbox: above what one question may bring, so that limits can
/// be tried out.
pub const SANDBOX_IMAGES_MAX: u32 = 150_000;
/// Sandbox seconds in a real one.
pub const SANDBOX_SPEED_DEFAULT: f64 = 1.0;
/// The most sandbox seconds in a real one: eleven days, beyond which nothing is left to be watched.
pub const SANDBOX_SPEED_MAX: f64 = 1_000_000.0;
/// The seed from which the sandbox makes its Regions. Fixed, so that ids in examples stay true.
pub const SANDBOX_SEED_DEFAULT: u64 = 1;
/// The sandbox's Region: a name that AWS will never have.
pub const SANDBOX_REGION_DEFAULT: &str = "sandbox-1";

/// The server's settings, as `gantry.toml` has them. A key that is not known is an error, because a
/// misspelt setting is one that is silently not in force.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to accept gRPC. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The directory of the log. It belongs to what it was made with, these accounts or the
    /// sandbox, and is refused by the other.
    pub data_dir: PathBuf,
    /// The Regions served. Empty means [`SANDBOX_REGION_DEFAULT`] with the sandbox; against AWS
    /// there must be one, and the command line takes it from the environment as the AWS tools do.
    pub regions: Vec<Region>,
    /// Whose images the catalogue holds, and ListImages looks at when a request names no owners:
    /// `self`, `amazon`, `aws-marketplace`, `aws-backup-vault`, account ids, or `all` for every image
    /// that the account may launch, which is some two hundred thousand.
    pub owners: Vec<String>,
    /// The most images that one question to EC2 may bring, where the catalogue cannot answer; above it RESOURCE_EXHAUSTED says what narrows
    /// the question.
    pub crawl_images_max: usize,
    /// Between the beginnings of two full crawls of a Region's images: `"1h"`.
    #[serde(deserialize_with = "duration")]
    pub crawl_period: Duration,
    /// Between two looks at the newest images: `"60s"`.
    #[serde(deserialize_with = "duration")]
    pub refresh_period: Duration,
    /// Between two looks at all instances of launches, for those that ended unseen, and at EC2 for instances that belong to
    /// no launch: `"15m"`.
    #[serde(deserialize_with = "duration")]
    pub sweep_period: Duration,
    /// An SQS queue that EventBridge feeds with EC2's state changes and Spot interruptions, so that they are seen
    /// sooner. Absent means that EC2 is only asked.
    pub events_queue: Option<QueueUrl>,
    /// For how long the tails of consoles are kept, from [`CONSOLE_RETENTION_MIN`] to [`CONSOLE_RETENTION_MAX`]: `"7d"`. The
    /// log has only their digests.
    #[serde(deserialize_with = "duration")]
    pub console_retention: Duration,
    /// Where metrics are served, as Prometheus' text over HTTP at `/metrics`. Absent means nowhere.
    /// They say nothing secret; there is no TLS and no login.
    pub metrics_listen: Option<SocketAddr>,
    /// An EC2 in this process instead of AWS. Absent means AWS.
    pub sandbox: Option<SandboxConfig>,
    /// TLS. Absent means plaintext, which is refused off loopback.
    pub tls: Option<TlsConfig>,
    /// Plaintext off loopback, for networks that encrypt by themselves (a mesh, a tunnel).
    pub insecure_plaintext: bool,
    /// How long calls under way may take to finish after SIGTERM or SIGINT: `"20s"`.
    #[serde(deserialize_with = "duration")]
    pub drain_deadline: Duration,
    /// The audit log.
    pub audit: AuditConfig,
    /// Accounts beside that of the server's own credentials, each with the role to assume in it: `[[accounts]]`.
    pub accounts: Vec<AccountConfig>,
    /// How much of EC2's request rates the server takes.
    pub budget: BudgetConfig,
    /// How much may be launched.
    pub quotas: QuotasConfig,
    /// How long its records are kept.
    pub retention: RetentionConfig,
    /// What governs launches and calls: a file in Cedar, or `"default"` for the policy that comes with the program.
    /// Absent means that facts alone decide, and that whoever may connect may call.
    pub policy: Option<PolicySource>,
    /// How log lines look, on stderr.
    pub log_format: LogFormat,
    /// What is logged, in the words of tracing-subscriber's `EnvFilter`: `"info,gantry=debug"`.
    /// The AWS SDK is heard up to `info` whatever it says, because it writes down what no log may have.
    pub log_filter: String,
}

/// The in-process EC2.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxConfig {
    /// Images in each Region, from [`SANDBOX_IMAGES_MIN`] to [`SANDBOX_IMAGES_MAX`].
    pub images: u32,
    /// Sandbox seconds in a real one, above 0 and at most [`SANDBOX_SPEED_MAX`].
    pub speed: f64,
    /// The seed; the same one gives the same Regions on every machine.
    pub seed: u64,
    /// A plan of faults, TOML: what goes wrong from the first call on. Absent means nothing.
    pub faults: Option<PathBuf>,
}

/// The server's side of TLS. All files are PEM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate chain, the server's own first.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities whose clients are let in. Absent means that clients need no certificate.
    pub client_ca: Option<PathBuf>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For a person.
    Human,
    /// One JSON object a line, for a log collector.
    Json,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key or a value that no setting has.
    #[error("{} is not a valid configuration", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A value that no setting can have.
    #[error("{setting} must be {expected}")]
    OutOfRange {
        /// Which setting.
        setting: &'static str,
        /// What it may be.
        expected: String,
    },
    /// A queue of events where there are none to come.
    #[error("events_queue is of AWS: a sandbox sends no events")]
    QueueOfSandbox,
    /// A setting of a part that was left out when the program was built.
    #[error("this program was built without the feature `events-queue`, so that events_queue has no effect")]
    NoQueueBuiltIn,
    /// Plaintext where others can listen.
    #[error(
        "refusing to serve plaintext on {0}, which is not loopback: give a certificate (--tls-cert, --tls-key), or say \
         --insecure-plaintext if the network encrypts by itself"
    )]
    PlaintextOffLoopback(SocketAddr),
}

impl Config {
    /// The settings of a file; what it does not mention has its default.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`] and [`ConfigError::Malformed`]. Values are not checked against
    /// each other yet, because flags may still change them; see [`Config::check`].
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        toml::from_str(&text)
            .map_err(|source| ConfigError::Malformed { path: path.to_owned(), source: Box::new(source) })
    }

    /// Checks ranges, and what no single value shows, before anything is opened or written.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] and [`ConfigError::PlaintextOffLoopback`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let out_of_range = |setting, expected: String| Err(ConfigError::OutOfRange { setting, expected });
        if self.drain_deadline > DRAIN_DEADLINE_MAX {
            return out_of_range(
                "drain_deadline",
                format!("at most {}", humantime::format_duration(DRAIN_DEADLINE_MAX)),
            );
        }
        if self.crawl_images_max == 0 {
            return out_of_range("crawl_images_max", "at least 1".to_owned());
        }
        for (setting, period, min) in [
            ("crawl_period", self.crawl_period, CRAWL_PERIOD_MIN),
            ("refresh_period", self.refresh_period, REFRESH_PERIOD_MIN),
            ("sweep_period", self.sweep_period, SWEEP_PERIOD_MIN),
        ] {
            if !(min..=CATALOGUE_PERIOD_MAX).contains(&period) {
                let said = humantime::format_duration;
                return out_of_range(setting, format!("from {} to {}", said(min), said(CATALOGUE_PERIOD_MAX)));
            }
        }
        if !(CONSOLE_RETENTION_MIN..=CONSOLE_RETENTION_MAX).contains(&self.console_retention) {
            let said = humantime::format_duration;
            let expected = format!("from {} to {}", said(CONSOLE_RETENTION_MIN), said(CONSOLE_RETENTION_MAX));
            return out_of_range("console_retention", expected);
        }
        self.audit.check(&self.data_dir)?;
        accounts::check(&self.accounts)?;
        self.budget.check()?;
        self.quotas.check()?;
        self.retention.check()?;
        if self.owners.is_empty() {
            return out_of_range("owners", "at least one owner".to_owned());
        }
        if let Some(&SandboxConfig { images, speed, seed: _, faults: _ }) = self.sandbox.as_ref() {
            if !(SANDBOX_IMAGES_MIN..=SANDBOX_IMAGES_MAX).contains(&images) {
                return out_of_range(
                    "sandbox.images",
                    format!("from {SANDBOX_IMAGES_MIN} to {SANDBOX_IMAGES_MAX}, not {images}"),
                );
            }
            // Written so that NaN fails it.
            if !(speed > 0.0 && speed <= SANDBOX_SPEED_MAX) {
                return out_of_range("sandbox.speed", format!("above 0 and at most {SANDBOX_SPEED_MAX}, not {speed}"));
            }
        }
        if self.events_queue.is_some() {
            if cfg!(not(feature = "events-queue")) {
                return Err(ConfigError::NoQueueBuiltIn);
            }
            if self.sandbox.is_some() {
                return Err(ConfigError::QueueOfSandbox);
            }
        }
        if self.tls.is_none() && !self.insecure_plaintext && !self.listen.ip().is_loopback() {
            return Err(ConfigError::PlaintextOffLoopback(self.listen));
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: LISTEN_DEFAULT,
            data_dir: PathBuf::from(DATA_DIR_DEFAULT),
            regions: Vec::new(),
            owners: OWNERS_DEFAULT.map(str::to_owned).to_vec(),
            crawl_images_max: CRAWL_IMAGES_MAX_DEFAULT,
            crawl_period: CRAWL_PERIOD_DEFAULT,
            refresh_period: REFRESH_PERIOD_DEFAULT,
            sweep_period: SWEEP_PERIOD_DEFAULT,
            events_queue: None,
            console_retention: CONSOLE_RETENTION_DEFAULT,
            metrics_listen: None,
            sandbox: None,
            tls: None,
            insecure_plaintext: false,
            drain_deadline: DRAIN_DEADLINE_DEFAULT,
            audit: AuditConfig::default(),
            accounts: Vec::new(),
            budget: BudgetConfig::default(),
            quotas: QuotasConfig::default(),
            retention: RetentionConfig::default(),
            policy: None,
            log_format: LogFormat::Human,
            log_filter: LOG_FILTER_DEFAULT.to_owned(),
        }
    }
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self { images: SANDBOX_IMAGES_DEFAULT, speed: SANDBOX_SPEED_DEFAULT, seed: SANDBOX_SEED_DEFAULT, faults: None }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Human => "human",
            Self::Json => "json",
        })
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests;
