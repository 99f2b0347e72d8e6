//! The log from outside: against a model, through crashes, and with several callers.

mod appends;
mod fixture;
mod integrity;
mod model;
mod recovery;
