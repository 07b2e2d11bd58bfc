//! The close of fiscal periods: the list of periods, and a page for each with its signatures, differences and forms.

use actix_web::{HttpRequest, web};
use askama::Template;

use super::answer::{Page, Refusal, ok, see_other};
use super::files::{self, ABOUT, Files};
use super::filter::{Filter, Spec};
use super::flash::FlashMessage;
use super::session::{self, Form};
use super::view::{CodeText, Layout, Time, grouped, part, record_path};
use crate::domain::calendar::EndFrom;
use crate::domain::close::{CloseState, CloseStep, SignedSum};
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::TieOutItemId;
use crate::domain::money::amount_in;
use crate::domain::role::Permission;
use crate::domain::tie_out::{Cause, Verdict};
use crate::domain::{DocumentKey, EntityName};
use crate::http::api::actions::requested;
use crate::http::api::closes::place;
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::close::{self, CloseFile, CloseReport, PeriodItem, PeriodLine, PeriodPart, Signature, period_file};
use crate::operations::export::ListFile;
use crate::store::{CloseChangeRow, CloseChanges};

pub(in crate::http) fn routes() -> Vec<Route> {
    let files = files::routes(["/close.csv", "/close.xlsx"], Permission::Read, periods_file);
    let pages = vec![
        files::csv("/close-changes.csv", Permission::Read, changes_file),
        Route::page("/close", Some(Permission::Read), list),
        Route::page("/close/{company}/{period}", Some(Permission::Read), one),
        Route::form("/close/{company}/{period}/step", Some(Permission::Close), step),
        Route::form("/close/{company}/{period}/explain", Some(Permission::Close), explain),
    ];
    [pages, files, period_files()].concat()
}

/// Changes in the list of periods.
const CHANGES: i64 = 50;

fn tone(state: CloseState) -> &'static str {
    match state {
        CloseState::Open => "",
        CloseState::Prepared => "busy",
        CloseState::Signed | CloseState::Locked => "good",
        CloseState::Suspended => "bad",
    }
}

fn tone_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Tied => "good",
        Verdict::Balanced => "busy",
        Verdict::Untied => "bad",
        Verdict::Unverified => "warn",
    }
}

fn path(company: &str, period: FiscalPeriod) -> String {
    format!("/close/{}/{}", part(company), period)
}

/// One period in the list.
struct LineView {
    company: String,
    period: String,
    path: String,
    ends: Option<String>,
    /// Where that comes from.
    ends_from: Option<&'static str>,
    /// Whether it is open in SYSPRO, and when that was read.
    syspro: Option<(String, Time)>,
    /// Why SYSPRO's calendar could not be read then.
    syspro_problem: Option<CodeText>,
    state: &'static str,
    tone: &'static str,
    since: Option<Time>,
    frozen: bool,
    held: Option<String>,
    /// The result of the newest tie-out.
    verdict: Option<(&'static str, &'static str)>,
    tie_out: Option<(i64, Time)>,
    open: Option<String>,
    /// The signatures that count.
    signed: Vec<(&'static str, String, Time)>,
    /// What suspended it.
    suspended: Option<CodeText>,
}

impl From<PeriodLine> for LineView {
    fn from(line: PeriodLine) -> Self {
        let tie_out = line.tie_out.as_ref();
        let suspended = line.steps.iter().rev().find(|step| step.step == CloseStep::Suspend);
        Self {
            path: path(&line.company, line.period),
            company: line.company,
            period: line.period.to_string(),
            ends: line.ends.map(|day| day.to_string()),
            ends_from: line.ends_from.map(EndFrom::text),
            syspro: line.syspro.as_ref().map(|syspro| (syspro.text(), Time(syspro.read_at))),
            syspro_problem: line.syspro.and_then(|syspro| syspro.problem).map(CodeText),
            state: line.state.as_str(),
            tone: tone(line.state),
            since: line.since.map(Time),
            frozen: line.frozen,
            held: (line.held > 0).then(|| grouped(line.held)),
            verdict: tie_out.map(|one| (one.verdict.as_str(), tone_of(one.verdict))),
            tie_out: tie_out.map(|one| (one.tie_out, Time(one.at))),
            open: tie_out.map(|one| grouped(one.open_items)),
            suspended: suspended.filter(|_| line.state == CloseState::Suspended).map(|step| CodeText(step.why.clone())),
            signed: line.steps.into_iter().filter(|step| step.stands).map(|step| (step.step.text(), step.by, Time(step.at))).collect(),
        }
    }
}

/// A change in SYSPRO after a signature.
struct ChangeView {
    found: Time,
    company: String,
    period: String,
    path: String,
    key: String,
    records: String,
    what: &'static str,
    version: i32,
    was: &'static str,
    run: String,
}

impl From<CloseChangeRow> for ChangeView {
    fn from(row: CloseChangeRow) -> Self {
        Self {
            found: Time(row.found_at),
            period: FiscalPeriod::from_number(row.number).to_string(),
            path: record_path(&row.company, &row.entity, &row.key),
            key: DocumentKey::shown(&row.key),
            records: EntityName::new(&row.entity).spoken(),
            company: row.company,
            what: row.kind.text(),
            version: row.version,
            was: row.state.as_str(),
            run: row.run_id.to_string(),
        }
    }
}

#[derive(Template)]
#[template(path = "close.html")]
struct ListPage {
    layout: Layout,
    filter: Filter,
    files: Files,
    changes_csv: String,
    lines: Vec<LineView>,
    changes: Vec<ChangeView>,
}

/// The filter of the list, what a file with the same filter shows, and the other parameters.
async fn chosen(app_state: &AppState, request: &HttpRequest) -> Result<(Filter, CloseFile, Params), Refusal> {
    let specs = vec![Spec::Company, Spec::words("state", "State", "every state", CloseState::WORDS.iter().copied())];
    let (filter, params) = Filter::of(app_state, request.query_string(), "/close", specs, &["done", ABOUT]).await?;
    let filter = filter.listing("period");
    let file = CloseFile {
        company: filter.text("company"),
        state: params.value("state", "a state of a close")?,
        asked: files::asked(request, &filter)?,
    };
    Ok((filter, file, params))
}

/// The periods as a file; as a workbook also the changes.
async fn periods_file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    let (_, file, _) = chosen(&app_state, &request).await?;
    Ok(file.periods(&app_state.process).await?)
}

