//! The log from outside: against a model, through crashes, and with several callers.

mod appends;
mod fixture;
mod model;
mod recovery;
