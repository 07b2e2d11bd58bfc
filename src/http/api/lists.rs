//! The lists and records that can be read.

use actix_web::{HttpRequest, web};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::FlowId;
use crate::domain::audit::AuditKind;
use crate::domain::budget::UNRESPONSIVE_AFTER;
use crate::domain::delivery::{CauseOrder, RecordState};
use crate::domain::history::plain;
use crate::domain::ids::{AuditRowId, DeliveryId, DocumentId, RunId};
use crate::domain::role::Permission;
use crate::domain::run::{RunKind, RunOutcome};
use crate::http::problem::Problem;
use crate::http::query::{AFTER, Kind, LIMITED, Page, Param, Params, param, path_parts};
use crate::http::route::{Cached, Route};
use crate::http::state::AppState;
use crate::operations::explain::Explained;
use crate::operations::failures;
use crate::process::in_force::SetStatus;
use crate::store::{
    ApprovalRow, AuditFilter, AuditRow, CauseRow, DocumentFilter, DocumentRow, FailureFilter, FailureRow, FlowStatus, NodeRow, RecordView,
    RunFilter, RunRow, SetRow,
};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get::<Page<FlowStatus>>("/api/v1/flows", Permission::Read, "listFlows", "Every flow, with its state", flows)
            .cached(Cached::Second),
        Route::get::<Page<NodeRow>>("/api/v1/nodes", Permission::Read, "listNodes", "The services on this ledger", nodes)
            .cached(Cached::Second),
        Route::get::<DefinitionsView>(
            "/api/v1/definitions",
            Permission::Read,
            "getDefinitions",
            "The definitions of the answering node, those in force, and every earlier set",
            definitions,
        ),
        Route::get::<Page<RunRow>>("/api/v1/runs", Permission::Read, "listRuns", "Runs, the newest first", runs)
            .params(RUNS)
            .cached(Cached::Second),
        Route::get::<Page<DocumentRow>>(
            "/api/v1/records",
            Permission::Read,
            "listRecords",
            "Records in the order in which they were first read",
            records,
        )
        .params(RECORDS)
        .cached(Cached::Second),
        Route::get::<RecordView>(
            "/api/v1/records/{company}/{entity}/{*key}",
            Permission::Read,
            "getRecord",
            "One record: its state and why, its versions and attempts",
            record,
        ),
        Route::get::<Page<FailureRow>>(
            "/api/v1/failures",
            Permission::Read,
            "listFailures",
            "What was not delivered, with the next step",
            failures,
        )
        .params(FAILURES)
        .cached(Cached::Second),
        Route::get::<Page<CauseRow>>(
            "/api/v1/failures/causes",
            Permission::Read,
            "listFailureCauses",
            "Failures by cause: an example, the values that differ, the amounts at stake per currency, and the parents",
            causes,
        )
        .params(CAUSES)
        .cached(Cached::Second),
        Route::get::<Page<AuditRow>>("/api/v1/audit", Permission::ReadAudit, "listAudit", "Audit rows, the oldest first", audit)
            .params(AUDIT)
            .cached(Cached::Second),
    ]
}

pub(super) const COMPANY: Param = param("company", Kind::Text, "only this SYSPRO company");
pub(super) const ENTITY: Param = param("entity", Kind::Text, "only this entity, such as `invoice`");
pub(super) const KEY: Param = param("key", Kind::Text, "only the record with this key, its parts joined by `/`");
const TEXT: Param = param("text", Kind::Text, "only messages that contain this text, in any case");
const SINCE: Param = param("since", Kind::Instant, "only from this instant on");
const UNTIL: Param = param("until", Kind::Instant, "only before this instant");
const BEFORE: Param = param("after", Kind::Uuid, "the `next` of the page before");

