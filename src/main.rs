//! The binary: reads the command line, runs it, and returns the exit code.

use std::process::ExitCode;

// set up in .cargo/config.toml
#[cfg(all(unix, feature = "jemalloc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    tieline::cli::main(tieline::cli::command_line())
}