/// The changes as a file.
async fn changes_file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    let (_, file, _) = chosen(&app_state, &request).await?;
    Ok(file.changes(&app_state.process).await?)
}

async fn list(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let (filter, CloseFile { company, state, .. }, params) = chosen(&app_state, &request).await?;
    let lines = close::list(&app_state.process, company.as_deref()).await?;
    let changes = close::radar(&app_state.process, CloseChanges { company, period: None, before: None, limit: CHANGES }).await?;
    ok(&ListPage {
        layout: Layout::of(&session, "/close", "Close").done(params.text("done").as_deref()),
        files: Files::of(&filter, "/close", "these periods"),
        changes_csv: filter.link("/close-changes.csv", &[]),
        filter,
        // the newest period first
        lines: lines.into_iter().rev().filter(|line| state.is_none_or(|state| line.state == state)).map(LineView::from).collect(),
        changes: changes.into_iter().map(ChangeView::from).collect(),
    })
}

/// A sum of a tie-out, or one that was signed.
struct SumView {
    records: String,
    currency: Option<String>,
    syspro: String,
    servicenow: String,
    rows: String,
    open: String,
    verdict: &'static str,
    tone: &'static str,
}

impl From<&SignedSum> for SumView {
    fn from(sum: &SignedSum) -> Self {
        let amounts = !sum.currency.is_empty();
        let side = |amount, records| if amounts { amount_in(amount, &sum.currency) } else { grouped(records) };
        let heading = EntityName::new(&sum.entity).heading();
        Self {
            records: if sum.block == "header" { heading } else { format!("{heading}, {}", sum.block) },
            currency: amounts.then(|| sum.currency.clone()),
            syspro: side(sum.syspro_amount, sum.syspro_records),
            servicenow: side(sum.servicenow_amount, sum.servicenow_records),
            rows: format!("{}/{}", grouped(sum.syspro_records), grouped(sum.servicenow_records)),
            open: grouped(sum.open_items),
            verdict: sum.verdict.as_str(),
            tone: tone_of(sum.verdict),
        }
    }
}

/// A step of the close.
struct StepView {
    what: &'static str,
    role: &'static str,
    by: String,
    at: Time,
    why: CodeText,
    tie_out: Option<i64>,
    run: Option<String>,
    /// For a signature: whether it counts.
    stands: Option<bool>,
    tone: &'static str,
    sums: Vec<SumView>,
    /// How many reasons for differences were signed.
    reasons: usize,
}

impl From<&Signature> for StepView {
    fn from(step: &Signature) -> Self {
        let stands = step.step.is_signature().then_some(step.stands);
        Self {
            what: step.step.text(),
            role: step.role,
            by: step.by.clone(),
            at: Time(step.at),
            why: CodeText(step.why.clone()),
            tie_out: step.tie_out,
            run: step.run.clone(),
            stands,
            tone: match (step.step, stands) {
                (CloseStep::Suspend, _) => "bad",
                (_, Some(true)) => "good",
                (_, Some(false)) => "warn",
                (_, None) => "",
            },
            sums: step.sums.iter().map(SumView::from).collect(),
            reasons: step.reasons.as_array().map_or(0, Vec::len),
        }
    }
}

/// A difference, and the reason for it.
struct ItemView {
    id: i64,
    path: String,
    key: String,
    line: Option<String>,
    records: String,
    cause: &'static str,
    open: bool,
    effect: Option<String>,
    next_step: CodeText,
    reason: Option<String>,
    by: Option<String>,
}

