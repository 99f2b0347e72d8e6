//! `gantry audit`: read the log, follow it, prove it, take it elsewhere, back it up.

mod accept;
mod backup;
mod conditions;
mod export;
mod key;
mod list;
mod proof;
mod restore;
mod tail;
mod verify;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Subcommand;

use super::connect::Format;
use super::failure::Failure;
use super::output::print;
use crate::audit::OfflineLog;

/// What can be done with the log.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List records, newest first.
    List(Box<list::ListArgs>),
    /// Show the leaf of one record, byte for byte.
    Show(list::ShowArgs),
    /// Follow the log: records as they become durable.
    Tail(Box<tail::Args>),
    /// Check the whole log without trusting its server.
    Verify(Box<verify::Args>),
    /// Write the log, or a range of it, to a file or directory for other systems.
    Export(Box<export::Args>),
    /// Print the proof that a record is in the log, as one text (c2sp.org/tlog-proof).
    Proof(proof::Args),
    /// Print the log's verifier key, or make a new key.
    Key(key::Args),
    /// Copy the log to another directory, beside a running server; again, to bring the copy up to date.
    Backup(backup::Args),
    /// Make a data directory from a backup. It launches nothing until it is told to go on.
    Restore(restore::Args),
    /// Let a log that has lost records go on; no server may have it open.
    Accept(accept::Args),
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(args) => list::list(*args).await,
            Self::Show(args) => list::show(args).await,
            Self::Tail(args) => args.run().await,
            Self::Verify(args) => args.run().await,
            Self::Export(args) => args.run().await,
            Self::Proof(args) => args.run().await,
            Self::Key(args) => args.run().await,
            Self::Backup(args) => args.run().await,
            Self::Restore(args) => args.run().await,
            Self::Accept(args) => args.run().await,
        }
    }
}

/// Prints what was done: its words for a person, or its fields as JSON.
fn print_done<T: std::fmt::Display + serde::Serialize>(done: &T, format: Format) -> Result<(), Failure> {
    match format {
        Format::Table => print(&done.to_string()),
        Format::Json => print(&serde_json::to_string_pretty(done)?),
    }
}

/// The log in a data directory, which is only looked at.
fn log_in(dir: &Path) -> Result<Arc<OfflineLog>, Failure> {
    Ok(OfflineLog::open(dir).with_context(|| format!("{} cannot be read", dir.display()))?)
}
