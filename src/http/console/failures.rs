//! Undelivered records by cause, the records of one cause, and the form that sends them again.

use actix_web::{HttpRequest, web};
use askama::Template;
use chrono::Utc;

use super::answer::{Page, Refusal, ok, see_other};
use super::files::{self, ABOUT, Files};
use super::filter::{Filter, Spec};
use super::flash::FlashMessage;
use super::session::{self, Form};
use super::view::{CodeText, Layout, Time, grouped, part, record_path};
use crate::domain::delivery::{CauseOrder, FailureReason, FailureWord, PartState};
use crate::domain::differing::{ValueCount, by_place};
use crate::domain::ids::{DeliveryId, RunId};
use crate::domain::role::Permission;
use crate::domain::{CompanyId, DocumentKey, EntityName};
use crate::http::api::actions::{ReplayBody, requested, which};
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::approval::ApprovedRecords;
use crate::operations::export::{self, Asked, ListFile};
use crate::operations::resend::ReplayReport;
use crate::operations::{Refused, failures};
use crate::store::{CauseRow, FailureFilter, FailureRow, ParentRow};

pub(in crate::http) fn routes() -> Vec<Route> {
    let files = files::routes(["/failures.csv", "/failures.xlsx"], Permission::Read, file);
    let of_cause = files::routes(["/failures/{cause}/failures.csv", "/failures/{cause}/failures.xlsx"], Permission::Read, cause_file);
    let pages = vec![
        files::csv("/failure-causes.csv", Permission::Read, causes_file),
        Route::page("/failures", Some(Permission::Read), failures),
        Route::page("/live/failures", Some(Permission::Read), failures_live),
        Route::page("/failures/{cause}", Some(Permission::Read), cause),
        Route::form("/replay", Some(Permission::Operate), replay),
    ];
    [pages, files, of_cause].concat()
}

/// The most causes on the page: the largest ones.
const CAUSES: usize = 100;
/// The most values of a cause that are named.
const VALUES: usize = 8;
/// The most records of a cause on a page.
const PAGE: usize = 100;

struct ParentView {
    path: String,
    name: String,
    words: CodeText,
    counted: String,
}

struct CauseView {
    path: String,
    name: String,
    cause: String,
    tone: &'static str,
    company: String,
    entity: String,
    /// One of the full messages, with its record.
    example: CodeText,
    example_key: String,
    example_path: String,
    values: Vec<ValuesView>,
    /// The number of newest records over which the values are counted, if not over all.
    newest: Option<String>,
    amounts: Vec<AmountView>,
    parents: Vec<ParentView>,
    /// The number of parents that are not named.
    more_parents: i64,
    next_step: Option<CodeText>,
    replayable: bool,
    /// Whether a resend may help: a record that could not be read needs another read instead.
    sendable: bool,
    count: i64,
    counted: String,
    first: Time,
    last: Time,
    once: bool,
}

/// What is at stake in one currency.
struct AmountView {
    currency: String,
    amount: String,
    /// The number of records.
    records: String,
}

/// The values at one of the places in which the messages differ.
struct ValuesView {
    /// The value and its number of records.
    named: Vec<(String, String)>,
    /// The number of values that are not named.
    others: usize,
}

impl ValuesView {
    fn of(values: &[ValueCount]) -> Self {
        let count = |one: &ValueCount| grouped(i64::try_from(one.documents).unwrap_or(i64::MAX));
        let named = values.iter().take(VALUES).map(|one| (one.shown().to_owned(), count(one))).collect();
        Self { named, others: values.len().saturating_sub(VALUES) }
    }
}

impl CauseView {
    fn of(app_state: &AppState, row: CauseRow, filter: Option<&Filter>) -> Self {
        let path = format!("/failures/{}", row.cause);
        let (cause, tone) = words(row.reason);
        let counted = row.counted();
        let company = CompanyId::new(&row.company);
        let definitions = app_state.process.definitions.now();
        let amounts = row.amounts.iter().map(|one| {
            let currency = definitions.code_lists.currency_shown(&company, &one.currency);
            AmountView { amount: one.shown(&currency), currency: currency.to_string(), records: records(one.documents) }
        });
        let parent = |one: &ParentRow| ParentView {
            path: record_path(&one.company, &one.entity, &one.key),
            name: format!("{} {}", EntityName::new(&one.entity).spoken(), DocumentKey::shown(&one.key)),
            words: CodeText(one.words()),
            counted: records(one.documents),
        };
        Self {
            path: filter.map_or_else(|| path.clone(), |filter| filter.part_of(&path, &["text", "since", "until"])),
            cause: cause.to_owned(),
            tone,
            amounts: amounts.collect(),
            values: by_place(&row.values).into_iter().map(ValuesView::of).collect(),
            newest: row.values_of_newest.map(grouped),
            parents: row.parents.iter().map(parent).collect(),
            more_parents: row.parents.first().map_or(0, |one| one.parents) - row.parents.len() as i64,
            example_path: record_path(&row.company, &row.entity, &row.example_key),
            example_key: DocumentKey::shown(&row.example_key),
            example: CodeText(row.example),
            name: row.cause,
            company: row.company,
            entity: row.entity,
            next_step: row.next_step.map(CodeText),
            replayable: row.replayable,
            sendable: row.replayable && row.reason != FailureWord::Reason(FailureReason::Unreadable),
            count: row.documents,
            counted,
            once: row.first_failed_at == row.last_failed_at,
            first: Time(row.first_failed_at),
            last: Time(row.last_failed_at),
        }
    }
}

