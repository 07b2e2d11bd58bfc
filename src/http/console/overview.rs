//! The overview: flows, nodes, the last runs, and the actions for a flow.

use actix_web::{HttpRequest, web};
use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};

use super::answer::{Page, Refusal, ok, see_other};
use super::files::{self, Files};
use super::flash::FlashMessage;
use super::runs::RunView;
use super::session::{self, Form};
use super::signed_in::Session;
use super::view::{CodeText, Layout, Time, grouped, part, spell};
use crate::domain::FlowId;
use crate::domain::backlog::Backlog;
use crate::domain::budget::{Breaker, UNRESPONSIVE_AFTER};
use crate::domain::role::Permission;
use crate::domain::run::RunKind;
use crate::http::api::actions::requested;
use crate::http::metrics::lag;
use crate::http::problem::Problem;
use crate::http::query::{Params, path_parts};
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::export::{self, ListFile};
use crate::operations::{self, Requested, RunStarted};
use crate::retry;
use crate::store::{FlowAction, FlowStatus, NodeRow, RunFilter, RunRow, SmallerTables, Undelivered, Worry};

pub(in crate::http) fn routes() -> Vec<Route> {
    let files = files::routes(["/flows.csv", "/flows.xlsx"], Permission::Read, flows_file);
    let pages = vec![
        files::csv("/nodes.csv", Permission::Read, nodes_file),
        Route::page("/", Some(Permission::Read), overview),
        Route::page("/live/overview", Some(Permission::Read), overview_live),
        Route::form("/flows/{company}/{entity}/run", Some(Permission::Operate), run),
        Route::form("/flows/{company}/{entity}/pause", Some(Permission::Operate), pause),
        Route::form("/flows/{company}/{entity}/resume", Some(Permission::Operate), resume),
        Route::form("/flows/{company}/{entity}/forget", Some(Permission::Operate), forget),
    ];
    [pages, files].concat()
}

/// Runs in the bar chart of a flow.
const BARS: usize = 12;
/// Runs read for the bar charts.
const PICTURED_RUNS: i64 = 500;
/// Runs in the list below.
const LISTED: usize = 10;

struct FlowView {
    company: String,
    entity: String,
    path: String,
    state: String,
    tone: &'static str,
    note: Option<String>,
    held: bool,
    running: bool,
    progress: Option<Time>,
    next: Option<Time>,
    /// The age of the oldest record that is queued, sent, retried or looked up.
    lag: Option<String>,
    documents: String,
    outstanding: Backlog,
    bars: Vec<Bar>,
    spark: String,
}

/// One bar of the chart, in an area of 96 by 24.
#[derive(Debug, PartialEq, Eq)]
struct Bar {
    x: usize,
    y: i64,
    height: i64,
}

/// A flow that the configuration no longer contains.
struct GhostView {
    company: String,
    entity: String,
    path: String,
    documents: String,
    unsettled: i64,
    progress: Option<Time>,
}

impl From<FlowStatus> for GhostView {
    fn from(row: FlowStatus) -> Self {
        Self {
            path: format!("/flows/{}/{}", part(&row.company), part(&row.entity)),
            documents: grouped(row.documents),
            unsettled: row.backlog().total(),
            progress: row.last_progress_at.map(Time),
            company: row.company,
            entity: row.entity,
        }
    }
}

/// The warnings about the definitions of this node.
fn warnings(app_state: &AppState, rows: &[FlowStatus]) -> Vec<CodeText> {
    let view = app_state.process.definitions.view();
    let mut said: Vec<CodeText> = app_state.process.permission().why_not().map(CodeText).into_iter().collect();
    if let Some(refused) = &view.refused {
        let first = refused.problems.first().map(String::as_str).unwrap_or_default();
        let more = match refused.problems.len() {
            0 | 1 => String::new(),
            all => format!(" (and {} more)", all - 1),
        };
        said.push(CodeText(format!(
            "The definition files have changed and were refused as a whole; definitions `{}` stay in force. {first}{more}",
            view.short()
        )));
    }
    if view.complaint().is_none() {
        said.extend(view.awaited.as_ref().map(|awaited| CodeText(awaited.words())));
    }
    said.extend(FlowStatus::conflict_sentence(rows).map(CodeText));
    said.extend(FlowStatus::outdated_sentence(rows).map(CodeText));
    said
}

