//! Between the contract's messages and our own types, both ways.
//!
//! Out of the house is `From`, and total: every domain field is named, so that a new one does not
//! compile until somebody has decided what becomes of it. Into the house is parsing: it collects
//! every [`Violation`] instead of stopping at the first, because a caller who pastes JSON wants to
//! know all that is wrong with it at once. Nothing here knows `tonic::Status`; `status` is the one
//! place that does. Nothing here decides, asks EC2 or reads a clock.

mod audit_record;
mod boot_event;
mod classification;
mod filter;
mod finding;
mod image;
mod instance_type;
mod launch;
mod selector;
mod spec;
mod time;
mod violation;

pub use audit_record::{LocatedEntry, record_kind, record_verdict};
pub use filter::{FILTER_NAME_CHARS_MAX, FILTER_VALUE_CHARS_MAX, FILTER_VALUES_MAX, FILTERS_MAX, RawFilter, filters};
pub use image::image;
pub use instance_type::{instance_type, zones};
pub use launch::{launch_state, preview};
pub use selector::{image_receipt, image_selector};
pub use spec::{ParsedSpec, parse_spec};
pub use time::{duration, time_range, timestamp, to_duration, to_timestamp};
pub use violation::{VIOLATIONS_KEPT_MAX, Violation, ViolationReason, Violations};