fn records(number: i64) -> String {
    if number == 1 { "1 record".to_owned() } else { format!("{} records", grouped(number)) }
}

/// A cause as text, and how urgent it is.
fn words(reason: FailureWord) -> (&'static str, &'static str) {
    match reason {
        FailureWord::Reason(FailureReason::Rejected) => ("Refused", "bad"),
        FailureWord::Reason(FailureReason::Unmapped) => ("Could not be mapped", "bad"),
        FailureWord::Reason(FailureReason::Unreadable) => ("Could not be read", "bad"),
        FailureWord::Reason(FailureReason::MissingParent) => ("Waiting for a parent", "warn"),
        FailureWord::Reason(FailureReason::Poison) => ("Crashed the mapping", "bad"),
        FailureWord::Reason(FailureReason::Exhausted) => ("Out of attempts", "bad"),
        FailureWord::Reason(FailureReason::Downstream) => ("Failed in ServiceNow later", "bad"),
        FailureWord::Reason(FailureReason::Conflict) => ("Two records in one row, or two rows for one record", "bad"),
        FailureWord::Reason(FailureReason::OnHold) => ("On hold", "warn"),
        FailureWord::Waiting => ("Waiting", "warn"),
        FailureWord::Unknown => ("Unknown outcome", "warn"),
        FailureWord::Throttled => ("Asked to wait by ServiceNow", "warn"),
        FailureWord::Unanswered => ("No answer, sent again alone", "warn"),
        FailureWord::Failed => ("Failed, for any reason", "bad"),
        FailureWord::Retrying => ("Retrying", "warn"),
    }
}

/// The fields of the form.
fn specs() -> Vec<Spec> {
    let reasons = FailureWord::all().map(|reason| (reason.to_string(), words(reason).0.to_owned()));
    vec![
        Spec::Company,
        Spec::Entity,
        Spec::Choice("reason", "Reason", "every reason", reasons.collect()),
        Spec::Text("text", "Text of the message", 22),
        Spec::Period,
        Spec::Choice("order", "Order", "largest first", vec![(CauseOrder::Oldest.to_string(), "oldest first".to_owned())]),
    ]
}

/// The fields of the form within one cause.
fn within() -> Vec<Spec> {
    vec![Spec::Text("key", "Key", 18), Spec::Text("text", "Text of the message", 22), Spec::Period]
}

fn asked(filter: &Filter, limit: usize) -> FailureFilter {
    FailureFilter {
        company: filter.text("company"),
        entity: filter.text("entity"),
        // the form offers no other values, and refuses them
        reason: filter.text("reason").and_then(|word| word.parse().ok()),
        text: filter.text("text"),
        key: filter.text("key"),
        since: filter.since,
        until: filter.until,
        order: filter.text("order").and_then(|word| word.parse().ok()).unwrap_or_default(),
        limit: limit as i64,
        ..FailureFilter::default()
    }
}

/// The part of the filter that a replay can use.
struct ReplayFilter {
    company: String,
    entity: String,
    reason: String,
    text: String,
    /// Whether a replay can use the filter: it can select records that failed, wait or are on hold, but not a period in which they did.
    possible: bool,
}

/// The part of the page that reloads.
struct Live {
    causes: Vec<CauseView>,
    /// The numbers of all records and causes, as a sentence.
    sum: String,
    number: i64,
    replay: ReplayFilter,
    busy: usize,
    now: Time,
}

#[derive(Template)]
#[template(path = "failures.html")]
struct FailuresPage {
    layout: Layout,
    files: Files,
    causes_csv: String,
    filter: Filter,
    follow: String,
    live: Live,
}

