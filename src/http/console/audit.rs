//! The audit with filters, and as CSV.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::SecondsFormat;
use futures_util::{StreamExt, stream};

use super::view::{Frame, Time};
use super::{Page, ok, session};
use crate::domain::audit::AuditKind;
use crate::http::Surface;
use crate::http::query::Params;
use crate::store::{AuditFilter, AuditRow, StoreError};

/// Rows on a page.
const PAGE: usize = 100;
/// Rows of a CSV file that are read at once.
const CSV_STEP: usize = 1000;
/// What can be filtered by.
const FILTERS: [&str; 6] = ["company", "entity", "key", "kind", "since", "until"];

struct AuditView {
    at: Time,
    kind: String,
    flow: String,
    key: String,
    who: String,
    detail: String,
}

struct KindView {
    name: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    rows: Vec<AuditView>,
    kinds: Vec<KindView>,
    company: String,
    entity: String,
    key: String,
    since: String,
    until: String,
    csv: String,
    next: Option<String>,
}

fn filter(params: &Params, limit: usize) -> Result<AuditFilter, super::Refusal> {
    let instant = "an instant such as 2026-01-31T08:00:00Z";
    Ok(AuditFilter {
        company: params.text("company"),
        entity: params.text("entity"),
        key: params.text("key"),
        kind: params.value("kind", "a kind of audit row")?,
        since: params.value("since", instant)?,
        until: params.value("until", instant)?,
        after: params.after()?,
        limit: i64::try_from(limit).unwrap_or(i64::MAX),
    })
}

fn flow_of(row: &AuditRow) -> String {
    [row.company.as_deref(), row.entity.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("/")
}

/// `GET /audit`, the newest first.
pub(super) async fn audit(surface: web::Data<Surface>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let params = Params::parse(request.query_string(), &[&FILTERS[..], &["after"]].concat())?;
    let mut rows = surface.deps.store.audit_newest(filter(&params, PAGE + 1)?).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for name in FILTERS {
        if let Some(value) = params.text(name) {
            query.append_pair(name, &value);
        }
    }
    let query = query.finish();
    let text = |name: &str| params.text(name).unwrap_or_default();
    let kind = text("kind");
    ok(&AuditPage {
        frame: Frame::of(&session, "/audit", "Audit"),
        kinds: AuditKind::ALL.iter().map(|one| KindView { name: one.as_str(), chosen: one.as_str() == kind }).collect(),
        company: text("company"),
        entity: text("entity"),
        key: text("key"),
        since: text("since"),
        until: text("until"),
        csv: format!("/audit.csv?{query}"),
        next: rows.last().filter(|_| more).map(|row| format!("/audit?{query}&after={}", row.id)),
        rows: rows
            .into_iter()
            .map(|row| AuditView {
                at: Time(row.at),
                flow: flow_of(&row),
                kind: row.kind,
                key: row.key.unwrap_or_default(),
                who: row.actor,
                detail: row.detail.unwrap_or_default(),
            })
            .collect(),
    })
}

/// `GET /audit.csv`: everything that the filters let through, sent as it is read.
pub(super) async fn csv(surface: web::Data<Surface>, request: HttpRequest) -> Page {
    let params = Params::parse(request.query_string(), &FILTERS)?;
    let filter = filter(&params, CSV_STEP)?;
    // a ledger that is away is said with a page; later the answer can only be cut off
    let first = surface.deps.store.audit_list(filter.clone()).await?;
    let store = surface.deps.store.clone();
    let pages = stream::try_unfold((Some(first), filter), move |(rows, mut filter)| {
        let store = store.clone();
        async move {
            let Some(rows) = rows else { return Ok::<_, StoreError>(None) };
            let text: String = rows.iter().map(line).collect();
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
    for header in crate::http::HEADERS {
        response.insert_header(header);
    }
    response.content_type("text/csv; charset=utf-8");
    response.insert_header(("content-disposition", "attachment; filename=\"tieline-audit.csv\""));
    Ok(response.streaming(head.chain(pages)))
}

/// One row as a line.
fn line(row: &AuditRow) -> String {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let cells = [
        row.id.to_string(),
        row.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        row.kind.clone(),
        text(&row.company),
        text(&row.entity),
        text(&row.key),
        row.version.map(|version| version.to_string()).unwrap_or_default(),
        row.actor.clone(),
        text(&row.detail),
    ];
    cells.map(|cell| quoted(&cell)).join(",") + "\r\n"
}

/// One cell (RFC 4180). A spreadsheet must not take a text for a formula.
fn quoted(cell: &str) -> String {
    let formula = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{formula}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_and_is_no_formula() {
        assert_eq!(quoted(r#"a "b", c"#), r#""a ""b"", c""#);
        assert_eq!(quoted("=HYPERLINK(1)"), "\"'=HYPERLINK(1)\"");
    }
}
