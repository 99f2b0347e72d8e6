//! What Gantry remembers: findings, the entries of the audit log, and the launch they fold into.
//!
//! Pure values and one pure state transition, [`Launch::apply`]. Everything here is written to
//! disk for years, so names and meanings may be added to and never changed; golden files under
//! `tests/golden` hold one example of every kind and version. Facts from EC2 are held as the JSON
//! that `ec2` makes of them: this room must not know EC2's types.

mod acceptance;
mod attempt_entry;
mod boot_event;
pub mod bounded;
mod entry;
mod finding;
mod governing;
mod image_choice;
mod kind;
mod launch;
mod pruning;
mod read;
mod spec;
mod template;

pub use acceptance::Acceptance;
pub use attempt_entry::{AttemptError, AttemptFailed, AttemptIntended, AttemptShare, AttemptSucceeded, AttemptUnknown};
pub use boot_event::{BootEvent, BootFailure, BootStage, ConsoleDigest, LaunchState, Phase, ScheduledEvent};
pub use entry::{
    Candidate, Decision, ENTRY_VERSION, Entry, Event, InstancePhase, InstancePlace, LaunchEnded, PolicyStamp, Reason,
    ServiceStarted, Termination, TerminationStage, Verdict,
};
pub use finding::{Finding, Outcome};
pub use governing::{Cancellation, LaunchSwitch, PolicyLoaded};
pub use image_choice::{ImageChoice, ImageReceipt, ImageSelector, SelectorFilter};
pub use kind::EntryKind;
pub use launch::{ApplyError, Attempt, AttemptState, BootOutcome, BootTimes, Launch, LaunchInstance, PendingOthers};
pub use pruning::RecordsPruned;
pub use read::{EntryHeader, EntryVersion};
pub use spec::{
    BlockDeviceSpec, CpuOptions, EbsSpec, IamInstanceProfile, Market, MetadataOptions, NetworkInterface, OnBootFailure,
    Placement, PlacementStrategy, REDACTED, Spec,
};
pub use template::{GivenField, TemplateChoice, TemplateReference, TemplateSource};
