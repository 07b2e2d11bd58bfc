//! The command line: one file per command, each turned into an exit code.

mod context;
#[cfg(feature = "sim")]
mod demo;
mod failure;
mod output;
mod run;
mod sync;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

pub use failure::{Exit, Failure};

/// Carries suppliers, invoices, purchase orders, GL accounts, cost centres and GL postings from SYSPRO into ServiceNow, each exactly once.
#[derive(Debug, Parser)]
#[command(name = "tieline", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// The configuration file [default: /etc/tieline/tieline.toml, then ./config/tieline.toml]
    #[arg(long, global = true, value_name = "FILE", env = "TIELINE_CONFIG")]
    pub config: Option<PathBuf>,
    /// How lists are printed
    #[arg(long, global = true, value_enum, default_value_t = OutputForm::Table)]
    pub output: OutputForm,
}

/// How lists are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything on loopback: two simulators, a private Postgres, one full sync, a summary that ties out, then the service
    #[cfg(feature = "sim")]
    Demo(demo::DemoArgs),
    /// Runs the service: flows by their schedules, health, metrics and the HTTP interface
    Run,
    /// Runs one cycle in dependency order, then exits: 0 all delivered, 3 some parked or waiting
    Sync(sync::SyncArgs),
}

/// Runs a command to its end.
pub fn main(cli: Cli) -> ExitCode {
    let result = match cli.command {
        #[cfg(feature = "sim")]
        Command::Demo(args) => demo::demo(&cli.global, &args),
        Command::Run => run::run(&cli.global),
        Command::Sync(args) => sync::sync(&cli.global, &args),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("tieline: {failure}");
            failure.exit.into()
        }
    }
}

/// The log as the settings want it, and panics as lines of it.
fn start_logging(checked: &context::Checked) -> Result<(), Failure> {
    let log = &checked.settings().log;
    crate::telemetry::logging::init(&log.level, log.json)
        .map_err(|error| Failure::new(Exit::Configuration, crate::actors::chain(&error)))?;
    crate::actors::panics::log_panics();
    Ok(())
}
