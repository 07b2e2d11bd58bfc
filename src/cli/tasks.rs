//! `tieline tasks`: lists the tasks that Tieline keeps in ServiceNow.

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::output::at;
use super::words::closed;
use super::{Global, OutputForm, output};
use crate::domain::task::TaskState;
use crate::operations::tasks;
use crate::store::{TaskFilter, TaskRow};

/// Which tasks.
#[derive(Debug, clap::Args)]
pub struct TasksArgs {
    /// Only this company
    #[arg(long)]
    company: Option<String>,
    /// Only this entity
    #[arg(long)]
    entity: Option<String>,
    /// Only this state
    #[arg(long, value_parser = closed::<TaskState>(TaskState::WORDS.iter().copied()))]
    state: Option<TaskState>,
    /// Those that are done, too
    #[arg(long)]
    all: bool,
    /// At most this number
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
}

/// `tieline tasks`
pub(super) fn tasks(global: &Global, args: &TasksArgs) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        let (company, entity) = (args.company.clone(), args.entity.clone());
        let filter = TaskFilter { state: args.state, company, entity, resolved: args.all, before: None, limit: args.limit };
        let rows = tasks::list(&context.process(), filter).await?;
        if global.output == OutputForm::Json {
            output::json(&rows)?;
            return Ok(Exit::Done);
        }
        if !context.checked.settings().tasks.enabled {
            output::line("`[tasks]` is off: Tieline keeps no tasks in ServiceNow.")?;
        }
        if rows.is_empty() {
            output::line("No tasks.")?;
        } else {
            let headers = ["task", "number", "state", "what", "since", "error"];
            output::line(&output::sentences(&headers, rows.iter().map(line)))?;
        }
        Ok(Exit::Done)
    })
}

fn line(row: &TaskRow) -> Vec<String> {
    vec![
        row.id.to_string(),
        row.number.clone().unwrap_or_default(),
        tasks::state_words(row).to_owned(),
        row.title.clone(),
        at(Some(row.opened_at)),
        row.error.clone().unwrap_or_default(),
    ]
}
