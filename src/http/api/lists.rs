//! What can be read.

use actix_web::{HttpRequest, HttpResponse, web};
use uuid::Uuid;

use crate::actors::heart;
use crate::http::Surface;
use crate::http::problem::Problem;
use crate::http::query::{Page, Params, path_parts};
use crate::store::{AuditFilter, DocumentFilter, FailureFilter, RunFilter};

type Answer = Result<HttpResponse, Problem>;

/// What a parameter is that names an instant.
const INSTANT: &str = "an instant such as 2026-01-31T08:00:00Z";

/// `GET /api/v1/flows`
pub(super) async fn flows(surface: web::Data<Surface>, request: HttpRequest) -> Answer {
    Params::parse(request.query_string(), &[])?;
    let rows = surface.deps.store.flow_status().await?;
    Ok(HttpResponse::Ok().json(Page::of(rows, i64::MAX, |_| String::new())))
}

/// `GET /api/v1/nodes`
pub(super) async fn nodes(surface: web::Data<Surface>, request: HttpRequest) -> Answer {
    Params::parse(request.query_string(), &[])?;
    let rows = surface.deps.store.node_list(heart::SILENT).await?;
    Ok(HttpResponse::Ok().json(Page::of(rows, i64::MAX, |_| String::new())))
}

/// `GET /api/v1/runs`, the newest first.
pub(super) async fn runs(surface: web::Data<Surface>, request: HttpRequest) -> Answer {
    let params = Params::parse(request.query_string(), &["company", "entity", "kind", "outcome", "since", "until", "after", "limit"])?;
    let limit = params.limit()?;
    let before = params.value::<Uuid>("after", "the `next` of the page before")?;
    let outcome = params.text("outcome");
    if let Some(other) = outcome.as_deref().filter(|outcome| !["running", "done", "failed"].contains(outcome)) {
        let detail = format!("parameter `outcome`: `{other}` is not how a run ends");
        return Err(Problem::bad_request(detail, "send `running`, `done` or `failed`"));
    }
    let filter = RunFilter {
        company: params.text("company"),
        entity: params.text("entity"),
        kind: params.value("kind", "a kind of run")?,
        outcome,
        since: params.value("since", INSTANT)?,
        until: params.value("until", INSTANT)?,
        before,
        limit: limit + 1,
    };
    let rows = surface.deps.store.run_list(filter).await?;
    Ok(HttpResponse::Ok().json(Page::of(rows, limit, |row| row.id.to_string())))
}

/// `GET /api/v1/records`
pub(super) async fn records(surface: web::Data<Surface>, request: HttpRequest) -> Answer {
    let params = Params::parse(
        request.query_string(),
        &["company", "entity", "prefix", "state", "text", "since", "until", "run", "after", "limit"],
    )?;
    let limit = params.limit()?;
    let filter = DocumentFilter {
        company: params.text("company"),
        entity: params.text("entity"),
        prefix: params.text("prefix"),
        state: params.value("state", "a state of a record")?,
        run: params.value("run", "the id of a run")?,
        text: params.text("text"),
        since: params.value("since", INSTANT)?,
        until: params.value("until", INSTANT)?,
        after: params.after()?,
        limit: limit + 1,
    };
    let rows = surface.deps.store.document_list(filter).await?;
    Ok(HttpResponse::Ok().json(Page::of(rows, limit, |row| row.id.to_string())))
}

/// `GET /api/v1/records/{company}/{entity}/{key}`; the key may hold slashes.
pub(super) async fn record(surface: web::Data<Surface>, request: HttpRequest) -> Answer {
    Params::parse(request.query_string(), &[])?;
    let parts: [String; 3] = path_parts(request.uri().path(), 3, 3)?
        .try_into()
        .map_err(|_| Problem::not_found("the path names no record", "use /api/v1/records/COMPANY/ENTITY/KEY"))?;
    let [company, entity, key] = parts;
    let view = surface.deps.store.record_view(company.clone(), entity.clone(), key.clone()).await?;
    if !view.known {
        let detail = format!("{company}/{entity} `{key}` was never read from SYSPRO");
        let step = "it is not there, the definition's filter leaves it out, its flow has not run, or the key is written otherwise (parts joined by `/`)";
        return Err(Problem::not_found(detail, step));
    }
    Ok(HttpResponse::Ok().json(view))
}

/// `GET /api/v1/failures`
pub(super) async fn failures(surface: web::Data<Surface>, request: HttpRequest) -> Answer {
    let params = Params::parse(
        request.query_string(),
        &["company", "entity", "key", "reason", "text", "cause", "since", "until", "after", "limit"],
    )?;
    let limit = params.limit()?;
    let filter = FailureFilter {
        company: params.text("company"),
        entity: params.text("entity"),
        reason: params.text("reason"),
        text: params.text("text"),
        key: params.text("key"),
        cause: params.text("cause"),
        since: params.value("since", INSTANT)?,
        until: params.value("until", INSTANT)?,
        after: params.after()?,
        limit: limit + 1,
    };
    let rows = surface.deps.store.failure_list(filter).await?;
    Ok(HttpResponse::Ok().json(Page::of(rows, limit, |row| row.delivery_id.to_string())))
}

/// `GET /api/v1/audit`
pub(super) async fn audit(surface: web::Data<Surface>, request: HttpRequest) -> Answer {
    let params = Params::parse(request.query_string(), &["company", "entity", "key", "kind", "since", "until", "after", "limit"])?;
    let limit = params.limit()?;
    let filter = AuditFilter {
        company: params.text("company"),
        entity: params.text("entity"),
        key: params.text("key"),
        kind: params.value("kind", "a kind of audit row")?,
        since: params.value("since", INSTANT)?,
        until: params.value("until", INSTANT)?,
        after: params.after()?,
        limit: limit + 1,
    };
    let rows = surface.deps.store.audit_list(filter).await?;
    Ok(HttpResponse::Ok().json(Page::of(rows, limit, |row| row.id.to_string())))
}
