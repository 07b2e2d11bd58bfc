//! `tieline notices test`: sends a message on every channel, and shows the results.

use serde::Serialize;

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output, who};
use crate::operations;
use crate::operations::notices::{NotTested, Tested};

/// What to do about notices.
#[derive(Debug, clap::Subcommand)]
pub enum NoticesCommand {
    /// Sends a test message on every channel of `[notices]`, and shows the answers
    Test,
}

#[derive(Debug, Serialize)]
struct Line {
    channel: String,
    taken: bool,
    said: String,
}

/// Runs the command.
pub(super) fn notices(global: &Global, command: &NoticesCommand) -> Result<Exit, Failure> {
    let NoticesCommand::Test = command;
    with_ledger(global, async |context| {
        let tested = operations::notices::test(&context.process(), who::user()).await.map_err(|error| {
            let exit = if matches!(error, NotTested::Certificates(_)) { Exit::Configuration } else { Exit::Failed };
            Failure::new(exit, error.to_string())
        })?;
        let line = |tested: Tested| {
            let taken = tested.result.is_ok();
            Line { channel: tested.channel, taken, said: tested.result.unwrap_or_else(|text| text).into() }
        };
        let lines: Vec<Line> = tested.into_iter().map(line).collect();
        if global.output == OutputForm::Json {
            output::json(&lines)?;
        } else {
            let rows =
                lines.iter().map(|line| vec![line.channel.clone(), if line.taken { "ok" } else { "FAILED" }.to_owned(), line.said.clone()]);
            output::line(&output::table(&["channel", "how it went", "answer"], &[], rows))?;
        }
        Ok(if lines.iter().all(|line| line.taken) { Exit::Done } else { Exit::Failed })
    })
}
