//! One instance: what was decided at launch, and what happened to it since.
//!
//! It remembers deeds and not states; where it stands at a time is in `standing`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::life::hurried;
use super::{
    BootTimes, Cause, Deed, DeedKind, Destiny, Event, InstanceState, LaunchOptions, NetworkInterface,
    TERMINATED_VISIBLE, after,
};
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
    /// What happens to it, in order of time; some of it may lie in the future.
    #[serde(default)]
    pub(crate) deeds: Vec<Deed>,
    /// Starts among deeds that are no longer kept.
    #[serde(default)]
    pub(crate) starts_forgotten: u64,
    /// Scheduled events.
    #[serde(default)]
    pub(crate) events: Vec<Event>,
    /// Before this, Describe calls do not find it (eventual consistency).
    pub(crate) visible_from: Option<Timestamp>,
    pub(crate) volumes: Vec<Volume>,
    /// In the order of the request. A state that was saved without them has one that follows from
    /// the instance's id.
    #[serde(default)]
    pub(crate) interfaces: Vec<NetworkInterface>,
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
    #[serde(default)]
    pub(crate) stop_protected: bool,
    #[serde(default)]
    pub(crate) options: LaunchOptions,
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
    /// Provisioned, or the baseline that follows from type and size.
    #[serde(default)]
    pub(crate) iops: Option<u32>,
    /// MiB/s, of gp3 only.
    #[serde(default)]
    pub(crate) throughput: Option<u32>,
    #[serde(default)]
    pub(crate) snapshot_id: Option<String>,
    /// An ARN; absent with `encrypted` is the account's own key for EBS.
    #[serde(default)]
    pub(crate) kms_key_id: Option<String>,
    /// `VolumeInitializationRate` in MiB/s, if the request named one.
    #[serde(default)]
    pub(crate) initialization_rate: Option<u32>,
}

/// What becomes of an instance, drawn at launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fate {
    /// It boots and passes its checks.
    Healthy,
    /// It runs; the system check passes and the instance check fails, because its network never comes up.
    ChecksFail,
    /// The same for another reason, which its console shows.
    BootFails(BootFailure),
    /// Its firmware finds nothing to boot: the image was made for the other boot mode. It runs, and
    /// the instance check never passes (EC2 User Guide, "Boot modes").
    NothingToBoot,
    /// It goes from pending to terminated, for this reason.
    ImmediateTermination {
        /// `StateReason.Code`.
        code: Cow<'static, str>,
        /// `StateReason.Message`, which may contradict the code.
        message: Cow<'static, str>,
    },
}

/// Why an instance that runs never passes its instance check; the network that never comes up is [`Fate::ChecksFail`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BootFailure {
    /// The kernel panics.
    KernelPanic,
    /// The kernel finds no root device.
    NoRootDevice,
    /// cloud-init fails, and what it should have configured is not.
    CloudInit,
    /// The boot ends in emergency mode.
    EmergencyMode,
}

/// Deeds that an instance keeps. Beyond that, those before its last start are dropped: nothing
/// follows from them any more.
const DEEDS_KEPT: usize = 64;

impl Instance {
    /// Adds a deed at its place in time.
    pub(crate) fn meet(&mut self, deed: Deed) {
        if self.deeds.len() >= DEEDS_KEPT && !self.forget_before_start(deed.at) {
            // Reboots without end: only the last one can still be seen.
            self.deeds.retain(|past| past.kind != DeedKind::Reboot || past.at > deed.at);
        }
        self.insert(deed);
    }

    /// Drops the deeds that led to its last start by `now`, but for the stop that made it possible.
    /// Whether there was such a start with deeds before it.
    fn forget_before_start(&mut self, now: Timestamp) -> bool {
        let standing = self.standing(now);
        let booted = standing.booted;
        let is_start = |deed: &Deed| deed.kind == DeedKind::Start && deed.at == booted;
        let Some(start) = self.deeds.iter().position(is_start) else { return false };
        let mut shorter = self.clone();
        // Not every stop before it was one: it may have met a stopped instance.
        let first = (1..start).rev().find(|first| {
            shorter.deeds = self.deeds[*first..].to_vec();
            shorter.standing(now).booted == booted
        });
        let Some(first) = first else { return false };
        self.deeds.drain(..first);
        self.starts_forgotten += standing.starts.saturating_sub(self.standing(now).starts);
        true
    }

