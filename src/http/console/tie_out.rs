//! The comparison of both systems: a form that makes one, the sums by fiscal period, the differences with their causes, and earlier ones.

use actix_web::{HttpRequest, web};
use askama::Template;
use rust_decimal::Decimal;

use super::answer::{Page, Refusal, ok, see_other};
use super::chart::{self, Chart};
use super::files::{ABOUT, Files};
use super::filter::{Choice, Filter, Spec};
use super::flash::FlashMessage;
use super::session::{self, Form};
use super::tie_out_groups::links;
use super::tie_out_live::{self, Live, RunView};
use super::tie_out_names::{name, periods};
use super::tie_out_subledger::{ENTRIES, EntryView, SubledgerView};
use super::view::{CodeText, Layout, Time, grouped, record_path};
use crate::domain::fiscal::{FiscalPeriod, period_text};
use crate::domain::ids::{TieOutId, TieOutItemId};
use crate::domain::money::amount_in;
use crate::domain::role::Permission;
use crate::domain::tie_out::{Cause, Scope, TieOutState, Verdict};
use crate::domain::{DocumentKey, EntityName};
use crate::http::api::actions::requested;
use crate::http::api::tie_outs::{asked_period, id};
use crate::http::query::Params;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::Refused;
use crate::operations::tie_out::{self, TieOutReport};
use crate::store::{SumKey, TieOutBlock, TieOutBucket, TieOutControl, TieOutItem, TieOutItems};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::page("/tie-out", Some(Permission::Read), newest),
        Route::page("/live/tie-out", Some(Permission::Read), tie_out_live::live),
        Route::page("/tie-out/{id}", Some(Permission::Read), one),
        Route::form("/tie-out", Some(Permission::TieOut), make),
    ]
}

/// Differences on a page.
const PAGE: usize = 50;
/// The entity to which the sub-ledger of accounts payable belongs.
const AP: &str = "invoice";

/// The smaller tables as CSV, each with what it is.
const MORE_CSV: [(&str, &str); 4] = [
    ("controls.csv", "the controls"),
    ("sub-ledger.csv", "the AP sub-ledger"),
    ("sub-ledger-entries.csv", "its entries"),
    ("not-compared.csv", "what was not compared"),
];

