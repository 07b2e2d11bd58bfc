//! Runs, newest first, and one run: its request, its work and its result. A running run is refreshed.

use actix_web::{HttpRequest, web};
use askama::Template;
use chrono::{TimeDelta, Utc};

use super::answer::{Page, Refusal, ok};
use super::files::{self, ABOUT, Files};
use super::filter::{Filter, Spec};
use super::session;
use super::view::{CodeText, Layout, Time, grouped, spell};
use crate::domain::backlog::Backlog;
use crate::domain::ids::RunId;
use crate::domain::next_step::NextStep;
use crate::domain::role::Permission;
use crate::domain::run::{RunKind, RunOutcome};
use crate::http::query::{Params, path_parts};
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::Refused;
use crate::operations::export::{self, ListFile};
use crate::store::{RunFilter, RunRow};

pub(in crate::http) fn routes() -> Vec<Route> {
    let files = files::routes(["/runs.csv", "/runs.xlsx"], Permission::Read, file);
    let pages = vec![
        Route::page("/runs", Some(Permission::Read), runs),
        Route::page("/live/runs", Some(Permission::Read), runs_live),
        Route::page("/runs/{id}", Some(Permission::Read), run),
        Route::page("/live/runs/{id}", Some(Permission::Read), run_live),
    ];
    [pages, files].concat()
}

/// Runs on a page.
const PAGE: usize = 50;

/// One run as the table shows it.
pub(super) struct RunView {
    pub(super) id: RunId,
    pub(super) began: Time,
    pub(super) took: String,
    pub(super) flow: String,
    pub(super) kind: RunKind,
    pub(super) under_way: bool,
    pub(super) outcome: &'static str,
    pub(super) tone: &'static str,
    pub(super) error: Option<CodeText>,
    pub(super) read: String,
    pub(super) new: String,
    pub(super) changed: String,
    pub(super) gone: String,
    pub(super) delivered: String,
    pub(super) outstanding: Backlog,
    pub(super) by: String,
    pub(super) why: Option<String>,
}

impl From<RunRow> for RunView {
    fn from(row: RunRow) -> Self {
        let (outcome, tone) = match row.outcome {
            None | Some(RunOutcome::Running) => ("running", "busy"),
            Some(RunOutcome::Done) => ("done", "good"),
            Some(RunOutcome::Failed) => ("failed", "bad"),
        };
        let outstanding = row.backlog();
        Self {
            outstanding,
            id: row.id,
            began: Time(row.started_at),
            took: spell(took(&row)),
            flow: format!("{}/{}", row.company, row.entity),
            kind: row.kind,
            under_way: row.outcome.is_none(),
            outcome,
            tone,
            error: row.error.map(CodeText),
            read: grouped(row.read),
            new: grouped(row.new),
            changed: grouped(row.changed),
            gone: grouped(row.deleted),
            delivered: grouped(row.delivered),
            by: row.requested_by,
            why: row.reason,
        }
    }
}

/// Its duration, or the time so far.
fn took(row: &RunRow) -> TimeDelta {
    row.ended_at.unwrap_or_else(Utc::now) - row.started_at
}

/// The part of a page that reloads while something runs.
pub(super) struct RunsLive {
    pub(super) runs: Vec<RunView>,
    pub(super) busy: usize,
    pub(super) now: Time,
}

impl RunsLive {
    fn of(rows: Vec<RunRow>) -> Self {
        let busy = rows.iter().filter(|row| row.outcome.is_none()).count();
        Self { runs: rows.into_iter().map(RunView::from).collect(), busy, now: Time(Utc::now()) }
    }
}

#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage {
    layout: Layout,
    filter: Filter,
    files: Files,
    follow: String,
    live: RunsLive,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "runs_live.html")]
struct RunsPart {
    filter: Filter,
    live: RunsLive,
}