    fn insert(&mut self, deed: Deed) {
        let place = self.deeds.partition_point(|known| known.at <= deed.at);
        self.deeds.insert(place, deed);
    }

    /// Lays a plan's destiny on an instance that is being launched; its durations are divided by
    /// `speed`, as everything is that takes an instance time.
    pub(crate) fn foretell(&mut self, destiny: Destiny, speed: f64) {
        let Destiny { fate, later, events, invisible_for, slowness: _ } = destiny;
        if let Some(fate) = fate {
            self.fate = fate;
        }
        if let Some(wait) = invisible_for {
            self.visible_from = Some(self.launched.checked_add(hurried(wait, speed)).unwrap_or(Timestamp::MAX));
        }
        for (wait, kind) in later {
            let kind = self.as_asked(kind);
            if let Ok(at) = self.launched.checked_add(hurried(wait, speed)) {
                self.insert(Deed { at, kind });
            }
        }
        for mut event in events {
            event.hurry(speed);
            if let Some(kind) = event.deed() {
                let at = self.event_begins(&event);
                self.insert(Deed { at, kind });
            }
            self.events.push(event);
        }
    }

    /// A deed as its launch asked for it: an interrupted Spot Instance is stopped or hibernated
    /// instead of terminated if its request says so (EC2 User Guide, "Behavior of Spot Instance
    /// interruptions").
    fn as_asked(&self, kind: DeedKind) -> DeedKind {
        let behavior = self.launch.options.spot.as_ref().map(|spot| spot.interruption_behavior.as_str());
        match (kind, behavior) {
            (DeedKind::Terminate { by: by @ Cause::Spot }, Some(behavior @ ("stop" | "hibernate"))) => {
                DeedKind::Stop { hibernate: behavior == "hibernate", force: false, by }
            }
            (kind, _) => kind,
        }
    }

    /// `NotBefore` of one of its events.
    pub(crate) fn event_begins(&self, event: &Event) -> Timestamp {
        after(self.launched, event.not_before_ms)
    }

    /// Whether its root volume is one of EBS, so that it can be stopped.
    pub(crate) fn has_ebs_root(&self) -> bool {
        self.launch.root_device_type != "instance-store"
    }

    /// When it became terminated, if it has by `now`.
    pub(super) fn terminated_since(&self, now: Timestamp) -> Option<Timestamp> {
        if self.deeds.is_empty() && !matches!(self.fate, Fate::ImmediateTermination { .. }) {
            return None;
        }
        let standing = self.standing(now);
        (standing.state == InstanceState::Terminated).then_some(standing.since)
    }

    /// Whether EC2 has forgotten it.
    pub(crate) fn is_gone(&self, now: Timestamp) -> bool {
        self.terminated_since(now)
            .is_some_and(|since| now >= since.checked_add(TERMINATED_VISIBLE).unwrap_or(Timestamp::MAX))
    }

    /// Whether Describe calls find it yet. A stale read asks about a time before its launch.
    pub(crate) fn is_visible(&self, now: Timestamp) -> bool {
        self.launched <= now && self.visible_from.is_none_or(|from| from <= now)
    }

    /// The ids of its volumes and network interfaces, which its tags go with.
    pub(crate) fn resources(&self) -> impl Iterator<Item = String> {
        let volumes = self.volumes.iter().map(|volume| volume.id.clone());
        let interfaces = self.interfaces.iter().map(|interface| interface.id.clone());
        volumes.chain(interfaces).chain([self.id.replacen("i-", "eni-", 1), self.spot_request_id()])
    }

    /// Whether a network interface, volume or Spot request of this id is its own. Asked of ten
    /// thousand instances at once, so it makes no text.
    pub(crate) fn has_resource(&self, id: &str) -> bool {
        if let Some(digits) = id.strip_prefix("sir-") {
            let own = self.id.strip_prefix("i-0").and_then(|own| own.get(..8));
            return self.launch.spot && own == Some(digits);
        }
        let is_primary = || id.strip_prefix("eni-").is_some_and(|digits| self.id.strip_prefix("i-") == Some(digits));
        self.volumes.iter().any(|volume| volume.id == id)
            || self.interfaces.iter().any(|interface| interface.id == id)
            || self.interfaces.is_empty() && is_primary()
    }

    /// The id of its Spot request, if it has one; it follows from the instance's own.
    pub(crate) fn spot_request_id(&self) -> String {
        let digits = self.id.trim_start_matches("i-0");
        format!("sir-{}", digits.get(..8).unwrap_or(digits))
    }
}
