//! What can be wrong with a log, each with a stable code and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Keep what there is and look at another copy: for whatever an unaltered Gantry does not write.
const COMPARE: &str = "Keep the log and all its checkpoints as they are, and compare this record with another copy of \
                       the log: an unaltered Gantry does not write it.";
const RECOVER: &str = "Keep what there is as it is, and get the log from a copy that holds all records.";
const KEYS: &str = "Check that the checkpoint and the verifier keys are of this log, those of earlier times included.";
const ALTERED: &str = "Keep the log and all its checkpoints as they are, and compare the records named with another \
                       copy of the log: one of them was changed, or two histories were signed.";
const NEWER: &str = "Verify with the version of Gantry that wrote the log, or a later one.";

const SNAPSHOTS: &str = "Get the file in `retention/` that is named after the record's `end` from a backup: requests \
                         that are repeated are known by it once the store is made anew.";

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $remedy:expr;)*) => {
        /// What is wrong. The code's text is stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code, UPPER_SNAKE.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What to do about it.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }
        }
    };
}

codes! {
    /// The bytes are no signed checkpoint.
    CheckpointMalformed = "CHECKPOINT_MALFORMED", KEYS;
    /// A key that is trusted did not make the signature under its name.
    CheckpointSignatureInvalid = "CHECKPOINT_SIGNATURE_INVALID", KEYS;
    /// No key that is trusted signed it.
    CheckpointNotSigned = "CHECKPOINT_NOT_SIGNED", KEYS;
    /// It is of another log.
    CheckpointOfOtherLog = "CHECKPOINT_OF_OTHER_LOG", KEYS;
    /// The log's own checkpoint is older than one that was kept.
    CheckpointRolledBack = "CHECKPOINT_ROLLED_BACK", RECOVER;
    /// There are fewer records than a checkpoint speaks of.
    LogTruncated = "LOG_TRUNCATED", RECOVER;
    /// There are more records than any checkpoint speaks of.
    LogLongerThanCheckpoint = "LOG_LONGER_THAN_CHECKPOINT", "Get the log's newest checkpoint and verify again.";
    /// The records do not have the root that the log's own checkpoint says.
    RootMismatch = "ROOT_MISMATCH", ALTERED;
    /// The records do not have the root that a kept checkpoint says.
    KeptRootMismatch = "KEPT_ROOT_MISMATCH", ALTERED;
    /// The source could not give the record.
    RecordUnreadable = "RECORD_UNREADABLE", RECOVER;
    /// A removed record is covered by no later record of pruning.
    PruningNotRecorded = "PRUNING_NOT_RECORDED", RECOVER;
    /// What a pruning left of the launches that it removed is missing, or not what its record says.
    SnapshotsAltered = "SNAPSHOTS_ALTERED", SNAPSHOTS;
    /// The leaf is not one line.
    NotOneLine = "NOT_ONE_LINE", COMPARE;
    /// The leaf is no JSON, or no entry.
    EntryUnreadable = "ENTRY_UNREADABLE", COMPARE;
    /// The entry has a version that this program does not know.
    EntryVersionUnknown = "ENTRY_VERSION_UNKNOWN", NEWER;
    /// An event of a launch does not say of which.
    LaunchIdMissing = "LAUNCH_ID_MISSING", COMPARE;
    /// An event that belongs to no launch names one.
    LaunchIdUnexpected = "LAUNCH_ID_UNEXPECTED", COMPARE;
    /// A launch's id was not made on the day of its decision.
    LaunchIdMisdated = "LAUNCH_ID_MISDATED", COMPARE;
    /// A decision does not say for whom, or where.
    DecisionIncomplete = "DECISION_INCOMPLETE", COMPARE;
    /// A launch's first record is not its decision.
    LaunchNotDecided = "LAUNCH_NOT_DECIDED", COMPARE;
    /// A launch was decided again.
    DecidedTwice = "DECIDED_TWICE", COMPARE;
    /// Something follows a refusal.
    RefusedLaunchWentOn = "REFUSED_LAUNCH_WENT_ON", COMPARE;
    /// A record names another account or Region than the launch's decision.
    LaunchMoved = "LAUNCH_MOVED", COMPARE;
    /// A launch was admitted, or an attempt begun, between the record of a pause and the one that resumes.
    LaunchedWhilePaused = "LAUNCHED_WHILE_PAUSED", COMPARE;
    /// A request id was used for two requests.
    RequestDecidedTwice = "REQUEST_DECIDED_TWICE", COMPARE;
    /// An attempt begins although the launch has ended, or has instances.
    AttemptAfterEnd = "ATTEMPT_AFTER_END", COMPARE;
    /// An attempt begins before the one before it has definitely failed.
    AttemptTooEarly = "ATTEMPT_TOO_EARLY", COMPARE;
    /// An attempt was intended twice.
    AttemptIdReused = "ATTEMPT_ID_REUSED", COMPARE;
    /// Two attempts have one client token.
    ClientTokenReused = "CLIENT_TOKEN_REUSED", COMPARE;
    /// An attempt asks for no candidate of the decision, or for one that was tried before.
    AttemptNotDecided = "ATTEMPT_NOT_DECIDED", COMPARE;
    /// A launch has an attempt of another one, whose record does not name it.
    AttemptNotShared = "ATTEMPT_NOT_SHARED", COMPARE;
    /// An outcome of an attempt that was not intended.
    AttemptNotIntended = "ATTEMPT_NOT_INTENDED", COMPARE;
    /// An outcome of an attempt that another launch intended.
    AttemptOfOtherLaunch = "ATTEMPT_OF_OTHER_LAUNCH", COMPARE;
    /// A second outcome after a definite one.
    OutcomeTwice = "OUTCOME_TWICE", COMPARE;
    /// A failed or unknown attempt is reported after the launch's end.
    OutcomeAfterEnd = "OUTCOME_AFTER_END", COMPARE;
    /// An attempt succeeded and made nothing.
    SuccessWithoutInstances = "SUCCESS_WITHOUT_INSTANCES", COMPARE;
    /// An instance was launched twice by one launch.
    InstanceTwice = "INSTANCE_TWICE", COMPARE;
    /// An instance belongs to two launches.
    InstanceOfTwoLaunches = "INSTANCE_OF_TWO_LAUNCHES", COMPARE;
    /// A launch speaks of an instance that it did not launch.
    InstanceNotLaunched = "INSTANCE_NOT_LAUNCHED", COMPARE;
    /// The place of an instance is another instance's.
    PlaceOfOtherInstance = "PLACE_OF_OTHER_INSTANCE", COMPARE;
    /// A launch ended twice.
    EndedTwice = "ENDED_TWICE", COMPARE;
    /// A launch that has instances was ended as if it had none.
    EndWithInstances = "END_WITH_INSTANCES", COMPARE;
    /// A launch ended as something else than failed or cancelled, or as cancelled while an attempt is under way.
    EndStateInvalid = "END_STATE_INVALID", COMPARE;
    /// A cancellation was asked for where no attempt could follow.
    CancelledTooLate = "CANCELLED_TOO_LATE", COMPARE;
    /// A termination was asked for where nothing is or will be launched.
    NothingToTerminate = "NOTHING_TO_TERMINATE", COMPARE;
    /// An instance was to be terminated for not being ready in time, and was not late, or that was not asked for.
    TerminatedThoughNotLate = "TERMINATED_THOUGH_NOT_LATE", COMPARE;
    /// EC2's answer to a termination that was not on record before.
    TerminationNotRequested = "TERMINATION_NOT_REQUESTED", COMPARE;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an auditor should know although it breaks no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WarningCode {
    /// There are records of kinds that this program does not know; no rule was applied to them.
    UnknownKind,
    /// A record is older than one before it.
    ClockSteppedBack,
    /// Launches have records among those removed; rules that need them were not applied.
    RulesSkipped,
    /// The source does not hold some records, and has their hashes only.
    RecordsNotHeld,
}