/// The sums of one block, period and currency.
struct SumView {
    company: String,
    records: String,
    period: String,
    currency: Option<String>,
    syspro: Cell,
    gone: Cell,
    servicenow: Cell,
    difference: String,
    /// Whether the difference is not zero.
    differs: bool,
    open: String,
    /// Differences that the next runs end.
    timing: Option<String>,
    verdict: &'static str,
    tone: &'static str,
    /// Where it is divided further, each with its label.
    groups: Vec<(&'static str, String)>,
}

/// What one side has: the amount, or without amounts the number of records.
struct Cell {
    value: String,
    /// The number of records beside an amount.
    records: Option<String>,
}

impl From<&TieOutBucket> for SumView {
    fn from(bucket: &TieOutBucket) -> Self {
        let with_amounts = !bucket.currency.is_empty();
        let shown = |amount: Decimal| amount_in(amount, &bucket.currency);
        let cell = |amount: Option<Decimal>, records: i64| match with_amounts {
            true => Cell { value: shown(amount.unwrap_or_default()), records: Some(counted(records, "record")) },
            false => Cell { value: grouped(records), records: None },
        };
        let records = bucket.servicenow_records - bucket.syspro_records - bucket.gone_records;
        let amount = bucket.difference();
        Self {
            company: bucket.company.clone(),
            records: name(&bucket.entity, &bucket.block),
            period: period_text(bucket.year, bucket.period),
            currency: with_amounts.then(|| bucket.currency.clone()),
            syspro: cell(bucket.syspro_amount, bucket.syspro_records),
            gone: cell(bucket.gone_amount, bucket.gone_records),
            servicenow: cell(bucket.servicenow_amount, bucket.servicenow_records),
            difference: if with_amounts { shown(amount) } else { grouped(records) },
            differs: if with_amounts { !amount.is_zero() } else { records != 0 },
            open: grouped(bucket.open_items),
            timing: (bucket.timing_items > 0).then(|| grouped(bucket.timing_items)),
            verdict: bucket.verdict.as_str(),
            tone: match bucket.verdict {
                Verdict::Tied => "good",
                Verdict::Balanced => "busy",
                Verdict::Untied => "bad",
                Verdict::Unverified => "warn",
            },
            groups: Vec::new(),
        }
    }
}

fn counted(number: i64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{} {what}s", grouped(number)) }
}

/// What was not compared, and why.
struct BlockView {
    company: String,
    records: String,
    /// Why nothing could be compared.
    unverified: Option<CodeText>,
    /// The fields that no row of ServiceNow returned.
    fields: Option<String>,
}

impl BlockView {
    /// `None`: everything was compared.
    fn of(block: &TieOutBlock) -> Option<Self> {
        let fields = (!block.not_compared.is_empty()).then(|| block.not_compared.join(", "));
        let unverified = block.unverified.clone().or_else(|| block.left_out.clone()).map(CodeText);
        (fields.is_some() || unverified.is_some()).then(|| Self {
            company: block.company.clone(),
            records: name(&block.entity, &block.block),
            unverified,
            fields,
        })
    }
}

/// One difference.
struct DifferenceView {
    path: String,
    key: String,
    line: Option<String>,
    records: String,
    company: String,
    period: String,
    what: String,
    syspro: Option<String>,
    servicenow: Option<String>,
    /// What it adds to ServiceNow's sum.
    effect: Option<String>,
    row: Option<String>,
    by: Option<String>,
    at: Option<String>,
    cause: &'static str,
    open: bool,
    message: Option<CodeText>,
    next_step: CodeText,
    first: Time,
}

impl From<TieOutItem> for DifferenceView {
    fn from(item: TieOutItem) -> Self {
        let cause = item.cause.unwrap_or(Cause::Unexplained);
        let effect = item.amount.filter(|amount| !amount.is_zero());
        let row = item.target_table.zip(item.sys_id).map(|(table, sys_id)| format!("{table} {sys_id}"));
        Self {
            path: record_path(&item.company, &item.entity, &item.document_key),
            key: DocumentKey::shown(&item.document_key),
            line: (!item.record_key.is_empty()).then(|| DocumentKey::shown(&item.record_key)),
            records: name(&item.entity, &item.block),
            company: item.company,
            period: period_text(item.year, item.period),
            what: item.field.unwrap_or_else(|| item.kind.text().to_owned()),
            syspro: item.syspro_value,
            servicenow: item.servicenow_value,
            effect: effect.map(|amount| format!("{} {}", amount_in(amount, &item.currency), item.currency)),
            row,
            by: item.updated_by,
            at: item.updated_at,
            cause: cause.text(),
            open: item.open,
            message: item.message.map(CodeText),
            next_step: CodeText(cause.next_step().to_string()),
            first: Time(item.first_seen_at),
        }
    }
}

/// The tie-out that is shown.
struct Shown {
    run: RunView,
    sums: Vec<SumView>,
    /// What was not compared.
    left_out: Vec<BlockView>,
    /// Records whose sums by ServiceNow itself were not compared, and why.
    not_summed: Vec<(String, CodeText)>,
    differences: Vec<DifferenceView>,
    /// The controls that some documents violate, each as a sentence.
    controls: Vec<String>,
    /// SYSPRO's AP sub-ledger against its control accounts, and what is between them.
    subledger: Vec<SubledgerView>,
    subledger_entries: Vec<EntryView>,
    /// The counts of what the filter shows, as a sentence.
    summary: String,
    tone: &'static str,
    /// Whether there are sums without the filter.
    any: bool,
    /// Whether it is done, and nothing is left out.
    complete: bool,
    /// The workbook, and the document to sign.
    workbook: String,
    document: String,
    /// Its tables as CSV, each with what it is.
    sums_csv: String,
    differences_csv: String,
    more_csv: Vec<(&'static str, String)>,
    /// The open differences by age.
    ages: Option<Chart>,
    /// The amounts of both sides by period, one chart for each kind of record and currency.
    periods: Vec<Chart>,
}

#[derive(Template)]
#[template(path = "tie_out.html")]
struct TieOutPage {
    layout: Layout,
    filter: Filter,
    live: Live,
    shown: Option<Shown>,
    next: Option<String>,
    companies: Vec<Choice>,
    entities: Vec<Choice>,
    /// The list of tie-outs.
    files: Files,
}

/// What the filter selects.
pub(super) struct Selected {
    pub(super) filter: Filter,
    pub(super) params: Params,
    /// The sums with a difference of the selected cause; `None`: no cause is selected.
    with_cause: Option<Vec<SumKey>>,
}

impl Selected {
    /// The form of the page at this path, over these sums.
    ///
    /// # Errors
    /// As [`Filter::of`].
    pub(super) async fn read(app_state: &AppState, request: &HttpRequest, path: &str, buckets: &[TieOutBucket]) -> Result<Self, Refusal> {
        let query = request.query_string();
        let specs = vec![
            Spec::Company,
            Spec::Entity,
            Spec::Choice("period", "Period", "every period", periods(query, buckets)),
            Spec::Choice("show", "Sums", "all sums", vec![("not_tied".to_owned(), "only what is not tied".to_owned())]),
            Spec::Choice(
                "cause",
                "Cause",
                "every cause",
                Cause::ALL.iter().map(|one| (one.as_str().to_owned(), one.text().to_owned())).collect(),
            ),
        ];
        let (filter, params) = Filter::of(app_state, query, path, specs, &["after", "done", ABOUT]).await?;
        Ok(Self { filter: filter.listing("difference"), params, with_cause: None })
    }

