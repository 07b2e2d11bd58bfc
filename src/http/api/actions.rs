//! What can be done: run, pause and resume a flow, send records again.

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::actors::cycle::CycleAsk;
use crate::actors::replay::replay as take_in;
use crate::domain::FlowId;
use crate::domain::run::RunKind;
use crate::http::Surface;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::http::query::{Params, path_parts};
use crate::store::{NewAudit, ReplayScope};

type Answer = Result<HttpResponse, Problem>;

/// The body of a flow action.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FlowBody {
    /// Why, for the audit.
    why: String,
    /// Read everything again.
    sweep: bool,
}

/// The body of a replay.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ReplayBody {
    company: Option<String>,
    entity: Option<String>,
    key: Option<String>,
    run: Option<Uuid>,
    failed_only: bool,
    all: bool,
    why: String,
}

fn caller(request: &HttpRequest) -> String {
    request.extensions().get::<Caller>().map_or_else(|| "unknown".to_owned(), |caller| caller.name.clone())
}

/// A JSON body; an empty one is an empty object.
fn body<T: for<'de> Deserialize<'de> + Default>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(bytes).map_err(|error| {
        Problem::bad_request(format!("the body cannot be read: {error}"), "send a JSON object with the documented members")
    })
}

fn reason(why: &str) -> Result<String, Problem> {
    match why.trim() {
        "" => Err(Problem::bad_request("`why` is missing", "say why in a few words: the audit keeps it")),
        why => Ok(why.to_owned()),
    }
}

/// `POST /api/v1/flows/{company}/{entity}/run|pause|resume`
pub(super) async fn flow(surface: web::Data<Surface>, request: HttpRequest, bytes: web::Bytes) -> Answer {
    Params::parse(request.query_string(), &[])?;
    let parts: [String; 3] = path_parts(request.uri().path(), 3, 3)?
        .try_into()
        .map_err(|_| Problem::not_found("the path names no flow", "use /api/v1/flows/COMPANY/ENTITY/run"))?;
    let [company, entity, action] = parts;
    let asked: FlowBody = body(&bytes)?;
    let why = reason(&asked.why)?;
    let flow = FlowId::new(company.as_str(), entity.as_str());
    let known = surface.deps.settings.syspro.companies.contains(&flow.company) && surface.deps.definitions.plan(&flow.entity).is_some();
    if !known {
        return Err(Problem::not_found(format!("there is no flow {flow}"), "`GET /api/v1/flows` lists them"));
    }
    let who = caller(&request);
    match action.as_str() {
        "pause" | "resume" => {
            surface.deps.store.flow_pause(flow.clone(), action == "pause", who, why).await?;
            Ok(HttpResponse::Ok().json(json!({ "flow": flow, "paused": action == "pause" })))
        }
        "run" => {
            let status = surface.deps.store.flow_status().await?;
            let row = status.iter().find(|row| row.company == company && row.entity == entity);
            if let Some(holder) = row.and_then(|row| row.holder.as_ref()) {
                return Err(Problem::conflict(
                    format!("flow {flow} is running on node `{holder}`"),
                    "wait until it has ended; `GET /health/flows` shows its progress",
                ));
            }
            let kind = if asked.sweep { RunKind::Sweep } else { RunKind::Poll };
            surface.root.run(CycleAsk { flows: vec![(flow.clone(), kind)], requested_by: who, reason: Some(why), force: true });
            Ok(HttpResponse::Accepted().json(json!({ "flow": flow, "accepted": kind })))
        }
        other => Err(Problem::not_found(format!("a flow has no action `{other}`"), "use run, pause or resume")),
    }
}

/// `POST /api/v1/replay`
pub(super) async fn replay(surface: web::Data<Surface>, request: HttpRequest, bytes: web::Bytes) -> Answer {
    Params::parse(request.query_string(), &[])?;
    let asked: ReplayBody = body(&bytes)?;
    let why = reason(&asked.why)?;
    let scope =
        ReplayScope { company: asked.company, entity: asked.entity, key: asked.key, run: asked.run, failed_only: asked.failed_only };
    let limited = scope.company.is_some() || scope.entity.is_some() || scope.key.is_some() || scope.run.is_some() || scope.failed_only;
    if !limited && !asked.all {
        return Err(Problem::bad_request(
            "this would send every record again",
            "name company, entity, key, run or failed_only, or send \"all\": true",
        ));
    }
    let who = caller(&request);
    let mut row = NewAudit::of(crate::domain::audit::AuditKind::Action)
        .detail(&json!({ "action": "replay", "why": why, "company": scope.company, "entity": scope.entity, "key": scope.key, "run": scope.run, "failed_only": scope.failed_only }));
    row.actor.clone_from(&who);
    surface.deps.store.audit_write(row).await?;
    let report = take_in(&surface.deps, scope, &who, Some(why)).await?;
    surface.root.nudge_all();
    Ok(HttpResponse::Accepted().json(report))
}
