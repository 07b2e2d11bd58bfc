//! The tasks that Tieline keeps in ServiceNow.

use actix_web::{HttpRequest, web};
use askama::Template;

use super::answer::{Page, Refusal, ok};
use super::files::{self, Files};
use super::session;
use super::view::{CodeText, Layout, Time, record_path};
use crate::domain::role::Permission;
use crate::domain::task::{TaskKind, TaskState};
use crate::http::query::Params;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::export::{self, ListFile};
use crate::operations::tasks;
use crate::store::{TaskFilter, TaskRow};

pub(in crate::http) fn routes() -> Vec<Route> {
    let files = files::routes(["/tasks.csv", "/tasks.xlsx"], Permission::Read, file);
    [vec![Route::page("/tasks", Some(Permission::Read), list)], files].concat()
}

/// Tasks on the page.
const NEWEST: i64 = 200;

struct RowView {
    title: String,
    page: String,
    number: Option<String>,
    /// The task in ServiceNow.
    link: Option<String>,
    state: &'static str,
    tone: &'static str,
    since: Time,
    error: Option<CodeText>,
    next: Option<Time>,
}

impl RowView {
    fn of(row: TaskRow, app_state: &AppState) -> Self {
        let settings = &app_state.process.settings;
        let instance = settings.servicenow.instance_url.as_str().trim_end_matches('/');
        let page = match (row.kind, &row.key) {
            (TaskKind::Record, Some(key)) => record_path(&row.company, &row.entity, key),
            (TaskKind::Record | TaskKind::Cause, _) => "/failures".to_owned(),
            (TaskKind::Difference | TaskKind::Differences, _) => "/tie-out".to_owned(),
        };
        Self {
            state: tasks::state_words(&row),
            tone: match row.state {
                _ if row.error.is_some() => "bad",
                TaskState::Due | TaskState::Resolving => "busy",
                TaskState::Open | TaskState::Closed => "good",
                TaskState::ClosedThere | TaskState::Missing => "warn",
            },
            link: row.sys_id.map(|sys_id| format!("{instance}/nav_to.do?uri={}.do?sys_id={sys_id}", settings.tasks.table)),
            next: row.error.is_some().then_some(Time(row.next_at)),
            title: row.title,
            page,
            number: row.number,
            since: Time(row.opened_at),
            error: row.error.map(CodeText),
        }
    }
}

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    layout: Layout,
    files: Files,
    enabled: bool,
    table: String,
    rows: Vec<RowView>,
}

async fn list(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    Params::parse(request.query_string(), &[])?;
    let rows = tasks::list(&app_state.process, TaskFilter { limit: NEWEST, ..TaskFilter::default() }).await?;
    let settings = &app_state.process.settings.tasks;
    ok(&TasksPage {
        layout: Layout::of(&session, "/tasks", "Tasks"),
        files: Files::at("/tasks", "all open tasks"),
        enabled: settings.enabled,
        table: settings.table.clone(),
        rows: rows.into_iter().map(|row| RowView::of(row, &app_state)).collect(),
    })
}

/// All tasks that are not done as a file.
async fn file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    Ok(export::tasks(&app_state.process, files::asked_all(&request)?).await?)
}
