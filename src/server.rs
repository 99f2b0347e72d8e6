//! The composition root: the only place that wires the rooms together.
//!
//! The order of opening is the order of trust. The log is opened first, because a data directory
//! that belongs to something else must not be touched. Then whatever the last process left open is
//! taken up, and only then is anybody served. Closing goes the other way round: callers first,
//! the log last.

mod accounts;
mod cosigning;
mod error;
#[cfg(feature = "events-queue")]
mod events;
mod governing;
mod metrics;
mod policy;
mod retention;
mod standing;
mod sweep;
mod tails;
mod watchdog;
mod witness;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use self::cosigning::WitnessSettingError;
pub use self::error::ServeError;
pub use self::policy::PolicyLoadError;
pub use self::witness::{AddressError, WitnessHttp};
use crate::ami::catalog::{Catalog, Catalogs, Keeping};
use crate::api::{self, Services, Tls};
/// For the command line, which reads EC2's encoded messages with the credentials of whoever asks.
pub use crate::ec2::denial;
#[cfg(feature = "events-queue")]
use crate::ec2::events::EventQueue;

use crate::audit::{AuditLog, LogSettings, Owner, make_dir};
use crate::boot::statistics::Measured;
use crate::boot::{Tracker, TrackerSettings, Watches};
use crate::clock::{Clock, SystemClock, within};
use crate::config::{Config, SandboxConfig, TlsConfig};
use crate::ec2::{Accounts, BudgetSettings, Settings, StaticCredentials, Timeouts};
use crate::ids::{AccountId, Region};
use crate::launch::Launcher;
use crate::record::{ENTRY_VERSION, Entry, Event, ServiceStarted};
use crate::sandbox::{self, Plan, Sandbox};

/// Launches that wait to be taken up by the boot tracker.
const LAUNCHED_AHEAD_MAX: usize = 1_024;

/// A server that accepts connections.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// The sandbox it uses, if it runs one.
    pub sandbox: Option<Sandbox>,
    /// The images and instance types of its own account.
    pub catalog: Catalog,
    shutdown: CancellationToken,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    /// Stops accepting, lets what is under way finish within the drain deadline, and closes
    /// everything.
    ///
    /// # Errors
    /// What went wrong while serving.
    pub async fn stop(self) -> Result<(), ServeError> {
        self.shutdown.cancel();
        self.served.await.map_err(|_| ServeError::Panicked)?
    }
}

/// Serves until `shutdown`, and calls `ready` once connections are accepted.
///
/// # Errors
/// See [`ServeError`].
pub async fn run(
    config: Config,
    clock: Arc<dyn Clock>,
    ready: impl FnOnce(SocketAddr),
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let mut running = tokio::select! {
        biased;
        // What was being opened is dropped: an open launch is taken up at the next start.
        () = shutdown.cancelled() => return Ok(()),
        started = start(config, clock) => started?,
    };
    ready(running.address);
    tokio::select! {
        () = shutdown.cancelled() => running.stop().await,
        served = &mut running.served => served.map_err(|_| ServeError::Panicked)?,
    }
}

