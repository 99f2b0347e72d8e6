//! A launch: the fold of its entries.
//!
//! [`Launch::apply`] is the only way a launch changes. Everybody else proposes entries. The fold
//! also makes the launch's boot events and their sequence numbers, so that a stream replayed from
//! the log and a stream followed live cannot differ.

mod apply;
mod boot_times;
mod late;
mod settle;

pub use boot_times::{BootOutcome, BootTimes};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::attempt_entry::{AttemptError, AttemptShare};
use super::boot_event::{BootEvent, LaunchState, Phase};
use super::entry::{Candidate, Entry, Event, InstancePlace, PolicyStamp, Reason, TerminationStage, Verdict};
use super::finding::Finding;
use super::image_choice::ImageReceipt;
use super::spec::{Placement, Spec};
use super::template::TemplateSource;
use crate::ids::{
    AccountId, AttemptId, ClientToken, ImageId, InstanceId, InstanceType, LaunchId, Principal, Region, RequestId,
    RoleSession,
};

/// One launch, as its entries so far tell it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Launch {
    /// Its id.
    pub launch_id: LaunchId,
    /// The caller's idempotency key; none on a preview.
    pub request_id: Option<RequestId>,
    /// Who asked.
    pub principal: Principal,
    /// In which account.
    pub account_id: AccountId,
    /// In which Region.
    pub region: Region,
    /// Why.
    pub reason: String,
    /// Whether policy was asked to be overridden.
    #[serde(default)]
    pub break_glass: bool,
    /// What was asked, with the launch template merged into it.
    pub spec: Spec,
    /// Where a merged spec came from.
    #[serde(default)]
    pub launch_template: Option<TemplateSource>,
    /// The answer.
    pub verdict: Verdict,
    /// What the rules found.
    pub findings: Vec<Finding>,
    /// The policy that decided.
    pub policy: PolicyStamp,
    /// The candidates, in order.
    #[serde(default)]
    pub candidates: Vec<Candidate>,
    /// No attempt begins after this.
    pub deadline: Option<Timestamp>,
    /// What the image was when it was decided.
    #[serde(default)]
    pub image_receipt: Option<ImageReceipt>,
    /// `ebs` or `instance-store`, from the image's facts; how long a boot takes depends on it.
    #[serde(default)]
    pub root_device_type: Option<String>,
    /// `hvm` or `paravirtual`, from the image's facts.
    #[serde(default)]
    pub virtualization_type: Option<String>,
    /// Every attempt, in order.
    pub attempts: Vec<Attempt>,
    /// Every instance, in order of launch.
    pub instances: Vec<LaunchInstance>,
    /// How far it has come.
    pub state: LaunchState,
    /// Why it is in that state, where there is something to say.
    pub state_reason: Option<Reason>,
    /// When it was decided.
    pub create_time: Timestamp,
    /// When its last entry was made.
    pub update_time: Timestamp,
    /// When it settled last.
    pub settle_time: Option<Timestamp>,
    /// Whether a termination was asked for.
    #[serde(default)]
    pub terminating: bool,
    /// Why, in the words of whoever asked for the termination that EC2 has not answered yet.
    #[serde(default)]
    pub pending_termination: Option<String>,
    /// Instances that no launch made and whose termination was asked for with this launch; EC2 has not answered it
    /// yet. Each request by itself.
    #[serde(default)]
    pub pending_others: Vec<PendingOthers>,
    /// Why, in the words of whoever asked for no further attempts.
    #[serde(default)]
    pub cancelled: Option<String>,
    /// The sequence of its last event.
    pub last_sequence: u64,
}

/// A termination of instances that no launch made, which EC2 has not answered yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingOthers {
    /// Why, in the words of whoever asked.
    pub reason: String,
    /// Which.
    pub instance_ids: Vec<InstanceId>,
}

