//! One fiscal period as files: the sums of its newest tie-out, the differences with their reasons, the steps, and what was signed.

use super::{CloseReport, PeriodItem, Signature};
use crate::domain::DocumentKey;
use crate::domain::close::SignedSum;
use crate::domain::currency::minor_units;
use crate::domain::tie_out::Cause;
use crate::operations::Refused;
use crate::operations::export::{Asked, ListFile, Row, Table};
use crate::process::Process;
use crate::report::{Cell, Field};

/// A table of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodPart {
    /// The sums of the newest tie-out.
    Sums,
    /// Its differences, with their reasons.
    Differences,
    /// The steps.
    Steps,
    /// The sums that were signed.
    Signed,
}

impl PeriodPart {
    /// All of them, in the order of a workbook.
    const ALL: [Self; 4] = [Self::Sums, Self::Differences, Self::Steps, Self::Signed];

    /// Its name in the name of a file.
    fn word(self) -> &'static str {
        match self {
            Self::Sums => "sums",
            Self::Differences => "differences",
            Self::Steps => "steps",
            Self::Signed => "signed",
        }
    }

    fn table(self, report: &CloseReport) -> Table {
        match self {
            Self::Sums => Table::of_rows("Sums", &SUMS, report.sums.iter().map(sum).collect()),
            Self::Differences => Table::of_rows("Differences", &DIFFERENCES, report.items.iter().map(difference).collect()),
            Self::Steps => Table::of_rows("Steps", &STEPS, report.history.iter().map(step).collect()),
            Self::Signed => {
                let of = |step: &Signature| step.sums.iter().map(|one| signed(step, one)).collect::<Vec<Row>>();
                Table::of_rows("Signed sums", &SIGNED, report.history.iter().flat_map(of).collect())
            }
        }
    }
}

const SUMS: [Field; 11] = [
    Field::text("entity", "Entity", 14).by(),
    Field::text("block", "Block", 10).by(),
    Field::text("currency", "Currency", 9).by(),
    Field::number("syspro_records", "SYSPRO records", 11).added(),
    Field::amount("syspro_amount", "SYSPRO amount", 18).added(),
    Field::number("servicenow_records", "ServiceNow records", 11).added(),
    Field::amount("servicenow_amount", "ServiceNow amount", 18).added(),
    Field::amount("difference", "Difference", 16).added(),
    Field::number("open", "Open differences", 11),
    Field::number("timing", "Differences that will end", 11),
    Field::text("result", "Result", 11),
];

const DIFFERENCES: [Field; 16] = [
    Field::number("id", "Number", 9),
    Field::text("entity", "Entity", 14),
    Field::text("block", "Block", 10),
    Field::text("key", "Record", 24),
    Field::text("line", "Line", 12),
    Field::text("currency", "Currency", 9).by(),
    Field::amount("amount", "Effect on the difference", 16).added(),
    Field::text("field", "Field", 20),
    Field::text("syspro", "SYSPRO", 24),
    Field::text("servicenow", "ServiceNow", 24),
    Field::text("cause", "Cause", 26),
    Field::text("open", "Open", 7),
    Field::text("next_step", "Next step", 50),
    Field::text("reason", "Reason", 40),
    Field::text("reason_by", "Reason given by", 20),
    Field::instant("reason_at", "Reason given (UTC)"),
];

const STEPS: [Field; 9] = [
    Field::number("id", "Number", 9),
    Field::text("step", "Step", 14),
    Field::text("role", "Role", 12),
    Field::text("by", "By", 24),
    Field::instant("at", "At (UTC)"),
    Field::text("why", "Why", 60),
    Field::text("counts", "Counts", 9),
    Field::number("tie_out", "Tie-out", 9),
    Field::text("run", "Run", 38),
];

const SIGNED: [Field; 12] = [
    Field::number("step_id", "Number of the step", 9),
    Field::text("step", "Step", 14),
    Field::text("by", "By", 24),
    Field::text("entity", "Entity", 14),
    Field::text("block", "Block", 10),
    Field::text("currency", "Currency", 9),
    Field::number("syspro_records", "SYSPRO records", 11),
    Field::amount("syspro_amount", "SYSPRO amount", 18),
    Field::number("servicenow_records", "ServiceNow records", 11),
    Field::amount("servicenow_amount", "ServiceNow amount", 18),
    Field::number("open", "Open differences", 11),
    Field::text("result", "Result", 11),
];

