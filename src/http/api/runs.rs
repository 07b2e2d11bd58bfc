//! A run that a person began: its id at once, and where it says how it went.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use super::actions::no_run;
use crate::actors::cycle::CycleAsk;
use crate::actors::poller::PollError;
use crate::domain::FlowId;
use crate::domain::role::Permission;
use crate::domain::run::{RunId, RunKind};
use crate::http::problem::Problem;
use crate::http::query::{Params, path_parts};
use crate::http::route::{Route, Shape, component, reads};
use crate::http::surface::Surface;
use crate::store::RunRow;

pub(in crate::http) const ROUTES: &[Route] = &[Route::get(
    "/api/v1/runs/{run}",
    Some(Permission::Read),
    || web::get().to(show),
    reads("getRun", "One run, and what became of its records", &[], Shape::One(200, component::<RunRow>)),
)];

/// How long it is waited for the beginning of a run.
const BEGIN_WAIT: Duration = Duration::from_secs(5);
/// Between two looks whether it has begun.
const BEGIN_LOOK: Duration = Duration::from_millis(50);

/// A run that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RunAccepted {
    pub(in crate::http) flow: FlowId,
    /// The kind of run.
    #[schema(value_type = String)]
    pub(in crate::http) accepted: RunKind,
    /// The run's id.
    pub(in crate::http) run: RunId,
    /// Whether it has begun. If not, it begins soon, and until then `follow` answers 404.
    pub(in crate::http) begun: bool,
    /// Where it says what became of it: ask again until `outcome` is `done` or `failed`.
    pub(in crate::http) follow: String,
}

/// Begins a run, and answers once it has begun.
///
/// # Errors
/// 409 where it does not begin: another node has the flow, or Tieline has stopped it.
pub(super) async fn begin(surface: &Surface, flow: FlowId, kind: RunKind, who: String, why: String) -> Result<RunAccepted, Problem> {
    let (run, (told, ended)) = (RunId::fresh(), unbounded_channel());
    let mut ask = CycleAsk::by_hand(vec![(flow.clone(), kind)], who, Some(why));
    ask.runs.insert(flow.clone(), run);
    ask.ended = Some(told);
    surface.root.run(ask).await.map_err(|refused| no_run(&refused))?;
    let begun = has_begun(surface, run, ended).await?;
    Ok(RunAccepted { flow, accepted: kind, run, begun, follow: format!("/api/v1/runs/{run}") })
}

async fn has_begun(surface: &Surface, run: RunId, mut ended: UnboundedReceiver<Option<PollError>>) -> Result<bool, Problem> {
    let deadline = Instant::now() + BEGIN_WAIT;
    loop {
        // asked first: a run that has ended and left no row never began
        let result = ended.try_recv();
        if surface.deps.store.run_find(run.0).await?.is_some() {
            return Ok(true);
        }
        if let Ok(Some(error)) = result {
            return Err(Problem::conflict(error.to_string(), "`GET /api/v1/flows` says how the flow stands; no run was begun"));
        }
        // it begins once the service has nothing to wait for, which may take long
        if Instant::now() >= deadline || surface.deps.waits.why().is_some() {
            return Ok(false);
        }
        tokio::time::sleep(BEGIN_LOOK).await;
    }
}

/// `GET /api/v1/runs/{run}`
pub(super) async fn show(surface: web::Data<Surface>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Params::parse(request.query_string(), &[])?;
    let parts = path_parts(request.uri().path(), 3, 1)?;
    let text = parts.first().map(String::as_str).unwrap_or_default();
    let missing = || Problem::not_found(format!("there is no run `{text}`"), "`GET /api/v1/runs` lists them");
    let id: Uuid = text.parse().map_err(|_| missing())?;
    let row = surface.deps.store.run_find(id).await?.ok_or_else(missing)?;
    Ok(HttpResponse::Ok().json(row))
}
