//! The JSON of `tieline tie-out`: one document, whose differences are written as they are read.

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::failure::Failure;
use super::{output, tie_out_groups, tie_out_subledger};
use crate::domain::fiscal::period_word;
use crate::domain::ids::TieOutItemId;
use crate::domain::next_step::NextStep;
use crate::domain::tie_out::{Cause, Difference};
use crate::domain::tie_out_group::GroupBy;
use crate::domain::visible::visible_json;
use crate::operations::tie_out::{self, TieOutReport};
use crate::process::Process;
use crate::store::{TieOutBlock, TieOutBucket, TieOutControl, TieOutItem, TieOutItems};

/// Differences and violations read at once.
const STEP: i64 = 1000;

/// Prints a tie-out with its differences and its controls.
pub(super) async fn print(process: &Process, report: &TieOutReport, by: Option<GroupBy>) -> Result<(), Failure> {
    let run = &report.run;
    let watermarks = report.blocks.iter().filter_map(|block| {
        let watermark = block.watermark?;
        Some(json!({ "company": block.company, "entity": block.entity, "block": block.block, "watermark": watermark }))
    });
    let scope = json!({
        "companies": run.companies,
        "entities": run.entities,
        "period": run.of_period().map(|period| period.to_string()),
        "fresh": run.fresh,
    });
    let head = [
        ("as_of", json!(instant(run.started_at))),
        ("cut", json!({ "at": instant(run.started_at), "watermarks": watermarks.collect::<Vec<_>>() })),
        ("id", json!(run.id)),
        ("state", json!(run.state)),
        ("result", json!(run.result)),
        ("open_items", json!(run.open_items)),
        ("error", json!(run.error)),
        ("ended_at", json!(run.ended_at.map(instant))),
        ("requested_by", json!(run.requested_by)),
        ("why", json!(run.why)),
        ("scope", scope),
        ("blocks", report.blocks.iter().map(block).collect()),
        ("buckets", report.buckets.iter().map(bucket).collect()),
        ("controls", Value::Array(controls(process, report).await?)),
        ("subledger", Value::Array(tie_out_subledger::members(process, report).await?)),
    ];
    let members = head.iter().map(|(name, value)| format!("  \"{name}\": {},\n", text(value)));
    write(&format!("{{\n{}", members.collect::<String>()))?;
    if let Some(by) = by {
        write("  \"groups\": [")?;
        tie_out_groups::json(process, run.id, by, write).await?;
        write("\n  ],\n")?;
    }
    write("  \"differences\": [")?;
    let mut filter = TieOutItems { of: run.id, limit: STEP, ..TieOutItems::default() };
    let mut first = true;
    loop {
        let items = tie_out::items(process, filter.clone()).await?;
        for item in &items {
            let before = if std::mem::take(&mut first) { "\n    " } else { ",\n    " };
            write(&format!("{before}{}", text(&difference(item))))?;
        }
        match items.last() {
            Some(last) if items.len() as i64 == STEP => filter.after = TieOutItemId(last.id.0),
            _ => break,
        }
    }
    write(if first { "]\n}\n" } else { "\n  ]\n}\n" })
}

fn write(text: &str) -> Result<(), Failure> {
    output::bytes(visible_json(text).as_bytes())
}

fn text(value: &Value) -> String {
    value.to_string()
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn amount(amount: Option<Decimal>) -> Option<String> {
    amount.map(|amount| amount.to_string())
}

fn block(block: &TieOutBlock) -> Value {
    json!({
        "company": block.company,
        "entity": block.entity,
        "block": block.block,
        "tables": block.tables,
        "unverified": block.unverified,
        "unread": block.unread,
        "left_out": block.left_out,
        "not_compared": block.not_compared,
        "without_period": block.without_period,
        "listed_at": block.listed_at.map(instant),
        "read_at": block.read_at.map(instant),
        "summed_groups": block.summed_groups,
        "not_summed": block.not_summed,
    })
}

fn bucket(bucket: &TieOutBucket) -> Value {
    let side = |count: i64, sum: Option<Decimal>| json!({ "count": count, "sum": amount(sum) });
    let difference = match bucket.currency.is_empty() {
        // without amounts, the records are compared
        true => (bucket.servicenow_records - bucket.syspro_records - bucket.gone_records).to_string(),
        false => bucket.difference().to_string(),
    };
    json!({
        "company": bucket.company,
        "entity": bucket.entity,
        "block": bucket.block,
        "period": period_word(bucket.year, bucket.period),
        "currency": bucket.currency,
        "syspro": side(bucket.syspro_records, bucket.syspro_amount),
        "ledger": side(bucket.ledger_records, bucket.ledger_amount),
        "gone": side(bucket.gone_records, bucket.gone_amount),
        "servicenow": side(bucket.servicenow_records, bucket.servicenow_amount),
        "difference": difference,
        "open": bucket.open_items,
        "timing": bucket.timing_items,
        "explained": amount(bucket.explained),
        "state": bucket.verdict,
    })
}

/// The values of both sides: of the field that differs, else of the whole record's amount.
fn difference(item: &TieOutItem) -> Value {
    let cause = item.cause.unwrap_or(Cause::Unexplained);
    let (syspro, servicenow) = match item.kind {
        Difference::Missing => (amount(item.amount.map(|amount| -amount)), None),
        Difference::Extra | Difference::Twice | Difference::Unmapped => (None, amount(item.amount)),
        Difference::Differs => (item.syspro_value.clone(), item.servicenow_value.clone()),
    };
    json!({
        "company": item.company,
        "entity": item.entity,
        "block": item.block,
        "key": item.document_key,
        "record_key": item.record_key,
        "period": period_word(item.year, item.period),
        "currency": item.currency,
        "kind": item.kind,
        "field": item.field,
        "syspro": syspro,
        "servicenow": servicenow,
        "amount": amount(item.amount),
        "cause": cause,
        "cause_text": cause.text(),
        "open": item.open,
        "next_step": cause.next_step().to_string(),
        "message": item.message,
        "table": item.target_table,
        "sys_id": item.sys_id,
        "updated_by": item.updated_by,
        "updated_at": item.updated_at,
        "first_seen_at": instant(item.first_seen_at),
    })
}

/// Each control with the first documents that violate it.
async fn controls(process: &Process, report: &TieOutReport) -> Result<Vec<Value>, Failure> {
    let any = report.controls.iter().any(|control| control.violated + control.unchecked > 0);
    let found = if any { tie_out::violations(process, report.run.id, 0, STEP).await? } else { Vec::new() };
    let control = |control: &TieOutControl| {
        let own = found.iter().filter(|one| (&one.company, &one.entity, one.number) == (&control.company, &control.entity, control.number));
        let violations = own.map(|one| {
            json!({
                "key": one.document_key,
                "record_key": one.record_key,
                "unchecked": one.unchecked,
                "message": one.message,
                "next_step": NextStep::TieOutControl.to_string(),
            })
        });
        json!({
            "company": control.company,
            "entity": control.entity,
            "control": control.name,
            "checked": control.checked,
            "violated": control.violated,
            "unchecked": control.unchecked,
            "left_out": control.left_out,
            "state": if control.left_out.is_some() || control.unchecked > 0 { "unverified" } else if control.violated > 0 { "open" } else { "holds" },
            "violations": violations.collect::<Vec<_>>(),
        })
    };
    Ok(report.controls.iter().map(control).collect())
}
