//! What a command starts in its process: the log, and its asynchronous part.

use super::checked::Checked;
use super::failure::{Exit, Failure};
use super::global::Global;
use crate::config::{Origin, shown_path};
use crate::domain::chain;
use crate::supervision::panics::log_panics;
use crate::supervision::runtime::runtime;
use crate::telemetry::logging::{self, LogFormat};

/// Runs a command's asynchronous part.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    actix_rt::System::with_tokio_rt(runtime).block_on(work)
}

/// The kind of log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logs {
    /// The service's: `log.level` sets its level.
    Service,
    /// A command's: warnings and errors, because `log.level` in a file is meant for the service. A variable is meant for this process.
    Command,
}

/// The log level: from the command line, or else from this process's variables.
fn level(global: &Global, checked: &Checked, logs: Logs) -> String {
    let by_variable = matches!(checked.loaded.origins.get("log.level"), Some(Origin::Variable { .. }));
    match (global.quiet, global.verbose) {
        (true, _) => "error".to_owned(),
        (false, 0) if logs == Logs::Service || by_variable => checked.settings().log.level.clone(),
        (false, 0) => "warn".to_owned(),
        (false, 1) => "warn,tieline=info".to_owned(),
        (false, _) => "info,tieline=debug".to_owned(),
    }
}

/// Starts the log, and logs panics as lines.
pub(super) fn start_logging(global: &Global, checked: &Checked, logs: Logs) -> Result<(), Failure> {
    let format = if checked.settings().log.json { LogFormat::Json } else { LogFormat::Text };
    logging::init(&level(global, checked, logs), format).map_err(|error| Failure::new(Exit::Configuration, chain(&error)))?;
    log_panics();
    match &checked.loaded.file {
        Some(file) => tracing::info!(file = shown_path(file), "the configuration file in use"),
        None => tracing::info!("no configuration file is in use, only variables and defaults"),
    }
    Ok(())
}
