//! `tieline database -- COMMAND`: a program of Postgres, such as `pg_dump`, with the ledger's database to work on.
//!
//! Nothing of the ledger is read: it may be empty, or about to be loaded from a backup.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use secrecy::ExposeSecret as _;

use super::Global;
use super::checked::Checked;
use super::context::{start_cluster, stop_cluster};
use super::failure::{Exit, Failure};
use super::signals::Signals;
use crate::config::connection;

/// The program.
#[derive(Debug, clap::Args)]
pub struct DatabaseArgs {
    /// The program and its arguments, after `--`
    #[arg(last = true, required = true, num_args = 1.., value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs the program, and ends with its exit code.
pub(super) fn database(global: &Global, args: &DatabaseArgs) -> Result<ExitCode, Failure> {
    let checked = Checked::load(global)?;
    super::start_logging(global, &checked, super::Logs::Command)?;
    super::block_on(async {
        let mut signals = Signals::listen();
        let settings = checked.settings();
        let (cluster, url, programs) = match &settings.database.url {
            Some(url) => (None, url.clone(), settings.database.bin_directory.clone()),
            None => {
                let cluster = start_cluster(settings).await?;
                let (url, programs) = (cluster.url(), cluster.programs().to_owned());
                (Some(cluster), url, Some(programs))
            }
        };
        let result = match connection::variables(url.expose_secret()) {
            Ok(variables) => run(args, &variables, programs.as_deref(), &mut signals).await,
            Err(problem) => Err(Failure::new(Exit::Configuration, format!("`database.url` cannot be passed to a program: {problem}"))),
        };
        stop_cluster(cluster).await;
        result
    })
}

async fn run(
    args: &DatabaseArgs,
    variables: &[(&'static str, String)],
    programs: Option<&Path>,
    signals: &mut Signals,
) -> Result<ExitCode, Failure> {
    let [program, arguments @ ..] = args.command.as_slice() else {
        return Err(Failure::new(Exit::Usage, "no program is named: write it after `--`"));
    };
    let mut command = Command::new(program);
    // the server's own programs first: a dump of another version may not be loadable
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = programs.map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(places) {
        command.env("PATH", path);
    }
    command.args(arguments).envs(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let shown = program.to_string_lossy().into_owned();
    let failed = move |error: std::io::Error| {
        let text = format!("`{shown}` cannot be run: {error}; is it installed, and in a directory of PATH?");
        Failure::new(Exit::Failed, text)
    };
    let mut child = command.spawn().map_err(&failed)?;
    let pid = i32::try_from(child.id()).ok().map(Pid::from_raw);
    let mut waiting = tokio::task::spawn_blocking(move || child.wait());
    loop {
        tokio::select! {
            ended = &mut waiting => {
                let status = ended.map_err(|_| Failure::new(Exit::Failed, "waiting for the program crashed"))?.map_err(&failed)?;
                return Ok(code(status));
            }
            // the server keeps running until the program has ended
            () = signals.next() => if let Some(pid) = pid {
                let _ = kill(pid, Signal::SIGTERM);
            },
        }
    }
}

/// The program's exit code; after a signal, the code that a shell would use.
fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(Exit::Failed as u8))
}
