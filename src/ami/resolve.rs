//! Choosing one image by what it must be, and saying why the others lost.
//!
//! The order of preference: what can be launched comes before what cannot, what is not deprecated
//! before what is, then the newest, and of those made at the same time the one whose id sorts
//! first. A recommendation is said and does not outrank a newer image: whoever selects "the newest"
//! must not get an older one because of an opinion. Only an image that can be launched wins.
//! Candidates are judged one at a time and only the best are kept, so that a wide selector costs
//! time and no memory.

mod ranking;
mod selector;

pub use ranking::{Choice, Nothing, RUNNERS_UP_MAX, Ranking, RunnerUp};
pub use selector::Selector;

#[cfg(test)]
mod tests;
