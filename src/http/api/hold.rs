//! Records that a person holds back (parks), and lets go again (releases).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::actions::{HOW_KEYS_ARE_WRITTEN, OUTCOME_WAIT, body, caller, reason};
use super::texts::{Name, Why};
use crate::actors::replay::release as release_records;
use crate::domain::resent::ResentOutcome;
use crate::domain::{DocumentKey, FlowId};
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::http::route::{Route, Shape, acts, component};
use crate::http::surface::Surface;
use crate::store::HoldRow;

pub(in crate::http) const ROUTES: &[Route] = &[
    Route::post(
        "/api/v1/records/park",
        || web::post().to(park),
        acts(
            "parkRecords",
            "Holds records back: nothing of them is sent until they are released",
            component::<HoldBody>,
            Shape::One(200, component::<HoldAnswer>),
        ),
    ),
    Route::post(
        "/api/v1/records/release",
        || web::post().to(release),
        acts(
            "releaseRecords",
            "Takes holds off, and makes due again what is parked, as it was mapped",
            component::<HoldBody>,
            Shape::One(200, component::<HoldAnswer>),
        ),
    ),
];

type Answer = Result<HttpResponse, Problem>;

/// Records held back or released by one request.
const MOST: usize = 1000;

/// Which records, and why.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::http) struct HoldBody {
    /// The company.
    #[schema(required = true, value_type = Name)]
    pub(in crate::http) company: String,
    /// The entity.
    #[schema(required = true, value_type = Name)]
    pub(in crate::http) entity: String,
    /// The records' keys, each as lists show it.
    #[schema(required = true, value_type = Vec<Name>, min_items = 1, max_items = 1000)]
    pub(in crate::http) keys: Vec<String>,
    /// Why, for the audit.
    #[schema(required = true, value_type = Why)]
    pub(in crate::http) why: String,
}

/// What became of each.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::http) struct HoldAnswer {
    /// The records that are known.
    pub(in crate::http) records: Vec<HoldRow>,
    /// Keys that were never read from SYSPRO.
    unknown: Vec<String>,
    /// What became of released records, as far as it was waited for; nothing where nothing was to be sent.
    pub(in crate::http) outcome: Option<ResentOutcome>,
}

/// `POST /api/v1/records/park`
pub(super) async fn park(surface: web::Data<Surface>, request: HttpRequest, payload: web::Payload) -> Answer {
    Params::parse(request.query_string(), &[])?;
    Ok(HttpResponse::Ok().json(park_action(&surface, body(payload).await?, caller(&request)).await?))
}

/// `POST /api/v1/records/release`
pub(super) async fn release(surface: web::Data<Surface>, request: HttpRequest, payload: web::Payload) -> Answer {
    Params::parse(request.query_string(), &[])?;
    Ok(HttpResponse::Ok().json(release_action(&surface, body(payload).await?, caller(&request)).await?))
}

/// Holds records back, for whoever asks, over the API or in the console.
///
/// # Errors
/// 400 without a reason or keys, 422 for an unknown company or entity, 404 when none of them is known.
pub(in crate::http) async fn park_action(surface: &Surface, asked: HoldBody, who: String) -> Result<HoldAnswer, Problem> {
    let (flow, keys, why) = checked(asked)?;
    surface.check_names(Some(flow.company.as_str()), Some(flow.entity.as_str())).await?;
    let rows = surface.deps.store.hold_put(flow.clone(), keys.clone(), who, why).await?;
    answer(&flow, keys, rows, None)
}

/// Lets records go again, for whoever asks, over the API or in the console.
///
/// # Errors
/// 400 without a reason or keys, 422 for an unknown company or entity, 404 when none of them is known.
pub(in crate::http) async fn release_action(surface: &Surface, asked: HoldBody, who: String) -> Result<HoldAnswer, Problem> {
    let (flow, keys, why) = checked(asked)?;
    surface.check_names(Some(flow.company.as_str()), Some(flow.entity.as_str())).await?;
    let (rows, followed) = release_records(&surface.deps, flow.clone(), keys.clone(), &who, why).await?;
    surface.root.nudge_all();
    // of those alone that had something to release; what cannot be read of it is released all the same
    let outcome = match followed.is_empty() {
        true => None,
        false => followed.settle(&surface.deps, OUTCOME_WAIT).await.unwrap_or_default(),
    };
    answer(&flow, keys, rows, outcome)
}

fn checked(asked: HoldBody) -> Result<(FlowId, Vec<String>, String), Problem> {
    let why = reason(&asked.why)?;
    if asked.keys.is_empty() || asked.keys.len() > MOST {
        let detail = format!("`keys` must name 1 to {MOST} records, got {}", asked.keys.len());
        return Err(Problem::bad_request(detail, "`GET /api/v1/records` lists them"));
    }
    if asked.keys.iter().chain([&asked.company, &asked.entity]).any(|text| text.contains('\0')) {
        return Err(Problem::bad_request("a name holds a zero byte", "send text"));
    }
    Ok((
        FlowId::new(asked.company.as_str(), asked.entity.as_str()),
        asked.keys.iter().map(|key| DocumentKey::typed(key).into()).collect(),
        why,
    ))
}

fn answer(flow: &FlowId, keys: Vec<String>, records: Vec<HoldRow>, outcome: Option<ResentOutcome>) -> Result<HoldAnswer, Problem> {
    let unknown: Vec<String> = keys.into_iter().filter(|key| !records.iter().any(|row| row.key == *key)).collect();
    if records.is_empty() {
        let named = unknown.iter().take(3).map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        return Err(Problem::not_found(format!("{flow} has no record {named}"), HOW_KEYS_ARE_WRITTEN));
    }
    Ok(HoldAnswer { records, unknown, outcome })
}