/// The parameters of each list.
pub(super) const RUNS: &[Param] = &[
    COMPANY,
    ENTITY,
    param("kind", Kind::Word(RunKind::WORDS), "only this kind of run"),
    param("outcome", Kind::Word(RunOutcome::WORDS), "only runs with this outcome"),
    SINCE,
    UNTIL,
    BEFORE,
    LIMITED,
];
pub(super) const RECORDS: &[Param] = &[
    COMPANY,
    ENTITY,
    param("prefix", Kind::Text, "only keys with this beginning"),
    param("state", Kind::Word(RecordState::WORDS), "only records with a part in this state"),
    TEXT,
    SINCE,
    UNTIL,
    param("run", Kind::Uuid, "only records of which this run read new content"),
    AFTER,
    LIMITED,
];
pub(super) const FAILURES: &[Param] = &[
    COMPANY,
    ENTITY,
    KEY,
    param("reason", Kind::Failure, "only what has this reason or state"),
    TEXT,
    param("cause", Kind::Text, "only what failed for this cause, as the console groups failures"),
    SINCE,
    UNTIL,
    AFTER,
    LIMITED,
];
pub(super) const CAUSES: &[Param] = &[
    COMPANY,
    ENTITY,
    KEY,
    param("reason", Kind::Failure, "only what has this reason or state"),
    TEXT,
    param("cause", Kind::Text, "only this cause"),
    SINCE,
    UNTIL,
    param("order", Kind::Word(CauseOrder::WORDS), "the largest first, or those that have failed for longest; `largest` unless given"),
    LIMITED,
];
pub(super) const AUDIT: &[Param] =
    &[COMPANY, ENTITY, KEY, param("kind", Kind::Word(AuditKind::WORDS), "only this kind of row"), SINCE, UNTIL, AFTER, LIMITED];

/// The description of a time parameter.
const INSTANT: &str = "an instant such as 2026-01-31T08:00:00Z";

async fn flows(app_state: web::Data<AppState>, _: HttpRequest) -> Result<Page<FlowStatus>, Problem> {
    let rows = app_state.process.flow_status().await?;
    Ok(Page::of(rows, i64::MAX, |_| String::new()))
}

async fn nodes(app_state: web::Data<AppState>, _: HttpRequest) -> Result<Page<NodeRow>, Problem> {
    let rows = app_state.process.store.node_list(UNRESPONSIVE_AFTER).await?;
    Ok(Page::of(rows, i64::MAX, |_| String::new()))
}

/// The most sets in the list: the newest ones.
const SETS: i64 = 200;

/// The definitions of a node, and those of its ledger.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct DefinitionsView {
    /// SHA-256 of the contents of this node's definitions.
    hash: String,
    /// Their number in the ledger.
    number: i32,
    /// When the node loaded them.
    loaded_at: DateTime<Utc>,
    /// Whether they are in force; a node with others reads, maps and sends nothing.
    in_force: bool,
    /// The problems of newer files that were refused as a whole; may be empty.
    refused: Vec<String>,
    /// When they were refused.
    refused_at: Option<DateTime<Utc>>,
    /// The hash of changed files that wait for a second person, while the definitions above stay in use.
    waiting: Option<String>,
    /// The newest request for an approval of these files, or of this node's definitions if they are not approved.
    approval: Option<ApprovalRow>,
    /// The sets that are or were in force, newest first.
    items: Vec<SetRow>,
}

async fn definitions(app_state: web::Data<AppState>, _: HttpRequest) -> Result<DefinitionsView, Problem> {
    let items = app_state.process.store.definition_list(SETS).await?;
    let view = app_state.process.definitions.view();
    let (refused, refused_at) = view.refused.map(|refused| (refused.problems, refused.at)).unzip();
    let (waiting, approval) = view.awaited.map(|awaited| (awaited.hash, awaited.request.map(|row| *row))).unzip();
    Ok(DefinitionsView {
        hash: view.hash,
        number: view.number.0,
        loaded_at: view.loaded_at,
        in_force: view.status == SetStatus::InForce,
        refused: refused.unwrap_or_default(),
        refused_at,
        waiting,
        approval: approval.flatten(),
        items,
    })
}

