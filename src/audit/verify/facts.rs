//! What the rules need to know of an entry, and nothing else.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;

use crate::clock::Timestamp;
use crate::ids::{
    AccountId, AttemptId, ClientToken, InstanceId, InstanceType, LaunchId, Region, RequestId, Sha256Digest,
};
use crate::record::{
    Decision, Entry, Event, InstancePlace, LaunchState, OnBootFailure, Phase, Placement, Termination, TerminationStage,
    Verdict,
};

/// An entry as the rules see it.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) time: Timestamp,
    pub(super) launch_id: Option<LaunchId>,
    pub(super) account: Option<AccountNumber>,
    pub(super) region: Option<RegionName>,
    pub(super) has_principal: bool,
    /// The request key that the entry takes.
    pub(super) request: Option<RequestDigest>,
    pub(super) what: What,
}

/// An account id as the number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct AccountNumber(u64);

impl AccountNumber {
    fn of(id: &AccountId) -> Self {
        // Twelve digits always are one.
        Self(id.as_str().parse().unwrap_or(u64::MAX))
    }
}

/// A Region's name, which has at most 32 bytes, without a place of its own in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RegionName([u8; 32]);

impl RegionName {
    fn of(region: &Region) -> Self {
        let mut name = [0; 32];
        for (place, byte) in name.iter_mut().zip(region.as_str().bytes()) {
            *place = byte;
        }
        Self(name)
    }
}

/// What happened.
#[derive(Debug)]
pub(super) enum What {
    Decided { admitted: bool, ends_late: bool, candidates: Box<[CandidateHash]> },
    Previewed,
    Intended { attempt_id: AttemptId, candidate: CandidateHash, token: Token, share: Option<Share> },
    Succeeded { attempt_id: AttemptId, instances: Instances },
    Failed { attempt_id: AttemptId },
    Unknown { attempt_id: AttemptId },
    Ended { state: LaunchState },
    Phase { instance: InstanceKey, place: Option<InstanceKey>, is_late: bool },
    TerminationRequested { instances: Instances, others: bool },
    TerminationAnswered { instances: Instances },
    LateEndRequested { instances: Instances },
    LateEndAnswered { instances: Instances },
    Started,
    Switched { paused: bool },
    Cancelled,
    Pruned(Pruning),
}

/// Whom an attempt serves beside, or with, its launch.
#[derive(Debug)]
pub(super) struct Share {
    /// The launch whose record comes first.
    pub(super) leader: LaunchId,
    /// All of them, in the leader's record.
    pub(super) serves: Vec<LaunchId>,
}

/// What the record of a pruning says.
#[derive(Debug, Clone)]
pub(super) struct Pruning {
    /// The records that may be gone.
    pub(super) covered: Range<u64>,
    /// How many went with this pruning.
    pub(super) removed: u64,
    /// The lines of its file of snapshots, and its hash.
    pub(super) snapshots: u64,
    pub(super) sha256: Sha256Digest,
}

/// Instances that an entry names, in the order of their keys.
#[derive(Debug)]
pub(super) struct Instances(pub(super) Box<[InstanceKey]>);

impl Instances {
    fn of<'a>(ids: impl Iterator<Item = &'a InstanceId>) -> Self {
        let mut keys: Vec<_> = ids.map(InstanceKey::of).collect();
        keys.sort_unstable();
        Self(keys.into())
    }

    pub(super) fn has_one_twice(&self) -> bool {
        self.0.windows(2).any(|pair| pair[0] == pair[1])
    }
}

/// An instance id in nine bytes: its 17 digits, or its 8 and a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct InstanceKey([u8; 9]);

impl InstanceKey {
    pub(super) fn of(id: &InstanceId) -> Self {
        let mut key = [0; 9];
        let digits = id.as_str().strip_prefix("i-").unwrap_or_default().as_bytes();
        if digits.len() == 8 {
            // The digits of a long id leave this half of the last byte empty.
            key[8] = 0xf0;
        }
        for (place, digit) in digits.iter().take(17).enumerate() {
            let value = char::from(*digit).to_digit(16).map_or(0, |value| value.to_le_bytes()[0]);
            key[place / 2] |= if place % 2 == 0 { value } else { value << 4 };
        }
        Self(key)
    }
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.0[8] == 0xf0 { 8 } else { 17 };
        f.write_str("i-")?;
        (0..digits).try_for_each(|place| {
            let byte = self.0[place / 2];
            write!(f, "{:x}", if place % 2 == 0 { byte & 0xf } else { byte >> 4 })
        })
    }
}

/// A client token: an attempt's own, as Gantry makes them, or any other text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Token {
    /// It is derived from this attempt's id.
    Of(AttemptId),
    Other(ClientToken),
}

impl Token {
    fn of(attempt_id: AttemptId, token: &ClientToken) -> Self {
        if attempt_id.client_token() == *token {
            return Self::Of(attempt_id);
        }
        let other = token.as_str().strip_prefix("gantry-").and_then(|digits| {
            let mut bytes = [0; 16];
            hex::decode_to_slice(digits, &mut bytes).ok()?;
            Some(AttemptId::from_bytes(bytes))
        });
        match other {
            Some(other) if other.client_token() == *token => Self::Of(other),
            _ => Self::Other(token.clone()),
        }
    }
}

