//! A small EC2: a server that speaks its Query protocol, so that whatever talks to EC2 can be run,
//! tested and shown without an account.
//!
//! It is impossible to mistake for AWS: its Region is called `sandbox-1`, its account is twelve
//! zeros, its public names end in `.invalid`. It shares no code with the rest of Gantry, which must not
//! agree with it by accident. It has no background work: state follows from what happened and the
//! clock. It does not verify signatures and knows nothing of IAM. It may have several accounts, and then AssumeRole leads
//! into the others.

mod account;
mod actions;
mod boots;
mod callers;
mod calls;
mod cloud;
mod control;
mod faults;
mod images;
mod instance_types;
mod keeping;
mod recording;
mod time;
mod wire;
mod zones;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::ids::{AccountId, Region};
use callers::Sessions;
use calls::Calls;
use cloud::{Cloud, Line, Saved, SavedError, State};
use images::Catalog;
use keeping::kept;
use recording::Recorder;
use time::SandboxClock;
use wire::connection::{Cut, Doorman};
use wire::errors::Ec2Error;
use zones::Network;

pub use account::{Account, VcpuQuota};
pub use boots::Boot;
pub use calls::Seen;
pub use faults::{Fault, FaultCount, Faults, Plan, PlanErrors};
pub use images::landmarks;
pub use recording::{Difference, ReplayError, ReplayReport, replay};

/// The sandbox's own account.
pub const ACCOUNT_ID: &str = "000000000000";
/// The sandbox's Region, unless told otherwise.
pub const DEFAULT_REGION: &str = "sandbox-1";
/// The fewest images of a Region: fewer cannot hold three of every class.
pub const IMAGES_MIN: usize = images::IMAGES_MIN;
/// The most images of a Region.
pub const IMAGES_MAX: usize = images::IMAGES_MAX;
/// Regions of one sandbox; each has its own images.
pub const REGIONS_MAX: usize = 16;

/// Accounts of one sandbox beside its own; each has images and instances of its own.
pub const ACCOUNTS_MAX: usize = 100;

/// What a sandbox is made with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The Regions it serves, each with its own images and instances.
    pub regions: Vec<Region>,
    /// Other accounts than [`ACCOUNT_ID`] that it has: whoever calls assumes a role in them.
    pub accounts: Vec<AccountId>,
    /// Images per Region, from [`IMAGES_MIN`] to [`IMAGES_MAX`].
    pub images: usize,
    /// How many times faster than real instances its instances boot and shut down. How long a
    /// terminated instance stays visible is not divided.
    pub speed: f64,
    /// What images, ids and boot times are drawn from.
    pub seed: u64,
    /// Where the cloud is saved, so that a restarted sandbox finds its instances, tokens and tags;
    /// nothing is saved without it.
    pub state_dir: Option<PathBuf>,
    /// What goes wrong on purpose, and what the account is allowed.
    pub faults: Option<Plan>,
    /// A file to record every call and its answer in, for [`replay`]; it must not exist yet. Calls
    /// are then answered one at a time.
    pub record: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        let region = DEFAULT_REGION.parse().expect("the default Region is well-formed");
        Self {
            regions: vec![region],
            accounts: Vec::new(),
            images: 2000,
            speed: 1.0,
            seed: 1,
            state_dir: None,
            faults: None,
            record: None,
        }
    }
}

