//! The examination of both systems: begun, followed, read.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::actions::{body, caller, reason};
use crate::doctor::desk::{Asked, Examination};
use crate::domain::audit::AuditKind;
use crate::http::Surface;
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::store::NewAudit;

type Answer = Result<HttpResponse, Problem>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DoctorBody {
    /// Why, for the audit.
    why: String,
    /// Create nothing in ServiceNow, not even for a moment.
    read_only: bool,
}

/// `GET /api/v1/doctor`: the last examination of this process.
pub(super) async fn last(surface: web::Data<Surface>, request: HttpRequest) -> Answer {
    Params::parse(request.query_string(), &[])?;
    let Some(last) = surface.desk.last() else {
        return Ok(HttpResponse::Ok().json(json!({ "state": "never", "findings": [] })));
    };
    let far = last.ended.is_none().then(|| last.how_far());
    let Examination { asked, began, ended, problem, .. } = &last;
    Ok(HttpResponse::Ok().json(json!({
        "state": if ended.is_some() { "done" } else { "running" }, "how_far": far, "began": began, "ended": ended, "problem": problem,
        "by": asked.by, "why": asked.why, "read_only": asked.read_only, "findings": last.findings(),
    })))
}

/// `POST /api/v1/doctor`
pub(super) async fn begin(surface: web::Data<Surface>, request: HttpRequest, payload: web::Payload) -> Answer {
    Params::parse(request.query_string(), &[])?;
    let asked: DoctorBody = body(payload).await?;
    examine_action(&surface, &asked.why, asked.read_only, caller(&request)).await?;
    Ok(HttpResponse::Accepted().json(json!({ "accepted": true, "follow": "/api/v1/doctor" })))
}

/// Begins an examination, for whoever asks, over the API or in the console. It goes on by itself.
///
/// # Errors
/// 400 without a reason, 409 while one is on its way.
pub(in crate::http) async fn examine_action(surface: &Surface, why: &str, read_only: bool, who: String) -> Result<(), Problem> {
    let why = reason(why)?;
    let asked = Asked { by: who.clone(), why: why.clone(), read_only };
    let Some(examination) = surface.desk.begin(asked) else {
        return Err(Problem::conflict("an examination is on its way", "wait until it has ended; `GET /api/v1/doctor` shows how far it is"));
    };
    let mut row = NewAudit::of(AuditKind::Action).detail(&json!({ "action": "doctor", "why": why, "read_only": read_only }));
    row.actor = who;
    // nothing is created that the audit does not know of
    surface.deps.store.audit_write(row).await?;
    // a task of its own: a caller that goes away must not leave a row behind that was to be taken away
    actix_web::rt::spawn(examination);
    Ok(())
}
