//! A tie-out as files: its tables, a workbook with all of them, and a document to sign; and the list of tie-outs.

use actix_web::{HttpRequest, web};

use super::answer::{Page, Refusal};
use super::files::{self, file_answer};
use super::session;
use super::tie_out::Selected;
use crate::domain::ids::TieOutItemId;
use crate::domain::role::Permission;
use crate::http::api::tie_outs::id;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::export::{self, ListFile};
use crate::operations::tie_out::files::{Chosen, Part, document};
use crate::operations::tie_out::{self, TieOutReport};
use crate::store::TieOutBucket;

pub(in crate::http) fn routes() -> Vec<Route> {
    let csv = |path: &'static str, part: Part| {
        files::csv(path, Permission::Read, move |app_state, request| async move {
            let asked = Asked::read(&app_state, &request).await?;
            Ok(asked.chosen().part(&app_state.process, part).await?)
        })
    };
    let of_one = vec![
        csv("/tie-out/{id}/sums.csv", Part::Sums),
        csv("/tie-out/{id}/differences.csv", Part::Differences),
        csv("/tie-out/{id}/controls.csv", Part::Controls),
        csv("/tie-out/{id}/sub-ledger.csv", Part::Subledger),
        csv("/tie-out/{id}/sub-ledger-entries.csv", Part::SubledgerEntries),
        csv("/tie-out/{id}/not-compared.csv", Part::NotCompared),
        files::xlsx("/tie-out/{id}/tie-out.xlsx", Permission::Read, workbook),
        Route::page("/tie-out/{id}/tie-out.pdf", Some(Permission::Read), paper),
    ];
    [of_one, files::routes(["/tie-outs.csv", "/tie-outs.xlsx"], Permission::Read, list)].concat()
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
}

async fn workbook(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    let asked = Asked::read(&app_state, &request).await?;
    Ok(asked.chosen().all(&app_state.process).await?)
}

async fn paper(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let asked = Asked::read(&app_state, &request).await?;
    let bytes = document(&app_state.process, &asked.chosen()).await?;
    Ok(file_answer("application/pdf", &format!("tieline-tie-out-{}.pdf", asked.report.run.id)).body(bytes))
}

/// All tie-outs.
async fn list(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    Ok(export::tie_outs(&app_state.process, files::asked_all(&request)?).await?)
}
