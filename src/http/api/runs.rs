//! One run and its result.

use actix_web::{HttpRequest, web};

use crate::domain::ids::RunId;
use crate::domain::role::Permission;
use crate::http::problem::Problem;
use crate::http::query::path_parts;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::Refused;
use crate::store::RunRow;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![Route::get::<RunRow>("/api/v1/runs/{run}", Permission::Read, "getRun", "One run, with the state of its records", show)]
}

async fn show(app_state: web::Data<AppState>, request: HttpRequest) -> Result<RunRow, Problem> {
    let parts = path_parts(request.uri().path(), 3, 1)?;
    let text = parts.first().map(String::as_str).unwrap_or_default();
    let missing = || Refused::UnknownRun(text.to_owned());
    let id: RunId = text.parse().map_err(|_| missing())?;
    let row = app_state.process.store.run_find(id).await?.ok_or_else(missing)?;
    Ok(row)
}
