//! The tracker: one poller for each Region of each account, whatever the number of watchers.
//!
//! A poller asks EC2 about all young instances of its Region and account at once and appends what changed to
//! the audit log. It is told of launches on a channel, and of instances that somebody watches
//! though Gantry did not launch them by [`Tracker::follow`].

mod due;
mod followed;
mod observed;
mod poller;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::AuditLog;
use crate::boot::tails::Tails;
use crate::clock::Clock;
use crate::ec2::budget::Priority;
use crate::ec2::{Accounts, Ec2Error};
use crate::ids::{AccountId, InstanceId, LaunchId, Region};

use observed::Observed;
use poller::{Command, Follow, Poller, Shown};
pub use poller::{Hint, Interruption};

/// How often EC2 is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackerSettings {
    /// Between two looks at the states of young instances. DescribeInstances has a bucket of 100
    /// requests refilled at 20 a second; one look every 1.5 s for 200 instances is 3 % of it.
    pub state_period: Duration,
    /// Between two looks at the status checks of young instances, which EC2 itself makes once a minute.
    pub status_period: Duration,
}

impl Default for TrackerSettings {
    fn default() -> Self {
        Self { state_period: Duration::from_millis(1_500), status_period: Duration::from_secs(10) }
    }
}

/// Follows instances until they are settled. Clones are the same tracker.
#[derive(Debug, Clone)]
pub struct Tracker {
    shared: Arc<Shared>,
}

/// A Region of an account.
type Place = (AccountId, Region);

#[derive(Debug)]
struct Shared {
    pollers: HashMap<Place, mpsc::UnboundedSender<Command>>,
    /// When each of them last saw what it follows.
    observed: HashMap<Place, Arc<Observed>>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Tracker {
    /// Starts a poller for every Region of every account, fed with the launches that arrive on
    /// `launched`.
    pub fn start(
        accounts: &Accounts,
        log: &AuditLog,
        clock: &Arc<dyn Clock>,
        settings: TrackerSettings,
        tails: &Tails,
        mut launched: mpsc::Receiver<LaunchId>,
    ) -> Self {
        let mut pollers = HashMap::new();
        let mut starting = Vec::new();
        for client in accounts.iter().flat_map(|clients| clients.regions().filter_map(|region| clients.get(region))) {
            let (commands, receiver) = mpsc::unbounded_channel();
            pollers.insert((client.account_id().clone(), client.region().clone()), commands);
            starting.push(Poller::new(
                client.at(Priority::Crawl),
                log.clone(),
                Arc::clone(clock),
                settings,
                receiver,
                tails.clone(),
            ));
        }
        let shared = Arc::new(Shared {
            pollers,
            observed: starting.iter().map(|poller| (place_of(poller), poller.observed())).collect(),
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        });
        for poller in starting {
            shared.tasks.spawn(poller.run(shared.shutdown.clone()));
        }
        let (log, at, shutdown) = (log.clone(), Arc::downgrade(&shared), shared.shutdown.clone());
        shared.tasks.spawn(async move {
            loop {
                let launch_id = tokio::select! {
                    launch_id = launched.recv() => launch_id,
                    () = shutdown.cancelled() => None,
                };
                let (Some(launch_id), Some(shared)) = (launch_id, at.upgrade()) else { return };
                match log.launch(launch_id) {
                    Ok(Some(launch)) => {
                        if let Some(poller) = shared.pollers.get(&(launch.account_id, launch.region)) {
                            // A poller lives as long as the tracker.
                            let _ = poller.send(Command::Launch(launch_id));
                        }
                    }
                    Ok(None) => {}
                    Err(error) => tracing::error!(%launch_id, %error, "launch not watched"),
                }
            }
        });
        Self { shared }
    }

    /// Follows instances of a Region of an account for as long as the returned interest lives. Returns once EC2
    /// has been asked about them and what it says is on record, with the states of those that EC2
    /// shows.
    ///
    /// # Errors
    /// If EC2 could not be asked.
    pub(super) async fn follow(
        &self,
        place: &Place,
        instance_ids: Vec<InstanceId>,
    ) -> Result<(Interest, Shown), Ec2Error> {
        let Some(poller) = self.shared.pollers.get(place) else {
            return Ok((Interest { commands: None, instance_ids: Vec::new() }, Shown::new()));
        };
        let (answer, answered) = oneshot::channel();
        let interest = Interest { commands: Some(poller.clone()), instance_ids: Vec::new() };
        let _ = poller.send(Command::Follow(Follow { instance_ids, interest, answer }));
        // Without an answer the tracker is closing; the stream that wanted to follow ends with it.
        answered.await.unwrap_or_else(|_| Ok((Interest { commands: None, instance_ids: Vec::new() }, Shown::new())))
    }

    /// Has it seen whether the instances of a launch, which nobody waits for any more, are still there. What has ended is
    /// recorded.
    pub fn check(&self, place: &Place, launch_id: LaunchId) {
        if let Some(poller) = self.shared.pollers.get(place) {
            // A poller lives as long as the tracker.
            let _ = poller.send(Command::Check(launch_id));
        }
    }

    /// Has an instance looked at sooner, since something is known to have happened to it. One that nobody follows is
    /// not looked at.
    pub fn hint(&self, place: &Place, hint: Hint) {
        if let Some(poller) = self.shared.pollers.get(place) {
            // A poller lives as long as the tracker.
            let _ = poller.send(Command::Hint(hint));
        }
    }

    /// When EC2 last answered about that of `instance_ids` which was seen longest ago: how old what a watcher knows
    /// is. None while EC2 has answered about none that is followed.
    pub fn observed<'a>(
        &self,
        place: &Place,
        instance_ids: impl IntoIterator<Item = &'a InstanceId>,
    ) -> Option<Timestamp> {
        self.shared.observed.get(place)?.oldest(instance_ids)
    }

    /// Stops polling and waits for what is under way.
    pub async fn close(&self) {
        self.shared.shutdown.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

fn place_of(poller: &Poller) -> Place {
    (poller.account_id().clone(), poller.region().clone())
}

/// Somebody watches these instances. Dropping it lets them go.
#[derive(Debug)]
pub struct Interest {
    commands: Option<mpsc::UnboundedSender<Command>>,
    instance_ids: Vec<InstanceId>,
}

impl Drop for Interest {
    fn drop(&mut self) {
        if let Some(commands) = &self.commands {
            let instance_ids = std::mem::take(&mut self.instance_ids);
            if !instance_ids.is_empty() {
                // A poller that is gone follows nothing.
                let _ = commands.send(Command::Release(instance_ids));
            }
        }
    }
}
