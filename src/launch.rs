//! Launches: decide, act, and find out what became of it.
//!
//! The order is the promise. The decision is durable before anything happens; each attempt is
//! durable under its own client token before RunInstances is called; its outcome is durable before
//! anybody is told. An attempt is only followed by another once it has definitely failed. What a
//! crash leaves open is taken up by the same code that would have finished it.
//!
//! This room never watches an instance boot: it tells the server which launch has new instances.

mod admit;
mod attempt;
mod body;
mod cancel;
mod capacity;
mod claims;
pub mod decide;
mod drive;
mod driven;
mod entry;
mod error;
mod evaluate;
mod expected;
mod fallback;
mod freeze;
mod gate;
mod gather;
mod group;
mod lost;
mod orphans;
mod outcome;
mod preview;
mod quota;
mod redact;
mod request;
mod resolve;
mod settings;
mod spread;
mod step;
mod storm;
mod switch;
mod tag;
pub mod template;
mod terminate;
mod withheld;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ami::catalog::{Catalog, Catalogs};
use crate::audit::{AuditLog, Topic};
use crate::clock::Clock;
use crate::ec2::Accounts;
use crate::ec2::budget::Priority;
use crate::ids::{AccountId, LaunchId, Principal, Region, RequestId};
use crate::policy::InForce;
use crate::record::{Entry, Launch, LaunchState, Spec};

use capacity::CapacityMemory;
use claims::Claims;
use driven::Driven;
use expected::Expected;
use redact::Redaction;
use request::request_key;
use storm::Storms;
use withheld::WithheldDir;

pub use cancel::{CancelError, CancelRequest};
pub use error::LaunchError;
pub use evaluate::Evaluation;
pub use gather::GATHER_LIMIT;
pub use orphans::{Orphan, OrphanReason, Swept};
pub use quota::{Excess, Limits, QUOTA_HOUR, Quota, QuotaLimits, Quotas, Whose};
pub use settings::LaunchSettings;
pub use switch::{Switch, SwitchError, SwitchState};
pub use terminate::{ANSWER_LIMIT, TerminateError, TerminateRequest};

/// How long [`Launcher::resume`] waits for the launches that a crash left open before serving
/// begins; those that EC2 does not answer for in this time go on in the background.
pub const RESUME_LIMIT: Duration = Duration::from_secs(30);

/// Asks for launches and finds out what became of them. Clones are the same launcher.
#[derive(Debug, Clone)]
pub struct Launcher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clients: Accounts,
    catalogs: Catalogs,
    log: AuditLog,
    clock: Arc<dyn Clock>,
    /// The policy in force.
    policy: InForce,
    quotas: Quotas,
    switch: Switch,
    redaction: Redaction,
    /// What open attempts need and the log must not have.
    withheld: WithheldDir,
    /// Launches that have instances to watch; the other end is the boot tracker's.
    launched: mpsc::Sender<LaunchId>,
    /// The launches that a task drives. Nobody waits for one that none does.
    driven: Driven,
    /// The attempts whose outcome a task finds out.
    claims: Claims,
    /// Launches that wait together for their turn.
    storms: Storms,
    /// Launches that are being decided, and may come to wait with them.
    expected: Expected,
    /// What EC2 lacked a moment ago.
    capacity: CapacityMemory,
    /// Every launch that is being driven: a dropped RPC does not drop a launch.
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

/// One request to launch.
#[derive(Debug, Clone)]
pub struct LaunchRequest {
    /// What to launch.
    pub spec: Spec,
    /// The user data whose hash the spec holds.
    pub user_data: Option<Vec<u8>>,
    /// Why.
    pub reason: String,
    /// Whether what policy forbids is to be let pass, where policy permits that.
    pub break_glass: bool,
    /// The caller's idempotency key; required unless `validate_only`.
    pub request_id: Option<RequestId>,
    /// Only say what would happen.
    pub validate_only: bool,
    /// How long to wait for the launch to leave LAUNCHING.
    pub wait: Duration,
    /// Who asks.
    pub principal: Principal,
}

/// The answer to a request that was not refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A launch, new or replayed.
    Launch(Box<Launch>),
    /// What would have happened: `validate_only`. The entry is the recorded decision.
    Preview(Box<Entry>),
}

impl Launcher {
    /// A launcher over what the server has opened. `launched` is told of every launch that has instances
    /// to watch.
    ///
    /// # Errors
    /// If the directory for what the log must not have cannot be made, or the key of redacted requests
    /// cannot be read or made.
    pub fn open(
        data_dir: &Path,
        clients: impl Into<Accounts>,
        catalogs: impl Into<Catalogs>,
        log: AuditLog,
        clock: Arc<dyn Clock>,
        settings: LaunchSettings,
        launched: mpsc::Sender<LaunchId>,
    ) -> std::io::Result<Self> {
        let LaunchSettings { redact_tags, policy, quotas, switch } = settings;
        Ok(Self {
            shared: Arc::new(Shared {
                clients: clients.into().at(Priority::Launch),
                catalogs: catalogs.into(),
                log,
                policy,
                quotas,
                switch,
                redaction: Redaction::open(data_dir, &redact_tags, clock.now())?,
                clock,
                // The name is from when only user data was kept there.
                withheld: WithheldDir::open(&data_dir.join("user-data"))?,
                launched,
                driven: Driven::default(),
                claims: Claims::default(),
                storms: Storms::default(),
                expected: Expected::default(),
                capacity: CapacityMemory::default(),
                tasks: TaskTracker::new(),
                shutdown: CancellationToken::new(),
            }),
        })
    }

