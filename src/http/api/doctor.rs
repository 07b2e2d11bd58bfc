//! Diagnostics of both systems: start, follow, read.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actions::{Followed, body, requested};
use super::texts::Why;
use crate::doctor::{Finding, Progress, Scope};
use crate::domain::role::Permission;
use crate::http::problem::Problem;
use crate::http::route::{Route, Shape, acts, component, reads};
use crate::http::state::AppState;

pub(in crate::http) const ROUTES: &[Route] = &[
    Route::get(
        "/api/v1/doctor",
        Some(Permission::Read),
        || web::get().to(last),
        reads("getDiagnostics", "The last diagnostics run of this process", &[], Shape::One(200, component::<DiagnosticsView>)),
    ),
    Route::post(
        "/api/v1/doctor",
        || web::post().to(begin),
        acts(
            "runDiagnostics",
            "Starts diagnostics of both systems, rights, clocks, certificates and the database",
            component::<DoctorBody>,
            Shape::One(202, component::<Followed>),
        ),
    ),
];

type Answer = Result<HttpResponse, Problem>;

/// The body of a diagnostics request.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DoctorBody {
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
    /// Creates nothing in ServiceNow, not even for a moment.
    read_only: bool,
}

/// The state of the last diagnostics run.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Stage {
    /// There was none since the service started.
    Never,
    /// It is running.
    Running,
    /// It has ended.
    Done,
}

/// The last diagnostics run of this process.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DiagnosticsView {
    state: Stage,
    /// Its progress, while it is running.
    progress: Option<Progress>,
    began: Option<DateTime<Utc>>,
    ended: Option<DateTime<Utc>>,
    /// Why it did not finish.
    problem: Option<String>,
    /// Who requested it, with the reason.
    by: Option<String>,
    why: Option<String>,
    /// Whether nothing was created, not even for a moment.
    read_only: bool,
    findings: Vec<Finding>,
}

/// `GET /api/v1/doctor`: the last diagnostics run of this process.
pub(super) async fn last(app_state: web::Data<AppState>) -> Answer {
    let last = app_state.service.diagnostics_run();
    let asked = last.as_ref().map(|last| last.asked.clone());
    let ended = last.as_ref().and_then(|last| last.ended);
    Ok(HttpResponse::Ok().json(DiagnosticsView {
        state: match (&last, ended) {
            (None, _) => Stage::Never,
            (Some(_), None) => Stage::Running,
            (Some(_), Some(_)) => Stage::Done,
        },
        progress: last.as_ref().filter(|_| ended.is_none()).map(|last| last.progress()),
        began: last.as_ref().map(|last| last.began),
        ended,
        problem: last.as_ref().and_then(|last| last.problem.clone()),
        by: asked.as_ref().map(|asked| asked.by.clone()),
        read_only: asked.as_ref().is_some_and(|asked| asked.scope == Scope::ReadOnly),
        why: asked.and_then(|asked| asked.why),
        findings: last.map(|last| last.findings()).unwrap_or_default(),
    }))
}

/// `POST /api/v1/doctor`
pub(super) async fn begin(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Answer {
    let asked: DoctorBody = body(payload).await?;
    let scope = if asked.read_only { Scope::ReadOnly } else { Scope::Create };
    app_state.service.diagnose(scope, requested(&request, &asked.why)?).await?;
    Ok(HttpResponse::Accepted().json(Followed { accepted: true, follow: "/api/v1/doctor" }))
}
