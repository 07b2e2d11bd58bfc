//! The options of every command.

use std::path::PathBuf;

use clap::ValueEnum;

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// The configuration file [default: /etc/tieline/tieline.toml, then ./tieline.toml, then ./config/tieline.toml]
    #[arg(long, global = true, value_name = "FILE", env = "TIELINE_CONFIG")]
    pub config: Option<PathBuf>,
    /// How lists are printed
    #[arg(long, global = true, value_enum, default_value_t = OutputForm::Table)]
    pub output: OutputForm,
    /// Log more on standard error: -v adds INFO, -vv adds DEBUG; without it, commands log warnings and errors
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Log errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// How lists are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For a spreadsheet; `tie-out` alone prints it.
    Csv,
    /// A workbook; `tie-out` and `tie-out show` alone write it.
    Xlsx,
    /// A document to sign; `tie-out` and `tie-out show` alone write it.
    Pdf,
}
