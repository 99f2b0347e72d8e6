//! The log from outside: against a model, through crashes, and with several callers.

mod appends;
mod backup;
mod fixture;
mod integrity;
mod model;
mod recovery;
mod retention;
mod standing;
mod topics;
