//! The entries of the audit log: one line of JSON each, a leaf of the Merkle log.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::acceptance::Acceptance;
use super::attempt_entry::{AttemptError, AttemptFailed, AttemptIntended, AttemptSucceeded, AttemptUnknown};
use super::boot_event::{BootFailure, LaunchState, Phase, ScheduledEvent};
use super::finding::Finding;
use super::governing::{Cancellation, LaunchSwitch, PolicyLoaded};
use super::image_choice::ImageReceipt;
use super::kind::EntryKind;
use super::pruning::RecordsPruned;
use super::spec::{Placement, Spec};
use super::template::TemplateSource;
use crate::ids::{
    AccountId, AvailabilityZone, ImageId, InstanceId, InstanceType, LaunchId, Principal, Region, RequestId,
    Sha256Digest,
};

/// The version of the entry format that this program writes.
pub const ENTRY_VERSION: u32 = 1;

/// One entry. What it is about stands beside the event, so that a reader can search the log
/// without knowing every kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The format version.
    pub v: u32,
    /// When it was decided, asked or observed.
    pub time: Timestamp,
    /// The launch it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_id: Option<LaunchId>,
    /// The account it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// The Region it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// On whose behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Entry {
    /// The exact bytes of the leaf: one line of JSON without its line end.
    pub fn to_leaf(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an entry has string keys only and no failing serialiser")
    }

    /// The kind of the event.
    pub fn kind(&self) -> EntryKind {
        match self.event {
            Event::Decision(_) => EntryKind::Decision,
            Event::AttemptIntended(_) => EntryKind::AttemptIntended,
            Event::AttemptSucceeded(_) => EntryKind::AttemptSucceeded,
            Event::AttemptFailed(_) => EntryKind::AttemptFailed,
            Event::AttemptUnknown(_) => EntryKind::AttemptUnknown,
            Event::LaunchEnded(_) => EntryKind::LaunchEnded,
            Event::InstancePhase(_) => EntryKind::InstancePhase,
            Event::Termination(_) => EntryKind::Termination,
            Event::ServiceStarted(_) => EntryKind::ServiceStarted,
            Event::RecordsPruned(_) => EntryKind::RecordsPruned,
            Event::PolicyLoaded(_) => EntryKind::PolicyLoaded,
            Event::LaunchSwitch(_) => EntryKind::LaunchSwitch,
            Event::Cancellation(_) => EntryKind::Cancellation,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A launch was admitted, refused or previewed.
    Decision(Box<Decision>),
    /// RunInstances is about to be called with this input under this token.
    AttemptIntended(Box<AttemptIntended>),
    /// EC2 launched instances.
    AttemptSucceeded(AttemptSucceeded),
    /// EC2 definitely launched nothing.
    AttemptFailed(AttemptFailed),
    /// Whether EC2 launched anything is not known.
    AttemptUnknown(AttemptUnknown),
    /// No further attempt will be made, and there are no instances.
    LaunchEnded(LaunchEnded),
    /// An instance reached a phase.
    InstancePhase(InstancePhase),
    /// A termination was asked for, accepted or failed.
    Termination(Termination),
    /// A process opened the log.
    ServiceStarted(ServiceStarted),
    /// Retention removes records.
    RecordsPruned(RecordsPruned),
    /// Another policy is in force from here on.
    PolicyLoaded(PolicyLoaded),
    /// New launches were stopped, or let go on.
    LaunchSwitch(LaunchSwitch),
    /// Somebody asked for no further attempts.
    Cancellation(Cancellation),
}

/// A code for programs and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// UPPER_SNAKE from Gantry, or EC2's own code.
    pub code: String,
    /// One sentence.
    pub message: String,
}

impl Reason {
    /// An attempt gave fewer instances than were wanted, and as many as were needed.
    pub(super) fn fewer(given: usize, wanted: u32) -> Self {
        Self {
            code: "FEWER_THAN_WANTED".to_owned(),
            message: format!("EC2 gave {given} of {wanted} instances, which is enough; there is no topping up."),
        }
    }
}

/// Whether a launch may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may.
    Admitted,
    /// It may not; the findings say why.
    Refused,
}

impl Verdict {
    /// Its name in a leaf.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Refused => "refused",
        }
    }
}