fn amount(amount: rust_decimal::Decimal, currency: &str) -> Cell {
    if currency.is_empty() { Cell::Empty } else { Cell::Amount(amount, minor_units(currency).unwrap_or(2)) }
}

fn sum(sum: &SignedSum) -> Row {
    let difference = match sum.currency.is_empty() {
        true => (sum.servicenow_records - sum.syspro_records).into(),
        false => amount(sum.servicenow_amount - sum.syspro_amount, &sum.currency),
    };
    vec![
        sum.entity.as_str().into(),
        sum.block.as_str().into(),
        sum.currency.as_str().into(),
        sum.syspro_records.into(),
        amount(sum.syspro_amount, &sum.currency),
        sum.servicenow_records.into(),
        amount(sum.servicenow_amount, &sum.currency),
        difference,
        sum.open_items.into(),
        sum.timing_items.into(),
        sum.verdict.as_str().into(),
    ]
}

fn difference(one: &PeriodItem) -> Row {
    let item = &one.item;
    let cause = item.cause.unwrap_or(Cause::Unexplained);
    let key = |key: &str| if key.is_empty() { Cell::Empty } else { Cell::word(key, DocumentKey::shown(key)) };
    vec![
        item.id.0.into(),
        item.entity.as_str().into(),
        item.block.as_str().into(),
        key(&item.document_key),
        key(&item.record_key),
        item.currency.as_str().into(),
        item.amount.map_or(Cell::Empty, |of| amount(of, &item.currency)),
        item.field.clone().into(),
        item.syspro_value.clone().into(),
        item.servicenow_value.clone().into(),
        Cell::word(cause.as_str(), cause.text()),
        Cell::yes_or_no(item.open),
        cause.next_step().to_string().into(),
        one.reason.clone().into(),
        one.reason_by.clone().into(),
        one.reason_at.into(),
    ]
}

fn step(step: &Signature) -> Row {
    vec![
        step.id.into(),
        Cell::word(step.step.as_str(), step.step.text()),
        step.role.into(),
        step.by.as_str().into(),
        step.at.into(),
        step.why.as_str().into(),
        if step.step.is_signature() { Cell::yes_or_no(step.stands) } else { Cell::Empty },
        step.tie_out.into(),
        step.run.clone().into(),
    ]
}

fn signed(step: &Signature, sum: &SignedSum) -> Row {
    vec![
        step.id.into(),
        Cell::word(step.step.as_str(), step.step.text()),
        step.by.as_str().into(),
        sum.entity.as_str().into(),
        sum.block.as_str().into(),
        sum.currency.as_str().into(),
        sum.syspro_records.into(),
        amount(sum.syspro_amount, &sum.currency),
        sum.servicenow_records.into(),
        amount(sum.servicenow_amount, &sum.currency),
        sum.open_items.into(),
        sum.verdict.as_str().into(),
    ]
}

/// One table of a period, or all of them for a workbook. `by`: who gets the file.
///
/// # Errors
/// An error of the ledger.
pub async fn period_file(process: &Process, report: &CloseReport, part: Option<PeriodPart>, by: String) -> Result<ListFile, Refused> {
    let of = format!("{} of {}", report.line.period, report.line.company);
    let what = part.map(|part| format!("-{}", part.word())).unwrap_or_default();
    let stem = format!("close-{}-{}{what}", report.line.company, report.line.period);
    let source = match &report.line.tie_out {
        Some(one) => format!("the ledger: tie-out {}, the newest, and the steps of the close", one.tie_out),
        None => "the ledger: the steps of the close; there is no tie-out".to_owned(),
    };
    let asked = Asked { filter: format!("company {}, period {}", report.line.company, report.line.period), by };
    let parts = part.map_or(PeriodPart::ALL.to_vec(), |part| vec![part]);
    let tables = parts.into_iter().map(|part| part.table(report)).collect();
    ListFile::now(process, &stem, &format!("Close of {of}"), &source, asked, tables).await
}
