//! How long boots took: measured on the launches of the log, grouped, and used to say how far a boot has come.
//!
//! What a boot is, how boots are grouped and what is to be expected are pure; `measured` reads the log and holds the
//! boots in memory. A boot is counted once it was READY or failed; the record has its times ([`BootTimes`]), so that
//! what is held here can always be made again from the log. Nothing here is written down.
//!
//! [`BootTimes`]: crate::record::BootTimes

mod boots;
mod estimates;
mod expectation;
mod expectations;
mod groups;
mod levels;
mod measured;
mod memory;
mod percentiles;
mod question;

pub use boots::{Boot, Kind, boots_of, kind_of};
pub use estimates::Estimates;
pub use expectation::{Expectation, Left, Level};
pub use groups::{Dimension, GROUPS_MAX, Group, GroupKey, PhaseTimes, TooManyGroups, group};
pub use measured::Measured;
pub use memory::{ImageBoots, MEASURED_BOOTS_MAX, MEASURED_DAYS_MAX};
pub use question::{BOOTS_READ_MAX, Question, READ_TIME_MAX, StatisticsError};

#[cfg(test)]
pub(super) mod tests;
