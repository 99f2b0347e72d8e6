//! The `gantry` binary: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use gantry::cli::Cli;

/// Records are made by many threads and freed by others, which is what it is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit_code()
        }
    }
}
