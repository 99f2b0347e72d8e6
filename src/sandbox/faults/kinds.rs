//! What can go wrong, and with which keys a plan says so.
//!
//! Nothing happens here. `docs/examples/faults.toml` shows every kind.

use std::borrow::Cow;
use std::time::Duration;

use super::keys::{DURATION_MAX, Keys};
use crate::sandbox::cloud::{BootFailure, Check, Fate};

/// Characters of an error's code; EC2's longest has 60.
const CODE_CHARS_MAX: usize = 100;
/// Characters of an error's message.
const MESSAGE_CHARS_MAX: usize = 1024;
/// Bytes of an answer that may be sent before the connection is reset.
const AFTER_BYTES_MAX: i64 = 16 * 1024 * 1024;
/// Items on a page of the longest pages of EC2.
const ITEMS_MAX: i64 = 1000;
/// Instances that one request may ask for.
const AVAILABLE_MAX: i64 = 1000;
/// How many times slower a boot can be.
const FACTOR_MAX: f64 = 1000.0;
/// `EventCode` of the service model.
const EVENT_CODES: [&str; 5] =
    ["instance-reboot", "system-reboot", "system-maintenance", "instance-retirement", "instance-stop"];
/// The shortest duration where none at all would mean nothing.
const MOMENT: Duration = Duration::from_millis(1);

/// When a fault is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Once per call, before its action.
    Call,
    /// Once per call, and only of those that read: Describe calls.
    Read,
    /// Once per launch, when its zone is known.
    Launch,
    /// Once per instance that is launched.
    Instance,
    /// All the time.
    Cloud,
}

/// A kind as a plan writes it.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) stage: Stage,
    /// Its own keys, beside the limits.
    keys: &'static [&'static str],
}

const fn shape(name: &'static str, stage: Stage, keys: &'static [&'static str]) -> Shape {
    Shape { name, stage, keys }
}

/// All kinds.
const SHAPES: [Shape; 19] = [
    shape("error", Stage::Call, &["code", "message", "status"]),
    shape("html", Stage::Call, &["status"]),
    shape("reply-lost", Stage::Call, &[]),
    shape("connection-reset", Stage::Call, &["after_bytes"]),
    shape("slow", Stage::Call, &["delay"]),
    shape("denied", Stage::Call, &[]),
    shape("stale-read", Stage::Read, &["by"]),
    shape("short-page", Stage::Read, &["items"]),
    shape("reversed-page", Stage::Read, &[]),
    shape("capacity", Stage::Launch, &["available"]),
    shape("invisible", Stage::Instance, &["least", "most"]),
    shape("immediate-termination", Stage::Instance, &["cause"]),
    shape("checks-fail", Stage::Instance, &["check", "console"]),
    shape("impaired-later", Stage::Instance, &["check", "at", "lasting"]),
    shape("slow-boot", Stage::Instance, &["factor"]),
    shape("spot-interruption", Stage::Instance, &["at"]),
    shape("guest-shutdown", Stage::Instance, &["at"]),
    shape("scheduled-event", Stage::Instance, &["code", "not_before", "not_after"]),
    shape("az-outage", Stage::Cloud, &[]),
];

/// The kind of this name.
pub(super) fn shape_of(name: &str) -> Option<&'static Shape> {
    SHAPES.iter().find(|shape| shape.name == name)
}

/// The names of all kinds.
pub(super) fn names() -> Vec<&'static str> {
    SHAPES.iter().map(|shape| shape.name).collect()
}

/// The keys that some kind has.
pub(super) fn all_keys() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().flat_map(|shape| shape.keys).copied()
}

