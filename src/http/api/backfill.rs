//! Backfills: periods of history that are read again, asked for, followed and cancelled.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actions::{body, caller, reason};
use super::lists::{COMPANY, ENTITY};
use super::texts::{Name, Why};
use crate::domain::role::Permission;
use crate::domain::run::BackfillState;
use crate::domain::{CompanyId, EntityName, FlowId};
use crate::http::problem::Problem;
use crate::http::query::{AFTER, Kind, LIMITED, Page, Param, Params, param, path_parts};
use crate::http::route::{Cached, Route, Shape, acts, component, reads};
use crate::http::surface::Surface;
use crate::store::{BackfillFilter, BackfillRow, NewBackfill};

pub(in crate::http) const ROUTES: &[Route] = &[
    Route::post(
        "/api/v1/backfill",
        || web::post().to(add),
        acts(
            "backfill",
            "Reads a period of history again, beside the polls",
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
        reads("getBackfill", "One backfill, and how far it is", &[], Shape::One(200, component::<BackfillRow>)),
    ),
    Route::post(
        "/api/v1/backfills/{id}/cancel",
        || web::post().to(cancel),
        acts(
            "cancelBackfill",
            "Ends a backfill early; what it has read stays",
            component::<CancelBody>,
            Shape::One(200, component::<BackfillRow>),
        ),
    ),
];

type Answer = Result<HttpResponse, Problem>;

/// What the list takes.
pub(super) const BACKFILLS: &[Param] =
    &[COMPANY, ENTITY, param("state", Kind::Word(BackfillState::WORDS), "only this state"), AFTER, LIMITED];

/// The body of a request for one.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::http) struct BackfillBody {
    /// Only this company.
    #[schema(value_type = Option<Name>)]
    pub(in crate::http) company: Option<String>,
    /// Only this entity.
    #[schema(value_type = Option<Name>)]
    pub(in crate::http) entity: Option<String>,
    /// The first date that is read again.
    pub(in crate::http) since: Option<NaiveDate>,
    /// The first date that is not.
    pub(in crate::http) until: Option<NaiveDate>,
    /// Everything that SYSPRO has; without it a request without dates is refused.
    pub(in crate::http) all: bool,
    /// Why, for the audit.
    #[schema(required = true, value_type = Why)]
    pub(in crate::http) why: String,
}

/// The body of a cancellation.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CancelBody {
    /// Why, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
}

/// What was noted, one entry a flow.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accepted {
    items: Vec<BackfillRow>,
    /// Where each says how far it is: its `id` belongs in place of `{id}`.
    follow: &'static str,
}

/// `POST /api/v1/backfill`: noted at once, done by the service beside its polls.
pub(super) async fn add(surface: web::Data<Surface>, request: HttpRequest, payload: web::Payload) -> Answer {
    Params::parse(request.query_string(), &[])?;
    let asked: BackfillBody = body(payload).await?;
    let rows = add_action(&surface, asked, caller(&request)).await?;
    Ok(HttpResponse::Accepted().json(Accepted { items: rows, follow: "/api/v1/backfills/{id}" }))
}

/// Notes backfills, for whoever asks, over the API or in the console.
///
/// # Errors
/// 400 without a reason or a period, 404 for a flow that does not exist.
pub(in crate::http) async fn add_action(surface: &Surface, asked: BackfillBody, who: String) -> Result<Vec<BackfillRow>, Problem> {
    let why = reason(&asked.why)?;
    if let (Some(since), Some(until)) = (asked.since, asked.until)
        && since >= until
    {
        let detail = format!("`until` ({until}) must come after `since` ({since}): it is the first date that is not read");
        return Err(Problem::unprocessable(detail, "send the first date and the first one beyond"));
    }
    if asked.since.is_none() && asked.until.is_none() && !asked.all {
        let step = "send `since` (and `until`), or \"all\": true for everything SYSPRO has";
        return Err(Problem::unprocessable("this would read all history again", step));
    }
    let flows = flows(surface, asked.company.as_deref(), asked.entity.as_deref())?;
    let new = NewBackfill { flows, since: asked.since, until: asked.until, requested_by: who, why };
    Ok(surface.deps.store.backfill_add(new).await?)
}

