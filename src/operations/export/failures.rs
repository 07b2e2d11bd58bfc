//! What did not arrive: part by part, and by cause.

use super::file::{Asked, ListFile, Row, STEP, Table};
use crate::domain::currency::minor_units;
use crate::domain::delivery::PartState;
use crate::domain::ids::{DeliveryId, DocumentId};
use crate::domain::money::parse_decimal;
use crate::domain::{CompanyId, DocumentKey};
use crate::operations::{Refused, failures as listed};
use crate::process::Process;
use crate::report::{Cell, Field};
use crate::store::{CauseRow, FailureFilter, FailureRow};

/// The most causes in a file: the first ones in the order of the page.
const CAUSES: i64 = 1000;

const SOURCE: &str = "the ledger: records and lines that are not delivered, with the answers of ServiceNow";

const PARTS: [Field; 18] = [
    Field::text("company", "Company", 10).by(),
    Field::text("entity", "Entity", 14).by(),
    Field::text("key", "Record", 30),
    Field::number("version", "Version", 9),
    Field::text("block", "Block", 10),
    Field::text("line", "Line", 12),
    Field::text("state", "State", 10),
    Field::text("reason", "Reason", 16),
    Field::text("message", "Message", 60),
    Field::text("field", "Field", 20),
    Field::text("next_step", "Next step", 50),
    Field::text("cause", "Cause", 18),
    Field::number("attempts", "Attempts", 9),
    Field::instant("since", "In this state since (UTC)"),
    Field::instant("not_delivered_since", "Not delivered since (UTC)"),
    Field::instant("next_attempt_at", "Next attempt or look-up (UTC)"),
    Field::text("currency", "Currency", 9).by(),
    Field::amount("amount", "Amount, once for each record", 18).added(),
];

const BY_CAUSE: [Field; 12] = [
    Field::text("cause", "Cause", 18),
    Field::text("company", "Company", 10),
    Field::text("entity", "Entity", 14),
    Field::text("reason", "Reason", 16),
    Field::number("records", "Records", 9),
    Field::number("parts", "Parts", 9),
    Field::text("amounts", "Amounts at stake", 30),
    Field::instant("first_failed_at", "First failed (UTC)"),
    Field::instant("last_failed_at", "Last failed (UTC)"),
    Field::text("example_key", "Example", 30),
    Field::text("example", "Its message", 60),
    Field::text("next_step", "Next step", 50),
];

/// The parts that match, in the order of their records. The amount of a record stands in its first row, so that it counts once.
fn parts(process: &Process, filter: FailureFilter) -> Table {
    let (process, definitions) = (process.clone(), process.definitions.now());
    let read = move |after: (DocumentId, DeliveryId)| {
        let (process, filter) = (process.clone(), FailureFilter { limit: STEP, ..filter.clone() });
        async move {
            let rows = listed::failure_list_by_record(&process, filter, after).await?;
            let mut before = after.0;
            Ok::<_, Refused>(
                rows.into_iter().map(|row| (std::mem::replace(&mut before, row.document_id) != row.document_id, row)).collect(),
            )
        }
    };
    let cells = move |(is_first, row): &(bool, FailureRow)| -> Row {
        let currency =
            definitions.code_lists.currency_shown(&CompanyId::new(&row.company), row.currency.as_deref().unwrap_or_default()).into_owned();
        let amount = row.amount.as_deref().filter(|_| *is_first).and_then(parse_decimal);
        let next = matches!(row.state, PartState::Retrying | PartState::Unknown).then_some(row.not_before);
        vec![
            row.company.as_str().into(),
            row.entity.as_str().into(),
            Cell::word(row.key.as_str(), DocumentKey::shown(&row.key)),
            row.version.into(),
            row.block.as_str().into(),
            line(&row.record_key),
            row.state.as_str().into(),
            row.reason.map(|reason| reason.as_str()).map_or(Cell::Empty, Cell::from),
            row.message.clone().into(),
            row.field.clone().into(),
            row.next_step.clone().into(),
            row.cause.as_str().into(),
            row.attempts.into(),
            row.since.into(),
            row.first_failed_at.into(),
            next.into(),
            amount.map(|_| currency.clone()).into(),
            amount.map_or(Cell::Empty, |amount| Cell::Amount(amount, minor_units(&currency).unwrap_or(2))),
        ]
    };
    let begin = (DocumentId::default(), DeliveryId::default());
    Table::of_pages("Failures", &PARTS, begin, read, |(_, row): &(bool, FailureRow)| (row.document_id, row.delivery_id), cells)
}

fn line(key: &str) -> Cell {
    if key.is_empty() { Cell::Empty } else { Cell::word(key, DocumentKey::shown(key)) }
}

/// The causes that match, in the order of the page.
async fn by_cause(process: &Process, filter: FailureFilter) -> Result<(Table, Option<String>), Refused> {
    let rows = listed::failure_causes(process, FailureFilter { limit: CAUSES, ..filter }).await?;
    let all = rows.first().map_or(0, |row| row.causes);
    let left_out = (all > CAUSES).then(|| format!("the first {CAUSES} of {all} causes; the failures themselves are complete"));
    let definitions = process.definitions.now();
    let cells = |row: &CauseRow| -> Row {
        let company = CompanyId::new(&row.company);
        let amount = |currency: &str, amount: &str| format!("{} {amount}", definitions.code_lists.currency_shown(&company, currency));
        let amounts: Vec<String> = row.amounts.iter().map(|one| amount(&one.currency, &one.amount)).collect();
        vec![
            row.cause.as_str().into(),
            row.company.as_str().into(),
            row.entity.as_str().into(),
            row.reason.as_str().into(),
            row.documents.into(),
            row.count.into(),
            amounts.join("; ").into(),
            row.first_failed_at.into(),
            row.last_failed_at.into(),
            Cell::word(row.example_key.as_str(), DocumentKey::shown(&row.example_key)),
            row.example.as_str().into(),
            row.next_step.clone().into(),
        ]
    };
    Ok((Table::of_rows("Causes", &BY_CAUSE, rows.iter().map(cells).collect()), left_out))
}

fn with_causes(mut file: ListFile, left_out: Option<String>) -> ListFile {
    file.about.facts.extend(left_out.map(|left_out| ("Causes", left_out)));
    file
}

/// The failures that match; in a workbook also their causes.
///
/// # Errors
/// An error of the ledger.
pub async fn failures(process: &Process, filter: FailureFilter, asked: Asked) -> Result<ListFile, Refused> {
    let (causes, left_out) = by_cause(process, filter.clone()).await?;
    let tables = vec![parts(process, filter), causes];
    Ok(with_causes(ListFile::now(process, "failures", "Failures", SOURCE, asked, tables).await?, left_out))
}

/// The causes of the failures that match.
///
/// # Errors
/// An error of the ledger.
pub async fn causes(process: &Process, filter: FailureFilter, asked: Asked) -> Result<ListFile, Refused> {
    let (causes, left_out) = by_cause(process, filter).await?;
    Ok(with_causes(ListFile::now(process, "failure-causes", "Failures by cause", SOURCE, asked, vec![causes]).await?, left_out))
}
