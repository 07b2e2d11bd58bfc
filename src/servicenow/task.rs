//! Tasks for people: rows of a table of the task family, each found by its name (`correlation_id`).

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::error::ServiceNowError;
use super::outcome::{ProbeFinding, ProbeVerdict};
use super::probe::{has_column, knows_column};
use super::query::{Query, encode};
use super::token::TokenSource;
use super::transport::{Judged, Op, Transport};
use super::wire::Row;
use crate::config::settings::TaskSettings;
use crate::domain::SysId;
use crate::domain::next_step::NextStep;
use crate::net::Method;
use crate::redact::Quoted;

/// A task as ServiceNow has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskThere {
    /// Its row.
    pub sys_id: String,
    /// Its number, such as `TASK0010001`.
    pub number: Option<String>,
    /// Whether it is closed.
    pub closed: bool,
    /// Its name, by which it is found; `None`: the instance does not show the column.
    pub correlation: Option<String>,
}

/// What became of a write.
#[derive(Debug)]
pub enum TaskWritten {
    /// ServiceNow has it.
    Done(TaskThere),
    /// It may have been done, or may still be.
    Doubt(Quoted),
    /// It was not done.
    Not {
        /// Why.
        why: Quoted,
        /// How long ServiceNow asked to wait.
        retry_after: Option<std::time::Duration>,
    },
}

/// The columns that are read.
fn columns(settings: &TaskSettings) -> Vec<&str> {
    vec!["number", settings.state_field.as_str(), "active", settings.correlation_field.as_str()]
}

fn there(settings: &TaskSettings, row: &Row) -> Option<TaskThere> {
    let state = row.text(&settings.state_field).unwrap_or_default();
    Some(TaskThere {
        sys_id: SysId::new(row.text("sys_id")?)?.as_str().to_owned(),
        number: row.filled("number").map(str::to_owned),
        closed: settings.closed_states.iter().any(|closed| closed == state) || row.text("active") == Some("false"),
        correlation: row.text(&settings.correlation_field).map(str::to_owned),
    })
}

/// The task of this name. Of several, the one that is not closed, else any.
///
/// # Errors
/// The error that prevented an answer; one that says so when a row of this name exists and may not be read.
pub(super) async fn find(
    transport: &Transport,
    tokens: &dyn TokenSource,
    settings: &TaskSettings,
    correlation: &str,
) -> Result<Option<TaskThere>, ServiceNowError> {
    let (table, column) = (settings.table.as_str(), settings.correlation_field.as_str());
    let fields = columns(settings);
    let query = Query { table, column, extra: String::new(), order: "ORDERBYsys_id", fields: &fields, per_value: 4 };
    let (rows, hidden) = query.rows_and_hidden(transport, tokens, &[correlation]).await?;
    let mut found: Vec<TaskThere> = rows.iter().filter_map(|row| there(settings, row)).collect();
    found.sort_by_key(|task| task.closed);
    match found.into_iter().next() {
        Some(task) => Ok(Some(task)),
        None if hidden.is_empty() => Ok(None),
        None => Err(ServiceNowError::Forbidden {
            what: format!("GET /api/now/table/{table}"),
            words: "a task of this name exists, and an access rule hides it".into(),
        }),
    }
}

/// Why no task may be created: the instance shows that the table does not have the column by which tasks are found. An instance that shows
/// neither a row nor its dictionary says nothing.
pub(super) async fn nameless(transport: &Transport, tokens: &dyn TokenSource, settings: &TaskSettings) -> Option<String> {
    let (table, column) = (settings.table.as_str(), settings.correlation_field.as_str());
    let known = knows_column(transport, tokens, table, column).await;
    (known == Some(false)).then(|| {
        format!("`{table}` has no column `{column}` that Tieline may read, and tasks are found by it: create it, or correct `tasks.correlation_field`")
    })
}

