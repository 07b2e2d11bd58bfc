//! A tie-out as tables for a spreadsheet: its sums, and its differences.

use std::error::Error;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use futures_util::{StreamExt, stream};

use super::answer::Page;
use super::tie_out::Selected;
use crate::domain::csv::lines_with_amounts;
use crate::domain::ids::{TieOutId, TieOutItemId};
use crate::domain::role::Permission;
use crate::http::api::tie_outs::id;
use crate::http::headers::HEADERS;
use crate::http::problem::Problem;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::tie_out;
use crate::operations::tie_out::rows::{DIFFERENCES, SUMS, difference, sum};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::page("/tie-out/{id}/sums.csv", Some(Permission::Read), sums),
        Route::page("/tie-out/{id}/differences.csv", Some(Permission::Read), differences),
    ]
}

/// Differences read at once.
const STEP: usize = 1000;
/// The head of an answer that a browser saves as a file.
pub(super) fn file(id: TieOutId, what: &str) -> HttpResponseBuilder {
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
    let selected = Selected::read(&app_state, &request, "/tie-out", &report.buckets).await?.of(&app_state, report.run.id).await?;
    let rows = report.buckets.iter().filter(|bucket| selected.has(bucket)).map(sum);
    let rows = lines_with_amounts(rows).map_err(|_| Problem::unavailable("the file could not be written", "try again"))?;
    Ok(file(report.run.id, "sums").body([SUMS.as_bytes(), &rows].concat()))
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
