//! The command line: one file per command, each turned into an exit code.

mod api_key;
mod approvals;
mod audit;
mod backfill;
mod check;
mod checked;
mod close;
mod conflicts;
mod context;
mod credential;
mod database;
mod definitions;
#[cfg(feature = "demo")]
mod demo;
mod doctor;
mod evidence;
mod failure;
mod failures;
mod first;
mod flow;
mod global;
mod high_water;
mod hold;
mod migrate;
mod notices;
mod output;
mod person;
mod postgres_watchdog;
mod preview;
mod prompt;
mod prove;
mod record;
mod reload;
mod replay;
mod resend;
mod restored;
mod resume;
mod retention;
mod run;
mod sent;
#[cfg(target_os = "linux")]
mod service;
mod servicenow_app;
mod signals;
#[cfg(feature = "demo")]
mod simulate;
mod start;
mod status;
mod support;
mod sync;
mod tasks;
mod tie_out;
mod tie_out_groups;
mod tie_out_json;
mod tie_out_subledger;
mod who;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use failure::{Exit, Failure};
pub use global::{Global, OutputForm};

use self::start::{Logs, block_on, start_logging};
use crate::domain::visible::{directs, visible};
use crate::store;

/// Copies suppliers, invoices, purchase orders, GL accounts, cost centres and GL postings from SYSPRO to ServiceNow. Each version takes effect
/// once, even after retries.
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

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a demonstration on this machine: two simulators, a private Postgres, one full sync, a reconciliation summary, then the service
    #[cfg(feature = "demo")]
    Demo(demo::DemoArgs),
    /// Runs the service: flows by their schedules, health, metrics and the HTTP interface
    Run,
    /// Runs every flow once in dependency order, then exits: 0 all delivered, 3 some not delivered or in conflict
    Sync(sync::SyncArgs),
    /// Checks configuration and definitions without a connection, and lists every mistake
    Check,
    /// Checks both systems, rights and the database, and says what to do about each finding
    Doctor(doctor::DoctorArgs),
    /// Manages the encrypted store of passwords and client secrets
    #[command(subcommand)]
    Credential(credential::CredentialCommand),
    /// Manages the keys of the HTTP interface
    #[command(subcommand)]
    ApiKey(api_key::ApiKeyCommand),
    /// Lists the people of the OpenID provider, and frees the name of an account that no longer exists
    #[command(subcommand)]
    Person(person::PersonCommand),
    /// Writes what a profile needs in ServiceNow as an application: tables, columns, transform maps, roles and access rules
    #[command(name = "servicenow-app")]
    ServicenowApp(servicenow_app::ServicenowAppArgs),
    /// Shows the state of every flow, and the last runs
    Status(status::StatusArgs),
    /// Pauses or resumes a flow, or forgets one that is no longer configured
    #[command(subcommand)]
    Flow(flow::FlowCommand),
    /// Ends the pauses that ServiceNow asked for, and sends what they delayed
    Resume(resume::ResumeArgs),
    /// Lists what was not delivered, with the error message and the next step
    Failures(failures::FailuresArgs),
    /// Shows one record: its state and why, its versions and attempts
    Record(record::RecordArgs),
    /// Shows what would be sent of records now: SYSPRO's rows, the mapped fields, and how ServiceNow's rows differ. Writes nothing
    Preview(preview::PreviewArgs),
    /// Maps stored records again and sends them
    Replay(replay::ReplayArgs),
    /// Holds records: Tieline does not send them until they are released
    Hold(hold::HoldArgs),
    /// Releases records: ends a hold, sends again what failed, as it was mapped, and reports what happened
    Release(hold::ReleaseArgs),
    /// Reads a period of SYSPRO's history again, while the scheduled runs continue
    Backfill(backfill::BackfillArgs),
    /// Tests the channels of `[notices]`
    #[command(subcommand)]
    Notices(notices::NoticesCommand),
    /// Shows the definitions in force, and puts those of this machine into force
    #[command(subcommand)]
    Definitions(definitions::DefinitionsCommand),
    /// Lists and decides conflicts between the two systems
    #[command(subcommand)]
    Conflicts(conflicts::ConflictsCommand),
    /// Ties out: reads both systems, compares records, fields and sums by fiscal period, and names every difference with its cause
    TieOut(tie_out::TieOutArgs),
    /// Closes fiscal periods: two people sign what a tie-out found, and a lock holds what arrives later
    #[command(subcommand)]
    Close(close::CloseCommand),
    /// Lists and answers what needs a second person, as `[approvals]` says
    #[command(subcommand)]
    Approvals(approvals::ApprovalsCommand),
    /// Lists the tasks that Tieline keeps in ServiceNow for failed records and open differences, as `[tasks]` says
    Tasks(tasks::TasksArgs),
    /// Proves that no record has two rows in ServiceNow, by two requests per table
    Prove(prove::ProveArgs),
    /// Writes a file for an auditor: tie-out, runs, definitions, interventions, access and the audit of a period
    Evidence(evidence::EvidenceArgs),
    /// Writes a file for somebody who helps: versions, settings without secrets, flows, runs, nodes; no record, unless asked
    Support(support::SupportArgs),
    /// Removes what is older than `[retention]` allows; a running service does it once a day
    Retention(retention::RetentionArgs),
    /// Lists the audit (JSON: one object per line), and verifies or seals its chain
    Audit(audit::AuditArgs),
    /// After a restore: compares ServiceNow with the ledger, so that flows may run again
    Restored,
    /// Runs a Postgres program, such as pg_dump, on the ledger's database, and starts the private server for it
    Database(database::DatabaseArgs),
    /// Migrates the database to the newest schema
    Migrate,
    /// Sets up the systemd service where no package did
    #[cfg(target_os = "linux")]
    #[command(subcommand)]
    Service(service::ServiceCommand),
    /// Runs one simulator alone
    #[cfg(feature = "demo")]
    #[command(subcommand)]
    Simulate(simulate::SimulateCommand),
    /// Prints the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Prints the manual page, or writes all of them into a directory
    Man {
        /// Where to write one page per command
        #[arg(long, value_name = "DIR")]
        directory: Option<PathBuf>,
    },
}