/// The flows of a company and an entity, or of all of them.
fn flows(surface: &Surface, company: Option<&str>, entity: Option<&str>) -> Result<Vec<FlowId>, Problem> {
    let companies = &surface.deps.settings.syspro.companies;
    let definitions = surface.deps.definitions.now();
    let plans = &definitions.plans;
    let wanted = |asked: Option<&str>, name: &str| asked.is_none_or(|asked| asked == name);
    let companies: Vec<&CompanyId> = companies.iter().filter(|one| wanted(company, one.as_str())).collect();
    let entities: Vec<&EntityName> = plans.iter().map(|plan| &plan.entity).filter(|one| wanted(entity, one.as_str())).collect();
    let of =
        |company: &&CompanyId| entities.iter().map(|entity| FlowId { company: (*company).clone(), entity: (*entity).clone() }).collect();
    let flows: Vec<FlowId> = companies.iter().flat_map(|company| -> Vec<FlowId> { of(company) }).collect();
    if flows.is_empty() {
        let detail = format!("there is no flow of company `{}` and entity `{}`", company.unwrap_or("(any)"), entity.unwrap_or("(any)"));
        return Err(Problem::not_found(detail, "`GET /api/v1/flows` lists them"));
    }
    Ok(flows)
}

/// `GET /api/v1/backfills`, the newest first.
pub(super) async fn list(surface: web::Data<Surface>, request: HttpRequest) -> Answer {
    let params = surface.described(request.query_string(), BACKFILLS).await?;
    let limit = params.limit()?;
    let state = params.value("state", "a state of a backfill")?;
    let before = Some(params.after()?).filter(|before| *before > 0);
    let filter =
        BackfillFilter { company: params.text("company"), entity: params.text("entity"), state, ids: Vec::new(), before, limit: limit + 1 };
    let rows = surface.deps.store.backfill_list(filter).await?;
    Ok(HttpResponse::Ok().json(Page::of(rows, limit, |row| row.id.to_string())))
}

/// `GET /api/v1/backfills/{id}`
pub(super) async fn show(surface: web::Data<Surface>, request: HttpRequest) -> Answer {
    Params::parse(request.query_string(), &[])?;
    let id = id(&request, 1)?;
    Ok(HttpResponse::Ok().json(one(&surface, id).await?))
}

/// `POST /api/v1/backfills/{id}/cancel`: what was read stays.
pub(super) async fn cancel(surface: web::Data<Surface>, request: HttpRequest, payload: web::Payload) -> Answer {
    Params::parse(request.query_string(), &[])?;
    let asked: CancelBody = body(payload).await?;
    let why = reason(&asked.why)?;
    let id = id(&request, 2)?;
    Ok(HttpResponse::Ok().json(cancel_action(&surface, id, &why, caller(&request)).await?))
}

/// Ends a backfill early, for whoever asks, over the API or in the console.
///
/// # Errors
/// 400 without a reason, 404 when there is no such backfill, 409 when it has ended.
pub(in crate::http) async fn cancel_action(surface: &Surface, id: i64, why: &str, who: String) -> Result<BackfillRow, Problem> {
    let why = reason(why)?;
    match surface.deps.store.backfill_cancel(id, who, why).await? {
        Some(row) => Ok(row),
        None => {
            let row = one(surface, id).await?;
            Err(Problem::conflict(format!("backfill {id} is {} already", row.state), "there is nothing left to cancel"))
        }
    }
}

fn missing(text: &str) -> Problem {
    Problem::not_found(format!("there is no backfill `{text}`"), "`GET /api/v1/backfills` lists them")
}

fn id(request: &HttpRequest, parts: usize) -> Result<i64, Problem> {
    let parts = path_parts(request.uri().path(), 3, parts)?;
    let text = parts.first().map(String::as_str).unwrap_or_default();
    text.parse().map_err(|_| missing(text))
}

async fn one(surface: &Surface, id: i64) -> Result<BackfillRow, Problem> {
    let rows = surface.deps.store.backfill_list(BackfillFilter { ids: vec![id], limit: 1, ..BackfillFilter::default() }).await?;
    rows.into_iter().next().ok_or_else(|| missing(&id.to_string()))
}
