//! Closes of fiscal periods: their states and signatures, the steps, reasons for differences, and what changed after a signature.

use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actions::requested;
use super::lists::COMPANY;
use super::texts::{Why, whole_numbers};
use crate::domain::close::CloseStep;
use crate::domain::fiscal::{FiscalPeriod, NoPeriod};
use crate::domain::ids::TieOutItemId;
use crate::domain::role::Permission;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::query::{AFTER, Kind, LIMITED, Page, Param, param, path_parts};
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::close::{self, CloseReport, PeriodLine, Stepped};
use crate::store::{CloseChangeRow, CloseChanges};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get::<Page<PeriodLine>>(
            "/api/v1/closes",
            Permission::Read,
            "listCloses",
            "The fiscal periods of each company, with the state of their close",
            list,
        )
        .params(PERIODS),
        Route::get::<Page<CloseChangeRow>>(
            "/api/v1/close-changes",
            Permission::Read,
            "listCloseChanges",
            "What changed in SYSPRO for periods that were signed or locked, the newest first",
            changes,
        )
        .params(CHANGES),
        Route::get::<CloseReport>(
            "/api/v1/closes/{company}/{period}",
            Permission::Read,
            "getClose",
            "One period: its signatures with what was signed, its differences with their reasons, and what changed",
            show,
        ),
        Route::post::<StepBody, Stepped>(
            "/api/v1/closes/{company}/{period}/prepare",
            Permission::Close,
            "prepareClose",
            "Signs a period as preparer",
            prepare,
        ),
        Route::post::<StepBody, Stepped>(
            "/api/v1/closes/{company}/{period}/sign",
            Permission::Close,
            "signClose",
            "Signs a prepared period as reviewer",
            sign,
        ),
        Route::post::<StepBody, Stepped>(
            "/api/v1/closes/{company}/{period}/lock",
            Permission::Close,
            "lockClose",
            "Makes a signed period final: what arrives for it is held",
            lock,
        ),
        Route::post::<StepBody, Stepped>(
            "/api/v1/closes/{company}/{period}/unlock",
            Permission::Close,
            "unlockClose",
            "Opens a period again, and releases what it held",
            unlock,
        ),
        Route::post::<ExplainBody, ExplainedItems>(
            "/api/v1/closes/{company}/{period}/explain",
            Permission::Close,
            "explainClose",
            "Gives a reason for differences that the newest tie-out found",
            explain,
        ),
    ]
}

const PERIODS: &[Param] = &[COMPANY];
const CHANGES: &[Param] = &[COMPANY, param("period", Kind::Period, "only this fiscal year and period, such as `2026-03`"), AFTER, LIMITED];

/// The body of a step.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct StepBody {
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
}

/// The body of a reason for differences.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct ExplainBody {
    /// The numbers of differences.
    #[schema(required = true, min_items = 1, max_items = 1000, value_type = Vec<i64>)]
    #[serde(deserialize_with = "whole_numbers")]
    items: Vec<i64>,
    /// The reason, which is signed with the period.
    #[schema(required = true, value_type = Why)]
    why: String,
}

/// How many differences have the reason now.
#[derive(Debug, Serialize, ToSchema)]
struct ExplainedItems {
    /// The number of differences.
    explained: usize,
}

async fn list(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<PeriodLine>, Problem> {
    let params = app_state.described(&request).await?;
    let lines = close::list(&app_state.process, params.text("company").as_deref()).await?;
    Ok(Page::of(lines, i64::MAX, |line| line.period.to_string()))
}

async fn changes(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<CloseChangeRow>, Problem> {
    let params = app_state.described(&request).await?;
    let limit = params.limit()?;
    let filter = CloseChanges {
        company: params.text("company"),
        period: params.text("period").map(|text| parsed(&text)).transpose()?,
        before: Some(params.after()?).filter(|before| *before > 0),
        limit: limit + 1,
    };
    let rows = close::radar(&app_state.process, filter).await?;
    Ok(Page::of(rows, limit, |row| row.id.to_string()))
}

async fn show(app_state: web::Data<AppState>, request: HttpRequest) -> Result<CloseReport, Problem> {
    let (company, period) = place(&request, 3)?;
    Ok(close::one(&app_state.process, &company, period).await?)
}

async fn prepare(app_state: web::Data<AppState>, request: HttpRequest, body: Body<StepBody>) -> Result<Stepped, Problem> {
    step(&app_state, &request, body, CloseStep::Prepare).await
}

async fn sign(app_state: web::Data<AppState>, request: HttpRequest, body: Body<StepBody>) -> Result<Stepped, Problem> {
    step(&app_state, &request, body, CloseStep::Sign).await
}

async fn lock(app_state: web::Data<AppState>, request: HttpRequest, body: Body<StepBody>) -> Result<Stepped, Problem> {
    step(&app_state, &request, body, CloseStep::Lock).await
}

async fn unlock(app_state: web::Data<AppState>, request: HttpRequest, body: Body<StepBody>) -> Result<Stepped, Problem> {
    step(&app_state, &request, body, CloseStep::Unlock).await
}

async fn step(app_state: &AppState, request: &HttpRequest, Body(asked): Body<StepBody>, step: CloseStep) -> Result<Stepped, Problem> {
    let (requested, (company, period)) = (requested(request, &asked.why)?, place(request, 3)?);
    let stepped = close::step(&app_state.process, &company, period, step, requested).await?;
    if stepped.released > 0 {
        app_state.service.nudge();
    }
    Ok(stepped)
}

async fn explain(app_state: web::Data<AppState>, request: HttpRequest, Body(asked): Body<ExplainBody>) -> Result<ExplainedItems, Problem> {
    let (requested, (company, period)) = (requested(&request, &asked.why)?, place(&request, 3)?);
    if asked.items.is_empty() || asked.items.len() > 1000 {
        return Err(Problem::unprocessable("`items` must name 1 to 1000 differences", "send the numbers of the differences"));
    }
    let items: Vec<TieOutItemId> = asked.items.into_iter().map(TieOutItemId).collect();
    Ok(ExplainedItems { explained: close::explain(&app_state.process, &company, period, &items, requested).await? })
}

fn parsed(text: &str) -> Result<FiscalPeriod, Problem> {
    text.parse().map_err(|wrong: NoPeriod| Problem::bad_request(wrong.to_string(), "send a fiscal year and period, such as `2026-03`"))
}

/// The company and the period in a path, after `skip` other parts.
///
/// # Errors
/// 400 or 404 if the path names none.
pub(in crate::http) fn place(request: &HttpRequest, skip: usize) -> Result<(String, FiscalPeriod), Problem> {
    let parts = path_parts(request.uri().path(), skip, 3)?;
    let [company, period, ..] = parts.as_slice() else {
        return Err(Problem::not_found("the path names no period", "name its company and the period, such as `EDU1/2026-03`"));
    };
    Ok((company.clone(), parsed(period)?))
}
