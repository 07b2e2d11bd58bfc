//! A tie-out as files for people: a workbook with all sums and differences, and a document to sign.

mod subledger;

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;

use super::TieOutReport;
use crate::domain::DocumentKey;
use crate::domain::currency::minor_units;
use crate::domain::fiscal::period_text;
use crate::domain::ids::TieOutItemId;
use crate::domain::money::{amount_in, thousands};
use crate::domain::tie_out::{Cause, TieOutState, Verdict};
use crate::operations::Refused;
use crate::process::Process;
use crate::report::{About, Cell, Column, Document, Part, ROWS, Sum, Workbook, WorkbookError};
use crate::store::{TieOutBucket, TieOutControl, TieOutItem, TieOutItems, TieOutSubledger};

/// Differences read at once.
const STEP: i64 = 1000;
/// The most differences in a document for paper.
const ON_PAPER: usize = 500;

/// The part of a tie-out that a file shows.
pub struct Chosen<'a> {
    /// The tie-out.
    pub report: &'a TieOutReport,
    /// Its sums.
    pub buckets: Vec<&'a TieOutBucket>,
    /// Its differences; place and number are ignored.
    pub items: TieOutItems,
    /// The filter in words; empty: there is none.
    pub filter: String,
    /// Who gets the file.
    pub by: String,
}

const SUMS: [Column; 18] = [
    Column::text("Company", 10),
    Column::text("Entity", 14),
    Column::text("Block", 10),
    Column::text("Period", 10),
    Column::text("Currency", 9),
    Column::number("SYSPRO records", 10),
    Column::number("SYSPRO amount", 18),
    Column::number("Gone records", 10),
    Column::number("Gone amount", 16),
    Column::number("ServiceNow records", 11),
    Column::number("ServiceNow amount", 18),
    Column::number("Difference", 16),
    Column::number("Delivered records, by the ledger", 12),
    Column::number("Delivered amount, by the ledger", 18),
    Column::number("Open differences", 11),
    Column::number("Differences that will end", 11),
    Column::number("Amount of the named differences", 16),
    Column::text("Result", 11),
];
/// The columns that are added up: those of both sides, and their difference.
const ADDED: [u16; 7] = [5, 6, 7, 8, 9, 10, 11];

const TOTALS: [Column; 10] = [
    Column::text("Entity", 14),
    Column::text("Block", 10),
    Column::text("Currency", 9),
    Column::number("SYSPRO records", 10),
    Column::number("SYSPRO amount", 18),
    Column::number("Gone records", 10),
    Column::number("Gone amount", 16),
    Column::number("ServiceNow records", 11),
    Column::number("ServiceNow amount", 18),
    Column::number("Difference", 16),
];

const DIFFERENCES: [Column; 21] = [
    Column::number("Number", 9),
    Column::text("Company", 10),
    Column::text("Entity", 14),
    Column::text("Block", 10),
    Column::text("Record", 24),
    Column::text("Line", 12),
    Column::text("Period", 10),
    Column::text("Currency", 9),
    Column::number("Effect on the difference", 16),
    Column::text("Kind", 20),
    Column::text("Field", 20),
    Column::text("SYSPRO", 24),
    Column::text("ServiceNow", 24),
    Column::text("Cause", 26),
    Column::text("Open", 7),
    Column::text("Next step", 50),
    Column::text("Message", 40),
    Column::text("Row in ServiceNow", 44),
    Column::text("Changed last by", 18),
    Column::text("Changed last at (UTC)", 20),
    Column::text("First seen", 22),
];

const NOT_VERIFIED: [Column; 4] = [
    Column::text("Company", 10),
    Column::text("Entity", 14),
    Column::text("Block", 10),
    Column::text("Why, or what was not compared", 110),
];

const CONTROLS: [Column; 7] = [
    Column::text("Company", 10),
    Column::text("Entity", 14),
    Column::text("Control", 60),
    Column::number("Documents checked", 12),
    Column::number("Violated", 10),
    Column::number("Not possible", 10),
    Column::text("Why not checked", 40),
];

