//! A tie-out as tables for a spreadsheet: its sums, and its differences.

use std::error::Error;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use chrono::SecondsFormat;
use futures_util::{StreamExt, stream};
use rust_decimal::Decimal;

use super::answer::Page;
use super::tie_out::Selected;
use crate::domain::csv::lines_with_amounts;
use crate::domain::ids::{TieOutId, TieOutItemId};
use crate::domain::role::Permission;
use crate::domain::tie_out::{Cause, period_text};
use crate::http::api::tie_outs::id;
use crate::http::headers::HEADERS;
use crate::http::problem::Problem;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::tie_out;
use crate::store::{TieOutBucket, TieOutItem};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::page("/tie-out/{id}/sums.csv", Some(Permission::Read), sums),
        Route::page("/tie-out/{id}/differences.csv", Some(Permission::Read), differences),
    ]
}

/// Differences read at once.
const STEP: usize = 1000;
const SUMS: &str = "company,entity,block,period,currency,syspro_records,syspro_amount,gone_records,gone_amount,servicenow_records,\
                    servicenow_amount,difference,ledger_records,ledger_amount,open,timing,explained,result\r\n";
const DIFFERENCES: &str = "id,company,entity,block,key,line,period,currency,amount,kind,field,syspro,servicenow,table,sys_id,updated_by,\
                           updated_at,cause,open,next_step,message,first_seen_at\r\n";

/// The head of an answer that a browser saves as a file.
fn file(id: TieOutId, what: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    for header in HEADERS {
        response.insert_header(header);
    }
    response.content_type("text/csv; charset=utf-8");
    response.insert_header(("content-disposition", format!("attachment; filename=\"tieline-tie-out-{id}-{what}.csv\"")));
    response
}

/// The sums that match the filter.
pub(super) async fn sums(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let report = tie_out::find(&app_state.process, id(&request, 1)?).await?;
    let selected = Selected::read(&app_state, &request, "/tie-out", &report.buckets).await?;
    let rows = report.buckets.iter().filter(|bucket| selected.has(bucket)).map(sum);
    let rows = lines_with_amounts(rows).map_err(|_| Problem::unavailable("the file could not be written", "try again"))?;
    Ok(file(report.run.id, "sums").body([SUMS.as_bytes(), &rows].concat()))
}

fn amount(amount: Option<Decimal>) -> String {
    amount.map(|amount| amount.to_string()).unwrap_or_default()
}

fn sum(bucket: &TieOutBucket) -> [String; 18] {
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

/// All differences that match the filter, sent as they are read.
pub(super) async fn differences(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let report = tie_out::find(&app_state.process, id(&request, 1)?).await?;
    let selected = Selected::read(&app_state, &request, "/tie-out", &report.buckets).await?;
    let filter = selected.items(report.run.id, TieOutItemId::default(), STEP);
    // an unreachable ledger gives an error page; later the answer can only be cut off
    let first = app_state.process.store.tie_out_items(filter.clone()).await?;
    let store = app_state.process.store.clone();
    let pages = stream::try_unfold((Some(first), filter), move |(items, mut filter)| {
        let store = store.clone();
        async move {
            let Some(items) = items else { return Ok::<_, Box<dyn Error>>(None) };
            let text = lines_with_amounts(items.iter().map(difference))?;
            let next = match items.last() {
                Some(last) if items.len() == STEP => {
                    filter.after = last.id;
                    Some(store.tie_out_items(filter.clone()).await?)
                }
                _ => None,
            };
            Ok(Some((web::Bytes::from(text), (next, filter))))
        }
    });
    let head = stream::once(async { Ok(web::Bytes::from_static(DIFFERENCES.as_bytes())) });
    Ok(file(report.run.id, "differences").streaming(head.chain(pages)))
}

fn difference(item: &TieOutItem) -> [String; 22] {
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
