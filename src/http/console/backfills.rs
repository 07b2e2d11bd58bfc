//! Periods of history to be read again: request, progress and cancellation.

use actix_web::{HttpRequest, web};
use askama::Template;
use chrono::{NaiveDate, Utc};

use super::answer::{Page, Refusal, ok, see_other};
use super::files::{self, ABOUT, Files};
use super::filter::{Choice, Filter, Spec};
use super::flash::FlashMessage;
use super::session::{self, Form};
use super::view::{Layout, Time, grouped};
use crate::domain::ids::BackfillId;
use crate::domain::role::Permission;
use crate::domain::run::BackfillState;
use crate::http::api::actions::requested;
use crate::http::api::backfill::id;
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::export::{self, ListFile};
use crate::operations::{self, backfill::Period};
use crate::store::{BackfillFilter, BackfillRow};

pub(in crate::http) fn routes() -> Vec<Route> {
    let files = files::routes(["/backfills.csv", "/backfills.xlsx"], Permission::Read, file);
    let pages = vec![
        Route::page("/backfills", Some(Permission::Read), backfills),
        Route::page("/live/backfills", Some(Permission::Read), backfills_live),
        Route::form("/backfills", Some(Permission::Operate), add),
        Route::form("/backfills/{id}/cancel", Some(Permission::Operate), cancel),
    ];
    [pages, files].concat()
}

/// The fields of the form that starts a backfill.
pub(super) const ADD_FIELDS: &[&str] = &["company", "entity", "since", "last", "all", "why"];
/// The fields of the form that cancels one.
pub(super) const CANCEL_FIELDS: &[&str] = &["why"];

/// Backfills on a page.
const PAGE: usize = 50;

struct BackfillView {
    id: BackfillId,
    flow: String,
    period: String,
    open: bool,
    state: &'static str,
    tone: &'static str,
    read: String,
    new: String,
    changed: String,
    progress: Option<Time>,
    error: Option<String>,
    next: Option<Time>,
    by: String,
    why: String,
    asked: Time,
    ended: Option<Time>,
    ended_by: Option<String>,
}

impl From<BackfillRow> for BackfillView {
    fn from(row: BackfillRow) -> Self {
        let open = row.state == BackfillState::Open;
        let (state, tone) = match (row.state, &row.error, row.last_progress_at) {
            (BackfillState::Done, ..) => ("done", "good"),
            (BackfillState::Cancelled, ..) => ("cancelled", "soft"),
            (BackfillState::Open, Some(_), _) => ("waits for its next attempt", "warn"),
            (BackfillState::Open, None, Some(_)) => ("running", "busy"),
            (BackfillState::Open, None, None) => ("waits for its turn", "busy"),
        };
        // the ledger has the first day after the period, the page shows its last day
        let last = |until: NaiveDate| until.pred_opt().unwrap_or(until);
        let period = match (row.since, row.until) {
            (Some(since), Some(until)) => format!("{since} to {}", last(until)),
            (Some(since), None) => format!("from {since} on"),
            (None, Some(until)) => format!("all up to {}", last(until)),
            (None, None) => "everything".to_owned(),
        };
        Self {
            id: row.id,
            flow: format!("{}/{}", row.company, row.entity),
            period,
            open,
            state,
            tone,
            read: grouped(row.read),
            new: grouped(row.new),
            changed: grouped(row.changed),
            progress: row.last_progress_at.map(Time),
            next: (open && row.error.is_some()).then_some(Time(row.not_before)),
            error: row.error,
            by: row.requested_by,
            why: row.why,
            asked: Time(row.asked_at),
            ended: row.ended_at.map(Time),
            ended_by: row.ended_by,
        }
    }
}

struct Live {
    rows: Vec<BackfillView>,
    busy: usize,
    now: Time,
}

impl Live {
    fn of(rows: Vec<BackfillRow>) -> Self {
        Self {
            busy: rows.iter().filter(|row| row.state == BackfillState::Open && row.error.is_none()).count(),
            rows: rows.into_iter().map(BackfillView::from).collect(),
            now: Time(Utc::now()),
        }
    }
}

#[derive(Template)]
#[template(path = "backfills.html")]
struct BackfillsPage {
    layout: Layout,
    filter: Filter,
    files: Files,
    follow: String,
    live: Live,
    next: Option<String>,
    companies: Vec<Choice>,
    entities: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "backfills_live.html")]