fn control(one: &TieOutControl) -> [Cell; 7] {
    [
        one.company.as_str().into(),
        one.entity.as_str().into(),
        one.name.as_str().into(),
        one.checked.into(),
        one.violated.into(),
        one.unchecked.into(),
        one.left_out.clone().into(),
    ]
}

fn paper_control(one: &TieOutControl) -> Vec<String> {
    let count = |count: i64| thousands(&count.to_string());
    let why = one.left_out.clone().unwrap_or_default();
    vec![one.company.clone(), one.entity.clone(), one.name.clone(), count(one.checked), count(one.violated), count(one.unchecked), why]
}

/// The decimals of a currency; two if ISO 4217 does not list it.
fn decimals(currency: &str) -> u32 {
    minor_units(currency).unwrap_or(2)
}

fn amount(amount: Option<Decimal>, currency: &str) -> Cell {
    match amount {
        Some(amount) if !currency.is_empty() => Cell::Amount(amount, decimals(currency)),
        _ => Cell::Empty,
    }
}

fn sum(bucket: &TieOutBucket) -> [Cell; 18] {
    let amount = |of: Option<Decimal>| amount(of, &bucket.currency);
    [
        bucket.company.as_str().into(),
        bucket.entity.as_str().into(),
        bucket.block.as_str().into(),
        period_text(bucket.year, bucket.period).into(),
        bucket.currency.as_str().into(),
        bucket.syspro_records.into(),
        amount(bucket.syspro_amount),
        bucket.gone_records.into(),
        amount(bucket.gone_amount),
        bucket.servicenow_records.into(),
        amount(bucket.servicenow_amount),
        amount(Some(bucket.difference())),
        bucket.ledger_records.into(),
        amount(bucket.ledger_amount),
        bucket.open_items.into(),
        bucket.timing_items.into(),
        amount(bucket.explained),
        bucket.verdict.as_str().into(),
    ]
}

