//! One instance: what was decided at launch, and what state that puts it in at a given time.

use std::borrow::Cow;
use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::TERMINATED_VISIBLE;
use crate::clock::Timestamp;

/// An instance. Facts about its image are copied, as EC2 copies them: the image may go away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Instance {
    pub(crate) id: String,
    /// Its number in order of launch.
    pub(crate) sequence: u64,
    pub(crate) reservation_id: String,
    pub(crate) launch_index: u32,
    pub(crate) launched: Timestamp,
    pub(crate) zone: String,
    /// The number of its private address within the subnet.
    pub(crate) address: u32,
    pub(crate) boot: BootTimes,
    pub(crate) fate: Fate,
    /// When somebody asked for its termination.
    pub(crate) terminated: Option<Timestamp>,
    /// Before this, Describe calls do not find it (eventual consistency).
    pub(crate) visible_from: Option<Timestamp>,
    pub(crate) volumes: Vec<Volume>,
    #[serde(flatten)]
    pub(crate) launch: Launched,
}

/// What all instances of one launch have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Launched {
    pub(crate) image_id: String,
    pub(crate) instance_type: String,
    pub(crate) client_token: Option<String>,
    pub(crate) architecture: String,
    pub(crate) root_device_type: String,
    pub(crate) root_device_name: Option<String>,
    pub(crate) virtualization: String,
    pub(crate) platform: Option<String>,
    pub(crate) platform_details: Option<String>,
    pub(crate) usage_operation: Option<String>,
    pub(crate) boot_mode: Option<String>,
    pub(crate) current_boot_mode: Option<String>,
    pub(crate) tpm: bool,
    pub(crate) ena: bool,
    pub(crate) sriov: bool,
    pub(crate) kernel: Option<String>,
    pub(crate) ramdisk: Option<String>,
    pub(crate) product_codes: Vec<(String, String)>,
    pub(crate) cores: u64,
    pub(crate) threads_per_core: u64,
    pub(crate) nitro: bool,
    pub(crate) key_name: Option<String>,
    pub(crate) security_groups: Vec<String>,
    pub(crate) public_address: bool,
    pub(crate) metadata: MetadataOptions,
    pub(crate) monitoring: bool,
    pub(crate) ebs_optimized: bool,
    pub(crate) enclave: bool,
    pub(crate) hibernation: bool,
    pub(crate) spot: bool,
    pub(crate) tenancy: String,
    pub(crate) iam_profile: Option<String>,
    pub(crate) shutdown_behavior: String,
    pub(crate) termination_protected: bool,
}

/// The instance metadata service as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MetadataOptions {
    pub(crate) http_tokens: String,
    pub(crate) hop_limit: u8,
    pub(crate) http_endpoint: String,
    pub(crate) http_protocol_ipv6: String,
    pub(crate) instance_metadata_tags: String,
}

/// A volume attached to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Volume {
    pub(crate) id: String,
    pub(crate) device: String,
    pub(crate) delete_on_termination: bool,
    pub(crate) size_gib: u32,
    pub(crate) volume_type: String,
    pub(crate) encrypted: bool,
}

/// What becomes of an instance, drawn at launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fate {
    /// It boots and passes its checks.
    Healthy,
    /// It runs; the system check passes and the instance check fails.
    ChecksFail,
    /// It goes from pending to terminated, for this reason.
    ImmediateTermination {
        /// `StateReason.Code`.
        code: Cow<'static, str>,
        /// `StateReason.Message`, which may contradict the code.
        message: Cow<'static, str>,
    },
}

/// When things happen, in milliseconds after launch, or after the request for termination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BootTimes {
    pub(crate) running_ms: u64,
    pub(crate) system_ok_ms: u64,
    pub(crate) instance_ok_ms: u64,
    pub(crate) shutdown_ms: u64,
}

impl BootTimes {
    /// Draws the times of one instance. EBS-backed instances are ready after about 40 s; those
    /// with an instance store root first fetch their image from S3 and take about four minutes
    /// (EC2 User Guide, "Root volumes": usually under one and under five minutes).
    pub(crate) fn draw(instance_id: &str, seed: u64, instance_store: bool, speed: f64) -> Self {
        let mut rng = ChaCha8Rng::from_seed(Sha256::digest(format!("boot {seed} {instance_id}")).into());
        // Within a tenth of the middle, in thousandths.
        let mut around = |middle_ms: u64| {
            let thousandths = 900 + u64::from(rng.next_u32()) % 201;
            let drawn = middle_ms * thousandths / 1000;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "milliseconds of minutes, and speed is positive"
            )]
            let scaled = (drawn as f64 / speed) as u64;
            scaled
        };
        let (pending, system, instance) =
            if instance_store { (170_000, 30_000, 40_000) } else { (8_000, 20_000, 12_000) };
        let running_ms = around(pending);
        let system_ok_ms = running_ms.saturating_add(around(system));
        let instance_ok_ms = system_ok_ms.saturating_add(around(instance));
        Self { running_ms, system_ok_ms, instance_ok_ms, shutdown_ms: around(6_000) }
    }
}