/// The tasks with these rows, by their sys_ids; those that do not exist or are not visible are left out.
///
/// # Errors
/// The error that prevented an answer.
pub(super) async fn read(
    transport: &Transport,
    tokens: &dyn TokenSource,
    settings: &TaskSettings,
    sys_ids: &[&str],
) -> Result<HashMap<String, TaskThere>, ServiceNowError> {
    let fields = columns(settings);
    let query =
        Query { table: &settings.table, column: "sys_id", extra: String::new(), order: "ORDERBYsys_id", fields: &fields, per_value: 1 };
    let rows = query.rows(transport, tokens, sys_ids).await?;
    Ok(rows.iter().filter_map(|row| there(settings, row)).map(|task| (task.sys_id.clone(), task)).collect())
}

/// Creates a task (`sys_id`: none), or changes one.
///
/// # Errors
/// Only for a reason that is not this task: no token, no right, no such table.
pub(super) async fn write(
    transport: &Transport,
    tokens: &dyn TokenSource,
    settings: &TaskSettings,
    sys_id: Option<&str>,
    fields: &[(String, String)],
) -> Result<TaskWritten, ServiceNowError> {
    let (method, row) = match sys_id {
        None => (Method::POST, String::new()),
        Some(sys_id) => (Method::PATCH, format!("/{}", encode(sys_id))),
    };
    let shown = std::iter::once("sys_id").chain(columns(settings)).collect::<Vec<_>>().join(",");
    let body: Map<String, Value> = fields.iter().map(|(column, value)| (column.clone(), Value::String(value.clone()))).collect();
    let op = Op {
        method,
        path: format!(
            "/api/now/table/{}{row}?sysparm_fields={}&sysparm_display_value=false&sysparm_exclude_reference_link=true",
            encode(&settings.table),
            encode(&shown)
        ),
        body: serde_json::to_vec(&body).unwrap_or_default(),
        alone: true,
    };
    Ok(match transport.write(tokens, &op).await {
        Judged::Done(document) => match document.result.iter().flatten().find_map(|row| there(settings, row)) {
            Some(task) => TaskWritten::Done(task),
            None => TaskWritten::Doubt("the answer names no row".into()),
        },
        Judged::Doubt(words) => TaskWritten::Doubt(words),
        Judged::Throttled { words, retry_after } => TaskWritten::Not { why: words, retry_after },
        Judged::NotSent(words) => TaskWritten::Not { why: words, retry_after: None },
        Judged::Refused { status, words } => {
            TaskWritten::Not { why: format!("ServiceNow refused it with status {status}: {}", words.line()).into(), retry_after: None }
        }
        Judged::Failed(error) => return Err(error),
    })
}

/// Whether the table can be read and has every column that is written.
pub(super) async fn probe(transport: &Transport, tokens: &dyn TokenSource, settings: &TaskSettings) -> ProbeFinding {
    let table = settings.table.clone();
    let found = |verdict, message: String, next_step| ProbeFinding { table: table.clone(), verdict, message: message.into(), next_step };
    let path = format!("/api/now/table/{}?sysparm_limit=1&sysparm_fields=sys_id", encode(&table));
    if let Err(error) = transport.read(tokens, &path).await {
        return found(ProbeVerdict::Failed, format!("the table of tasks cannot be read: {}", error.chain()), Some(NextStep::TaskRights));
    }
    let mut missing = Vec::new();
    for column in settings.columns() {
        if !has_column(transport, tokens, &table, column).await {
            missing.push(format!("`{column}`"));
        }
    }
    if missing.is_empty() {
        return found(ProbeVerdict::Ok, "the table of tasks can be read, and has every column".to_owned(), None);
    }
    if let Some(why) = nameless(transport, tokens, settings).await {
        let message = format!("{why}; until then Tieline creates no task");
        return found(ProbeVerdict::Failed, message, Some(NextStep::TaskRights));
    }
    let message = format!("neither a row nor the dictionary shows {} of the table of tasks", missing.join(", "));
    found(ProbeVerdict::Warning, message, Some(NextStep::TaskRights))
}
