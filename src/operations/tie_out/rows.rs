//! A tie-out as rows of a file for a spreadsheet: its sums, and its differences. Pure.

use chrono::SecondsFormat;
use rust_decimal::Decimal;

use crate::domain::fiscal::period_text;
use crate::domain::tie_out::Cause;
use crate::store::{TieOutBucket, TieOutItem};

/// The head of the sums.
pub const SUMS: &str = "company,entity,block,period,currency,syspro_records,syspro_amount,gone_records,gone_amount,servicenow_records,\
                    servicenow_amount,difference,ledger_records,ledger_amount,open,timing,explained,result\r\n";
/// The head of the differences.
pub const DIFFERENCES: &str = "id,company,entity,block,key,line,period,currency,amount,kind,field,syspro,servicenow,table,sys_id,updated_by,\
                           updated_at,cause,open,next_step,message,first_seen_at\r\n";

fn amount(amount: Option<Decimal>) -> String {
    amount.map(|amount| amount.to_string()).unwrap_or_default()
}

/// The cells of a sum.
pub fn sum(bucket: &TieOutBucket) -> [String; 18] {
    let difference = if bucket.currency.is_empty() { String::new() } else { bucket.difference().to_string() };
    [
        bucket.company.clone(),
        bucket.entity.clone(),
        bucket.block.clone(),
        period_text(bucket.year, bucket.period),
        bucket.currency.clone(),
        bucket.syspro_records.to_string(),
        amount(bucket.syspro_amount),
        bucket.gone_records.to_string(),
        amount(bucket.gone_amount),
        bucket.servicenow_records.to_string(),
        amount(bucket.servicenow_amount),
        difference,
        bucket.ledger_records.to_string(),
        amount(bucket.ledger_amount),
        bucket.open_items.to_string(),
        bucket.timing_items.to_string(),
        amount(bucket.explained),
        bucket.verdict.to_string(),
    ]
}

/// The cells of a difference.
pub fn difference(item: &TieOutItem) -> [String; 22] {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let cause = item.cause.unwrap_or(Cause::Unexplained);
    [
        item.id.to_string(),
        item.company.clone(),
        item.entity.clone(),
        item.block.clone(),
        item.document_key.clone(),
        item.record_key.clone(),
        period_text(item.year, item.period),
        item.currency.clone(),
        amount(item.amount),
        item.kind.to_string(),
        text(&item.field),
        text(&item.syspro_value),
        text(&item.servicenow_value),
        text(&item.target_table),
        text(&item.sys_id),
        text(&item.updated_by),
        text(&item.updated_at),
        cause.to_string(),
        item.open.to_string(),
        cause.next_step().to_string(),
        text(&item.message),
        item.first_seen_at.to_rfc3339_opts(SecondsFormat::Millis, true),
    ]
}
