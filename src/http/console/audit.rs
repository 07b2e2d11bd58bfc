//! The audit with filters, also as CSV.

use std::error::Error;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::SecondsFormat;
use futures_util::{StreamExt, stream};

use super::answer::{Page, Refusal, ok};
use super::filter::{Filter, Spec};
use super::session;
use super::steps::{Step, step};
use super::view::{Layout, Time, record_path};
use crate::domain::DocumentKey;
use crate::domain::audit::AuditKind;
use crate::domain::csv::lines;
use crate::domain::ids::AuditRowId;
use crate::domain::role::Permission;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::store::{AuditFilter, AuditRow};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![Route::page("/audit", Some(Permission::ReadAudit), audit), Route::page("/audit.csv", Some(Permission::ReadAudit), csv)]
}

/// Rows on a page.
const PAGE: usize = 100;
/// Rows of a CSV file that are read from the ledger at once.
const CSV_STEP: usize = 1000;

struct AuditView {
    at: Time,
    kind: String,
    flow: String,
    key: String,
    path: Option<String>,
    who: String,
    step: Step,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    layout: Layout,
    filter: Filter,
    rows: Vec<AuditView>,
    csv: String,
    next: Option<String>,
}

/// The filter, for the page and for the CSV.
async fn chosen(app_state: &AppState, query: &str, more: &[&str], limit: usize) -> Result<(Filter, AuditFilter), Refusal> {
    let specs = vec![
        Spec::Company,
        Spec::Entity,
        Spec::Text("key", "Key", 16),
        Spec::words("kind", "Kind", "every kind", AuditKind::ALL.iter().map(|kind| kind.as_str())),
        Spec::Period,
    ];
    let (filter, params) = Filter::of(app_state, query, "/audit", specs, more).await?;
    let filter = filter.listing("audit row");
    let asked = AuditFilter {
        company: filter.text("company"),
        entity: filter.text("entity"),
        key: filter.text("key"),
        kind: params.value("kind", "a kind of audit row")?,
        since: filter.since,
        until: filter.until,
        after: AuditRowId(params.after()?),
        limit: i64::try_from(limit).unwrap_or(i64::MAX),
    };
    Ok((filter, asked))
}

fn flow_of(row: &AuditRow) -> String {
    [row.company.as_deref(), row.entity.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("/")
}

/// Newest first.
pub(super) async fn audit(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let (filter, asked) = chosen(&app_state, request.query_string(), &["after"], PAGE + 1).await?;
    let mut rows = app_state.process.store.audit_newest(asked).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    ok(&AuditPage {
        layout: Layout::of(&session, "/audit", "Audit"),
        csv: filter.link("/audit.csv", &[]),
        next: rows.last().filter(|_| more).map(|row| filter.next(&row.id.to_string())),
        rows: rows.into_iter().map(AuditView::from).collect(),
        filter,
    })
}

impl From<AuditRow> for AuditView {
    fn from(row: AuditRow) -> Self {
        let path = match (&row.company, &row.entity, &row.key) {
            (Some(company), Some(entity), Some(key)) => Some(record_path(company, entity, key)),
            _ => None,
        };
        Self {
            at: Time(row.at),
            flow: flow_of(&row),
            step: step(&row),
            kind: row.kind.replace('_', " "),
            key: row.key.as_deref().map(DocumentKey::shown).unwrap_or_default(),
            path,
            who: row.actor,
        }
    }
}

/// All rows that match the filter, sent as they are read.
pub(super) async fn csv(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let (_, filter) = chosen(&app_state, request.query_string(), &[], CSV_STEP).await?;
    // an unreachable ledger gives an error page; later the answer can only be cut off
    let first = app_state.process.store.audit_list(filter.clone()).await?;
    let store = app_state.process.store.clone();
    let pages = stream::try_unfold((Some(first), filter), move |(rows, mut filter)| {
        let store = store.clone();
        async move {
            let Some(rows) = rows else { return Ok::<_, Box<dyn Error>>(None) };
            let text = lines(rows.iter().map(cells))?;
            let next = match rows.last() {
                Some(last) if rows.len() == CSV_STEP => {
                    filter.after = last.id;
                    Some(store.audit_list(filter.clone()).await?)
                }
                _ => None,
            };
            Ok(Some((web::Bytes::from(text), (next, filter))))
        }
    });
    let head = stream::once(async { Ok(web::Bytes::from_static(b"id,at,kind,company,entity,key,version,actor,detail\r\n")) });
    let mut response = HttpResponse::Ok();
    for header in crate::http::headers::HEADERS {
        response.insert_header(header);
    }
    response.content_type("text/csv; charset=utf-8");
    response.insert_header(("content-disposition", "attachment; filename=\"tieline-audit.csv\""));
    Ok(response.streaming(head.chain(pages)))
}

/// The cells of one row.
fn cells(row: &AuditRow) -> [String; 9] {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    [
        row.id.to_string(),
        row.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        row.kind.clone(),
        text(&row.company),
        text(&row.entity),
        text(&row.key),
        row.version.map(|version| version.to_string()).unwrap_or_default(),
        row.actor.clone(),
        text(&row.detail),
    ]
}
