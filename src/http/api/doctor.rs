//! Diagnostics of both systems: start, follow, read.

use actix_web::{HttpRequest, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actions::{Followed, requested};
use super::entry::InBackground;
use super::texts::Why;
use crate::doctor::{CheckScope, Finding, Progress};
use crate::domain::role::Permission;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::route::Route;
use crate::http::state::AppState;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get::<DiagnosticsView>(
            "/api/v1/doctor",
            Permission::Read,
            "getDiagnostics",
            "The last diagnostics run of this process",
            last,
        ),
        Route::post::<DoctorBody, InBackground<Followed>>(
            "/api/v1/doctor",
            Permission::Operate,
            "runDiagnostics",
            "Starts diagnostics of both systems, rights, clocks, certificates and the database",
            begin,
        ),
    ]
}

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

/// The last diagnostics run of this process.
async fn last(app_state: web::Data<AppState>, _: HttpRequest) -> Result<DiagnosticsView, Problem> {
    let last = app_state.service.diagnostics_run();
    let asked = last.as_ref().map(|last| last.asked.clone());
    let ended = last.as_ref().and_then(|last| last.ended);
    Ok(DiagnosticsView {
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
        read_only: asked.as_ref().is_some_and(|asked| asked.scope == CheckScope::ReadOnly),
        why: asked.and_then(|asked| asked.why),
        findings: last.map(|last| last.findings()).unwrap_or_default(),
    })
}

async fn begin(
    app_state: web::Data<AppState>,
    request: HttpRequest,
    Body(asked): Body<DoctorBody>,
) -> Result<InBackground<Followed>, Problem> {
    let scope = if asked.read_only { CheckScope::ReadOnly } else { CheckScope::Create };
    app_state.service.diagnose(scope, requested(&request, &asked.why)?).await?;
    Ok(InBackground(Followed { accepted: true, follow: "/api/v1/doctor" }))
}