/// A decision and everything it was made from. The entry of a preview has no launch id: it makes
/// no launch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The caller's idempotency key; none on a preview, which consumes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// SHA-256 over the request's spec and reason: what "the same body" means.
    pub body_sha256: Sha256Digest,
    /// Whether only the decision was asked for (validate_only).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preview: bool,
    /// Why the caller wants it.
    pub reason: String,
    /// Whether the caller asked for policy to be overridden.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
    /// What was asked, with the launch template merged into it.
    pub spec: Spec,
    /// Where a merged spec came from; none if no launch template was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_template: Option<TemplateSource>,
    /// The answer.
    pub verdict: Verdict,
    /// What the rules found; PASS findings are left out.
    pub findings: Vec<Finding>,
    /// The candidates in the order in which they will be tried; empty when refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// No attempt begins after this; none when refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// The policy in force.
    pub policy: PolicyStamp,
    /// What the image was, in short: a digest of the facts that decide how it boots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_receipt: Option<ImageReceipt>,
    /// The image as EC2 described it, or none where it could not be found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_facts: Option<Value>,
    /// The instance types that were judged, as EC2 described them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub type_facts: Vec<Value>,
    /// The types that nothing but policy could still strike: those that it was asked about, if there was
    /// one. Absent in records of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub governed_types: Vec<InstanceType>,
    /// When EC2 was asked for these facts.
    pub facts_time: Timestamp,
}

impl Decision {
    /// The image that was judged: the one that was named, or that the selector came to. None if
    /// nothing met the selector.
    pub fn image_id(&self) -> Option<&ImageId> {
        self.spec.image.decided(self.image_receipt.as_ref())
    }
}

/// One type in one place: what a single attempt asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Candidate {
    /// The type.
    pub instance_type: InstanceType,
    /// The place.
    #[serde(default)]
    pub placement: Placement,
    /// The zone that the place is in, where that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<AvailabilityZone>,
}

/// Which policy decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyStamp {
    /// Hash of the policy text; none while no policy is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<Sha256Digest>,
    /// The policies that determined the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub determining_policy_ids: Vec<String>,
    /// Whether what policy forbids was let pass, by a permission to override it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overridden: bool,
}

/// Where one instance is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstancePlace {
    /// The instance.
    pub instance_id: InstanceId,
    /// Its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Its zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Its subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// Private IPv4 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_ip: Option<String>,
    /// Private DNS name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_dns_name: Option<String>,
    /// Public DNS name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_dns_name: Option<String>,
    /// When EC2 launched it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_time: Option<Timestamp>,
}

/// The end of a launch that has no instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchEnded {
    /// `failed` or `cancelled`.
    pub state: LaunchState,
    /// The one reason.
    pub reason: Reason,
}

/// An instance reached a phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstancePhase {
    /// The instance.
    pub instance_id: InstanceId,
    /// The phase.
    pub phase: Phase,
    /// EC2's word for the system status check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_status: Option<String>,
    /// EC2's word for the instance status check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_status: Option<String>,
    /// EC2's word for the attached EBS status check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ebs_status: Option<String>,
    /// EC2's word for the application status check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_status: Option<String>,
    /// EC2's word for the performance status check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub performance_status: Option<String>,
    /// What is scheduled for it, as EC2 announced it then; done ones are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scheduled_events: Vec<ScheduledEvent>,
    /// EC2's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_reason: Option<Reason>,
    /// Cause and remedy, where the phase is a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<BootFailure>>,
    /// Since the launch was decided, or since EC2 launched the instance.
    pub elapsed: Duration,
    /// What became known about the place, such as addresses; absent where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<InstancePlace>,
}

impl InstancePhase {
    /// That an instance is in a phase, and nothing else that EC2 said of it.
    pub fn new(instance_id: InstanceId, phase: Phase, elapsed: Duration) -> Self {
        Self {
            instance_id,
            phase,
            system_status: None,
            instance_status: None,
            ebs_status: None,
            application_status: None,
            performance_status: None,
            scheduled_events: Vec::new(),
            state_reason: None,
            failure: None,
            elapsed,
            place: None,
        }
    }
}

/// How far a termination has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminationStage {
    /// Asked for; durable before EC2 is called.
    Requested,
    /// EC2 accepted it.
    Accepted,
    /// EC2 refused it.
    Failed,
}

/// A termination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Termination {
    /// How far it has come.
    pub stage: TerminationStage,
    /// The caller's idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// SHA-256 over launch id and reason: what "the same body" means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_sha256: Option<Sha256Digest>,
    /// Why.
    pub reason: String,
    /// Which instances of the launch.
    pub instance_ids: Vec<InstanceId>,
    /// Which instances that no launch made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<InstanceId>,
    /// Whether only these instances are ended, because they were not ready in time and the launch asks for that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub boot_failure: bool,
    /// EC2's answer, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<AttemptError>,
}

/// A process opened the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStarted {
    /// The program's version.
    pub version: String,
    /// Whether EC2 is the sandbox.
    pub sandbox: bool,
    /// The Regions served.
    pub regions: Vec<Region>,
    /// Launches that were open and were taken up again.
    pub open_launches: u64,
    /// The key that signs the log's checkpoints from here on; records of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifier_key: Option<String>,
    /// That a log which had lost records was let go on, at the first start after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Acceptance>,
}