/// `InstanceStateName`, with its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstanceState {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
}

impl InstanceState {
    /// EC2's word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
        }
    }

    /// EC2's number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
        }
    }
}

/// One status check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckStatus {
    Initializing,
    Ok,
    /// Failed since then.
    Impaired(Timestamp),
    NotApplicable,
}

impl CheckStatus {
    /// `SummaryStatus`.
    pub(crate) fn summary(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Ok => "ok",
            Self::Impaired(_) => "impaired",
            Self::NotApplicable => "not-applicable",
        }
    }

    /// `StatusType` of the reachability detail; checks that do not apply have no detail.
    pub(crate) fn reachability(self) -> Option<&'static str> {
        match self {
            Self::Initializing => Some("initializing"),
            Self::Ok => Some("passed"),
            Self::Impaired(_) => Some("failed"),
            Self::NotApplicable => None,
        }
    }
}

/// Where an instance stands at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: InstanceState,
    /// Code and message of `StateReason`.
    pub(crate) reason: Option<(String, String)>,
    /// `StateTransitionReason`; often empty.
    pub(crate) transition_reason: String,
    pub(crate) system: CheckStatus,
    pub(crate) instance: CheckStatus,
    pub(crate) ebs: CheckStatus,
}

impl Instance {
    /// Where it stands at `now`.
    pub(crate) fn standing(&self, now: Timestamp) -> Standing {
        let idle = |state, reason, transition_reason| Standing {
            state,
            reason,
            transition_reason,
            system: CheckStatus::NotApplicable,
            instance: CheckStatus::NotApplicable,
            ebs: CheckStatus::NotApplicable,
        };
        if let Some(asked) = self.terminated {
            let state = if now < after(asked, self.boot.shutdown_ms) {
                InstanceState::ShuttingDown
            } else {
                InstanceState::Terminated
            };
            let reason = ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown");
            let transition = format!("User initiated ({} GMT)", asked.strftime("%Y-%m-%d %H:%M:%S"));
            return idle(state, Some((reason.0.to_owned(), reason.1.to_owned())), transition);
        }
        if now < after(self.launched, self.boot.running_ms) {
            let reason = ("pending".to_owned(), "pending".to_owned());
            return idle(InstanceState::Pending, Some(reason), String::new());
        }
        if let Fate::ImmediateTermination { code, message } = &self.fate {
            let reason = (code.to_string(), message.to_string());
            return idle(InstanceState::Terminated, Some(reason), code.to_string());
        }
        let check = |ok_ms| {
            if now < after(self.launched, ok_ms) { CheckStatus::Initializing } else { CheckStatus::Ok }
        };
        let instance = match (check(self.boot.instance_ok_ms), &self.fate) {
            (CheckStatus::Ok, Fate::ChecksFail) => {
                CheckStatus::Impaired(after(self.launched, self.boot.instance_ok_ms))
            }
            (status, _) => status,
        };
        Standing {
            state: InstanceState::Running,
            reason: None,
            transition_reason: String::new(),
            system: check(self.boot.system_ok_ms),
            instance,
            // The attached EBS check exists on Nitro only.
            ebs: if self.launch.nitro && !self.volumes.is_empty() {
                check(self.boot.system_ok_ms)
            } else {
                CheckStatus::NotApplicable
            },
        }
    }

    /// When it became terminated, if it has by `now`.
    fn terminated_since(&self, now: Timestamp) -> Option<Timestamp> {
        let since = match (&self.terminated, &self.fate) {
            (Some(asked), _) => after(*asked, self.boot.shutdown_ms),
            (None, Fate::ImmediateTermination { .. }) => after(self.launched, self.boot.running_ms),
            (None, Fate::Healthy | Fate::ChecksFail) => return None,
        };
        (since <= now).then_some(since)
    }

    /// Whether EC2 has forgotten it.
    pub(crate) fn is_gone(&self, now: Timestamp) -> bool {
        self.terminated_since(now)
            .is_some_and(|since| now >= since.checked_add(TERMINATED_VISIBLE).unwrap_or(Timestamp::MAX))
    }

    /// Whether Describe calls find it yet.
    pub(crate) fn is_visible(&self, now: Timestamp) -> bool {
        self.visible_from.is_none_or(|from| from <= now)
    }

    /// Whether it still holds its private address.
    pub(crate) fn holds_address(&self, now: Timestamp) -> bool {
        self.terminated_since(now).is_none()
    }

    /// When the console has something to show: shortly after it runs.
    pub(crate) fn console_from(&self) -> Timestamp {
        after(self.launched, self.boot.running_ms.midpoint(self.boot.system_ok_ms))
    }
}

fn after(time: Timestamp, ms: u64) -> Timestamp {
    time.checked_add(Duration::from_millis(ms)).unwrap_or(Timestamp::MAX)
}
