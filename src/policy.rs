//! Policy: what may be done, in Cedar.
//!
//! A policy is a text. It is compiled against one schema in Cedar's strict mode, and then answers questions: may this
//! principal do this, and if not, which policy says so, why, and what would satisfy it. The answer follows from the
//! text and the question alone: no IO, no clock, no log. Where the text comes from, when it is read again and what
//! happens because of an answer is decided elsewhere. Nothing outside this room names Cedar.
//!
//! Everything here fails closed. Cedar leaves a policy out that cannot be evaluated, and with it a forbid; here such an
//! error is a denial.

mod action;
mod attributes;
mod builtin;
mod call;
mod compile;
mod depth;
mod entity;
mod error;
mod in_force;
mod launch_case;
mod question;
mod rerule;
mod ruling;
mod statement;
mod statements;

pub use action::Action;
pub use builtin::{DEFAULT_NAME, DEFAULT_TEXT, EXAMPLES, SCHEMA_TEXT};
pub use call::{launch_call, service_call};
pub use compile::{POLICY_BYTES_MAX, POLICY_NAME_CHARS_MAX, Policy, TEXT_CHARS_MAX};
pub use depth::{NESTING_MAX, OPERATORS_MAX};
pub use error::{ERRORS_KEPT_MAX, PolicyError, PolicyErrors};
pub use in_force::{InForce, Loaded};
pub use launch_case::{LaunchCase, LaunchFacts};
pub use question::Question;
pub use rerule::{Rerule, Rerun, Skipped};
pub use ruling::{Denial, NO_PERMIT, Ruling, UNASKABLE};

#[cfg(test)]
mod tests;