/// Newest first.
async fn runs(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<RunRow>, Problem> {
    let params = app_state.described(&request).await?;
    let limit = params.limit()?;
    let before = params.value::<RunId>("after", "the `next` of the page before")?;
    let filter = RunFilter {
        company: params.text("company"),
        entity: params.text("entity"),
        kind: params.value("kind", "a kind of run")?,
        outcome: params.value("outcome", "a result of a run")?,
        since: params.value("since", INSTANT)?,
        until: params.value("until", INSTANT)?,
        before,
        limit: limit + 1,
    };
    let rows = app_state.process.store.run_list(filter).await?;
    Ok(Page::of(rows, limit, |row| row.id.to_string()))
}

async fn records(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<DocumentRow>, Problem> {
    let params = app_state.described(&request).await?;
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
        after: DocumentId(params.after()?),
        limit: limit + 1,
    };
    let rows = app_state.process.store.document_list(filter).await?;
    Ok(Page::of(rows, limit, |row| row.id.to_string()))
}

/// `GET /api/v1/records/{company}/{entity}/{key}`; the key may contain slashes.
async fn record(app_state: web::Data<AppState>, request: HttpRequest) -> Result<RecordView, Problem> {
    let parts: [String; 3] = path_parts(request.uri().path(), 3, 3)?
        .try_into()
        .map_err(|_| Problem::not_found("the path names no record", "use /api/v1/records/COMPANY/ENTITY/KEY"))?;
    let [company, entity, key] = parts;
    let mut view = match app_state.service.explain(&FlowId::new(company.as_str(), entity.as_str()), &key).await? {
        Explained::Known(view) => view,
        Explained::NeverRead(seen) => {
            let detail = format!("{company}/{entity} `{key}` was never read: {seen}");
            return Err(Problem::not_found(detail, seen.next_step().to_string()));
        }
    };
    for version in &mut view.versions {
        version.content = plain(&version.content);
    }
    Ok(*view)
}

/// The filter of a list of failures.
fn failure_filter(params: &Params, limit: i64) -> Result<FailureFilter, Problem> {
    Ok(FailureFilter {
        company: params.text("company"),
        entity: params.text("entity"),
        reason: params.value("reason", "a reason or state of a failure")?,
        text: params.text("text"),
        key: params.text("key"),
        cause: params.text("cause"),
        since: params.value("since", INSTANT)?,
        until: params.value("until", INSTANT)?,
        order: CauseOrder::default(),
        after: DeliveryId::default(),
        limit,
    })
}

async fn failures(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<FailureRow>, Problem> {
    let params = app_state.described(&request).await?;
    let limit = params.limit()?;
    let filter = FailureFilter { after: DeliveryId(params.after()?), ..failure_filter(&params, limit + 1)? };
    let rows = failures::failure_list(&app_state.process, filter).await?;
    Ok(Page::of(rows, limit, |row| row.delivery_id.to_string()))
}

/// The same failures by cause.
async fn causes(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<CauseRow>, Problem> {
    let params = app_state.described(&request).await?;
    let order = params.value("order", "an order of causes")?.unwrap_or_default();
    let filter = FailureFilter { order, ..failure_filter(&params, params.limit()?)? };
    let rows = failures::failure_causes(&app_state.process, filter).await?;
    Ok(Page::of(rows, i64::MAX, |_| String::new()))
}

async fn audit(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<AuditRow>, Problem> {
    let params = app_state.described(&request).await?;
    let limit = params.limit()?;
    let filter = AuditFilter {
        company: params.text("company"),
        entity: params.text("entity"),
        key: params.text("key"),
        kind: params.value("kind", "a kind of audit row")?,
        since: params.value("since", INSTANT)?,
        until: params.value("until", INSTANT)?,
        after: AuditRowId(params.after()?),
        limit: limit + 1,
    };
    let rows = app_state.process.store.audit_list(filter).await?;
    Ok(Page::of(rows, limit, |row| row.id.to_string()))
}