/// One attempt of a launch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its id.
    pub attempt_id: AttemptId,
    /// The type it asked for.
    pub instance_type: InstanceType,
    /// The place it asked for.
    pub placement: Placement,
    /// Its token.
    pub client_token: ClientToken,
    /// How it came out.
    pub state: AttemptState,
    /// EC2's error, when it failed or is unknown.
    pub error: Option<AttemptError>,
    /// EC2's id of the request.
    pub ec2_request_id: Option<String>,
    /// The reservation.
    pub reservation_id: Option<String>,
    /// When it was made durable.
    pub intend_time: Timestamp,
    /// When its outcome was recorded.
    pub end_time: Option<Timestamp>,
    /// Whom it serves, if that is more than this launch.
    #[serde(default)]
    pub share: Option<AttemptShare>,
    /// In which session of the account's role it is called, if in one.
    #[serde(default)]
    pub role_session: Option<RoleSession>,
    /// Since when it has been known that its outcome is not known.
    #[serde(default)]
    pub unknown_time: Option<Timestamp>,
}

/// How an attempt came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// Durable; EC2 may or may not have been called.
    Intended,
    /// EC2 launched instances.
    Succeeded,
    /// EC2 definitely launched nothing.
    Failed,
    /// Not known; being found out.
    Unknown,
}

/// One instance of a launch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaunchInstance {
    /// Where it is.
    pub place: InstancePlace,
    /// The attempt that made it.
    pub attempt_id: AttemptId,
    /// How far it has come.
    pub phase: Phase,
    /// When it reached that phase.
    pub phase_time: Timestamp,
    /// When it was ready for the first time. From then on what happens to it is life and not boot:
    /// the launch only follows it to its end.
    #[serde(default)]
    pub ready_time: Option<Timestamp>,
    /// How far its termination has come that the launch asks for where an instance is not ready in time; none if
    /// that was not asked for. Asked for once: after a refusal it is a person's to end.
    #[serde(default)]
    pub late_end: Option<TerminationStage>,
    /// How long it took to what.
    #[serde(default)]
    pub boot_times: BootTimes,
    /// Whether its terminal event was told: READY, FAILED, TERMINATED or TIMED_OUT, whichever came first. What follows is
    /// told as well, and ends nothing, until somebody asks for the termination of a launch that has come to rest: that
    /// is waited for anew, by streams to come.
    #[serde(default)]
    pub has_settled: bool,
}

impl LaunchInstance {
    /// Whether it came up and has not ended since.
    fn is_up(&self) -> bool {
        self.ready_time.is_some() && !self.has_ended()
    }

    /// Whether it is gone for good.
    pub fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Failed | Phase::Terminated)
    }
}

/// An entry that does not follow from what came before it. The log holds something that this
/// program would not have written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The first entry of a launch is its decision.
    #[error("the first entry of a launch is not a decision")]
    NotDecided,
    /// A launch is decided once.
    #[error("the launch was decided before")]
    DecidedTwice,
    /// The entry is about another launch, or about none.
    #[error("the entry does not belong to this launch")]
    OtherLaunch,
    /// Something is said of an attempt that was never intended.
    #[error("attempt {0} was never intended")]
    NoSuchAttempt(AttemptId),
    /// An attempt is begun while another has no definite end, or begun twice.
    #[error("attempt {0} begins before the one before it has definitely failed")]
    AttemptTooEarly(AttemptId),
    /// An attempt that ended gets another end.
    #[error("attempt {0} has ended before")]
    AttemptEnded(AttemptId),
    /// Something is said of an instance that no attempt made.
    #[error("instance {0} was not made by this launch")]
    NoSuchInstance(InstanceId),
    /// The launch is over, and the entry would go on with it.
    #[error("the launch has ended")]
    Ended,
    /// An attempt succeeded without instances, or with one that is there already.
    #[error("attempt {0} has no instances, or one twice")]
    NotInstances(AttemptId),
    /// An instance's place names another instance.
    #[error("the place of instance {0} is another instance's")]
    OtherPlace(InstanceId),
    /// A launch ends as failed or cancelled; every other state follows from its instances.
    #[error("a launch cannot be ended as {0:?}")]
    NoEnd(LaunchState),
    /// A launch without instances cannot be terminated, nor can instances for not being ready where the launch
    /// does not ask for that.
    #[error("there is nothing to terminate")]
    NothingToTerminate,
    /// An instance is terminated for not being ready in time, and it was, or that was asked for before.
    #[error("instance {0} is not to be terminated for not being ready in time")]
    NotLate(InstanceId),
}