    /// The same for a tie-out: with the sums to which its differences of the selected cause belong.
    ///
    /// # Errors
    /// An error of the ledger.
    pub(super) async fn of(self, app_state: &AppState, id: TieOutId) -> Result<Self, Refusal> {
        let with_cause = match self.cause() {
            Some(cause) => Some(tie_out::sums_with(&app_state.process, id, cause).await?),
            None => None,
        };
        Ok(Self { with_cause, ..self })
    }

    fn cause(&self) -> Option<Cause> {
        // the form refuses other words
        self.filter.text("cause").and_then(|cause| cause.parse().ok())
    }

    fn period(&self) -> Option<FiscalPeriod> {
        self.filter.text("period").and_then(|period| period.parse().ok())
    }

    fn is_of_flow(&self, company: &str, entity: &str) -> bool {
        let fits = |name: &str, value: &str| self.filter.text(name).is_none_or(|wanted| wanted == value);
        fits("company", company) && fits("entity", entity)
    }

    /// Whether the filter shows these sums.
    pub(super) fn has(&self, bucket: &TieOutBucket) -> bool {
        let period = self.period().is_none_or(|wanted| wanted.has(bucket.year, bucket.period));
        let all = self.filter.text("show").is_none();
        let cause = self.with_cause.as_ref().is_none_or(|sums| sums.contains(&bucket.key()));
        self.is_of_flow(&bucket.company, &bucket.entity) && period && (all || bucket.verdict != Verdict::Tied) && cause
    }

