//! A small EC2: a server that speaks its Query protocol, so that whatever talks to EC2 can be run,
//! tested and shown without an account.
//!
//! It is impossible to mistake for AWS: its Region is called `sandbox-1`, its account is twelve
//! zeros, its names end in `.invalid`. It shares no code with the rest of Gantry, which must not
//! agree with it by accident. It has no background work: state follows from what happened and the
//! clock. It does not verify signatures and knows nothing of IAM.

mod actions;
mod cloud;
mod faults;
mod images;
mod instance_types;
mod wire;
mod zones;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::ids::Region;
use cloud::{Cloud, Line, Saved, SavedError, State};
use images::Catalog;
use wire::connection::{Cut, Doorman};
use wire::errors::Ec2Error;
use zones::Network;

pub use faults::{Fault, Faults};
pub use images::landmarks;

/// The sandbox's account.
pub const ACCOUNT_ID: &str = "000000000000";
/// The sandbox's Region, unless told otherwise.
pub const DEFAULT_REGION: &str = "sandbox-1";
/// The fewest images of a Region: fewer cannot hold three of every class.
pub const IMAGES_MIN: usize = images::IMAGES_MIN;
/// The most images of a Region.
pub const IMAGES_MAX: usize = images::IMAGES_MAX;
/// Regions of one sandbox; each has its own images.
pub const REGIONS_MAX: usize = 16;

/// What a sandbox is made with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The Regions it serves, each with its own images and instances.
    pub regions: Vec<Region>,
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
}

impl Default for Options {
    fn default() -> Self {
        let region = DEFAULT_REGION.parse().expect("the default Region is well-formed");
        Self { regions: vec![region], images: 2000, speed: 1.0, seed: 1, state_dir: None }
    }
}

/// Why a sandbox cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// No Region, too many, or one twice.
    #[error("a sandbox serves 1 to {REGIONS_MAX} different Regions")]
    Regions,
    /// Too few or too many images.
    #[error("a sandbox has {IMAGES_MIN} to {IMAGES_MAX} images per Region, not {0}")]
    Images(usize),
    /// A speed that time cannot be divided by.
    #[error("the sandbox's speed must be a positive number, not {0}")]
    Speed(f64),
    /// The state directory cannot be used: in use by another sandbox, unreadable, or damaged.
    #[error("the sandbox's saved state cannot be opened")]
    State(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<SavedError> for SandboxError {
    fn from(error: SavedError) -> Self {
        Self::State(Box::new(error))
    }
}

/// A sandbox. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Arc<dyn Clock>,
    regions: BTreeMap<Region, Cloud>,
    faults: Faults,
    /// How often each action was asked.
    calls: Mutex<HashMap<String, u64>>,
    /// The file of changes. Taken after a Region's lock, never before.
    saved: Mutex<Option<Saved>>,
}

impl Sandbox {
    /// Makes the images and reads what was saved. Blocks for as long as that takes: about a second
    /// for 150,000 images.
    ///
    /// # Errors
    /// If an option is out of bounds, or the state directory cannot be used.
    pub fn open(options: Options, clock: Arc<dyn Clock>) -> Result<Self, SandboxError> {
        let Options { mut regions, images, speed, seed, state_dir } = options;
        regions.sort();
        if !(1..=REGIONS_MAX).contains(&regions.len()) || regions.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(SandboxError::Regions);
        }
        if !(IMAGES_MIN..=IMAGES_MAX).contains(&images) {
            return Err(SandboxError::Images(images));
        }
        if !speed.is_finite() || speed <= 0.0 {
            return Err(SandboxError::Speed(speed));
        }
        let mut lines: BTreeMap<String, Vec<Line>> = BTreeMap::new();
        let mut saved = None;
        if let Some(directory) = state_dir {
            let (file, read) = Saved::open(&directory)?;
            for line in read {
                lines.entry(line.region().to_owned()).or_default().push(line);
            }
            saved = Some(file);
        }
        let clouds: BTreeMap<Region, Cloud> = regions
            .into_iter()
            .map(|region| {
                let state = State::replay(lines.remove(region.as_str()).unwrap_or_default());
                let catalog = Catalog::generate(seed, &region, images);
                (region.clone(), Cloud::new(Network::new(&region), catalog, seed, speed, state))
            })
            .collect();
        if let Some(file) = &mut saved {
            let now = clock.now();
            let kept = clouds.iter().flat_map(|(region, cloud)| cloud.state().lines(region.as_str(), now));
            // Regions that are not served this time are kept as they are.
            let kept: Vec<Line> = kept.chain(lines.into_values().flatten()).collect();
            file.compact(&kept)?;
        }
        let shared = Shared {
            clock,
            regions: clouds,
            faults: Faults::default(),
            calls: Mutex::default(),
            saved: Mutex::new(saved),
        };
        Ok(Self { shared: Arc::new(shared) })
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

    /// Run-time faults, for tests.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// How many instances of a Region are not terminated; 0 for a Region that is not served.
    pub fn instances(&self, region: &str) -> usize {
        let now = self.shared.clock.now();
        self.shared
            .regions
            .iter()
            .find(|(name, _)| name.as_str() == region)
            .map_or(0, |(_, cloud)| cloud.state().live(now))
    }

    /// How often `action` was asked, whatever the answer; 0 for actions that are not served.
    pub fn calls(&self, action: &str) -> u64 {
        lock(&self.shared.calls).get(action).copied().unwrap_or(0)
    }

    fn count(&self, action: &str) {
        *lock(&self.shared.calls).entry(action.to_owned()).or_default() += 1;
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.shared.clock)
    }

    fn regions(&self) -> impl Iterator<Item = &Region> {
        self.shared.regions.keys()
    }

    /// The Region that a credential scope names.
    fn region(&self, name: &str) -> Result<&Cloud, Ec2Error> {
        let found = self.shared.regions.iter().find(|(region, _)| region.as_str() == name);
        found.map(|(_, cloud)| cloud).ok_or_else(|| {
            let served: Vec<&str> = self.regions().map(Region::as_str).collect();
            let message = format!(
                "Credential should be scoped to a valid Region, not '{name}'. This sandbox serves {}.",
                served.join(", ")
            );
            Ec2Error::with_status(401, "AuthFailure", message)
        })
    }

    /// Writes a change down, if changes are written down.
    fn save(&self, line: &Line) -> Result<(), Ec2Error> {
        match lock(&self.shared.saved).as_mut().map(|saved| saved.append(line)) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "sandbox state not saved");
                Err(Ec2Error::internal())
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is consistent after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
