//! A tie-out as a workbook and as a document to sign.

use actix_web::{HttpRequest, HttpResponse, web};

use super::answer::{Page, Refusal};
use super::session;
use super::tie_out::Selected;
use crate::domain::ids::TieOutItemId;
use crate::domain::role::Permission;
use crate::http::api::tie_outs::id;
use crate::http::headers::HEADERS;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::tie_out::files::{self, Chosen};
use crate::operations::tie_out::{self, TieOutReport};
use crate::store::TieOutBucket;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::page("/tie-out/{id}/tie-out.xlsx", Some(Permission::Read), workbook),
        Route::page("/tie-out/{id}/tie-out.pdf", Some(Permission::Read), document),
    ]
}

/// What a file shows: a tie-out with the filter of the page.
struct Asked {
    report: TieOutReport,
    selected: Selected,
    by: String,
}

impl Asked {
    async fn read(app_state: &AppState, request: &HttpRequest) -> Result<Self, Refusal> {
        let report = tie_out::find(&app_state.process, id(request, 1)?).await?;
        let selected = Selected::read(app_state, request, "/tie-out", &report.buckets).await?.of(app_state, report.run.id).await?;
        Ok(Self { report, selected, by: session::of(request)?.key })
    }

    fn chosen(&self) -> Chosen<'_> {
        let buckets: Vec<&TieOutBucket> = self.report.buckets.iter().filter(|bucket| self.selected.has(bucket)).collect();
        Chosen {
            buckets,
            items: self.selected.items(self.report.run.id, TieOutItemId::default(), 0),
            filter: self.selected.filter.words(),
            by: self.by.clone(),
            report: &self.report,
        }
    }

    fn file(&self, form: &'static str, ending: &str, bytes: Vec<u8>) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        for header in HEADERS {
            response.insert_header(header);
        }
        response.content_type(form);
        let name = format!("tieline-tie-out-{}.{ending}", self.report.run.id);
        response.insert_header(("content-disposition", format!("attachment; filename=\"{name}\"")));
        response.body(bytes)
    }
}

async fn workbook(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let asked = Asked::read(&app_state, &request).await?;
    let bytes = files::workbook(&app_state.process, &asked.chosen()).await?;
    Ok(asked.file("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", bytes))
}

async fn document(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let asked = Asked::read(&app_state, &request).await?;
    let bytes = files::document(&app_state.process, &asked.chosen()).await?;
    Ok(asked.file("application/pdf", "pdf", bytes))
}