    /// The differences of a tie-out that the filter shows.
    pub(super) fn items(&self, of: TieOutId, after: TieOutItemId, limit: usize) -> TieOutItems {
        TieOutItems {
            of,
            company: self.filter.text("company"),
            entity: self.filter.text("entity"),
            period: self.period(),
            cause: self.cause(),
            open: false,
            after,
            limit: limit as i64,
        }
    }
}

/// The counts of these sums as a sentence, and how urgent it is.
fn summary(buckets: &[&TieOutBucket], left_out: &[BlockView]) -> (String, &'static str) {
    let not = buckets.iter().filter(|bucket| !matches!(bucket.verdict, Verdict::Tied | Verdict::Balanced)).count() as i64;
    let (open, timing) = buckets.iter().fold((0, 0), |(open, timing), one| (open + one.open_items, timing + one.timing_items));
    let unverified = left_out.iter().filter(|block| block.unverified.is_some()).count() as i64;
    let mut text = match not {
        0 => "Every sum is tied or balanced.".to_owned(),
        not => format!("{} of {} not tied.", grouped(not), counted(buckets.len() as i64, "sum")),
    };
    if open > 0 {
        text.push_str(&format!(" {}: a person must look.", counted(open, "difference")));
    }
    if timing > 0 {
        text.push_str(&format!(" {} will end with the next runs, or a rule intends them.", counted(timing, "difference")));
    }
    if unverified > 0 {
        text.push_str(&format!(" {} of records could not be compared.", counted(unverified, "kind")));
    }
    (text, if not + open + unverified == 0 { "good" } else { "bad" })
}

/// What a control shows, as a sentence; `None`: it holds, or the filter does not show it.
fn violated(control: &TieOutControl, selected: &Selected) -> Option<String> {
    if !selected.is_of_flow(&control.company, &control.entity) {
        return None;
    }
    let of = format!("{}, {}: {}", control.company, EntityName::new(&control.entity).heading(), control.name);
    match (&control.left_out, control.violated, control.unchecked) {
        (Some(why), ..) => Some(format!("{of}: not checked: {why}.")),
        (None, 0, 0) => None,
        (None, violated, 0) => Some(format!("{of}: violated by {} of {}.", grouped(violated), counted(control.checked, "document"))),
        (None, violated, unchecked) => Some(format!(
            "{of}: violated by {} of {}, and not checked on {}.",
            grouped(violated),
            counted(control.checked, "document"),
            grouped(unchecked)
        )),
    }
}

impl Shown {
    async fn of(app_state: &AppState, report: TieOutReport, selected: &Selected) -> Result<(Self, Option<String>), Refusal> {
        let buckets: Vec<&TieOutBucket> = report.buckets.iter().filter(|bucket| selected.has(bucket)).collect();
        let blocks = report.blocks.iter().filter(|block| selected.is_of_flow(&block.company, &block.entity));
        let left_out: Vec<BlockView> = blocks.clone().filter_map(BlockView::of).collect();
        let named = |block: &TieOutBlock| format!("{}: {}", block.company, name(&block.entity, &block.block));
        let not_summed = blocks.filter_map(|block| Some((named(block), CodeText(block.not_summed.clone()?)))).collect();
        let after = TieOutItemId(selected.params.after()?);
        let mut items = tie_out::items(&app_state.process, selected.items(report.run.id, after, PAGE + 1)).await?;
        let more = items.len() > PAGE;
        items.truncate(PAGE);
        let next = items.last().filter(|_| more).map(|item| selected.filter.next(&item.id.to_string()));
        let (summary, tone) = summary(&buckets, &left_out);
        let file = |name: &str| selected.filter.link(&format!("/tie-out/{}/{name}", report.run.id), &[]);
        let ages = app_state.process.store.tie_out_ages(selected.items(report.run.id, TieOutItemId::default(), 0)).await?;
        let periods = chart::periods(&buckets);
        let id = report.run.id;
        let subledger: Vec<_> = report.subledger.iter().filter(|one| selected.is_of_flow(&one.company, AP)).collect();
        let entries = match subledger.is_empty() {
            true => Vec::new(),
            false => tie_out::subledger_entries(&app_state.process, report.run.id, 0, ENTRIES).await?,
        };
        let entries = entries.into_iter().filter(|entry| selected.is_of_flow(&entry.company, AP));
        let shown = Self {
            subledger_entries: entries.map(EntryView::from).collect(),
            subledger: subledger.into_iter().map(SubledgerView::from).collect(),
            sums: buckets.into_iter().map(|bucket| SumView { groups: links(app_state, id, bucket), ..bucket.into() }).collect(),
            left_out,
            not_summed,
            differences: items.into_iter().map(DifferenceView::from).collect(),
            controls: report.controls.iter().filter_map(|control| violated(control, selected)).collect(),
            summary,
            tone,
            any: !report.buckets.is_empty(),
            complete: report.run.state == TieOutState::Done && report.blocks.iter().all(|block| block.unverified.is_none()),
            workbook: file("tie-out.xlsx"),
            document: file("tie-out.pdf"),
            sums_csv: file("sums.csv"),
            differences_csv: file("differences.csv"),
            more_csv: MORE_CSV.iter().map(|(name, what)| (*what, file(name))).collect(),
            ages: chart::ages(&ages),
            periods,
            run: report.run.into(),
        };
        Ok((shown, next))
    }
}

async fn page(app_state: &AppState, request: &HttpRequest, report: Option<TieOutReport>, path: &str) -> Page {
    let session = session::of(request)?;
    let buckets = report.as_ref().map_or(&[][..], |report| &report.buckets);
    let mut selected = Selected::read(app_state, request, path, buckets).await?;
    if let Some(report) = &report {
        selected = selected.of(app_state, report.run.id).await?;
    }
    let (shown, next) = match report {
        Some(report) => {
            let (shown, next) = Shown::of(app_state, report, &selected).await?;
            (Some(shown), next)
        }
        None => (None, None),
    };
    let choice = |value: &str, label: String| Choice { value: value.to_owned(), label, chosen: false };
    let (companies, definitions) = (app_state.process.settings.syspro.companies.iter(), app_state.process.definitions.now());
    let compared = definitions.plans.iter().filter(|plan| plan.aligned().is_none());
    ok(&TieOutPage {
        layout: Layout::of(&session, "/tie-out", "Tie-out").done(selected.params.text("done").as_deref()),
        live: Live::read(app_state).await?,
        shown,
        next,
        companies: companies.map(|company| choice(company.as_str(), company.to_string())).collect(),
        entities: compared.map(|plan| choice(plan.entity.as_str(), plan.entity.spoken())).collect(),
        filter: selected.filter,
        files: Files::at("/tie-outs", "all tie-outs"),
    })
}

/// The newest one that is done.
pub(super) async fn newest(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let report = match tie_out::find(&app_state.process, None).await {
        Ok(report) => Some(report),
        Err(Refused::NoTieOut(_)) => None,
        Err(refused) => return Err(refused.into()),
    };
    page(&app_state, &request, report, "/tie-out").await
}

pub(super) async fn one(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let report = tie_out::find(&app_state.process, id(&request, 1)?).await?;
    let path = format!("/tie-out/{}", report.run.id);
    page(&app_state, &request, Some(report), &path).await
}

/// The fields of the form.
pub(super) const FIELDS: &[&str] = &["company", "entity", "period", "why"];

/// Begins one.
pub(super) async fn make(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let form = Form::of(&session, payload, FIELDS).await?;
    let requested = requested(&request, form.text("why"))?;
    let list = |name: &str| Some(form.text(name).to_owned()).filter(|text| !text.is_empty()).into_iter().collect();
    let period = Some(form.text("period").trim()).filter(|text| !text.is_empty()).map(asked_period).transpose()?;
    let asked = Scope { companies: list("company"), entities: list("entity"), period, fresh: false };
    let run = app_state.service.tie_out(asked, requested).await?;
    let said = format!("Tie-out {} has started. The list of tie-outs on this page shows when it is done.", run.id);
    Ok(see_other(&FlashMessage::text(said).on(&session, "/tie-out")))
}
