//! The thin binary: reads the command line, runs it, turns the result into an exit code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    tieline::cli::main(tieline::cli::Cli::parse())
}