/// Opens everything and begins to serve.
///
/// # Errors
/// See [`ServeError`].
pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Running, ServeError> {
    config.check()?;
    let tls = config.tls.as_ref().map(read_tls).transpose()?;
    let witnesses = cosigning::configured(&config.audit.witnesses)?;
    let listener = TcpListener::bind(config.listen).await.map_err(|e| ServeError::Listen(config.listen, e))?;
    let address = listener.local_addr().map_err(|e| ServeError::Listen(config.listen, e))?;
    make_dir(&config.data_dir).map_err(|e| ServeError::DataDir(config.data_dir.clone(), e))?;

    // Cancelled last: the sandbox must outlive the calls that are being drained.
    let sandbox_shutdown = CancellationToken::new();
    let opened = match &config.sandbox {
        Some(settings) => open_sandbox(&config, settings, &clock, &sandbox_shutdown).await?,
        None => open_aws(&config, &clock).await?,
    };
    let Opened { log, clients, sandbox } = opened;
    let kept_elsewhere = config.audit.checkpoint_copy.clone();
    standing::compare(&log, kept_elsewhere.as_deref(), &clock).await?;

    let loader = policy::Loader::start(config.policy.clone(), &log, &clock, clients.home().account_id()).await?;
    let in_force = loader.in_force().clone();
    let catalogs = Catalogs::new(&clients, &clock, config.crawl_images_max, &config.owners);
    let tails = tails::open(&config, &clock).map_err(|e| ServeError::DataDir(config.data_dir.clone(), e))?;
    let (launched, to_watch) = mpsc::channel(LAUNCHED_AHEAD_MAX);
    let tracker = Tracker::start(&clients, &log, &clock, tracker_settings(&config), &tails, to_watch);
    let launcher = Launcher::open(
        &config.data_dir,
        clients.clone(),
        catalogs.clone(),
        log.clone(),
        Arc::clone(&clock),
        governing::settings(&config, &log, &clock, in_force.clone()).await?,
        launched,
    )
    .map_err(|e| ServeError::DataDir(config.data_dir.clone(), e))?;
    let open_launches = launcher.resume().await.map_err(ServeError::Resume)?;
    let index = log.append(vec![started(&config, &clients, &log, &*clock, open_launches)]).await?;
    log.acceptance_recorded(index);

    let shutdown = CancellationToken::new();
    // First, so that what the snapshots on disk say is counted.
    if let Some(address) = config.metrics_listen {
        metrics::serve(address, shutdown.clone()).await.map_err(|e| ServeError::Listen(address, e))?;
    }
    let crawlers = Box::pin(catalogs.keep(&keeping(&config), &shutdown)).await;
    let running_catalog = catalogs.home().clone();
    let (measured, measuring) = Measured::start(&log, &clock, &shutdown);
    let services = Services {
        catalogs,
        launcher: launcher.clone(),
        watches: Watches::new(log.clone(), Arc::clone(&clock), tracker.clone()),
        tails: tails.clone(),
        measured,
        log: log.clone(),
        policy: in_force,
        clock: Arc::clone(&clock),
        owners: config.owners.clone(),
        crawl_period: config.crawl_period,
        shutdown: shutdown.clone(),
    };
    let drain_deadline = config.drain_deadline;
    let serving = shutdown.clone();
    let closed = CancellationToken::new();
    tokio::spawn(watchdog::watch(log.clone(), shutdown.clone(), closed.clone()));
    let mut kept = cosigning::begin(&log, witnesses, &shutdown);
    kept.extend(standing::begin(&log, kept_elsewhere.clone(), &shutdown));
    kept.push(loader.keep(&shutdown).map_err(ServeError::Signal)?);
    kept.push(measuring);
    kept.extend(retention::begin(&log, &config.retention, &clock, &shutdown));
    #[cfg(feature = "events-queue")]
    if let Some(url) = config.events_queue.clone() {
        let queue = EventQueue::connect(url, &aws_settings(&config)).await.ok_or(ServeError::NoRegion)?;
        let (tracker, places, clock) = (tracker.clone(), clients.places(), Arc::clone(&clock));
        kept.push(events::begin(events::Events { queue, tracker, places, clock }, &shutdown));
    }
    kept.push(tails::begin(&tails, &clock, &shutdown));
    let sweep = sweep::Sweep {
        log: log.clone(),
        launcher: launcher.clone(),
        tracker: tracker.clone(),
        places: clients.places(),
        clock,
        period: config.sweep_period,
    };
    kept.push(sweep::begin(sweep, &shutdown));
    let served = tokio::spawn(async move {
        let result = api::serve(listener, services, tls, drain_deadline, serving).await;
        let failed = !log.is_available();
        // A call to EC2 that hangs is not waited for longer than a caller's: its attempt is open in
        // the log and is taken up at the next start.
        if within(&SystemClock::new(), drain_deadline, launcher.close()).await.is_none() {
            tracing::warn!("launches left open for the next start");
        }
        tracker.close().await;
        for task in crawlers.into_iter().chain(kept) {
            // It ends with the shutdown, or has panicked and said so; either way it is over.
            let _ = task.await;
        }
        standing::keep_last(&log, kept_elsewhere).await;
        log.close().await;
        closed.cancel();
        sandbox_shutdown.cancel();
        if failed {
            return Err(ServeError::LogFailed);
        }
        result.map_err(ServeError::from)
    });
    Ok(Running { address, sandbox, catalog: running_catalog, shutdown, served })
}

struct Opened {
    log: AuditLog,
    clients: Accounts,
    sandbox: Option<Sandbox>,
}

/// Everything from the standard configuration.
fn aws_settings(config: &Config) -> Settings {
    Settings {
        regions: config.regions.clone(),
        endpoint: None,
        credentials: None,
        account_id: None,
        timeouts: Timeouts::default(),
        budget: budget(config),
    }
}

async fn open_aws(config: &Config, clock: &Arc<dyn Clock>) -> Result<Opened, ServeError> {
    if config.regions.is_empty() {
        return Err(ServeError::NoRegion);
    }
    let settings = aws_settings(config);
    let clients = Box::pin(Accounts::connect(&settings, accounts::roles(config), clock)).await?;
    let owner = Owner { sandbox: false, accounts: clients.ids().cloned().collect() };
    let log = open_log(config, owner).await?;
    Ok(Opened { log, clients, sandbox: None })
}