/// The filter, and what it selects from this place on.
async fn chosen(app_state: &AppState, request: &HttpRequest, more: &[&str]) -> Result<(Filter, RunFilter), Refusal> {
    let outcome = RunOutcome::WORDS.iter().map(|word| ((*word).to_owned(), (*word).to_owned())).collect();
    let specs = vec![
        Spec::Company,
        Spec::Entity,
        Spec::words("kind", "Kind", "every kind", RunKind::ALL.iter().map(|kind| kind.as_str())),
        Spec::Choice("outcome", "Outcome", "every outcome", outcome),
        Spec::Period,
    ];
    let (filter, params) = Filter::of(app_state, request.query_string(), "/runs", specs, more).await?;
    let filter = filter.listing("run");
    let asked = RunFilter {
        company: filter.text("company"),
        entity: filter.text("entity"),
        kind: params.value("kind", "a kind of run")?,
        outcome: params.value("outcome", "a result of a run")?,
        since: filter.since,
        until: filter.until,
        before: params.value::<RunId>("after", "the address of the link on the page before")?,
        limit: PAGE as i64 + 1,
    };
    Ok((filter, asked))
}

/// The filter, and a page of the matching runs.
async fn listed(app_state: &AppState, request: &HttpRequest) -> Result<(Filter, Vec<RunRow>, bool), Refusal> {
    let (filter, asked) = chosen(app_state, request, &["after"]).await?;
    let mut rows = app_state.process.store.run_list(asked).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    Ok((filter, rows, more))
}

/// All matching runs as a file.
async fn file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    let (filter, chosen) = chosen(&app_state, &request, &[ABOUT]).await?;
    Ok(export::runs(&app_state.process, chosen, files::asked(&request, &filter)?).await?)
}

pub(super) async fn runs(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let (filter, rows, more) = listed(&app_state, &request).await?;
    let next = rows.last().filter(|_| more).map(|row| filter.next(&row.id.to_string()));
    let after = request.query_string();
    let follow = format!("/live/runs{}{after}", if after.is_empty() { "" } else { "?" });
    let files = Files::of(&filter, "/runs", "these runs");
    ok(&RunsPage { layout: Layout::of(&session, "/runs", "Runs"), files, follow, live: RunsLive::of(rows), next, filter })
}

/// The current table of the same page.
pub(super) async fn runs_live(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let (filter, rows, _) = listed(&app_state, &request).await?;
    ok(&RunsPart { filter, live: RunsLive::of(rows) })
}

/// One run in full.
pub(super) struct RunLive {
    run: RunView,
    ended: Option<Time>,
    unchanged: String,
    deleted: String,
    records: String,
    replaced: String,
    /// Parts: headers and lines.
    parts: String,
    sent: String,
    confirmed: String,
    /// The number of documents that it read again.
    anew: i64,
    /// What to do about its error.
    next_step: CodeText,
    busy: usize,
    now: Time,
}

impl From<RunRow> for RunLive {
    fn from(row: RunRow) -> Self {
        let next_step = match row.kind {
            RunKind::Replay => NextStep::ReplayEnded,
            RunKind::Backfill => NextStep::BackfillRetried,
            RunKind::Poll | RunKind::Sweep => NextStep::RunRetried,
        };
        Self {
            ended: row.ended_at.map(Time),
            unchanged: grouped(row.unchanged),
            deleted: grouped(row.deleted),
            records: grouped(row.records),
            replaced: grouped(row.replaced),
            parts: grouped(row.parts),
            sent: grouped(row.sent),
            confirmed: grouped(row.confirmed),
            anew: row.new + row.changed + row.deleted,
            next_step: CodeText(next_step.to_string()),
            busy: usize::from(row.outcome.is_none()),
            now: Time(Utc::now()),
            run: RunView::from(row),
        }
    }
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    layout: Layout,
    live: RunLive,
}

#[derive(Template)]
#[template(path = "run_live.html")]
struct RunPart {
    live: RunLive,
}

async fn found(app_state: &AppState, request: &HttpRequest, skip: usize) -> Result<RunRow, Refusal> {
    let parts = path_parts(request.uri().path(), skip, 1)?;
    let text = parts.first().map(String::as_str).unwrap_or_default();
    let missing = || Refused::UnknownRun(text.to_owned());
    let id: RunId = text.parse().map_err(|_| missing())?;
    Ok(app_state.process.store.run_find(id).await?.ok_or_else(missing)?)
}

pub(super) async fn run(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let done = Params::parse(request.query_string(), &["done"])?.text("done");
    let row = found(&app_state, &request, 1).await?;
    let title = format!("{} of {}/{}", row.kind, row.company, row.entity);
    ok(&RunPage { layout: Layout::of(&session, "/runs", &title).done(done.as_deref()), live: row.into() })
}

pub(super) async fn run_live(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    ok(&RunPart { live: found(&app_state, &request, 2).await?.into() })
}
