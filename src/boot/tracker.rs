//! The tracker: one poller for each Region of each account, whatever the number of watchers.
//!
//! A poller asks EC2 about all young instances of its Region and account at once and appends what changed to
//! the audit log. It is told of launches on a channel, and of instances that somebody watches
//! though Gantry did not launch them by [`Tracker::follow`].

mod console;
mod due;
mod followed;
mod observed;
mod on_record;
mod poller;
mod unread;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::{AuditLog, ReadError};
use crate::boot::tails::Tails;
use crate::clock::Clock;
use crate::ec2::budget::Priority;
use crate::ec2::{Accounts, Ec2Error};
use crate::ids::{AccountId, InstanceId, LaunchId, Region};

use observed::Observed;
pub(super) use poller::Shown;
use poller::{Command, Follow, Poller};
pub use poller::{Hint, Interruption};
use unread::Unread;

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

/// Why instances are not followed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FollowError {
    /// EC2 could not be asked.
    #[error("EC2 could not be asked")]
    Ec2(#[from] Ec2Error),
    /// What is on record of them could not be read.
    #[error("the audit log could not be read")]
    Read(#[from] ReadError),
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
        launched: mpsc::Receiver<LaunchId>,
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
        let passing_on = pass_on(Arc::downgrade(&shared), log.clone(), Arc::clone(clock), launched);
        shared.tasks.spawn(shared.shutdown.clone().run_until_cancelled_owned(passing_on));
        Self { shared }
    }

    /// Follows instances of a Region of an account for as long as the returned interest lives. Returns once EC2
    /// has been asked about them and what it says is on record, with the states of those that EC2
    /// shows.
    ///
    /// # Errors
    /// If EC2 could not be asked or the log not be read, as when the tracker is closing.
    pub(super) async fn follow(
        &self,
        place: &Place,
        instance_ids: Vec<InstanceId>,
    ) -> Result<(Interest, Shown), FollowError> {
        let Some(poller) = self.shared.pollers.get(place) else {
            return Ok((Interest { commands: None, instance_ids: Vec::new() }, Shown::new()));
        };
        let (answer, answered) = oneshot::channel();
        let interest = Interest { commands: Some(poller.clone()), instance_ids: Vec::new() };
        let _ = poller.send(Command::Follow(Follow { instance_ids, interest, answer }));
        // Without an answer the tracker is closing. That it shows nothing would be taken for EC2's word.
        answered.await.unwrap_or(Err(FollowError::Read(ReadError::Closed)))
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

/// Hands launches to the pollers of their places. What cannot be read is read again after a pause.
async fn pass_on(shared: Weak<Shared>, log: AuditLog, clock: Arc<dyn Clock>, mut launched: mpsc::Receiver<LaunchId>) {
    let mut unread = Unread::default();
    loop {
        let pause = unread.due().map(|due| due.saturating_sub(clock.uptime()));
        let launch_ids = tokio::select! {
            launch_id = launched.recv() => match launch_id {
                Some(launch_id) => [launch_id].into(),
                None => return,
            },
            () = clock.sleep(pause.unwrap_or_default()), if pause.is_some() => unread.take(clock.uptime()),
        };
        let Some(shared) = shared.upgrade() else { return };
        for launch_id in launch_ids {
            match log.launch(launch_id) {
                Ok(Some(launch)) => {
                    if let Some(poller) = shared.pollers.get(&(launch.account_id, launch.region)) {
                        // A poller lives as long as the tracker.
                        let _ = poller.send(Command::Launch(launch_id));
                    }
                }
                Ok(None) | Err(ReadError::Closed) => {}
                Err(error) => {
                    tracing::error!(%launch_id, %error, "launch not watched before it is read again");
                    unread.note(launch_id, clock.uptime());
                }
            }
        }
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