/// Reads the command line. An error in it ends the program; control characters in it are printed as `[U+202E]`.
pub fn command_line() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        let text = error.to_string();
        if !text.chars().any(directs) {
            error.exit();
        }
        eprint!("{}", visible(&text));
        std::process::exit(error.exit_code())
    })
}

/// Runs a command.
pub fn main(cli: Cli) -> ExitCode {
    let fits = match (cli.global.output, &cli.command) {
        (OutputForm::Table | OutputForm::Json, _) | (OutputForm::Csv, Command::TieOut(_)) => true,
        (OutputForm::Xlsx | OutputForm::Pdf, Command::TieOut(args)) => args.is_of_one(),
        (OutputForm::Csv | OutputForm::Xlsx | OutputForm::Pdf, _) => false,
    };
    if !fits {
        output::complaint(
            "this command prints a table or JSON; `tie-out` alone has CSV, and a whole tie-out (`tie-out`, `tie-out show`) XLSX and PDF",
        );
        return Exit::Usage.into();
    }
    let result = match cli.command {
        #[cfg(feature = "demo")]
        Command::Demo(args) => demo::demo(&cli.global, &args),
        Command::Run => run::run(&cli.global),
        Command::Sync(args) => sync::sync(&cli.global, &args),
        Command::Check => check::check(&cli.global),
        Command::Doctor(args) => doctor::doctor(&cli.global, &args),
        Command::Credential(command) => credential::credential(&cli.global, &command),
        Command::ApiKey(command) => api_key::api_key(&cli.global, &command),
        Command::Person(command) => person::person(&cli.global, &command),
        Command::ServicenowApp(args) => servicenow_app::servicenow_app(&args),
        Command::Status(args) => status::status(&cli.global, &args),
        Command::Flow(command) => flow::flow(&cli.global, &command),
        Command::Resume(args) => resume::resume(&cli.global, &args),
        Command::Failures(args) => failures::failures(&cli.global, &args),
        Command::Record(args) => record::record(&cli.global, &args),
        Command::Preview(args) => preview::preview(&cli.global, &args),
        Command::Replay(args) => replay::replay(&cli.global, &args),
        Command::Hold(args) => hold::hold(&cli.global, &args),
        Command::Release(args) => hold::release(&cli.global, &args),
        Command::Backfill(args) => backfill::backfill(&cli.global, &args),
        Command::Notices(command) => notices::notices(&cli.global, &command),
        Command::Definitions(command) => definitions::definitions(&cli.global, &command),
        Command::Conflicts(command) => conflicts::conflicts(&cli.global, &command),
        Command::TieOut(args) => tie_out::tie_out(&cli.global, &args),
        Command::Close(command) => close::close(&cli.global, &command),
        Command::Approvals(command) => approvals::approvals(&cli.global, &command),
        Command::Tasks(args) => tasks::tasks(&cli.global, &args),
        Command::Prove(args) => prove::run(&cli.global, &args),
        Command::Evidence(args) => evidence::run(&cli.global, &args),
        Command::Support(args) => support::run(&cli.global, &args),
        Command::Retention(args) => retention::retention(&cli.global, &args),
        Command::Audit(args) => audit::audit(&cli.global, &args),
        #[cfg(target_os = "linux")]
        Command::Service(command) => service::service(&cli.global, &command),
        Command::Restored => restored::restored(&cli.global),
        Command::Database(args) => match database::database(&cli.global, &args) {
            Ok(code) => return code,
            Err(failure) => Err(failure),
        },
        Command::Migrate => migrate::migrate(&cli.global),
        #[cfg(feature = "demo")]
        Command::Simulate(command) => simulate::simulate(&command),
        Command::Completions { shell } => {
            // into memory first: written directly to a closed output, it would panic
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tieline", &mut text);
            output::bytes(&text).map(|()| Exit::Done)
        }
        Command::Man { directory } => man(directory.as_deref()),
    };
    store::end_connecting();
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if !failure.is_unread() {
                output::complaint(&failure.text);
            }
            failure.exit.into()
        }
    }
}

