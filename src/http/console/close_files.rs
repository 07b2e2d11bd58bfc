//! The close as files for a spreadsheet.

use actix_web::{HttpRequest, HttpResponse, web};

use super::answer::Page;
use super::close::chosen;
use crate::domain::role::Permission;
use crate::http::headers::HEADERS;
use crate::http::route::Route;
use crate::http::state::AppState;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::page("/close.xlsx", Some(Permission::Read), workbook),
        Route::page("/close.csv", Some(Permission::Read), periods),
        Route::page("/close-changes.csv", Some(Permission::Read), changes),
    ]
}

const CSV: &str = "text/csv; charset=utf-8";

fn file(form: &'static str, name: &str, bytes: Vec<u8>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for header in HEADERS {
        response.insert_header(header);
    }
    response.content_type(form);
    response.insert_header(("content-disposition", format!("attachment; filename=\"{name}\"")));
    response.body(bytes)
}

async fn workbook(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let (_, file_of, _) = chosen(&app_state, &request).await?;
    let bytes = file_of.workbook(&app_state.process).await?;
    Ok(file("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "tieline-close.xlsx", bytes))
}

async fn periods(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let (_, file_of, _) = chosen(&app_state, &request).await?;
    Ok(file(CSV, "tieline-close.csv", file_of.periods_csv(&app_state.process).await?))
}

async fn changes(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let (_, file_of, _) = chosen(&app_state, &request).await?;
    Ok(file(CSV, "tieline-close-changes.csv", file_of.changes_csv(&app_state.process).await?))
}
