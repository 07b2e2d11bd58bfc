//! Lists as files: the routes of a list's CSV and workbook, and the answers that send them.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read as _};
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::time::timeout;

use super::answer::{Page, Refusal};
use super::filter::Filter;
use super::session;
use crate::domain::role::Permission;
use crate::http::headers::HEADERS;
use crate::http::query::Params;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::export::{Asked, CsvLines, ListFile};

/// The parameter of a CSV file that leaves out the lines about it: `about=no`.
pub(super) const ABOUT: &str = "about";

const CSV: &str = "text/csv; charset=utf-8";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// A workbook that takes longer is sent as soon as it is made, and not refused as a request without an answer.
const SOON: Duration = Duration::from_secs(10);

/// Bytes of a file that are read at once.
const PIECE: usize = 64 << 10;

/// The addresses of a list's files, for its page.
pub(super) struct Files {
    pub(super) csv: String,
    pub(super) xlsx: String,
    /// What they contain: `these runs`.
    pub(super) what: &'static str,
}

impl Files {
    /// Those of the list at this path, with what the filter selects.
    pub(super) fn of(filter: &Filter, path: &str, what: &'static str) -> Self {
        Self { csv: filter.link(&format!("{path}.csv"), &[]), xlsx: filter.link(&format!("{path}.xlsx"), &[]), what }
    }

    /// Those of a list without a filter.
    pub(super) fn at(path: &str, what: &'static str) -> Self {
        Self { csv: format!("{path}.csv"), xlsx: format!("{path}.xlsx"), what }
    }
}

/// What a person asks for with this filter.
///
/// # Errors
/// Without a session.
pub(super) fn asked(request: &HttpRequest, filter: &Filter) -> Result<Asked, Refusal> {
    Ok(Asked { filter: filter.words(), by: session::of(request)?.key })
}

/// The same for a list without a filter.
///
/// # Errors
/// Without a session; 400 for a parameter that there is not.
pub(super) fn asked_all(request: &HttpRequest) -> Result<Asked, Refusal> {
    Params::parse(request.query_string(), &[ABOUT])?;
    Ok(Asked { filter: String::new(), by: session::of(request)?.key })
}

/// The routes of a list as CSV and as a workbook, with the permission of its page.
pub(super) fn routes<Found>(
    [csv_path, xlsx_path]: [&'static str; 2],
    needs: Permission,
    list: impl Fn(web::Data<AppState>, HttpRequest) -> Found + Copy + Send + Sync + 'static,
) -> Vec<Route>
where
    Found: Future<Output = Result<ListFile, Refusal>> + 'static,
{
    vec![csv(csv_path, needs, list), xlsx(xlsx_path, needs, list)]
}

/// The route of a list as CSV.
pub(super) fn csv<Found>(
    path: &'static str,
    needs: Permission,
    list: impl Fn(web::Data<AppState>, HttpRequest) -> Found + Copy + Send + Sync + 'static,
) -> Route
where
    Found: Future<Output = Result<ListFile, Refusal>> + 'static,
{
    Route::page(path, Some(needs), move |app_state: web::Data<AppState>, request: HttpRequest| async move {
        let lines = match about(&request) {
            Some(about) if about == "no" => CsvLines::RowsOnly,
            _ => CsvLines::WithAbout,
        };
        let file = list(app_state, request).await?;
        let mut answer = file_answer(CSV, &format!("{}.csv", file.stem));
        let pieces = file.csv(lines).await?;
        // the ledger may fail later: then the answer is cut off, and a browser says that the file is not complete
        Page::Ok(
            answer.streaming(pieces.map(|piece| piece.map(web::Bytes::from).map_err(|refused| Box::<dyn Error>::from(refused.what())))),
        )
    })
}

/// The route of a list as a workbook.
pub(super) fn xlsx<Found>(
    path: &'static str,
    needs: Permission,
    list: impl Fn(web::Data<AppState>, HttpRequest) -> Found + Copy + Send + Sync + 'static,
) -> Route
where
    Found: Future<Output = Result<ListFile, Refusal>> + 'static,
{
    Route::page(path, Some(needs), move |app_state: web::Data<AppState>, request: HttpRequest| async move {
        let file = list(app_state, request).await?;
        let mut answer = file_answer(XLSX, &format!("{}.xlsx", file.stem));
        let mut making = Box::pin(async move { file.workbook().await });
        Page::Ok(match timeout(SOON, making.as_mut()).await {
            Ok(workbook) => answer.streaming(pieces(workbook?)),
            // the browser waits for the file; what fails from here on cuts the answer off
            Err(_) => answer.streaming(
                stream::once(making).map(|made| made.map(pieces).map_err(|refused| Box::<dyn Error>::from(refused.what()))).try_flatten(),
            ),
        })
    })
}

fn about(request: &HttpRequest) -> Option<String> {
    url::form_urlencoded::parse(request.query_string().as_bytes()).find(|(name, _)| name == ABOUT).map(|(_, value)| value.into_owned())
}

/// The head of an answer that a browser saves as a file.
pub(super) fn file_answer(form: &'static str, name: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    for header in HEADERS {
        response.insert_header(header);
    }
    response.content_type(form);
    response.insert_header(("content-disposition", format!("attachment; filename=\"{name}\"")));
    response
}

/// A file as it is read, to its end.
pub(super) fn pieces(file: File) -> impl Stream<Item = Result<web::Bytes, Box<dyn Error>>> {
    stream::try_unfold(file, |mut file| async move {
        let read = web::block(move || {
            let mut bytes = vec![0; PIECE];
            let length = file.read(&mut bytes)?;
            bytes.truncate(length);
            Ok::<_, io::Error>((bytes, file))
        });
        let (bytes, file) = read.await??;
        Ok((!bytes.is_empty()).then(|| (web::Bytes::from(bytes), file)))
    })
}
