//! Backfills: requests to read periods of history again; how to follow and cancel them.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actions::{body, requested};
use super::lists::{COMPANY, ENTITY};
use super::texts::{Name, Why};
use crate::domain::ids::BackfillId;
use crate::domain::role::Permission;
use crate::domain::run::BackfillState;
use crate::http::problem::Problem;
use crate::http::query::{AFTER, Kind, LIMITED, Page, Param, param};
use crate::http::route::{Cached, Route, Shape, acts, component, reads};
use crate::http::state::AppState;
use crate::operations::{self, Refused, backfill::Period};
use crate::store::{BackfillFilter, BackfillRow};

pub(in crate::http) const ROUTES: &[Route] = &[
    Route::post(
        "/api/v1/backfill",
        || web::post().to(add),
        acts(
            "backfill",
            "Reads a period of history again, while the scheduled runs continue",
            component::<BackfillBody>,
            Shape::One(202, component::<Accepted>),
        ),
    ),
    Route::get(
        "/api/v1/backfills",
        Some(Permission::Read),
        || web::get().to(list),
        reads("listBackfills", "Backfills, the newest first", BACKFILLS, Shape::Page(component::<BackfillRow>)),
    )
    .cached(Cached::Second),
    Route::get(
        "/api/v1/backfills/{id}",
        Some(Permission::Read),
        || web::get().to(show),
        reads("getBackfill", "One backfill, with its progress", &[], Shape::One(200, component::<BackfillRow>)),
    ),
    Route::post(
        "/api/v1/backfills/{id}/cancel",
        || web::post().to(cancel),
        acts(
            "cancelBackfill",
            "Cancels a backfill; what it has read stays",
            component::<CancelBody>,
            Shape::One(200, component::<BackfillRow>),
        ),
    ),
];

type Answer = Result<HttpResponse, Problem>;

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
async fn add(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Answer {
    let asked: BackfillBody = body(payload).await?;
    let requested = requested(&request, &asked.why)?;
    let (companies, entities) = (asked.company.into_iter().collect(), asked.entity.into_iter().collect());
    let period = Period { companies, entities, since: asked.since, until: asked.until, all: asked.all };
    let rows = operations::backfill::ask(&app_state.process, period, requested).await?;
    Ok(HttpResponse::Accepted().json(Accepted { items: rows, follow: "/api/v1/backfills/{id}" }))
}

/// `GET /api/v1/backfills`, newest first.
pub(super) async fn list(app_state: web::Data<AppState>, request: HttpRequest) -> Answer {
    let params = app_state.described(&request).await?;
    let limit = params.limit()?;
    let state = params.value("state", "a state of a backfill")?;
    let before = Some(params.after()?).filter(|before| *before > 0).map(BackfillId);
    let filter =
        BackfillFilter { company: params.text("company"), entity: params.text("entity"), state, ids: Vec::new(), before, limit: limit + 1 };
    let rows = app_state.process.store.backfill_list(filter).await?;
    Ok(HttpResponse::Ok().json(Page::of(rows, limit, |row| row.id.to_string())))
}

async fn show(app_state: web::Data<AppState>, request: HttpRequest) -> Answer {
    let id = id(&request, 3)?;
    Ok(HttpResponse::Ok().json(operations::backfill::find(&app_state.process, id).await?))
}

/// What was read stays.
async fn cancel(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Answer {
    let asked: CancelBody = body(payload).await?;
    let requested = requested(&request, &asked.why)?;
    Ok(HttpResponse::Ok().json(operations::backfill::cancel(&app_state.process, id(&request, 3)?, requested).await?))
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