/// One kind with its values. Durations are sandbox time unless they say otherwise.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// EC2's own error instead of any effect.
    Error { code: String, message: String, status: u16 },
    /// A page of HTML instead of any effect.
    Html { status: u16 },
    /// The effect, and a closed connection instead of an answer.
    ReplyLost,
    /// The effect, so much of the answer, and a reset of the connection.
    ConnectionReset { after_bytes: u64 },
    /// The effect, and its answer so much later on the client's clock.
    Slow { delay: Duration },
    /// `UnauthorizedOperation`, also for a dry run.
    Denied,
    /// A Describe call sees the state of so long ago.
    StaleRead { by: Duration },
    /// A page has at most so many items, and a token if there are more.
    ShortPage { items: usize },
    /// The instances of a page come in the other order.
    ReversedPage,
    /// Capacity for so many instances.
    Capacity { available: u32 },
    /// Other calls do not find a new instance for a drawn time.
    Invisible { least: Duration, most: Duration },
    /// From pending to terminated.
    ImmediateTermination(Cause),
    /// It runs and never passes this check; of the instance's own, the fate that its console shows.
    ChecksFail { check: Check, fate: Fate },
    /// It passes its checks and fails this one later, for a time or for good.
    ImpairedLater { check: Check, at: Duration, lasting: Option<Duration> },
    /// Booting takes so many times as long.
    SlowBoot { factor: f64 },
    /// EC2 takes a Spot Instance back so long after its launch: it ends, or stops if its request
    /// says so.
    SpotInterruption { at: Duration },
    /// The operating system shuts itself down so long after launch.
    GuestShutdown { at: Duration },
    /// A scheduled event, announced from launch on.
    ScheduledEvent { code: &'static str, not_before: Duration, not_after: Option<Duration> },
    /// The zones are out.
    AzOutage,
}

/// Why an instance is terminated at once (EC2 User Guide, "Instance terminates immediately").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Kms,
    Snapshot,
    VolumeLimit,
    Internal,
    ImagePart,
}

const CAUSES: [(&str, Cause); 5] = [
    ("kms", Cause::Kms),
    ("snapshot", Cause::Snapshot),
    ("volume-limit", Cause::VolumeLimit),
    ("internal", Cause::Internal),
    ("image-part", Cause::ImagePart),
];

impl Cause {
    /// The fate of the instance: `StateReason` as EC2 gives it, where code and message may
    /// contradict each other.
    pub(super) fn fate(self) -> Fate {
        let (code, message) = match self {
            Self::Kms => ("Client.InternalError", "Client.InternalError: Client error on launch"),
            Self::Snapshot => (
                "Client.InvalidSnapshot.NotFound",
                "Client.InvalidSnapshot.NotFound: The specified snapshot was not found",
            ),
            Self::VolumeLimit => ("Server.InternalError", "Client.VolumeLimitExceeded: Volume limit exceeded"),
            // EC2 has no code of its own for a missing part of an S3-backed image.
            Self::Internal | Self::ImagePart => {
                ("Server.InternalError", "Server.InternalError: Internal error on launch")
            }
        };
        Fate::ImmediateTermination { code: Cow::Borrowed(code), message: Cow::Borrowed(message) }
    }
}

const CHECKS: [(&str, Check); 3] =
    [("instance", Check::Instance), ("system", Check::System), ("attached-ebs", Check::AttachedEbs)];

/// What the console of an instance shows that never passes its instance check.
const CONSOLES: [(&str, Option<BootFailure>); 5] = [
    ("network", None),
    ("kernel-panic", Some(BootFailure::KernelPanic)),
    ("no-root-device", Some(BootFailure::NoRootDevice)),
    ("cloud-init", Some(BootFailure::CloudInit)),
    ("emergency-mode", Some(BootFailure::EmergencyMode)),
];

