//! The tasks that Tieline keeps in ServiceNow.

use actix_web::{HttpRequest, web};

use super::lists::{COMPANY, ENTITY};
use crate::domain::ids::TaskId;
use crate::domain::role::Permission;
use crate::domain::task::TaskState;
use crate::http::problem::Problem;
use crate::http::query::{AFTER, Kind, LIMITED, Page, Param, param};
use crate::http::route::{Cached, Route};
use crate::http::state::AppState;
use crate::operations::tasks;
use crate::store::{TaskFilter, TaskRow};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get::<Page<TaskRow>>("/api/v1/tasks", Permission::Read, "listTasks", "Tasks in ServiceNow, the newest first", list)
            .params(TASKS)
            .cached(Cached::Second),
    ]
}

/// The parameters of the list.
const TASKS: &[Param] = &[
    COMPANY,
    ENTITY,
    param("state", Kind::Word(TaskState::WORDS), "only this state"),
    param("all", Kind::Word(&["true"]), "`true`: those that are done, too"),
    AFTER,
    LIMITED,
];

async fn list(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<TaskRow>, Problem> {
    let params = app_state.described(&request).await?;
    let limit = params.limit()?;
    let filter = TaskFilter {
        state: params.value("state", "a state of a task")?,
        company: params.text("company"),
        entity: params.text("entity"),
        resolved: params.text("all").is_some(),
        before: Some(params.after()?).filter(|before| *before > 0).map(TaskId),
        limit: limit + 1,
    };
    let rows = tasks::list(&app_state.process, filter).await?;
    Ok(Page::of(rows, limit, |row| row.id.to_string()))
}