fn difference(item: &TieOutItem) -> [Cell; 21] {
    let cause = item.cause.unwrap_or(Cause::Unexplained);
    let row = item.target_table.as_ref().zip(item.sys_id.as_ref()).map(|(table, sys_id)| format!("{table} {sys_id}"));
    [
        item.id.0.into(),
        item.company.as_str().into(),
        item.entity.as_str().into(),
        item.block.as_str().into(),
        DocumentKey::shown(&item.document_key).into(),
        DocumentKey::shown(&item.record_key).into(),
        period_text(item.year, item.period).into(),
        item.currency.as_str().into(),
        amount(item.amount, &item.currency),
        item.kind.text().into(),
        item.field.clone().into(),
        item.syspro_value.clone().into(),
        item.servicenow_value.clone().into(),
        cause.text().into(),
        if item.open { "yes" } else { "no" }.into(),
        cause.next_step().to_string().into(),
        item.message.clone().into(),
        row.into(),
        item.updated_by.clone().into(),
        item.updated_at.clone().into(),
        instant(item.first_seen_at).into(),
    ]
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl Chosen<'_> {
    /// What the file says about itself; `differences`: how many it lists.
    async fn about(&self, process: &Process, differences: &str) -> Result<About, Refused> {
        let run = &self.report.run;
        let set = process.store.tie_out_definitions(run.id).await?;
        let definitions =
            set.map_or_else(|| "not known".to_owned(), |set| format!("{} (SHA-256 {}), profile {}", set.number, set.hash, set.profile));
        let mut tables: Vec<&str> = self.report.blocks.iter().flat_map(|block| block.tables.iter().map(String::as_str)).collect();
        tables.sort_unstable();
        tables.dedup();
        let tables = if tables.is_empty() { "none".to_owned() } else { tables.join(", ") };
        let ended =
            run.ended_at.map_or_else(|| "not complete yet".to_owned(), |at| format!("both systems were read until {}", instant(at)));
        let program = concat!("Tieline ", env!("CARGO_PKG_VERSION"));
        let mut facts = vec![
            ("Tie-out", format!("{} ({})", run.id, run.state)),
            ("As of (UTC)", format!("{}; {ended}", instant(run.started_at))),
            ("Requested by", run.requested_by.clone()),
            ("Why", run.why.clone().unwrap_or_default()),
            ("Compared", run.scope_text().unwrap_or_else(|| "everything".to_owned())),
            ("Result", summary(&self.buckets, self.not_verified().count())),
            ("Controls", self.controls_words()),
            ("Filter", if self.filter.is_empty() { "none: everything that was compared".to_owned() } else { self.filter.clone() }),
            ("Source: SYSPRO", "all records, read from SYSPRO for this tie-out and mapped with the definitions below".to_owned()),
            ("Source: ServiceNow", format!("all rows with a key of Tieline, read for this tie-out from the tables {tables}")),
            ("Lines", format!("{} sums, {differences}", self.buckets.len())),
            ("Definitions", definitions),
            ("Program", program.to_owned()),
            ("File made for", self.by.clone()),
        ];
        if let Some(error) = &run.error {
            facts.insert(1, ("Not complete", format!("it ended early: {error}")));
        }
        Ok(About {
            title: "Tie-out of SYSPRO and ServiceNow".to_owned(),
            foot: format!("Tie-out {} as of {}; {program}; for {}", run.id, instant(run.started_at), self.by),
            facts,
        })
    }

    /// What was not compared, and why: company, entity, block, reason.
    fn not_verified(&self) -> impl Iterator<Item = [String; 4]> {
        let fits = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
        let of = self
            .report
            .blocks
            .iter()
            .filter(move |block| fits(&self.items.company, &block.company) && fits(&self.items.entity, &block.entity));
        of.flat_map(|block| {
            let fields = (!block.not_compared.is_empty()).then(|| format!("ServiceNow returned no {}", block.not_compared.join(", ")));
            let sums = block.not_summed.as_ref().map(|why| format!("ServiceNow's own sums: {why}"));
            let why = [block.unverified.clone(), block.left_out.clone(), fields, sums];
            why.into_iter().flatten().map(|why| [block.company.clone(), block.entity.clone(), block.block.clone(), why])
        })
    }

    /// The controls of what it shows.
    fn controls(&self) -> impl Iterator<Item = &TieOutControl> {
        let fits = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
        self.report.controls.iter().filter(move |one| fits(&self.items.company, &one.company) && fits(&self.items.entity, &one.entity))
    }

    /// The sub-ledgers of what it shows: they are about whole companies.
    fn subledger(&self) -> impl Iterator<Item = &TieOutSubledger> {
        let fits = |one: &TieOutSubledger| self.items.company.as_ref().is_none_or(|company| *company == one.company);
        let any = self.items.entity.is_none();
        self.report.subledger.iter().filter(move |one| any && fits(one))
    }

    fn controls_words(&self) -> String {
        let (checked, violated) =
            self.controls().fold((0, 0), |(checked, violated), one| (checked + one.checked, violated + one.violated + one.unchecked));
        format!("{checked} checks of documents, {violated} violated or not possible")
    }

    /// The first page of its differences, or the next one.
    async fn page(&self, process: &Process, after: TieOutItemId) -> Result<Vec<TieOutItem>, Refused> {
        Ok(process.store.tie_out_items(TieOutItems { after, limit: STEP, ..self.items.clone() }).await?)
    }

    /// The sums by entity, block and currency.
    fn totals(&self) -> Vec<Total> {
        let mut totals: Vec<Total> = Vec::new();
        for bucket in &self.buckets {
            let place = totals.iter().position(|total| total.is_of(bucket)).unwrap_or_else(|| {
                totals.push(Total::of(bucket));
                totals.len() - 1
            });
            totals[place].add(bucket);
        }
        totals
    }
}