#[derive(Template)]
#[template(path = "failures_live.html")]
struct FailuresPart {
    layout: Layout,
    filter: Filter,
    live: Live,
}

/// The filter, and the matching causes.
async fn listed(app_state: &AppState, request: &HttpRequest) -> Result<(Filter, Live, Option<String>), Refusal> {
    let (filter, params) = Filter::of(app_state, request.query_string(), "/failures", specs(), &["done"]).await?;
    let mut filter = filter.listing("failure");
    // the order hides nothing
    filter.active = ["company", "entity", "reason", "text", "since", "until"].iter().any(|name| filter.text(name).is_some());
    let rows = failures::failure_causes(&app_state.process, asked(&filter, CAUSES)).await?;
    if rows.is_empty() && filter.active {
        filter.without = Some(grouped(app_state.process.store.failure_count().await?));
    }
    let text = |name: &str| filter.text(name).unwrap_or_default();
    let is_reason = |reason: &str| reason.is_empty() || reason.parse::<FailureReason>().is_ok();
    let replay = ReplayFilter {
        possible: filter.since.is_none()
            && filter.until.is_none()
            && is_reason(&text("reason"))
            && rows.iter().any(|row| row.replayable && row.reason != FailureWord::Reason(FailureReason::Unreadable)),
        company: text("company"),
        entity: text("entity"),
        reason: text("reason"),
        text: text("text"),
    };
    let live = Live {
        sum: rows.first().map(CauseRow::sum).unwrap_or_default(),
        number: rows.first().map_or(0, |row| row.causes),
        replay,
        causes: rows.into_iter().map(|row| CauseView::of(app_state, row, Some(&filter))).collect(),
        busy: 0,
        now: Time(Utc::now()),
    };
    Ok((filter, live, params.text("done")))
}

/// The filter, and the matching failures, for a file.
async fn chosen(app_state: &AppState, request: &HttpRequest) -> Result<(FailureFilter, Asked), Refusal> {
    let (filter, _) = Filter::of(app_state, request.query_string(), "/failures", specs(), &[ABOUT]).await?;
    Ok((asked(&filter, 0), files::asked(request, &filter)?))
}

/// All matching failures as a file.
async fn file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    let (chosen, asked) = chosen(&app_state, &request).await?;
    Ok(export::failures(&app_state.process, chosen, asked).await?)
}

/// Their causes as a file.
async fn causes_file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    let (chosen, asked) = chosen(&app_state, &request).await?;
    Ok(export::causes(&app_state.process, chosen, asked).await?)
}

/// All matching failures of one cause as a file.
async fn cause_file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    let (filter, chosen, _, name) = within_cause(&app_state, &request, &[ABOUT]).await?;
    let mut asked = files::asked(&request, &filter)?;
    asked.filter = [format!("cause {name}"), asked.filter].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
    Ok(export::failures(&app_state.process, chosen, asked).await?)
}

pub(super) async fn failures(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let (filter, live, done) = listed(&app_state, &request).await?;
    let follow = filter.link("/live/failures", &[]);
    let files = Files::of(&filter, "/failures", "these failures");
    let causes_csv = filter.link("/failure-causes.csv", &[]);
    let layout = Layout::of(&session, "/failures", "Failures").done(done.as_deref());
    ok(&FailuresPage { layout, files, causes_csv, follow, live, filter })
}

pub(super) async fn failures_live(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let (filter, live, _) = listed(&app_state, &request).await?;
    ok(&FailuresPart { layout: Layout::of(&session, "/failures", "Failures"), live, filter })
}

struct RowView {
    path: String,
    key: String,
    part: String,
    message: CodeText,
    attempts: i32,
    since: Time,
    next: Option<Time>,
}

impl From<FailureRow> for RowView {
    fn from(row: FailureRow) -> Self {
        Self {
            path: record_path(&row.company, &row.entity, &row.key),
            part: format!("{} {}", row.block, row.record_key).trim_end().to_owned(),
            key: DocumentKey::shown(&row.key),
            message: CodeText(row.message.unwrap_or_default()),
            attempts: row.attempts,
            since: Time(row.first_failed_at),
            next: matches!(row.state, PartState::Retrying | PartState::Unknown).then_some(Time(row.not_before)),
        }
    }
}

#[derive(Template)]
#[template(path = "cause.html")]
struct CausePage {
    layout: Layout,
    files: Files,
    filter: Filter,
    cause: Option<CauseView>,
    rows: Vec<RowView>,
    next: Option<String>,
}