struct NodeView {
    name: String,
    state: String,
    tone: &'static str,
    seen: Time,
    batch: i32,
    at_once: i32,
}

impl NodeView {
    fn of(row: NodeRow, now: DateTime<Utc>) -> Self {
        let words = row.breaker.words();
        let (state, tone) = match row.breaker {
            _ if !row.alive => ("no heartbeat", "bad"),
            _ if !row.in_force => ("nothing is sent: other definitions are in force", "bad"),
            Breaker::Open => (words, "bad"),
            Breaker::HalfOpen => (words, "warn"),
            Breaker::Closed if row.paused_until > now => (
                if row.pause_asked.is_some() {
                    "waits: ServiceNow asked for a pause"
                } else {
                    "waits: ServiceNow asked another node for a pause"
                },
                "warn",
            ),
            Breaker::Closed => (words, "good"),
        };
        Self { name: row.name, state: state.to_owned(), tone, seen: Time(row.seen_at), batch: row.batch_size, at_once: row.concurrency }
    }
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    layout: Layout,
    files: Files,
    live: Live,
}

#[derive(Template)]
#[template(path = "overview_live.html")]
struct OverviewPart {
    layout: Layout,
    live: Live,
}

/// The part that reloads while something runs: the whole current page.
struct Live {
    flows: Vec<FlowView>,
    /// Flows that the configuration no longer contains.
    ghosts: Vec<GhostView>,
    /// Why this node does no work, or which definitions were refused.
    warnings: Vec<CodeText>,
    nodes: Vec<NodeView>,
    runs: Vec<RunView>,
    documents: String,
    outstanding: Backlog,
    /// The number of flows that need a person.
    troubled: usize,
    busy: usize,
    now: Time,
}

pub(super) async fn overview(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let done = Params::parse(request.query_string(), &["done"])?.text("done");
    let live = live(&app_state).await?;
    let files = Files::at("/flows", "all flows");
    ok(&OverviewPage { layout: Layout::of(&session, "/", "Overview").done(done.as_deref()), files, live })
}

pub(super) async fn overview_live(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    Params::parse(request.query_string(), &[])?;
    ok(&OverviewPart { layout: Layout::of(&session, "/", "Overview"), live: live(&app_state).await? })
}

/// All flows as a file; as a workbook also the nodes.
async fn flows_file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    Ok(export::flows(&app_state.process, files::asked_all(&request)?).await?)
}

/// All nodes as a file.
async fn nodes_file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    Ok(export::nodes(&app_state.process, files::asked_all(&request)?).await?)
}

async fn live(app_state: &AppState) -> Result<Live, Refusal> {
    let store = &app_state.process.store;
    let (rows, ghosts): (Vec<FlowStatus>, Vec<FlowStatus>) =
        app_state.process.flow_status().await?.into_iter().partition(|row| row.configured);
    let pending = store.pending_counts().await?;
    let nodes = store.node_list(UNRESPONSIVE_AFTER).await?;
    let runs = store.run_list(RunFilter { limit: PICTURED_RUNS, ..RunFilter::default() }).await?;
    let next = app_state.actors.next_runs().await;
    let gave_up = app_state.actors.gave_up().await;
    let documents = rows.iter().map(|row| row.documents).sum();
    let mut warnings = warnings(app_state, &rows);
    // the longest: ending it ends all of them
    warnings.extend(store.sending_paused().await?.first().map(|pause| CodeText(sentence(&pause.to_string()))));
    let now = store.now_there();
    let flows = rows.into_iter().map(|row| {
        let flow = FlowId::new(row.company.as_str(), row.entity.as_str());
        let lag = lag(&flow, &pending, now);
        flow_view(row, gave_up.get(&flow), next.get(&flow).copied(), lag, &runs)
    });
    let flows: Vec<FlowView> = flows.collect();
    let under_way = runs.iter().filter(|run| run.outcome.is_none()).count();
    Ok(Live {
        documents: grouped(documents),
        outstanding: flows.iter().fold(Backlog::default(), |mut sum, flow| {
            sum += flow.outstanding;
            sum
        }),
        troubled: flows.iter().filter(|flow| flow.tone == "bad").count(),
        busy: under_way.max(flows.iter().filter(|flow| flow.running).count()),
        flows,
        ghosts: ghosts.into_iter().map(GhostView::from).collect(),
        warnings,
        nodes: nodes.into_iter().map(|row| NodeView::of(row, now)).collect(),
        runs: runs.into_iter().take(LISTED).map(RunView::from).collect(),
        now: Time(now),
    })
}