/// The sums of one entity, block and currency.
struct Total {
    entity: String,
    block: String,
    currency: String,
    records: [i64; 3],
    amounts: [Decimal; 3],
    difference: Decimal,
}

impl Total {
    fn of(bucket: &TieOutBucket) -> Self {
        Self {
            entity: bucket.entity.clone(),
            block: bucket.block.clone(),
            currency: bucket.currency.clone(),
            records: [0; 3],
            amounts: [Decimal::ZERO; 3],
            difference: Decimal::ZERO,
        }
    }

    fn is_of(&self, bucket: &TieOutBucket) -> bool {
        self.entity == bucket.entity && self.block == bucket.block && self.currency == bucket.currency
    }

    fn add(&mut self, bucket: &TieOutBucket) {
        let amounts = [bucket.syspro_amount, bucket.gone_amount, bucket.servicenow_amount];
        for (total, amount) in self.amounts.iter_mut().zip(amounts) {
            *total += amount.unwrap_or_default();
        }
        let records = [bucket.syspro_records, bucket.gone_records, bucket.servicenow_records];
        for (total, records) in self.records.iter_mut().zip(records) {
            *total += records;
        }
        self.difference += bucket.difference();
    }

    /// Its numbers, in the order of the columns that are added up.
    fn cells(&self) -> [Cell; 7] {
        let [syspro, gone, servicenow] = self.records;
        let amount = |of: Decimal| amount(Some(of), &self.currency);
        let [syspro_amount, gone_amount, servicenow_amount] = self.amounts.map(amount);
        [syspro.into(), syspro_amount, gone.into(), gone_amount, servicenow.into(), servicenow_amount, amount(self.difference)]
    }
}

/// The result of some sums as a sentence.
fn summary(buckets: &[&TieOutBucket], not_verified: usize) -> String {
    let not = buckets.iter().filter(|bucket| !matches!(bucket.verdict, Verdict::Tied | Verdict::Balanced)).count();
    let balanced = buckets.iter().filter(|bucket| bucket.verdict == Verdict::Balanced).count();
    let (open, timing) = buckets.iter().fold((0, 0), |(open, timing), one| (open + one.open_items, timing + one.timing_items));
    let tied = buckets.len() - not - balanced;
    let compared = if not_verified == 0 { "everything was compared" } else { "not everything was compared" };
    format!(
        "of {} sums, {tied} are tied, {balanced} balanced, {not} not tied; {open} differences need a person, {timing} end with the next runs; \
         {compared}",
        buckets.len()
    )
}

/// A tie-out as a workbook: what it is, its sums, their totals, its differences, and what was not compared.
///
/// # Errors
/// An error of the ledger; [`Refused::NoFile`].
pub async fn workbook(process: &Process, chosen: &Chosen<'_>) -> Result<Vec<u8>, Refused> {
    let count = process.store.tie_out_count(chosen.items.clone()).await?;
    let listed = if count > i64::from(ROWS) { format!("the first {ROWS} of {count} differences") } else { format!("{count} differences") };
    let about = chosen.about(process, &listed).await?;
    let mut book = Workbook::new(&about, chosen.report.run.ended_at.unwrap_or(chosen.report.run.started_at))?;
    let rows = write_sums(&mut book, chosen)?;
    write_totals(&mut book, chosen, rows)?;
    let mut sheet = book.sheet("Differences", &DIFFERENCES)?;
    let mut after = TieOutItemId::default();
    'pages: loop {
        let items = chosen.page(process, after).await?;
        for item in &items {
            if !sheet.row(&difference(item))? {
                break 'pages;
            }
        }
        match items.last() {
            Some(last) if items.len() as i64 == STEP => after = last.id,
            _ => break,
        }
    }
    sheet.filters()?;
    let mut sheet = book.sheet("Controls", &CONTROLS)?;
    for one in chosen.controls() {
        sheet.row(&control(one))?;
    }
    sheet.filters()?;
    let mut sheet = book.sheet("Sub-ledger", &subledger::COLUMNS)?;
    for one in chosen.subledger() {
        sheet.row(&subledger::cells(one))?;
    }
    sheet.filters()?;
    let mut sheet = book.sheet("Not compared", &NOT_VERIFIED)?;
    for row in chosen.not_verified() {
        sheet.row(&row.map(Cell::Text))?;
    }
    sheet.filters()?;
    // packing a large file takes seconds: not on a thread that answers requests
    tokio::task::spawn_blocking(|| book.finish()).await.map_err(|error| Refused::NoFile(error.to_string()))?.map_err(Refused::from)
}