/// The filter within one cause, what it selects, the other parameters, and the name of the cause.
async fn within_cause(
    app_state: &AppState,
    request: &HttpRequest,
    more: &[&str],
) -> Result<(Filter, FailureFilter, Params, String), Refusal> {
    let name = request.match_info().query("cause").to_owned();
    let path = format!("/failures/{}", part(&name));
    let (filter, params) = Filter::of(app_state, request.query_string(), &path, within(), more).await?;
    let filter = filter.listing("failure");
    let chosen = FailureFilter { cause: Some(name.clone()), ..asked(&filter, PAGE + 1) };
    Ok((filter, chosen, params, name))
}

/// The records of one cause that match the filter.
pub(super) async fn cause(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let (filter, of_cause, params, name) = within_cause(&app_state, &request, &["after", "done"]).await?;
    let cause =
        failures::failure_causes(&app_state.process, FailureFilter { limit: 1, cause: of_cause.cause.clone(), ..FailureFilter::default() })
            .await?;
    let mut rows = failures::failure_list(&app_state.process, FailureFilter { after: DeliveryId(params.after()?), ..of_cause }).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let cause = cause.into_iter().next().map(|row| CauseView::of(&app_state, row, None));
    let title = cause
        .as_ref()
        .map_or_else(|| "A cause that is gone".to_owned(), |cause| format!("{}: {}/{}", cause.cause, cause.company, cause.entity));
    let files = Files::of(&filter, &format!("/failures/{}/failures", part(&name)), "these records");
    ok(&CausePage {
        files,
        layout: Layout::of(&session, "/failures", &title).done(params.text("done").as_deref()),
        next: rows.last().filter(|_| more).map(|row| filter.next(&row.delivery_id.to_string())),
        cause,
        rows: rows.into_iter().map(RowView::from).collect(),
        filter,
    })
}

/// The result of a replay, with the run in which the remaining records can be followed.
fn replayed(report: &ReplayReport) -> FlashMessage {
    let mut text = match (&report.outcome, report.documents) {
        (Some(outcome), _) => outcome.text.clone(),
        (None, documents) => {
            format!("{} records were mapped again and are queued; the run shows their results.", grouped(documents as i64))
        }
    };
    if let Some(first) = report.skipped.first() {
        let others = match report.skipped.len() {
            1 => String::new(),
            all => format!(" (and {} more)", all - 1),
        };
        text.push_str(&format!(" Left out: {first}{others}."));
    }
    if let Some(left_out) = report.approved.as_ref().and_then(ApprovedRecords::left_out) {
        text.push_str(&format!(" {left_out}"));
    }
    let moves = report.outcome.as_ref().is_none_or(|outcome| !outcome.is_settled());
    FlashMessage { text, run: report.runs.first().filter(|_| moves).map(|(_, run)| *run) }
}

/// The fields of the forms that send records again.
pub(super) const FIELDS: &[&str] = &["company", "entity", "key", "cause", "reason", "text", "run", "take", "keys", "failed_only", "why"];

/// Selected records, those of a cause or of a run, the failed ones, or a single record.
pub(super) async fn replay(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let form = Form::of(&session, payload, FIELDS).await?;
    let text = |name: &str| Some(form.text(name).to_owned()).filter(|text| !text.is_empty());
    let run = text("run").map(|run| run.parse::<RunId>().map_err(|_| Refused::UnknownRun(run))).transpose()?;
    let chosen = form.text("take") == "chosen";
    let asked = ReplayBody {
        company: text("company"),
        entity: text("entity"),
        key: text("key"),
        cause: text("cause"),
        reason: text("reason"),
        text: text("text"),
        run,
        keys: chosen.then(|| form.all("keys").to_vec()),
        failed_only: form.text("failed_only") == "yes",
        ..ReplayBody::default()
    };
    let requested = requested(&request, form.text("why"))?;
    if asked.keys.as_ref().is_some_and(Vec::is_empty) {
        // a form without a selection must not mean all of them
        return Err(
            Problem::bad_request("no record is selected", "go back and select at least one, or send all records of the cause").into()
        );
    }
    let to = match (&asked.company, &asked.entity, &asked.key, &asked.cause, asked.run) {
        (Some(company), Some(entity), Some(key), ..) => record_path(company, entity, key),
        (.., Some(run)) => format!("/runs/{run}"),
        (.., Some(cause), _) => format!("/failures/{}", part(cause)),
        _ => "/failures".to_owned(),
    };
    let said = match app_state.service.replay(which(asked)?, requested).await? {
        Some(report) => replayed(&report),
        None => FlashMessage::text("The records are still being mapped again; the list of runs shows their progress."),
    };
    Ok(see_other(&said.on(&session, &to)))
}
