//! What EC2's facts about machine images mean.
//!
//! Plain functions from values to values: an image is classified, judged against instance types,
//! matched by filters, ordered, chosen from, and summed up in a receipt. Nothing here asks EC2,
//! reads a clock or writes a log. Every conclusion names the fact it rests on, and a missing fact
//! makes it UNKNOWN; nothing is guessed.

pub mod allowed_images;
pub mod catalog;
pub mod classify;
pub mod compatibility;
pub mod describe_images;
pub mod filter;
pub mod finding_rule;
pub mod fleet;
pub mod order;
pub mod receipt;
pub mod resolve;
pub mod snapshot;
