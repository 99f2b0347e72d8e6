//! The command line: what each command takes, and which room it asks.
//!
//! Results go to stdout, everything else to stderr. A command ends with 0 when it has done what it
//! was asked, with 1 when that was refused or failed, and with 2 when it was asked wrongly. What
//! commands do is done elsewhere: the server's work by `server` and `sandbox`, the rest by calls
//! through `client`.

mod audit;
mod check;
mod connect;
mod describe;
mod failure;
mod images;
mod launch;
mod launches;
mod output;
mod parse;
mod policy;
mod sandbox;
mod serve;
mod stop;
mod timeline;
mod watch;

use clap::{Parser, Subcommand};

pub use failure::Failure;

/// Looks up, judges, launches and watches Amazon EC2 machine images, and keeps the proof.
#[derive(Debug, Parser)]
#[command(name = "gantry", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service.
    Serve(Box<serve::Args>),
    /// Run a small EC2 to try things against, without the service.
    Sandbox(sandbox::Args),
    /// Find images and say what they are.
    #[command(subcommand)]
    Images(images::Command),
    /// Say which instance types can boot an image, and why the others cannot.
    Check(Box<check::Args>),
    /// Launch instances from an image.
    Launch(Box<launch::Args>),
    /// Watch a launch or instances boot; 0 once everything is ready, 1 if it will not be.
    Watch(Box<watch::Args>),
    /// Look at launches, and end them.
    #[command(subcommand)]
    Launches(launches::Command),
    /// Read the audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Check policies, show the one in force, and try others on what was decided.
    #[command(subcommand)]
    Policy(policy::Command),
}

impl Cli {
    /// Runs the command to its end.
    ///
    /// # Errors
    /// What to say on stderr, and the exit code that goes with it.
    pub fn run(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let result = runtime.block_on(self.command.run());
        // Reading a terminal or a file may still block a thread; nothing waits for that.
        runtime.shutdown_background();
        match result {
            // The reader of a pipe has seen enough: `gantry images list | head`.
            Err(failure) if failure.is_broken_pipe() => Ok(()),
            result => result,
        }
    }
}

impl Command {
    async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Serve(args) => args.run().await,
            Self::Sandbox(args) => args.run().await,
            Self::Images(command) => command.run().await,
            Self::Check(args) => args.run().await,
            Self::Launch(args) => args.run().await,
            Self::Watch(args) => args.run().await,
            Self::Launches(command) => command.run().await,
            Self::Audit(command) => command.run().await,
            Self::Policy(command) => command.run().await,
        }
    }
}

#[cfg(test)]
mod tests;