impl Launch {
    /// The launch that `entry`, a decision, begins, and its first events.
    ///
    /// # Errors
    /// [`ApplyError::NotDecided`] if the entry is no decision of a launch.
    pub fn begin(entry: &Entry) -> Result<(Self, Vec<BootEvent>), ApplyError> {
        let (Event::Decision(decision), Some(launch_id), Some(account_id), Some(region), Some(principal)) =
            (&entry.event, entry.launch_id, &entry.account_id, &entry.region, &entry.principal)
        else {
            return Err(ApplyError::NotDecided);
        };
        if decision.preview {
            return Err(ApplyError::NotDecided);
        }
        let verdict = decision.verdict;
        let admitted = verdict == Verdict::Admitted;
        let fact = |name: &str| {
            let value = decision.image_facts.as_ref().and_then(|facts| facts.get(name)?.as_str());
            value.map(str::to_owned)
        };
        let mut launch = Self {
            launch_id,
            request_id: decision.request_id.clone(),
            principal: principal.clone(),
            account_id: account_id.clone(),
            region: region.clone(),
            reason: decision.reason.clone(),
            break_glass: decision.break_glass,
            spec: decision.spec.clone(),
            launch_template: decision.launch_template.clone(),
            verdict,
            findings: decision.findings.clone(),
            policy: decision.policy.clone(),
            candidates: decision.candidates.clone(),
            deadline: decision.deadline,
            image_receipt: decision.image_receipt.clone(),
            root_device_type: fact("root_device_type"),
            virtualization_type: fact("virtualization_type"),
            attempts: Vec::new(),
            instances: Vec::new(),
            state: if admitted { LaunchState::Launching } else { LaunchState::Refused },
            state_reason: None,
            create_time: entry.time,
            update_time: entry.time,
            settle_time: (!admitted).then_some(entry.time),
            terminating: false,
            pending_termination: None,
            pending_others: Vec::new(),
            cancelled: None,
            last_sequence: 0,
        };
        let event = launch.launch_event(entry.time);
        Ok((launch, vec![event]))
    }

    /// Whether something is still to be done or watched for this launch: the launches that are
    /// taken up again at start.
    pub fn is_open(&self) -> bool {
        !self.state.is_settled()
            || !self.pending_others.is_empty()
            || self.instances.iter().any(|instance| instance.phase == Phase::TimedOut || instance.awaits_late_end())
    }

    /// The instances that it has, and those that it may yet get: while it is LAUNCHING as many as were asked for,
    /// then those that are not known to have ended. A stopped instance has not ended.
    pub fn instances_held(&self) -> u32 {
        if self.state == LaunchState::Launching {
            return self.spec.max_count;
        }
        let living = self.instances.iter().filter(|instance| !instance.has_ended());
        u32::try_from(living.count()).unwrap_or(u32::MAX)
    }

    /// The image that it launches: the one that was named, or that the selector came to. None if
    /// nothing met the selector, and then the launch was refused.
    pub fn image_id(&self) -> Option<&ImageId> {
        self.spec.image.decided(self.image_receipt.as_ref())
    }

    /// The attempt whose outcome is not recorded yet.
    pub fn undecided_attempt(&self) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| matches!(attempt.state, AttemptState::Intended | AttemptState::Unknown))
    }
}

#[cfg(test)]
mod tests;