/// A candidate, told from the others of its decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CandidateHash(u64);

impl CandidateHash {
    fn of(instance_type: &InstanceType, placement: &Placement) -> Self {
        let mut hasher = DefaultHasher::new();
        (instance_type, placement).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// A request key in sixteen bytes: operation, principal, account and request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RequestDigest([u8; 16]);

impl RequestDigest {
    fn of(operation: &str, entry: &Entry, request_id: Option<&RequestId>) -> Option<Self> {
        let (principal, account_id) = (entry.principal.as_ref()?, entry.account_id.as_ref()?);
        // None of the parts can hold a control character.
        let digest = Sha256Digest::of(format!("{operation}\n{principal}\n{account_id}\n{}", request_id?).as_bytes());
        let mut first = [0; 16];
        first.copy_from_slice(&digest.as_bytes()[..16]);
        Some(Self(first))
    }
}

impl Facts {
    /// What is to be known of `entry`.
    pub(super) fn of(entry: &Entry) -> Self {
        let request = match &entry.event {
            Event::Decision(decision) if !decision.preview => {
                RequestDigest::of("launch", entry, decision.request_id.as_ref())
            }
            Event::Termination(termination) if termination.stage == TerminationStage::Requested => {
                RequestDigest::of("terminate", entry, termination.request_id.as_ref())
            }
            Event::Cancellation(cancellation) => RequestDigest::of("cancel", entry, Some(&cancellation.request_id)),
            _ => None,
        };
        Self {
            what: What::of(&entry.event),
            request,
            time: entry.time,
            launch_id: entry.launch_id,
            account: entry.account_id.as_ref().map(AccountNumber::of),
            region: entry.region.as_ref().map(RegionName::of),
            has_principal: entry.principal.is_some(),
        }
    }
}

impl What {
    fn of(event: &Event) -> Self {
        match event {
            Event::Decision(decision) => Self::decided(decision),
            Event::AttemptIntended(intended) => Self::Intended {
                attempt_id: intended.attempt_id,
                candidate: CandidateHash::of(&intended.instance_type, &intended.placement),
                token: Token::of(intended.attempt_id, &intended.client_token),
                share: intended
                    .share
                    .as_ref()
                    .map(|share| Share { leader: share.leader, serves: share.serves.clone() }),
            },
            Event::AttemptSucceeded(succeeded) => Self::Succeeded {
                attempt_id: succeeded.attempt_id,
                instances: Instances::of(succeeded.instances.iter().map(id_of)),
            },
            Event::AttemptFailed(failed) => Self::Failed { attempt_id: failed.attempt_id },
            Event::AttemptUnknown(unknown) => Self::Unknown { attempt_id: unknown.attempt_id },
            Event::LaunchEnded(ended) => Self::Ended { state: ended.state },
            Event::InstancePhase(phase) => Self::Phase {
                instance: InstanceKey::of(&phase.instance_id),
                place: phase.place.as_ref().map(|place| InstanceKey::of(&place.instance_id)),
                is_late: phase.phase == Phase::TimedOut,
            },
            Event::Termination(termination) => Self::termination(termination),
            Event::ServiceStarted(_) | Event::PolicyLoaded(_) => Self::Started,
            Event::LaunchSwitch(switch) => Self::Switched { paused: switch.paused },
            Event::Cancellation(_) => Self::Cancelled,
            Event::RecordsPruned(pruned) => Self::Pruned(Pruning {
                covered: pruned.first..pruned.end,
                removed: pruned.removed,
                snapshots: pruned.snapshots,
                sha256: pruned.snapshots_sha256,
            }),
        }
    }

    fn decided(decision: &Decision) -> Self {
        if decision.preview {
            return Self::Previewed;
        }
        Self::Decided {
            admitted: decision.verdict == Verdict::Admitted,
            ends_late: decision.spec.on_boot_failure == OnBootFailure::Terminate,
            candidates: candidates(decision),
        }
    }

    fn termination(termination: &Termination) -> Self {
        let instances = Instances::of(termination.instance_ids.iter());
        match termination.stage {
            TerminationStage::Requested if termination.boot_failure => Self::LateEndRequested { instances },
            TerminationStage::Accepted | TerminationStage::Failed if termination.boot_failure => {
                Self::LateEndAnswered { instances }
            }
            TerminationStage::Requested => {
                Self::TerminationRequested { instances, others: !termination.others.is_empty() }
            }
            TerminationStage::Accepted | TerminationStage::Failed => Self::TerminationAnswered { instances },
        }
    }
}

fn candidates(decision: &Decision) -> Box<[CandidateHash]> {
    decision.candidates.iter().map(|it| CandidateHash::of(&it.instance_type, &it.placement)).collect()
}

fn id_of(place: &InstancePlace) -> &InstanceId {
    &place.instance_id
}
