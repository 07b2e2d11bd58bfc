//! Evidence for an auditor: a form for the period, and the file.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{Datelike, NaiveDate, NaiveTime, Utc};
use futures_util::{Stream, stream};

use super::answer::{Page, ok};
use super::session::{self, Form};
use super::view::Layout;
use crate::domain::fiscal::NoPeriod;
use crate::domain::role::Permission;
use crate::http::api::actions::requested;
use crate::http::headers::HEADERS;
use crate::http::problem::Problem;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::evidence::AskedEvidence;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![Route::page("/evidence", Some(Permission::ReadAudit), page), Route::form("/evidence", Some(Permission::ReadAudit), write)]
}

/// Bytes of the file that are read at once.
const CHUNK: usize = 64 << 10;

#[derive(Template)]
#[template(path = "evidence.html")]
struct EvidencePage {
    layout: Layout,
    /// The first day of last month.
    since: String,
    /// The first day of this month.
    until: String,
}

async fn page(request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let today = Utc::now().date_naive();
    let until = today.with_day(1).unwrap_or(today);
    let since = until.pred_opt().and_then(|last| last.with_day(1)).unwrap_or(until);
    ok(&EvidencePage { layout: Layout::of(&session, "/evidence", "Evidence"), since: since.to_string(), until: until.to_string() })
}

/// The fields of the form.
pub(super) const FIELDS: &[&str] = &["since", "until", "period", "why"];

/// Makes the file, and sends it.
async fn write(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let form = Form::of(&session, payload, FIELDS).await?;
    let requested = requested(&request, form.text("why"))?;
    let day = |name: &str| -> Result<NaiveDate, Problem> {
        form.text(name).parse().map_err(|_| Problem::bad_request(format!("`{name}` is not a day"), "choose a day, such as 2026-09-01"))
    };
    let (since, until) = (day("since")?, day("until")?);
    if until <= since {
        return Err(Problem::bad_request(format!("the period from {since} to before {until} is empty"), "choose a later second day").into());
    }
    let period = match form.text("period") {
        "" => None,
        text => Some(
            text.parse()
                .map_err(|wrong: NoPeriod| Problem::bad_request(wrong.to_string(), "write a fiscal year and period, such as 2026-03"))?,
        ),
    };
    let begin = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let asked = AskedEvidence { since: begin(since), until: begin(until), period };
    let mut file = tempfile::tempfile().map_err(|error| no_file(&error))?;
    app_state.service.evidence(asked, requested, &mut file).await?;
    let mut response = HttpResponse::Ok();
    for header in HEADERS {
        response.insert_header(header);
    }
    response.content_type("application/zip");
    response.insert_header(("content-disposition", format!("attachment; filename=\"tieline-evidence-{since}-{until}.zip\"")));
    Ok(response.streaming(sent(file).map_err(|error| no_file(&error))?))
}

/// Sends a file from its beginning, as it is read.
fn sent(mut file: File) -> io::Result<impl Stream<Item = Result<web::Bytes, Box<dyn Error>>>> {
    file.rewind()?;
    Ok(stream::try_unfold(file, |mut file| async move {
        let read = web::block(move || {
            let mut bytes = vec![0; CHUNK];
            let length = file.read(&mut bytes)?;
            bytes.truncate(length);
            Ok::<_, io::Error>((bytes, file))
        });
        let (bytes, file) = read.await??;
        Ok((!bytes.is_empty()).then(|| (web::Bytes::from(bytes), file)))
    }))
}

fn no_file(error: &std::io::Error) -> Problem {
    Problem::unavailable(
        format!("the file could not be written: {error}"),
        "check that the directory for temporary files has room, then try again",
    )
}