fn write_sums(book: &mut Workbook, chosen: &Chosen<'_>) -> Result<u32, WorkbookError> {
    let mut sheet = book.sheet("Sums", &SUMS)?;
    for bucket in &chosen.buckets {
        sheet.row(&sum(bucket))?;
    }
    sheet.filters()
}

fn write_totals(book: &mut Workbook, chosen: &Chosen<'_>, rows: u32) -> Result<(), WorkbookError> {
    // a spreadsheet cannot add up amounts that it holds as texts
    let numbers = chosen.buckets.iter().all(|bucket| sum(bucket)[5..12].iter().all(Cell::is_number_or_empty));
    let mut sheet = book.sheet("Totals", &TOTALS)?;
    for total in chosen.totals() {
        let only = vec![(1, total.entity.clone()), (2, total.block.clone()), (4, total.currency.clone())];
        let sums = ADDED.iter().zip(total.cells()).map(|(column, total)| {
            let only = only.clone();
            Sum { sheet: "Sums", rows, column: *column, only, total, numbers }
        });
        let names = [total.entity.as_str().into(), total.block.as_str().into(), total.currency.as_str().into()];
        sheet.totals(&names, &sums.collect::<Vec<_>>())?;
    }
    sheet.filters().map(drop)
}

/// A tie-out as a document to sign: what it is, its sums, what was not compared, and the differences that a person must look at.
///
/// # Errors
/// An error of the ledger.
pub async fn document(process: &Process, chosen: &Chosen<'_>) -> Result<Vec<u8>, Refused> {
    let items = TieOutItems { open: true, ..chosen.items.clone() };
    let count = process.store.tie_out_count(items.clone()).await?;
    let open = TieOutItems { after: TieOutItemId::default(), limit: ON_PAPER as i64, ..items };
    let items = process.store.tie_out_items(open).await?;
    let listed = format!("{} of {count} open differences", items.len());
    let about = chosen.about(process, &listed).await?;
    let mut parts = vec![Part::Heading("Sums by fiscal period and currency".to_owned())];
    if chosen.buckets.is_empty() {
        parts.push(Part::Text("Nothing was compared.".to_owned()));
    } else {
        parts.push(Part::Table(paper_columns(), chosen.buckets.iter().map(|bucket| paper_sum(bucket)).collect()));
        parts.push(Part::Text(
            "Gone: SYSPRO no longer has these records, and ServiceNow keeps them with a mark. Difference: ServiceNow less SYSPRO less gone. \
             Open: differences that a person must look at."
                .to_owned(),
        ));
    }
    let not_compared: Vec<Vec<String>> = chosen.not_verified().map(|row| row.to_vec()).collect();
    if !not_compared.is_empty() {
        parts.push(Part::Heading("Not compared".to_owned()));
        parts.push(Part::Table(NOT_VERIFIED.to_vec(), not_compared));
    }
    let controls: Vec<Vec<String>> = chosen.controls().map(paper_control).collect();
    if !controls.is_empty() {
        parts.push(Part::Heading("Controls of SYSPRO's documents".to_owned()));
        parts.push(Part::Table(CONTROLS.to_vec(), controls));
    }
    let subledger: Vec<Vec<String>> = chosen.subledger().map(subledger::paper_cells).collect();
    if !subledger.is_empty() {
        parts.push(Part::Heading("SYSPRO's AP sub-ledger and its control accounts, for information".to_owned()));
        parts.push(Part::Table(subledger::paper_columns(), subledger));
    }
    parts.push(Part::Heading("Differences that a person must look at".to_owned()));
    if items.is_empty() {
        parts.push(Part::Text("None.".to_owned()));
    } else {
        parts.push(Part::Table(paper_difference_columns(), items.iter().map(paper_difference).collect()));
    }
    if count > items.len() as i64 {
        parts.push(Part::Text(format!(
            "{} further differences are not on these pages. The workbook and the CSV file of this tie-out list all of them.",
            thousands(&(count - items.len() as i64).to_string())
        )));
    }
    if chosen.report.run.state != TieOutState::Done {
        parts.push(Part::Text("This tie-out is not complete: do not sign it.".to_owned()));
    } else {
        parts.push(Part::Signatures(vec!["Prepared by", "Reviewed by"]));
    }
    Ok(Document::write(&about, &parts))
}