    /// Decides, and if admitted launches. Returns when the launch has left LAUNCHING or the wait
    /// is over; the launch goes on either way, also when the caller drops this future. Of a launch that
    /// does not go on before a restart nobody waits for the end.
    ///
    /// # Errors
    /// See [`LaunchError`]. A failure after admission is no error: it is a launch in state FAILED.
    pub async fn launch(&self, request: LaunchRequest) -> Result<Answer, LaunchError> {
        let prepared = self.shared.redaction.prepare(&request);
        if request.validate_only {
            return Box::pin(self.preview(&request, &prepared)).await.map(|entry| Answer::Preview(Box::new(entry)));
        }
        let Some(key) = request_key(&request) else {
            // The edge requires a request id; without one nothing can be launched once only.
            return Err(LaunchError::Refused { launch_id: None, findings: Vec::new() });
        };
        let launch_id = match self.shared.log.request(&key)? {
            Some(taken) => self.shared.same_body(&key.request_id, taken, &prepared.bodies)?,
            None => {
                self.shared.check_standing()?;
                Box::pin(self.decide_once(&key, &request, &prepared)).await?
            }
        };
        let answer = self.answer(launch_id, request.wait).await;
        answer.or_else(|error| self.pruned_or(error, key))
    }

    /// Takes up every launch that the last process left open, and returns how many there were.
    /// Waits for each to make its first step, but no longer than [`RESUME_LIMIT`] in all.
    ///
    /// # Errors
    /// If the log or the directory of what it must not have cannot be read.
    pub async fn resume(&self) -> Result<u64, LaunchError> {
        let open = self.shared.log.open_launches()?;
        let launching = |launch: &&Launch| launch.state == LaunchState::Launching;
        let keep = open.iter().filter(launching).map(|launch| launch.launch_id).collect();
        self.shared.withheld.keep_only(&keep).map_err(LaunchError::Withheld)?;
        let mut first_steps = Vec::new();
        for launch in &open {
            if launch.state == LaunchState::Launching {
                let driving = self.shared.driven.begin(launch.launch_id);
                first_steps.push(self.spawn_drive(driving, None));
            } else {
                self.spawn_tagging(launch);
                // The receiver lives as long as the server; without it there is nothing to watch.
                let _ = self.shared.launched.send(launch.launch_id).await;
                self.spawn_late(launch);
            }
            if launch.pending_termination.is_some() || !launch.pending_others.is_empty() {
                self.spawn_termination(launch);
            }
        }
        let all = futures::future::join_all(first_steps);
        let _ = crate::clock::within(&*self.shared.clock, RESUME_LIMIT, all).await;
        Ok(open.len() as u64)
    }

    /// Stops beginning new steps and waits for the steps under way. Open launches stay open in the
    /// log and are taken up at the next start.
    pub async fn close(&self) {
        self.shared.shutdown.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    /// The launch once it has left LAUNCHING, `wait` is over, or nothing more is done about it before a
    /// restart, as when the log turns out to be behind.
    async fn answer(&self, launch_id: LaunchId, wait: Duration) -> Result<Answer, LaunchError> {
        let mut changes = self.shared.log.subscribe(Topic::Launch(launch_id));
        let left = self.shared.driven.until_left(launch_id);
        let mut over = self.shared.clock.sleep(wait);
        let mut waiting = true;
        loop {
            changes.mark_unchanged();
            // Before the launch is read: what its task did last is seen then.
            let is_driven = !left.is_cancelled();
            let launch = self.shared.log.launch(launch_id)?.ok_or(LaunchError::Lost(launch_id))?;
            match launch.state {
                LaunchState::Refused => {
                    return Err(LaunchError::refused(Some(launch_id), launch.findings));
                }
                LaunchState::Launching if waiting && is_driven => {}
                _ => return Ok(Answer::Launch(Box::new(launch))),
            }
            tokio::select! {
                changed = changes.changed() => waiting = changed.is_ok(),
                () = left.cancelled() => {}
                () = &mut over => waiting = false,
            }
        }
    }
}

impl Shared {
    fn client(&self, account_id: &AccountId, region: &Region) -> Result<&crate::ec2::Client, LaunchError> {
        self.clients.client(account_id, region).ok_or_else(|| LaunchError::UnknownRegion(region.clone()))
    }

    /// The images and types as an account sees them.
    fn catalog(&self, spec: &Spec) -> Result<&Catalog, LaunchError> {
        self.catalogs.of(&spec.account_id).ok_or_else(|| LaunchError::UnknownRegion(spec.region.clone()))
    }
}

#[cfg(test)]
pub(crate) mod tests;
