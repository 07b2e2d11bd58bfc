//! Requests for approval: what needs a second person.

use actix_web::{HttpRequest, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::actions::requested;
use super::texts::Why;
use crate::domain::role::Permission;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::query::{AFTER, LIMITED, Page, Param, path_parts};
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::approval;
use crate::store::ApprovalRow;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get::<Page<ApprovalRow>>(
            "/api/v1/approvals",
            Permission::Read,
            "listApprovals",
            "Requests for the approval of a second person, the newest first",
            list,
        )
        .params(APPROVALS),
        Route::post::<AnswerBody, ApprovalRow>(
            "/api/v1/approvals/{id}/approve",
            Permission::Close,
            "approve",
            "Approves what another person asked for",
            approve,
        ),
        Route::post::<AnswerBody, ApprovalRow>(
            "/api/v1/approvals/{id}/reject",
            Permission::Close,
            "reject",
            "Rejects what another person asked for",
            reject,
        ),
        Route::post::<AnswerBody, ApprovalRow>(
            "/api/v1/approvals/{id}/withdraw",
            // the roles that can ask for something; only the person who asked can do it
            Permission::TieOut,
            "withdraw",
            "Withdraws what the same person asked for and has not done yet",
            withdraw,
        ),
    ]
}

const APPROVALS: &[Param] = &[AFTER, LIMITED];

/// The body of an answer.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct AnswerBody {
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
}

async fn list(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<ApprovalRow>, Problem> {
    let params = app_state.described(&request).await?;
    let limit = params.limit()?;
    let before = Some(params.after()?).filter(|before| *before > 0);
    let rows = approval::list(&app_state.process, before, limit + 1).await?;
    Ok(Page::of(rows, limit, |row| row.id.to_string()))
}

async fn approve(app_state: web::Data<AppState>, request: HttpRequest, body: Body<AnswerBody>) -> Result<ApprovalRow, Problem> {
    answer(&app_state, &request, body, true).await
}

async fn reject(app_state: web::Data<AppState>, request: HttpRequest, body: Body<AnswerBody>) -> Result<ApprovalRow, Problem> {
    answer(&app_state, &request, body, false).await
}

async fn answer(app_state: &AppState, request: &HttpRequest, Body(asked): Body<AnswerBody>, approve: bool) -> Result<ApprovalRow, Problem> {
    let requested = requested(request, &asked.why)?;
    Ok(approval::answer(&app_state.process, number(request)?, approve, requested).await?)
}

async fn withdraw(app_state: web::Data<AppState>, request: HttpRequest, Body(asked): Body<AnswerBody>) -> Result<ApprovalRow, Problem> {
    let requested = requested(&request, &asked.why)?;
    Ok(approval::withdraw(&app_state.process, number(&request)?, requested).await?)
}

/// The number in a path.
fn number(request: &HttpRequest) -> Result<i64, Problem> {
    let parts = path_parts(request.uri().path(), 3, 2)?;
    let text = parts.first().map(String::as_str).unwrap_or_default();
    text.parse().map_err(|_| Problem::not_found(format!("there is no request for approval `{text}`"), "`GET /api/v1/approvals` lists them"))
}