impl From<&PeriodItem> for ItemView {
    fn from(one: &PeriodItem) -> Self {
        let item = &one.item;
        let cause = item.cause.unwrap_or(Cause::Unexplained);
        let effect = item.amount.filter(|amount| !amount.is_zero());
        Self {
            id: item.id.0,
            path: record_path(&item.company, &item.entity, &item.document_key),
            key: DocumentKey::shown(&item.document_key),
            line: (!item.record_key.is_empty()).then(|| DocumentKey::shown(&item.record_key)),
            records: EntityName::new(&item.entity).spoken(),
            cause: cause.text(),
            open: item.open,
            effect: effect.map(|amount| format!("{} {}", amount_in(amount, &item.currency), item.currency)),
            next_step: CodeText(cause.next_step().to_string()),
            reason: one.reason.clone(),
            by: one.reason_by.clone(),
        }
    }
}

#[derive(Template)]
#[template(path = "close_period.html")]
struct PeriodPage {
    layout: Layout,
    line: LineView,
    /// Why it cannot be signed now.
    refused: Option<CodeText>,
    sums: Vec<SumView>,
    items: Vec<ItemView>,
    steps: Vec<StepView>,
    changes: Vec<ChangeView>,
    /// The step that usually follows: its word and its button.
    next: Option<(&'static str, &'static str)>,
    unlocks: bool,
}

impl PeriodPage {
    fn of(layout: Layout, report: CloseReport) -> Self {
        let button = |step: CloseStep| match step {
            CloseStep::Prepare => "Sign as preparer",
            CloseStep::Sign => "Sign as reviewer",
            CloseStep::Lock => "Lock the period",
            CloseStep::Unlock => "Unlock the period",
            CloseStep::Suspend => "Suspend",
        };
        Self {
            layout,
            next: report.line.next.map(|step| (step.as_str(), button(step))),
            unlocks: CloseStep::Unlock.follows(report.line.state),
            refused: report.refused.map(CodeText),
            sums: report.sums.iter().map(SumView::from).collect(),
            items: report.items.iter().map(ItemView::from).collect(),
            steps: report.history.iter().rev().map(StepView::from).collect(),
            changes: report.changes.into_iter().map(ChangeView::from).collect(),
            line: report.line.into(),
        }
    }
}

/// A period, or one table of it, as a file.
async fn period(app_state: web::Data<AppState>, request: HttpRequest, part: Option<PeriodPart>) -> Result<ListFile, Refusal> {
    let asked = files::asked_all(&request)?;
    let (company, period) = place(&request, 1)?;
    let report = close::one(&app_state.process, &company, period).await?;
    Ok(period_file(&app_state.process, &report, part, asked.by).await?)
}

fn period_files() -> Vec<Route> {
    let csv = |path: &'static str, part: PeriodPart| {
        files::csv(path, Permission::Read, move |app_state, request| period(app_state, request, Some(part)))
    };
    vec![
        csv("/close/{company}/{period}/sums.csv", PeriodPart::Sums),
        csv("/close/{company}/{period}/differences.csv", PeriodPart::Differences),
        csv("/close/{company}/{period}/steps.csv", PeriodPart::Steps),
        csv("/close/{company}/{period}/signed.csv", PeriodPart::Signed),
        files::xlsx("/close/{company}/{period}/period.xlsx", Permission::Read, |app_state, request| period(app_state, request, None)),
    ]
}

async fn one(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let params = Params::parse(request.query_string(), &["done"])?;
    let (company, period) = place(&request, 1)?;
    let report = close::one(&app_state.process, &company, period).await?;
    let layout = Layout::of(&session, "/close", &format!("Close {period} of {company}")).done(params.text("done").as_deref());
    ok(&PeriodPage::of(layout, report))
}

/// What the form of a step has.
pub(super) const STEP_FIELDS: &[&str] = &["step", "why"];

async fn step(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let form = Form::of(&session, payload, STEP_FIELDS).await?;
    let (company, period) = place(&request, 1)?;
    let step: CloseStep = form.text("step").parse().map_err(|problem: String| again(problem))?;
    let requested = requested(&request, form.text("why"))?;
    let stepped = close::step(&app_state.process, &company, period, step, requested).await?;
    if stepped.released > 0 {
        app_state.service.nudge();
    }
    Ok(see_other(&FlashMessage::text(format!("{}.", stepped.text())).on(&session, &path(&company, period))))
}

fn again(problem: String) -> Refusal {
    Problem::bad_request(problem, "load the page again, and send the form from there").into()
}

/// What the form of a reason has.
pub(super) const EXPLAIN_FIELDS: &[&str] = &["item", "why"];

async fn explain(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let form = Form::of(&session, payload, EXPLAIN_FIELDS).await?;
    let (company, period) = place(&request, 1)?;
    let items = form.all("item").iter().map(|text| text.parse::<TieOutItemId>());
    let items: Vec<TieOutItemId> = items.collect::<Result<_, _>>().map_err(|error| again(error.to_string()))?;
    if items.is_empty() {
        return Err(Problem::bad_request("no difference is selected", "go back and select at least one").into());
    }
    let requested = requested(&request, form.text("why"))?;
    let explained = close::explain(&app_state.process, &company, period, &items, requested).await?;
    let said =
        if explained == 1 { "1 difference has a reason now.".to_owned() } else { format!("{explained} differences have a reason now.") };
    Ok(see_other(&FlashMessage::text(said).on(&session, &path(&company, period))))
}
