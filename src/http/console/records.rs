//! The search for records.

use actix_web::{HttpRequest, web};
use askama::Template;

use super::answer::{Page, Refusal, ok};
use super::files::{self, ABOUT, Files};
use super::filter::{Filter, Spec};
use super::session;
use super::view::{Layout, record_path};
use crate::domain::DocumentKey;
use crate::domain::delivery::RecordState;
use crate::domain::ids::DocumentId;
use crate::domain::role::Permission;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::export::{self, ListFile};
use crate::store::{DocumentFilter, DocumentRow};

pub(in crate::http) fn routes() -> Vec<Route> {
    let files = files::routes(["/records.csv", "/records.xlsx"], Permission::Read, file);
    [vec![Route::page("/records", Some(Permission::Read), search)], files].concat()
}

/// Records on a page of the search.
const PAGE: usize = 100;

struct FoundView {
    path: String,
    key: String,
    company: String,
    entity: String,
    version: i32,
    state: &'static str,
    tone: &'static str,
}

impl From<DocumentRow> for FoundView {
    fn from(row: DocumentRow) -> Self {
        let state = row.state();
        let tone = match state {
            RecordState::Failed => "bad",
            RecordState::OnHold | RecordState::Unknown | RecordState::Waiting | RecordState::Retrying | RecordState::InConflict => "warn",
            RecordState::Sending | RecordState::Queued => "busy",
            RecordState::Gone => "soft",
            RecordState::Delivered => "good",
        };
        let state = state.text();
        let path = record_path(&row.company, &row.entity, &row.key);
        Self { path, key: DocumentKey::shown(&row.key), company: row.company, entity: row.entity, version: row.version, state, tone }
    }
}

#[derive(Template)]
#[template(path = "records.html")]
struct RecordsPage {
    layout: Layout,
    filter: Filter,
    files: Files,
    found: Vec<FoundView>,
    run: Option<String>,
    next: Option<String>,
}

/// The filter, and what it selects from this place on.
async fn chosen(app_state: &AppState, request: &HttpRequest, more: &[&str]) -> Result<(Filter, DocumentFilter), Refusal> {
    let mut specs = vec![
        Spec::Text("prefix", "Key begins with", 16),
        Spec::Company,
        Spec::Entity,
        Spec::words("state", "State", "every state", RecordState::ALL.iter().map(|state| state.as_str())),
        Spec::Text("text", "Text of the message", 18),
        Spec::Period,
    ];
    // the field for a run's id is useful only after coming from the page of that run
    let by_run = url::form_urlencoded::parse(request.query_string().as_bytes()).any(|(name, value)| name == "run" && !value.is_empty());
    if by_run {
        specs.push(Spec::Text("run", "Changed in the run", 36));
    }
    let (filter, params) = Filter::of(app_state, request.query_string(), "/records", specs, more).await?;
    let filter = filter.listing("record");
    let prefix = filter.text("prefix").map(|text| text.trim().to_owned());
    let asked = DocumentFilter {
        company: filter.text("company"),
        entity: filter.text("entity"),
        prefix: prefix.filter(|text| !text.is_empty()),
        state: params.value("state", "a state of a record")?,
        text: filter.text("text"),
        since: filter.since,
        until: filter.until,
        run: params.value("run", "the id of a run")?,
        after: DocumentId(params.after()?),
        limit: PAGE as i64 + 1,
    };
    Ok((filter, asked))
}

/// All matching records as a file.
async fn file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    let (filter, chosen) = chosen(&app_state, &request, &[ABOUT, "run"]).await?;
    Ok(export::records(&app_state.process, chosen, files::asked(&request, &filter)?).await?)
}

pub(super) async fn search(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let (filter, asked) = chosen(&app_state, &request, &["after", "run"]).await?;
    let run = asked.run.map(|run| format!("/runs/{run}"));
    let mut rows = app_state.process.store.document_list(asked).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    ok(&RecordsPage {
        layout: Layout::of(&session, "/records", "Records"),
        files: Files::of(&filter, "/records", "these records"),
        next: rows.last().filter(|_| more).map(|row| filter.next(&row.id.to_string())),
        found: rows.into_iter().map(FoundView::from).collect(),
        run,
        filter,
    })
}
