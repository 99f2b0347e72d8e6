//! RESOURCE_EXHAUSTED for what a question or a caller asks too much of.

use tonic::Code;

use super::details::{Detail, Report};

/// A question with too many answers.
pub(super) fn too_many_results(message: String, limit: usize, narrow_by: &str) -> Report {
    exhausted("TOO_MANY_RESULTS", message, "results").with("limit", &limit).with("narrow_by", &narrow_by)
}

/// A question about more boots than are read from the log.
pub(super) fn too_many_boots(message: String, boots: usize, seconds: u64) -> Report {
    let report = exhausted("TOO_MANY_BOOTS", message, "boots").with("boots", &boots).with("seconds", &seconds);
    report.with("narrow_by", &"start_time, end_time")
}

/// Too many open streams.
pub(super) fn too_many_watchers(message: String, limit: usize) -> Report {
    exhausted("TOO_MANY_WATCHERS", message, "watchers").with("limit", &limit)
}

fn exhausted(reason: &'static str, message: String, subject: &str) -> Report {
    let detail = Detail::Quota { subject: subject.to_owned(), description: message.clone() };
    Report::new(Code::ResourceExhausted, reason, message).detail(detail)
}
