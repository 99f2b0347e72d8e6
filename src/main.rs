//! The `gantry` binary: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use gantry::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit_code()
        }
    }
}