/// Reads the keys of a kind. `None` if something is wrong, which is reported then.
pub(super) fn read(shape: &Shape, keys: &mut Keys<'_>) -> Option<Kind> {
    Some(match shape.name {
        "error" => {
            keys.require("code");
            let code = code(keys);
            let message = keys.text("message", MESSAGE_CHARS_MAX).map(str::to_owned);
            let status = status(keys);
            let code = code?;
            Kind::Error {
                message: message.unwrap_or_else(|| format!("The sandbox's plan of faults answers {code}")),
                status: status.unwrap_or_else(|| usual_status(&code)),
                code,
            }
        }
        "html" => Kind::Html { status: status(keys).unwrap_or(502) },
        "reply-lost" => Kind::ReplyLost,
        "connection-reset" => {
            Kind::ConnectionReset { after_bytes: keys.integer("after_bytes", 0..=AFTER_BYTES_MAX).unwrap_or(0) }
        }
        "slow" => Kind::Slow { delay: required(keys, "delay", MOMENT)? },
        "denied" => Kind::Denied,
        "stale-read" => Kind::StaleRead { by: required(keys, "by", MOMENT)? },
        "reversed-page" => Kind::ReversedPage,
        "short-page" => Kind::ShortPage { items: keys.integer("items", 0..=ITEMS_MAX).unwrap_or(0) },
        "capacity" => Kind::Capacity { available: keys.integer("available", 0..=AVAILABLE_MAX).unwrap_or(0) },
        "invisible" => {
            let least = keys.duration("least", Duration::ZERO).unwrap_or_default();
            let most = required(keys, "most", MOMENT)?;
            in_order(keys, ("least", least), ("most", most))?;
            Kind::Invisible { least, most }
        }
        "immediate-termination" => {
            keys.require("cause");
            Kind::ImmediateTermination(word(keys, "cause", &CAUSES)?)
        }
        "checks-fail" => {
            let check = word(keys, "check", &CHECKS).unwrap_or(Check::Instance);
            let fate = word(keys, "console", &CONSOLES);
            if check != Check::Instance && fate.is_some() {
                keys.report("console is of the instance check only");
                return None;
            }
            Kind::ChecksFail { check, fate: fate.flatten().map_or(Fate::ChecksFail, Fate::BootFails) }
        }
        "impaired-later" => {
            let check = word(keys, "check", &CHECKS).unwrap_or(Check::Instance);
            let lasting = keys.duration("lasting", MOMENT);
            Kind::ImpairedLater { check, at: required(keys, "at", Duration::ZERO)?, lasting }
        }
        "slow-boot" => {
            keys.require("factor");
            Kind::SlowBoot { factor: keys.number("factor", 1.0..=FACTOR_MAX)? }
        }
        "spot-interruption" => Kind::SpotInterruption { at: required(keys, "at", Duration::ZERO)? },
        "guest-shutdown" => Kind::GuestShutdown { at: required(keys, "at", Duration::ZERO)? },
        "scheduled-event" => {
            keys.require("code");
            let code = keys.choice("code", &EVENT_CODES);
            let not_after = keys.duration("not_after", Duration::ZERO);
            let not_before = required(keys, "not_before", Duration::ZERO)?;
            in_order(keys, ("not_before", not_before), ("not_after", not_after.unwrap_or(DURATION_MAX)))?;
            Kind::ScheduledEvent { code: code?, not_before, not_after }
        }
        _ => Kind::AzOutage,
    })
}

fn required(keys: &mut Keys<'_>, key: &'static str, least: Duration) -> Option<Duration> {
    keys.require(key);
    keys.duration(key, least)
}

fn in_order(keys: &Keys<'_>, first: (&str, Duration), second: (&str, Duration)) -> Option<()> {
    if first.1 > second.1 {
        keys.report(format!("{} is longer than {}", first.0, second.0));
        return None;
    }
    Some(())
}

fn word<T: Copy>(keys: &mut Keys<'_>, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
    let names: Vec<&'static str> = words.iter().map(|(name, _)| *name).collect();
    let chosen = keys.choice(key, &names)?;
    words.iter().find(|(name, _)| *name == chosen).map(|(_, value)| *value)
}

fn code(keys: &mut Keys<'_>) -> Option<String> {
    let code = keys.text("code", CODE_CHARS_MAX)?;
    if !code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')) {
        keys.report(format!("code = {code:?} is not an error code: letters, digits and points"));
        return None;
    }
    Some(code.to_owned())
}

fn status(keys: &mut Keys<'_>) -> Option<u16> {
    keys.integer("status", 400..=599)
}

/// The HTTP status that EC2 answers a code with.
fn usual_status(code: &str) -> u16 {
    match code {
        "RequestLimitExceeded" | "Unavailable" | "ServiceUnavailable" | "Throttling" => 503,
        "InternalError" | "InternalFailure" | "ServerInternal" | "InsufficientInstanceCapacity" => 500,
        "DryRunOperation" => 412,
        "MissingAuthenticationToken" | "SignatureDoesNotMatch" | "UnauthorizedOperation" => 403,
        "AuthFailure" | "OptInRequired" => 401,
        _ => 400,
    }
}
