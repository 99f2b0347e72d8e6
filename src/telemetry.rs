//! The log on stderr, and the names of its fields and events.
//!
//! A log line is one event per outcome, written at the edge that knows it: a fixed name and typed
//! fields, not a sentence. The names live here so that a query over collected logs keeps working;
//! changing one is a change for whoever reads the logs. Metrics are not here.

use std::io::IsTerminal as _;

use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a person.
    Human,
    /// One JSON object a line, for a log collector.
    Json,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be parsed.
    #[error("{filter:?} is not a log filter such as \"info\" or \"info,gantry=debug\"")]
    Filter {
        /// What was given.
        filter: String,
        /// Why not.
        source: tracing_subscriber::filter::ParseError,
    },
    /// A subscriber is installed already.
    #[error("the log is set up already")]
    AlreadySet(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Sends the process's log to stderr, because stdout belongs to results. `filter` is in the words
/// of `EnvFilter`: `info,gantry=debug`. Whatever it says, the AWS SDK is heard up to INFO only.
///
/// # Errors
/// [`TelemetryError::Filter`]; [`TelemetryError::AlreadySet`] the second time.
pub fn init(format: Format, filter: &str) -> Result<(), TelemetryError> {
    let env_filter =
        EnvFilter::try_new(filter).map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(env_filter)
        .with_writer(std::io::stderr)
        // Colours are for a person; in a file they are noise.
        .with_ansi(std::io::stderr().is_terminal());
    let harmless = filter_fn(|metadata| may_be_logged(metadata.target(), *metadata.level()));
    match format {
        Format::Human => builder.finish().with(harmless).try_init(),
        Format::Json => builder.json().flatten_event(true).finish().with(harmless).try_init(),
    }
    .map_err(|error| TelemetryError::AlreadySet(error.into()))
}

/// Whether lines of `target` at `level` hold nothing that the log must not have. Below INFO the SDK
/// writes down access key ids, tags and the whole of what EC2 answered.
fn may_be_logged(target: &str, level: Level) -> bool {
    level <= Level::INFO || !target.starts_with("aws_")
}

/// Names of fields. Ids are written as the API writes them; times and sizes carry their unit.
pub mod field {
    /// The gRPC method: `gantry.v1.LaunchService/LaunchInstances`.
    pub const RPC: &str = "rpc";
    /// The gRPC code of an answer: `NOT_FOUND`.
    pub const GRPC_CODE: &str = "grpc_code";
    /// The reason in an answer's ErrorInfo: `IMAGE_NOT_FOUND`.
    pub const REASON: &str = "reason";
    /// What ties an INTERNAL answer to its line in the log.
    pub const CORRELATION_ID: &str = "correlation_id";
    /// How long something took, in milliseconds.
    pub const ELAPSED_MS: &str = "elapsed_ms";
    /// Who asked.
    pub const PRINCIPAL: &str = "principal";
    /// The caller's idempotency key.
    pub const REQUEST_ID: &str = "request_id";
    /// The account.
    pub const ACCOUNT_ID: &str = "account_id";
    /// The Region.
    pub const REGION: &str = "region";
    /// The image.
    pub const IMAGE_ID: &str = "image_id";
    /// The launch.
    pub const LAUNCH_ID: &str = "launch_id";
    /// The attempt.
    pub const ATTEMPT_ID: &str = "attempt_id";
    /// The instance.
    pub const INSTANCE_ID: &str = "instance_id";
    /// The EC2 action: `RunInstances`.
    pub const EC2_ACTION: &str = "ec2_action";
    /// EC2's error code: `InsufficientInstanceCapacity`.
    pub const EC2_CODE: &str = "ec2_code";
    /// Who waits for a call to EC2: `launch`, `question` or `crawl`.
    pub const PRIORITY: &str = "priority";
    /// EC2's id of the call.
    pub const EC2_REQUEST_ID: &str = "ec2_request_id";
    /// A record's place in the log.
    pub const LOG_INDEX: &str = "log_index";
    /// A count of records.
    pub const RECORDS: &str = "records";
    /// An address.
    pub const ADDRESS: &str = "address";
    /// A policy's text, by its SHA-256.
    pub const POLICY_HASH: &str = "policy_hash";
    /// What became of a message: `used`, `ignored` or `malformed`.
    pub const RESULT: &str = "result";
    /// An error with its whole chain of causes.
    pub const ERROR: &str = "error";
}

/// Names of events, written as the message.
pub mod event {
    /// The server accepts connections.
    pub const SERVER_LISTENING: &str = "server_listening";
    /// The server was told to stop and drains.
    pub const SERVER_DRAINING: &str = "server_draining";
    /// The server has stopped.
    pub const SERVER_STOPPED: &str = "server_stopped";
    /// The in-process sandbox accepts connections.
    pub const SANDBOX_LISTENING: &str = "sandbox_listening";
    /// An RPC was answered.
    pub const RPC_ANSWERED: &str = "rpc_answered";
    /// A bug answered INTERNAL.
    pub const RPC_FAILED_INTERNALLY: &str = "rpc_failed_internally";
    /// EC2 answered with an error.
    pub const EC2_CALL_FAILED: &str = "ec2_call_failed";
    /// EC2 refused a call for its rate, the first time since the rate was whole: it is halved.
    pub const EC2_THROTTLED: &str = "ec2_throttled";
    /// A launch was decided.
    pub const LAUNCH_DECIDED: &str = "launch_decided";
    /// An attempt has its outcome.
    pub const ATTEMPT_ENDED: &str = "attempt_ended";
    /// An attempt without an outcome was found at start and is taken up again.
    pub const ATTEMPT_RESUMED: &str = "attempt_resumed";
    /// An instance reached a phase.
    pub const INSTANCE_PHASE: &str = "instance_phase";
    /// The log was opened.
    pub const LOG_OPENED: &str = "log_opened";
    /// The log cannot be written.
    pub const LOG_UNAVAILABLE: &str = "log_unavailable";
    /// A full crawl of a Region's images came to nothing; the snapshot before it goes on serving.
    pub const CATALOGUE_CRAWL_FAILED: &str = "catalogue_crawl_failed";
    /// The newest images of a Region could not be looked at.
    pub const CATALOGUE_REFRESH_FAILED: &str = "catalogue_refresh_failed";
    /// The snapshot on disk cannot be used.
    pub const CATALOGUE_NOT_LOADED: &str = "catalogue_not_loaded";
    /// The snapshot could not be written to disk.
    pub const CATALOGUE_NOT_SAVED: &str = "catalogue_not_saved";
    /// Another policy is in force.
    pub const POLICY_LOADED: &str = "policy_loaded";
    /// The policy could not be read, is none, or could not be recorded; the one before it stays in force.
    pub const POLICY_NOT_LOADED: &str = "policy_not_loaded";
    /// Policy denied a call.
    pub const POLICY_DENIED_CALL: &str = "policy_denied_call";
    /// No launch is admitted, and no attempt begins.
    pub const LAUNCHES_PAUSED: &str = "launches_paused";
    /// An instance of this server's belongs to no launch.
    pub const ORPHAN_FOUND: &str = "orphan_found";
    /// The queue of EC2's events could not be read, or a message on it.
    pub const EVENTS_NOT_READ: &str = "events_not_read";
    /// Launches are let pass again.
    pub const LAUNCHES_RESUMED: &str = "launches_resumed";
}

/// Names of metrics, in Prometheus' form: the unit is in the name. Those of the catalogue have the
/// label `region`.
pub mod metric {
    /// Images in the newest snapshot.
    pub const CATALOGUE_IMAGES: &str = "gantry_catalogue_images";
    /// Memory that the newest snapshot takes.
    pub const CATALOGUE_HEAP_BYTES: &str = "gantry_catalogue_heap_bytes";
    /// When the crawl began that the newest snapshot comes from, in seconds since 1970.
    pub const CATALOGUE_OBSERVED_SECONDS: &str = "gantry_catalogue_observed_timestamp_seconds";
    /// How long the last full crawl took.
    pub const CATALOGUE_CRAWL_SECONDS: &str = "gantry_catalogue_crawl_seconds";
    /// Full crawls that succeeded.
    pub const CATALOGUE_CRAWLS: &str = "gantry_catalogue_crawls_total";
    /// Full crawls that came to nothing.
    pub const CATALOGUE_CRAWL_FAILURES: &str = "gantry_catalogue_crawl_failures_total";
    /// Refreshes that failed: what is new is seen by a later one.
    pub const CATALOGUE_REFRESH_FAILURES: &str = "gantry_catalogue_refresh_failures_total";
    /// Lists of images that were answered, by the label `answered_from`: `catalogue` or `ec2`.
    pub const CATALOGUE_ANSWERS: &str = "gantry_catalogue_answers_total";
    /// Answers of EC2's that refused a call for its rate, by `region` and `ec2_action`.
    pub const EC2_THROTTLED: &str = "gantry_ec2_throttled_total";
    /// How long calls to EC2 waited for their share of its rate, those that waited at all, by `region`,
    /// `ec2_action` and `priority`.
    pub const EC2_WAIT_SECONDS: &str = "gantry_ec2_wait_seconds";
    /// Calls to EC2 that were given up because their share of its rate was used up, by the same labels.
    pub const EC2_HELD_BACK: &str = "gantry_ec2_held_back_total";
    /// Policies that came into force.
    pub const POLICY_LOADS: &str = "gantry_policy_loads_total";
    /// Policies that did not.
    pub const POLICY_LOAD_FAILURES: &str = "gantry_policy_load_failures_total";
    /// Whether the file holds something else than what is in force: 1 or 0.
    pub const POLICY_STALE: &str = "gantry_policy_stale";
    /// Instances of this server's that belong to no launch, by `account_id` and `region`.
    pub const ORPHAN_INSTANCES: &str = "gantry_orphan_instances";
    /// Messages of the queue of EC2's events, by what became of them.
    pub const QUEUE_EVENTS: &str = "gantry_queue_events_total";
    /// Whether launches are paused: 1 or 0.
    pub const LAUNCHES_PAUSED: &str = "gantry_launches_paused";
    /// Launches that a quota refused, by the label `quota`.
    pub const LAUNCHES_OVER_QUOTA: &str = "gantry_launches_over_quota_total";
    /// Calls that policy denied, by the label `action`.
    pub const POLICY_DENIED_CALLS: &str = "gantry_policy_denied_calls_total";
}

/// An error and its causes on one line, `a: b: c`: Display of our errors never repeats its source.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_is_not_heard_below_info() {
        for (target, level, expected) in [
            ("aws_smithy_runtime::client::orchestrator", Level::DEBUG, false),
            ("aws_sigv4::http_request::sign", Level::TRACE, false),
            ("aws_config::profile", Level::WARN, true),
            ("gantry::launch", Level::TRACE, true),
            ("h2::codec", Level::DEBUG, true),
        ] {
            assert_eq!(may_be_logged(target, level), expected, "{target} {level}");
        }
    }

    #[test]
    fn a_filter_that_cannot_be_parsed_says_so_with_its_cause() {
        let error = init(Format::Human, "gantry=loud").unwrap_err();
        assert!(chain(&error).starts_with("\"gantry=loud\" is not a log filter"), "{error}");
        assert!(chain(&error).contains(": "), "{error}");
    }
}