/// Why a sandbox cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// No Region, too many, or one twice.
    #[error("a sandbox serves 1 to {REGIONS_MAX} different Regions")]
    Regions,
    /// Too many accounts, one twice, or the one that it has anyway.
    #[error("a sandbox has at most {ACCOUNTS_MAX} different accounts beside {ACCOUNT_ID}")]
    Accounts,
    /// Too few or too many images.
    #[error("a sandbox has {IMAGES_MIN} to {IMAGES_MAX} images per Region, not {0}")]
    Images(usize),
    /// A speed that time cannot be divided by.
    #[error("the sandbox's speed must be a positive number, not {0}")]
    Speed(f64),
    /// The state directory cannot be used: in use by another sandbox, unreadable, or damaged.
    #[error("the sandbox's saved state cannot be opened")]
    State(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The recording cannot be begun: its file is there already, or cannot be written.
    #[error("the sandbox cannot record")]
    Record(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<SavedError> for SandboxError {
    fn from(error: SavedError) -> Self {
        Self::State(Box::new(error))
    }
}

/// Each Region of each account.
type Clouds = BTreeMap<(AccountId, Region), Cloud>;

/// A sandbox. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Arc<SandboxClock>,
    seed: u64,
    speed: f64,
    clouds: Clouds,
    /// The sessions of roles that were assumed.
    sessions: Sessions,
    faults: Faults,
    calls: Calls,
    recorder: Option<Recorder>,
    /// Taken by whoever changes the sandbox from outside EC2, after the recorder's lock and before
    /// any other.
    doors: Mutex<()>,
    account: Mutex<Arc<Account>>,
    /// The file of changes. Taken after a Region's lock, never before.
    saved: Mutex<Option<Saved>>,
}

impl Sandbox {
    /// Makes the images and reads what was saved. Blocks for as long as that takes: about a second
    /// for 150,000 images.
    ///
    /// # Errors
    /// If an option is out of bounds, or the state directory or the recording cannot be used.
    pub fn open(mut options: Options, clock: Arc<dyn Clock>) -> Result<Self, SandboxError> {
        check(&mut options)?;
        let Options { regions, accounts, images, speed, seed, state_dir, faults: plan, record } = options;
        let sessions = Sessions::default();
        let mut lines: BTreeMap<String, Vec<Line>> = BTreeMap::new();
        let mut saved = None;
        let mut ahead = Duration::ZERO;
        if let Some(directory) = state_dir {
            let (file, read) = Saved::open(&directory)?;
            for line in read {
                match line {
                    Line::Clock { ahead_ms } => ahead = ahead.max(Duration::from_millis(ahead_ms)),
                    Line::Session { session } => sessions.put(session),
                    line => lines.entry(line.region().to_owned()).or_default().push(line),
                }
            }
            saved = Some(file);
        }
        let clock = Arc::new(SandboxClock::new(clock, ahead));
        let now = clock.now();
        let every_account = std::iter::once(callers::home()).chain(accounts.iter().cloned());
        let places =
            every_account.flat_map(|account| regions.iter().map(move |region| (account.clone(), region.clone())));
        let clouds = places.map(|(account_id, region)| {
            let network = Network::new(&account_id, &region);
            let place = network.place();
            // What need not be kept over a restart is not kept over this one.
            let mut state = State::replay(lines.remove(&place).unwrap_or_default());
            state.forget_gone(now);
            let state = State::replay(state.lines(&place, now));
            let catalog = Catalog::generate(seed, &account_id, &region, images);
            ((account_id, region), Cloud::new(network, catalog, seed, speed, state))
        });
        let clouds: Clouds = clouds.collect();
        if let Some(file) = &mut saved {
            file.keep(lines.into_values().flatten().collect());
            file.compact(kept(&clouds, &sessions, ahead, now))?;
        }
        let header = recording::Header {
            version: recording::VERSION,
            started: clock.origin(),
            seed,
            regions,
            accounts,
            images,
            speed,
            faults: plan.as_ref().map(|plan| plan.text().to_owned()),
        };
        let recorder = record
            .map(|path| Recorder::create(&path, header, kept(&clouds, &sessions, ahead, now)))
            .transpose()
            .map_err(|error| SandboxError::Record(Box::new(error)))?;
        let shared = Shared {
            clock,
            seed,
            speed,
            clouds,
            sessions,
            faults: Faults::new(seed, speed),
            calls: Calls::default(),
            recorder,
            doors: Mutex::default(),
            account: Mutex::default(),
            saved: Mutex::new(saved),
        };
        let sandbox = Self { shared: Arc::new(shared) };
        if let Some(plan) = plan {
            sandbox.plan_faults(plan);
        }
        Ok(sandbox)
    }

    /// Serves until `shutdown`. Requests that are being answered then are answered; idle
    /// connections and half-sent requests are closed at once.
    ///
    /// # Errors
    /// If the listener fails.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
        let router = Router::new().fallback(wire::handle).with_state(self);
        let doorman = Doorman { listener, shutdown: shutdown.clone() };
        axum::serve(doorman, router.into_make_service_with_connect_info::<Cut>())
            .with_graceful_shutdown(shutdown.cancelled_owned())
            .await
    }

    /// What goes wrong: faults to inject, and the plan's.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Puts a plan of faults in force from the next call on, instead of the one before, and with it
    /// what it says about the account.
    pub fn plan_faults(&self, plan: Plan) {
        // Until the plan is in force: a call that came between the line and the plan would be
        // recorded after a plan that it never met.
        let mut turn = self.turn();
        let _one_at_a_time = lock(&self.shared.doors);
        if let Some(turn) = &mut turn {
            turn.faults(plan.text());
        }
        self.set_account(plan.account().clone());
        self.shared.faults.load(plan, self.shared.clock.now());
    }

    /// Changes what the account is allowed, from the next call on.
    pub fn set_account(&self, account: Account) {
        *lock(&self.shared.account) = Arc::new(account);
    }

    /// What the account is allowed and how it is set.
    fn account(&self) -> Arc<Account> {
        Arc::clone(&lock(&self.shared.account))
    }

    /// What ids, boot times and encoded messages are drawn from.
    fn seed(&self) -> u64 {
        self.shared.seed
    }

    /// How many instances of a Region in the sandbox's own account are not terminated; 0 for a Region that is not
    /// served.
    pub fn instances(&self, region: &str) -> usize {
        self.instances_of(&callers::home(), region)
    }

    /// How many instances of an account are not terminated in a Region; 0 where there are none to be had.
    pub fn instances_of(&self, account_id: &AccountId, region: &str) -> usize {
        let now = self.shared.clock.now();
        self.cloud(account_id, region).map_or(0, |cloud| cloud.state().live(now))
    }

    /// How often `action` was asked, whatever the answer; 0 for actions that are not served.
    pub fn calls(&self, action: &str) -> u64 {
        self.shared.calls.counts().get(action).copied().unwrap_or(0)
    }

    /// How often `action` was answered by this error code.
    pub fn refusals(&self, action: &str, code: &str) -> u64 {
        self.shared.calls.answers().get(action).and_then(|answers| answers.get(code)).copied().unwrap_or(0)
    }

    fn count(&self, action: &str) {
        self.shared.calls.count(action);
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.shared.clock) as Arc<dyn Clock>
    }

    fn regions(&self) -> impl Iterator<Item = &Region> {
        let home = self.shared.clouds.keys().next().map(|(account_id, _)| account_id);
        self.shared.clouds.keys().filter(move |(account_id, _)| Some(account_id) == home).map(|(_, region)| region)
    }

    fn has_account(&self, account_id: &AccountId) -> bool {
        self.shared.clouds.keys().any(|(known, _)| known == account_id)
    }

    /// The Region that a credential scope names, in an account.
    fn cloud(&self, account_id: &AccountId, name: &str) -> Result<&Cloud, Ec2Error> {
        let is_it = |(account, region): &(AccountId, Region)| account == account_id && region.as_str() == name;
        let found = self.shared.clouds.iter().find(|(place, _)| is_it(place));
        found.map(|(_, cloud)| cloud).ok_or_else(|| {
            let served: Vec<&str> = self.regions().map(Region::as_str).collect();
            let message = format!(
                "Credential should be scoped to a valid Region, not '{name}'. This sandbox serves {}.",
                served.join(", ")
            );
            Ec2Error::with_status(401, "AuthFailure", message)
        })
    }
}

/// Refuses options that are out of bounds, and sorts Regions and accounts.
fn check(options: &mut Options) -> Result<(), SandboxError> {
    let Options { regions, accounts, images, speed, .. } = options;
    regions.sort();
    if !(1..=REGIONS_MAX).contains(&regions.len()) || regions.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(SandboxError::Regions);
    }
    accounts.sort();
    let taken = accounts.windows(2).any(|pair| pair[0] == pair[1]) || accounts.contains(&callers::home());
    if taken || accounts.len() > ACCOUNTS_MAX {
        return Err(SandboxError::Accounts);
    }
    if !(IMAGES_MIN..=IMAGES_MAX).contains(images) {
        return Err(SandboxError::Images(*images));
    }
    if !speed.is_finite() || *speed <= 0.0 {
        return Err(SandboxError::Speed(*speed));
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is consistent after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
