//! `tieline tie-out --by`: the sums by supplier, account or document type.

use serde_json::{Value, json};

use super::failure::Failure;
use super::output;
use crate::domain::fiscal::{period_text, period_word};
use crate::domain::ids::TieOutId;
use crate::domain::money::amount_in;
use crate::domain::tie_out_group::GroupBy;
use crate::operations::export::csv_of;
use crate::operations::tie_out::{files, groups};
use crate::process::Process;
use crate::store::{TieOutGroup, TieOutGroups};

/// Groups read at once.
const STEP: i64 = 1000;

/// Hands the groups of a tie-out over, page by page.
async fn each(
    process: &Process,
    id: TieOutId,
    by: GroupBy,
    mut show: impl FnMut(&[TieOutGroup]) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let (mut filter, mut any) = (TieOutGroups::of(id, by, STEP), false);
    loop {
        let page = groups::groups(process, filter.clone()).await?;
        let Some(last) = page.last() else { return Ok(any) };
        (filter.after, any) = (last.id, true);
        show(&page)?;
    }
}

/// Prints them as tables.
pub(super) async fn print(process: &Process, id: TieOutId, by: GroupBy) -> Result<(), Failure> {
    let headers = ["company", "records", "period", "in", by.text(), "SYSPRO", "gone", "ServiceNow", "difference", "rows"];
    let any = each(process, id, by, |page| output::line(&output::table(&headers, &[5, 6, 7, 8, 9], page.iter().map(line)))).await?;
    if any {
        return Ok(());
    }
    let said = format!(
        "No sums by {}: no definition names the field (`{by}` in `[header.tie_out]` or `[lines.tie_out]`), or they are not kept any more.",
        by.text()
    );
    output::line(&said)
}

/// Prints them as CSV.
pub(super) async fn csv(process: &Process, id: TieOutId, by: GroupBy) -> Result<(), Failure> {
    csv_of(files::groups(process, &TieOutGroups::of(id, by, STEP)), output::bytes).await
}

/// Writes them as members of a JSON list.
pub(super) async fn json(process: &Process, id: TieOutId, by: GroupBy, write: impl Fn(&str) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut first = true;
    each(process, id, by, |page| {
        page.iter().try_for_each(|group| {
            let before = if std::mem::take(&mut first) { "\n    " } else { ",\n    " };
            write(&format!("{before}{}", value(group)))
        })
    })
    .await
    .map(drop)
}

fn value(group: &TieOutGroup) -> Value {
    let side = |count: i64, sum: Option<rust_decimal::Decimal>| json!({ "count": count, "sum": sum.map(|sum| sum.to_string()) });
    json!({
        "company": group.company,
        "entity": group.entity,
        "block": group.block,
        "period": period_word(group.year, group.period),
        "currency": group.currency,
        "by": group.grouped_by,
        "value": group.value,
        "syspro": side(group.syspro_records, group.syspro_amount),
        "gone": side(group.gone_records, group.gone_amount),
        "servicenow": side(group.servicenow_records, group.servicenow_amount),
        "difference": groups::difference(group),
    })
}

fn line(group: &TieOutGroup) -> Vec<String> {
    let block = if group.block == "header" { group.entity.clone() } else { format!("{} {}", group.entity, group.block) };
    let amounts = !group.currency.is_empty();
    let cell = |amount: Option<rust_decimal::Decimal>, records: i64| {
        if amounts { amount_in(amount.unwrap_or_default(), &group.currency) } else { records.to_string() }
    };
    vec![
        group.company.clone(),
        block,
        period_text(group.year, group.period),
        if amounts { group.currency.clone() } else { "records".to_owned() },
        if group.value.is_empty() { "(none)".to_owned() } else { group.value.clone() },
        cell(group.syspro_amount, group.syspro_records),
        cell(group.gone_amount, group.gone_records),
        cell(group.servicenow_amount, group.servicenow_records),
        if amounts { amount_in(group.difference(), &group.currency) } else { group.records_difference().to_string() },
        format!("{}/{}", group.syspro_records + group.gone_records, group.servicenow_records),
    ]
}
