//! A tie-out as a document to sign.

use rust_decimal::Decimal;

use super::tables::{CONTROLS, NOT_COMPARED};
use super::{Chosen, subledger};
use crate::domain::DocumentKey;
use crate::domain::fiscal::period_text;
use crate::domain::ids::TieOutItemId;
use crate::domain::money::{amount_in, thousands};
use crate::domain::tie_out::{Cause, TieOutState};
use crate::operations::Refused;
use crate::process::Process;
use crate::report::{Column, Document, Field, Part};
use crate::store::{TieOutBucket, TieOutControl, TieOutItem, TieOutItems};

/// The most differences in a document for paper.
const ON_PAPER: usize = 500;

/// A tie-out as a document to sign: what it is, its sums, what was not compared, and the differences that a person must look at.
///
/// # Errors
/// An error of the ledger.
pub async fn document(process: &Process, chosen: &Chosen<'_>) -> Result<Vec<u8>, Refused> {
    let items = TieOutItems { open: true, ..chosen.items.clone() };
    let count = process.store.tie_out_count(items.clone()).await?;
    let open = TieOutItems { after: TieOutItemId::default(), limit: ON_PAPER as i64, ..items };
    let items = process.store.tie_out_items(open).await?;
    let mut about = chosen.about(process).await?;
    about.facts.push(("Lines", format!("{} sums, {} of {count} open differences", chosen.buckets.len(), items.len())));
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
        parts.push(Part::Table(NOT_COMPARED.iter().map(Field::on_paper).collect(), not_compared));
    }
    let controls: Vec<Vec<String>> = chosen.controls().map(paper_control).collect();
    if !controls.is_empty() {
        parts.push(Part::Heading("Controls of SYSPRO's documents".to_owned()));
        parts.push(Part::Table(CONTROLS.iter().map(Field::on_paper).collect(), controls));
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

fn paper_control(one: &TieOutControl) -> Vec<String> {
    let count = |count: i64| thousands(&count.to_string());
    let why = one.left_out.clone().unwrap_or_default();
    vec![one.company.clone(), one.entity.clone(), one.name.clone(), count(one.checked), count(one.violated), count(one.unchecked), why]
}