/// The manual: one page to standard output, or one file per command.
fn man(directory: Option<&std::path::Path>) -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| {
        let place = directory.map(|directory| format!(" into {}", directory.display())).unwrap_or_default();
        Failure::new(Exit::Failed, format!("the manual cannot be written{place}: {error}"))
    };
    match directory {
        Some(directory) => {
            std::fs::create_dir_all(directory).map_err(failed)?;
            clap_mangen::generate_to(Cli::command(), directory).map_err(failed)?;
        }
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut text).map_err(failed)?;
            output::bytes(&text)?;
        }
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_well_formed_and_take_no_password() {
        Cli::command().debug_assert();
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        assert!(parse("tieline credential set servicenow --username U --password-stdin").is_ok());
        assert!(parse("tieline credential set servicenow --username U --password SENTINEL").is_err());
        assert!(parse("tieline credential set servicenow --password-stdin").is_err(), "no user name");
        assert!(parse("tieline api-key add monitor --role viewer --expires-days 30 --output json").is_ok());
        assert!(parse("tieline api-key add monitor --role root").is_err());
        // more days than the calendar has must not make a key that never expires
        assert!(parse("tieline api-key add monitor --role viewer --expires-days 99999999999").is_err());
        assert!(parse("tieline api-key add monitor --role viewer --expires-days 0").is_err());
    }

    /// Every command in a next step exists, and accepts the named options. Arguments may be left out: the command asks for them.
    #[test]
    fn every_command_that_a_next_step_names_is_one() {
        use clap::error::ErrorKind::{
            DisplayHelpOnMissingArgumentOrSubcommand, InvalidValue, MissingRequiredArgument, MissingSubcommand, ValueValidation,
        };
        let known = |line: &str| match Cli::try_parse_from(line.split(' ')) {
            Ok(_) => true,
            Err(error) => {
                // a number or a name in an example is a word
                let asks =
                    [MissingRequiredArgument, MissingSubcommand, DisplayHelpOnMissingArgumentOrSubcommand, ValueValidation, InvalidValue];
                asks.contains(&error.kind())
            }
        };
        assert!(known("tieline replay --failed-only") && known("tieline flow resume"));
        for wrong in ["tieline replya", "tieline flow retry", "tieline replay --failed", "tieline sync --swep"] {
            assert!(!known(wrong), "{wrong}");
        }
        let mut named = 0;
        for step in crate::domain::next_step::NextStep::examples() {
            let text = step.text();
            for line in text.split('`').skip(1).step_by(2).filter(|code| code.starts_with("tieline ")) {
                assert!(known(line), "`{line}` is no command: {text}");
                named += 1;
            }
        }
        assert!(named > 15, "{named}");
    }
}