fn paper_columns() -> Vec<Column> {
    vec![
        Column::text("Company", 9),
        Column::text("Records", 16),
        Column::text("Period", 9),
        Column::text("In", 9),
        Column::number("SYSPRO", 20),
        Column::number("Gone", 16),
        Column::number("ServiceNow", 20),
        Column::number("Difference", 16),
        Column::number("Open", 8),
        Column::text("Result", 11),
    ]
}

fn paper_sum(bucket: &TieOutBucket) -> Vec<String> {
    let with_amounts = !bucket.currency.is_empty();
    let cell = |amount: Option<Decimal>, records: i64| match with_amounts {
        true => format!("{}\n{} records", amount_in(amount.unwrap_or_default(), &bucket.currency), thousands(&records.to_string())),
        false => thousands(&records.to_string()),
    };
    let difference = match with_amounts {
        true => amount_in(bucket.difference(), &bucket.currency),
        false => thousands(&(bucket.servicenow_records - bucket.syspro_records - bucket.gone_records).to_string()),
    };
    vec![
        bucket.company.clone(),
        if bucket.block == "header" { bucket.entity.clone() } else { format!("{}, {}", bucket.entity, bucket.block) },
        period_text(bucket.year, bucket.period),
        if with_amounts { bucket.currency.clone() } else { "records".to_owned() },
        cell(bucket.syspro_amount, bucket.syspro_records),
        cell(bucket.gone_amount, bucket.gone_records),
        cell(bucket.servicenow_amount, bucket.servicenow_records),
        difference,
        thousands(&bucket.open_items.to_string()),
        bucket.verdict.to_string(),
    ]
}

fn paper_difference_columns() -> Vec<Column> {
    vec![
        Column::text("Record", 24),
        Column::text("Period", 9),
        Column::text("Field", 16),
        Column::text("SYSPRO", 18),
        Column::text("ServiceNow", 18),
        Column::number("Effect", 14),
        Column::text("Cause", 20),
        Column::text("Next step", 34),
    ]
}

fn paper_difference(item: &TieOutItem) -> Vec<String> {
    let cause = item.cause.unwrap_or(Cause::Unexplained);
    let line = if item.record_key.is_empty() { String::new() } else { format!(" line {}", DocumentKey::shown(&item.record_key)) };
    let effect = item.amount.filter(|amount| !amount.is_zero());
    vec![
        format!("{} {} {}{line}", item.company, item.entity, DocumentKey::shown(&item.document_key)),
        period_text(item.year, item.period),
        item.field.clone().unwrap_or_else(|| item.kind.text().to_owned()),
        item.syspro_value.clone().unwrap_or_default(),
        item.servicenow_value.clone().unwrap_or_default(),
        effect.map(|amount| format!("{} {}", amount_in(amount, &item.currency), item.currency)).unwrap_or_default(),
        cause.text().to_owned(),
        cause.next_step().to_string(),
    ]
}

impl From<WorkbookError> for Refused {
    fn from(error: WorkbookError) -> Self {
        Self::NoFile(error.to_string())
    }
}
