//! Backfills: requests to read periods of history again; how to follow and cancel them.

use actix_web::{HttpRequest, web};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actions::requested;
use super::entry::InBackground;
use super::lists::{COMPANY, ENTITY};
use super::texts::{Name, Why};
use crate::domain::ids::BackfillId;
use crate::domain::role::Permission;
use crate::domain::run::BackfillState;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::query::{AFTER, Kind, LIMITED, Page, Param, param};
use crate::http::route::{Cached, Route};
use crate::http::state::AppState;
use crate::operations::{self, Refused, backfill::Period};
use crate::store::{BackfillFilter, BackfillRow};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::post::<BackfillBody, InBackground<Accepted>>(
            "/api/v1/backfill",
            Permission::Operate,
            "backfill",
            "Reads a period of history again, while the scheduled runs continue",
            add,
        ),
        Route::get::<Page<BackfillRow>>("/api/v1/backfills", Permission::Read, "listBackfills", "Backfills, the newest first", list)
            .params(BACKFILLS)
            .cached(Cached::Second),
        Route::get::<BackfillRow>("/api/v1/backfills/{id}", Permission::Read, "getBackfill", "One backfill, with its progress", show),
        Route::post::<CancelBody, BackfillRow>(
            "/api/v1/backfills/{id}/cancel",
            Permission::Operate,
            "cancelBackfill",
            "Cancels a backfill; what it has read stays",
            cancel,
        ),
    ]
}

/// The parameters of the list.
pub(super) const BACKFILLS: &[Param] =
    &[COMPANY, ENTITY, param("state", Kind::Word(BackfillState::WORDS), "only this state"), AFTER, LIMITED];

/// The body of a new backfill.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
struct BackfillBody {
    /// Only this company.
    #[schema(value_type = Option<Name>)]
    company: Option<String>,
    /// Only this entity.
    #[schema(value_type = Option<Name>)]
    entity: Option<String>,
    /// The first date to read again.
    since: Option<NaiveDate>,
    /// The first date after the period.
    until: Option<NaiveDate>,
    /// All history; without it a request without dates is refused.
    all: bool,
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
}

/// The body of a cancellation.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CancelBody {
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
}

/// The stored backfills, one per flow.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accepted {
    items: Vec<BackfillRow>,
    /// The path of its progress: put its `id` in place of `{id}`.
    follow: &'static str,
}

/// Stored at once; the service reads it beside its polls.
async fn add(
    app_state: web::Data<AppState>,
    request: HttpRequest,
    Body(asked): Body<BackfillBody>,
) -> Result<InBackground<Accepted>, Problem> {
    let requested = requested(&request, &asked.why)?;
    let (companies, entities) = (asked.company.into_iter().collect(), asked.entity.into_iter().collect());
    let period = Period { companies, entities, since: asked.since, until: asked.until, all: asked.all };
    let rows = operations::backfill::ask(&app_state.process, period, requested).await?;
    Ok(InBackground(Accepted { items: rows, follow: "/api/v1/backfills/{id}" }))
}

/// Newest first.
async fn list(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<BackfillRow>, Problem> {
    let params = app_state.described(&request).await?;
    let limit = params.limit()?;
    let state = params.value("state", "a state of a backfill")?;
    let before = Some(params.after()?).filter(|before| *before > 0).map(BackfillId);
    let filter =
        BackfillFilter { company: params.text("company"), entity: params.text("entity"), state, ids: Vec::new(), before, limit: limit + 1 };
    let rows = app_state.process.store.backfill_list(filter).await?;
    Ok(Page::of(rows, limit, |row| row.id.to_string()))
}

async fn show(app_state: web::Data<AppState>, request: HttpRequest) -> Result<BackfillRow, Problem> {
    let id = id(&request, 3)?;
    Ok(operations::backfill::find(&app_state.process, id).await?)
}

/// What was read stays.
async fn cancel(app_state: web::Data<AppState>, request: HttpRequest, Body(asked): Body<CancelBody>) -> Result<BackfillRow, Problem> {
    let requested = requested(&request, &asked.why)?;
    Ok(operations::backfill::cancel(&app_state.process, id(&request, 3)?, requested).await?)
}

/// The id in a path, after `skip` other parts.
///
/// # Errors
/// 404 if it is not a number.
pub(in crate::http) fn id(request: &HttpRequest, skip: usize) -> Result<BackfillId, Refused> {
    let path = request.uri().path();
    let text = path.trim_start_matches('/').split('/').nth(skip).unwrap_or_default();
    text.parse().map_err(|_| Refused::NoBackfill(text.to_owned()))
}