/// A flow's state as text, and how urgent it is.
fn words(row: &FlowStatus, gave_up: Option<&String>) -> (String, &'static str, Option<String>) {
    if let Some(why) = gave_up {
        return ("left out: restart the service".into(), "bad", Some(why.clone()));
    }
    let (state, worry) = row.state();
    let tone = match worry {
        Worry::None => "good",
        Worry::Busy => "busy",
        Worry::Some => "warn",
        Worry::Person => "bad",
    };
    let node = row.holder.as_ref().map(|holder| format!("on {}", holder.split('/').next().unwrap_or_default()));
    let paused = row.paused_by.as_ref().map(|who| format!("by {who}"));
    (state, tone, row.stopped.clone().or(paused).or(node).or_else(|| row.waits_for.clone()).or_else(|| row.last_error.clone()))
}

fn flow_view(row: FlowStatus, gave_up: Option<&String>, next: Option<DateTime<Utc>>, lag: TimeDelta, runs: &[RunRow]) -> FlowView {
    let (state, tone, note) = words(&row, gave_up);
    let mine = runs.iter().filter(|run| run.company == row.company && run.entity == row.entity);
    let counts: Vec<i64> = mine.take(BARS).map(|run| run.new + run.changed + run.deleted).collect();
    let spark = counts.iter().rev().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    FlowView {
        path: format!("/flows/{}/{}", part(&row.company), part(&row.entity)),
        running: row.holder.is_some(),
        lag: (lag.num_seconds() > 0).then(|| spell(lag)),
        held: row.paused_at.is_some() || row.stopped.is_some(),
        progress: row.last_progress_at.map(Time),
        next: next.map(Time),
        documents: grouped(row.documents),
        outstanding: row.backlog(),
        bars: bars(&counts),
        spark: format!("records that the last runs stored, the oldest first: {spark}"),
        company: row.company,
        entity: row.entity,
        state,
        tone,
        note,
    }
}

/// The bars for counts, which come newest first; the newest bar is on the right.
fn bars(counts: &[i64]) -> Vec<Bar> {
    let most = counts.iter().copied().max().unwrap_or_default().max(1);
    let bar = |(at, count): (usize, &i64)| {
        let height = 1 + count.saturating_mul(23) / most;
        Bar { x: at * 8, y: 24 - height, height }
    };
    counts.iter().rev().enumerate().map(bar).collect()
}

/// How long to wait for the end of a run that a person started.
const RUN_WAIT: std::time::Duration = std::time::Duration::from_secs(3);
/// Time between two checks whether it has ended.
const RUN_CHECK: std::time::Duration = std::time::Duration::from_millis(100);