struct BackfillsPart {
    layout: Layout,
    filter: Filter,
    live: Live,
}

/// The filter, what it selects from this place on, and the other parameters.
async fn chosen(app_state: &AppState, request: &HttpRequest, more: &[&str]) -> Result<(Filter, BackfillFilter, Params), Refusal> {
    let specs = vec![Spec::Company, Spec::Entity, Spec::words("state", "State", "every state", BackfillState::WORDS.iter().copied())];
    let (filter, params) = Filter::of(app_state, request.query_string(), "/backfills", specs, more).await?;
    let filter = filter.listing("backfill");
    let before = params.value::<BackfillId>("after", "the address of the link on the page before")?;
    let asked = BackfillFilter {
        company: filter.text("company"),
        entity: filter.text("entity"),
        state: params.value("state", "a state of a backfill")?,
        ids: Vec::new(),
        before,
        limit: PAGE as i64 + 1,
    };
    Ok((filter, asked, params))
}

/// All matching backfills as a file.
async fn file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    let (filter, chosen, _) = chosen(&app_state, &request, &[ABOUT]).await?;
    Ok(export::backfills(&app_state.process, chosen, files::asked(&request, &filter)?).await?)
}

async fn listed(app_state: &AppState, request: &HttpRequest) -> Result<(Filter, Vec<BackfillRow>, bool, Option<String>), Refusal> {
    let (filter, asked, params) = chosen(app_state, request, &["after", "done"]).await?;
    let mut rows = app_state.process.store.backfill_list(asked).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    Ok((filter, rows, more, params.text("done")))
}

pub(super) async fn backfills(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let (filter, rows, more, done) = listed(&app_state, &request).await?;
    let choice = |value: &str, label: String| Choice { value: value.to_owned(), label, chosen: false };
    let (companies, definitions) = (app_state.process.settings.syspro.companies.iter(), app_state.process.definitions.now());
    ok(&BackfillsPage {
        layout: Layout::of(&session, "/backfills", "Backfills").done(done.as_deref()),
        files: Files::of(&filter, "/backfills", "these backfills"),
        follow: filter.link("/live/backfills", &[]),
        next: rows.last().filter(|_| more).map(|row| filter.next(&row.id.to_string())),
        companies: companies.map(|company| choice(company.as_str(), company.to_string())).collect(),
        entities: definitions.plans.iter().map(|plan| choice(plan.entity.as_str(), plan.entity.spoken())).collect(),
        live: Live::of(rows),
        filter,
    })
}

pub(super) async fn backfills_live(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let (filter, rows, ..) = listed(&app_state, &request).await?;
    ok(&BackfillsPart { layout: Layout::of(&session, "/backfills", "Backfills"), filter, live: Live::of(rows) })
}

/// Requests one.
pub(super) async fn add(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let form = Form::of(&session, payload, ADD_FIELDS).await?;
    let requested = requested(&request, form.text("why"))?;
    let text = |name: &str| Some(form.text(name).to_owned()).filter(|text| !text.is_empty());
    let day = |name: &str| -> Result<Option<NaiveDate>, Problem> {
        let problem = |_| Problem::bad_request(format!("`{}` is not a date", form.text(name)), "write it as 2026-01-31");
        text(name).map(|text| text.parse().map_err(problem)).transpose()
    };
    let period = Period {
        companies: text("company").into_iter().collect(),
        entities: text("entity").into_iter().collect(),
        since: day("since")?,
        // people enter the last day, and the ledger stores the day after it
        until: day("last")?.map(|last| last.succ_opt().unwrap_or(last)),
        all: form.text("all") == "yes",
    };
    let rows = operations::backfill::ask(&app_state.process, period, requested).await?;
    let said = match rows.len() {
        1 => "1 backfill is queued; a running service reads the period beside its scheduled runs.".to_owned(),
        count => format!("{count} backfills are queued, one per flow; a running service reads the period beside its scheduled runs."),
    };
    Ok(see_other(&FlashMessage::text(said).on(&session, "/backfills")))
}

pub(super) async fn cancel(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let form = Form::of(&session, payload, CANCEL_FIELDS).await?;
    let requested = requested(&request, form.text("why"))?;
    let id = id(&request, 1)?;
    operations::backfill::cancel(&app_state.process, id, requested).await?;
    let said = format!("Backfill {id} is cancelled; what it has read stays.");
    Ok(see_other(&FlashMessage::text(said).on(&session, "/backfills")))
}
