//! Evidence for an auditor: a form for the period, and the file.

use std::io::Seek as _;

use actix_web::{HttpRequest, web};
use askama::Template;
use chrono::{Datelike, NaiveDate, NaiveTime, Utc};

use super::answer::{Page, ok};
use super::files::{file_answer, pieces};
use super::session::{self, Form};
use super::view::Layout;
use crate::domain::fiscal::NoPeriod;
use crate::domain::role::Permission;
use crate::http::api::actions::requested;
use crate::http::problem::Problem;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::evidence::AskedEvidence;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![Route::page("/evidence", Some(Permission::ReadAudit), page), Route::form("/evidence", Some(Permission::ReadAudit), write)]
}

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
    file.rewind().map_err(|error| no_file(&error))?;
    Ok(file_answer("application/zip", &format!("tieline-evidence-{since}-{until}.zip")).streaming(pieces(file)))
}

fn no_file(error: &std::io::Error) -> Problem {
    Problem::unavailable(
        format!("the file could not be written: {error}"),
        "check that the directory for temporary files has room, then try again",
    )
}
