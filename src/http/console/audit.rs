//! The audit with filters.

use actix_web::{HttpRequest, web};
use askama::Template;

use super::answer::{Page, Refusal, ok};
use super::files::{self, ABOUT, Files};
use super::filter::{Filter, Spec};
use super::session;
use super::steps::{Step, step};
use super::view::{Layout, Time, record_path};
use crate::domain::DocumentKey;
use crate::domain::audit::AuditKind;
use crate::domain::ids::AuditRowId;
use crate::domain::role::Permission;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::export::{self, ListFile};
use crate::store::{AuditFilter, AuditRow};

pub(in crate::http) fn routes() -> Vec<Route> {
    let files = files::routes(["/audit.csv", "/audit.xlsx"], Permission::ReadAudit, file);
    [vec![Route::page("/audit", Some(Permission::ReadAudit), audit)], files].concat()
}

/// Rows on a page.
const PAGE: usize = 100;

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
    files: Files,
    next: Option<String>,
}

/// The filter, for the page and for the files.
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
        files: Files::of(&filter, "/audit", "these rows"),
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

/// All rows that match the filter as a file.
async fn file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    let (filter, chosen) = chosen(&app_state, request.query_string(), &[ABOUT], 0).await?;
    Ok(export::audit(&app_state.process, chosen, files::asked(&request, &filter)?).await?)
}