async fn open_sandbox(
    config: &Config,
    settings: &SandboxConfig,
    clock: &Arc<dyn Clock>,
    shutdown: &CancellationToken,
) -> Result<Opened, ServeError> {
    let account_id: AccountId = sandbox::ACCOUNT_ID.parse().expect("the sandbox's account is twelve digits");
    let region: Region = sandbox::DEFAULT_REGION.parse().expect("the sandbox's Region is well formed");
    let log = open_log(config, Owner { sandbox: true, accounts: accounts::served(config, &account_id) }).await?;
    let regions = if config.regions.is_empty() { vec![region] } else { config.regions.clone() };
    let options = sandbox::Options {
        regions: regions.clone(),
        accounts: accounts::of_sandbox(config),
        images: settings.images as usize,
        speed: settings.speed,
        seed: settings.seed,
        state_dir: Some(config.data_dir.join("sandbox")),
        faults: settings.faults.as_deref().map(read_faults).transpose()?,
        record: None,
    };
    let opening = Arc::clone(clock);
    let sandbox = tokio::task::spawn_blocking(move || Sandbox::open(options, opening))
        .await
        .map_err(|_| ServeError::Panicked)??;
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = TcpListener::bind(loopback).await.map_err(|e| ServeError::Listen(loopback, e))?;
    let address = listener.local_addr().map_err(|e| ServeError::Listen(loopback, e))?;
    tokio::spawn(sandbox.clone().serve(listener, shutdown.clone()));
    tracing::info!(endpoint = %address, "sandbox listening");
    let settings = Settings {
        regions,
        endpoint: Some(format!("http://{address}")),
        credentials: Some(StaticCredentials {
            access_key_id: "sandbox".to_owned(),
            secret_access_key: "sandbox".to_owned(),
            session_token: None,
        }),
        account_id: Some(account_id),
        timeouts: Timeouts::default(),
        budget: budget(config),
    };
    let clients = Box::pin(Accounts::connect(&settings, accounts::roles(config), clock)).await?;
    Ok(Opened { log, clients, sandbox: Some(sandbox) })
}

async fn open_log(config: &Config, owner: Owner) -> Result<AuditLog, ServeError> {
    let dir = config.data_dir.clone();
    let settings = LogSettings {
        free_space_reserve: config.audit.free_space_reserve(),
        segment_bytes: config.audit.segment_bytes(),
        signer: None,
    };
    let (log, report) = tokio::task::spawn_blocking(move || AuditLog::open(&dir, owner, settings))
        .await
        .map_err(|_| ServeError::Panicked)??;
    tracing::info!(?report, "audit log opened");
    Ok(log)
}

/// EC2's rates are those of its own time: a sandbox that is sixty times faster takes sixty times as many
/// calls in a second of ours.
fn budget(config: &Config) -> BudgetSettings {
    let speed = config.sandbox.as_ref().map_or(1.0, |sandbox| sandbox.speed);
    BudgetSettings { share: config.budget.share, scale: config.budget.scale * speed }
}

/// A sandbox that boots sixty times faster is looked at sixty times as often, down to a tenth of a
/// second: what is seen is what an unhurried one would show.
fn tracker_settings(config: &Config) -> TrackerSettings {
    let usual = TrackerSettings::default();
    match &config.sandbox {
        Some(sandbox) if sandbox.speed > 1.0 => {
            let least = std::time::Duration::from_millis(100);
            TrackerSettings {
                state_period: usual.state_period.div_f64(sandbox.speed).max(least),
                status_period: usual.status_period.div_f64(sandbox.speed).max(least),
            }
        }
        _ => usual,
    }
}

fn keeping(config: &Config) -> Keeping {
    Keeping {
        dir: Some(config.data_dir.join("catalogue")),
        crawl_period: config.crawl_period,
        refresh_period: config.refresh_period,
    }
}

fn started(config: &Config, clients: &Accounts, log: &AuditLog, clock: &dyn Clock, open_launches: u64) -> Entry {
    Entry {
        v: ENTRY_VERSION,
        time: clock.now(),
        launch_id: None,
        account_id: Some(clients.home().account_id().clone()),
        region: None,
        principal: None,
        event: Event::ServiceStarted(ServiceStarted {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sandbox: config.sandbox.is_some(),
            regions: clients.home().regions().cloned().collect(),
            open_launches,
            verifier_key: Some(log.verifier_keys().current().to_owned()),
            accepted: log.acceptance_to_record(),
        }),
    }
}

fn read_faults(path: &Path) -> Result<Plan, ServeError> {
    let text = std::fs::read_to_string(path).map_err(|e| ServeError::FaultsFile(path.to_owned(), e))?;
    Plan::parse(&text).map_err(|e| ServeError::Faults(path.to_owned(), e))
}

fn read_tls(settings: &TlsConfig) -> Result<Tls, ServeError> {
    let read = |path: &PathBuf| std::fs::read(path).map_err(|e| ServeError::TlsFile(path.clone(), e));
    Ok(Tls {
        certificate: read(&settings.cert)?,
        key: read(&settings.key)?,
        client_ca: settings.client_ca.as_ref().map(read).transpose()?,
    })
}

#[cfg(test)]
mod tests;