/// The result of a requested run.
async fn outcome(app_state: &AppState, started: RunStarted) -> Result<FlashMessage, Refusal> {
    let text = format!("The {} of flow {}", if started.kind == RunKind::Sweep { "sweep" } else { "run" }, started.flow);
    let ask = async || app_state.process.store.run_find(started.run).await;
    let has_ended = |run: &Option<RunRow>| run.as_ref().is_some_and(|run| run.outcome.is_some());
    Ok(match retry::until_late(RUN_CHECK, RUN_WAIT, ask, has_ended).await? {
        Some(run) if run.outcome.is_some() => {
            let counts =
                format!("{} read, {} new, {} changed, {} delivered, {} failed", run.read, run.new, run.changed, run.delivered, run.failed);
            let how = run.error.map_or_else(|| format!("has ended: {counts}."), |error| format!("failed: {error} ({counts})"));
            FlashMessage { text: format!("{text} {how}"), run: Some(run.id) }
        }
        Some(run) => FlashMessage { text: format!("{text} has started and is still running."), run: Some(run.id) },
        None => FlashMessage::text(format!("{text} was requested and has not started yet.")),
    })
}

/// Adds a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut text = format!("{text}.");
    text.get_mut(..1).map(str::make_ascii_uppercase).unwrap_or_default();
    text
}

/// The fields of the forms that run and pause a flow.
pub(super) const FIELDS: &[&str] = &["why"];
/// The fields of the form that resumes a flow.
pub(super) const RESUME_FIELDS: &[&str] = &["accept_smaller", "why"];
/// The fields of the form that forgets a flow.
pub(super) const FORGET_FIELDS: &[&str] = &["drop_pending", "why"];

/// The flow of a form, who submits it and why, and the form itself, which has these fields.
async fn asked(request: &HttpRequest, payload: web::Payload, fields: &[&str]) -> Result<(Session, FlowId, Requested, Form), Refusal> {
    let session = session::of(request)?;
    let form = Form::of(&session, payload, fields).await?;
    let parts: [String; 3] = path_parts(request.uri().path(), 1, 3)?
        .try_into()
        .map_err(|_| Problem::not_found("the path names no flow", "use the buttons of the overview"))?;
    let [company, entity, _] = parts;
    Ok((session, FlowId::new(company.as_str(), entity.as_str()), requested(request, form.text("why"))?, form))
}

async fn run(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let (session, flow, requested, _) = asked(&request, payload, FIELDS).await?;
    let started = app_state.service.run(flow, RunKind::Poll, requested).await?;
    Ok(see_other(&outcome(&app_state, started).await?.on(&session, "/")))
}

async fn pause(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let (session, flow, requested, _) = asked(&request, payload, FIELDS).await?;
    let before = operations::flow::pause(&app_state.process, flow.clone(), requested).await?;
    Ok(see_other(&FlashMessage::text(sentence(&before.said(&flow, FlowAction::Pause))).on(&session, "/")))
}

async fn resume(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let (session, flow, requested, form) = asked(&request, payload, RESUME_FIELDS).await?;
    let smaller = SmallerTables::accepted(form.text("accept_smaller") == "yes");
    let before = operations::flow::resume(&app_state.process, flow.clone(), smaller, requested).await?;
    let next =
        app_state.actors.next_runs().await.get(&flow).map(|at| format!(" Its next run is at {}.", at.format("%Y-%m-%d %H:%M:%S UTC")));
    let said = format!("{}{}", sentence(&before.said(&flow, FlowAction::Resume)), next.unwrap_or_default());
    Ok(see_other(&FlashMessage::text(said).on(&session, "/")))
}

async fn forget(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let (session, flow, requested, form) = asked(&request, payload, FORGET_FIELDS).await?;
    let undelivered = if form.text("drop_pending") == "yes" { Undelivered::Drop } else { Undelivered::Keep };
    let forgotten = operations::flow::forget(&app_state.process, flow, undelivered, requested).await?;
    Ok(see_other(&FlashMessage::text(sentence(&forgotten.to_string())).on(&session, "/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_run_is_on_the_right() {
        let drawn = bars(&[10, 0]);
        assert_eq!(drawn, [Bar { x: 0, y: 23, height: 1 }, Bar { x: 8, y: 0, height: 24 }]);
        assert!(bars(&[]).is_empty());
        assert_eq!(bars(&[0])[0].height, 1, "a run that found nothing is still a run");
    }
}
