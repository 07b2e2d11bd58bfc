//! Runs, the newest first.

use actix_web::{HttpRequest, web};
use askama::Template;
use uuid::Uuid;

use super::view::{Frame, Time};
use super::{Page, ok, session};
use crate::http::Surface;
use crate::http::query::Params;
use crate::store::{RunFilter, RunRow};

/// Runs on a page.
const PAGE: usize = 50;

/// One run as the table shows it.
pub(super) struct RunView {
    pub(super) began: Time,
    pub(super) flow: String,
    pub(super) kind: String,
    pub(super) outcome: &'static str,
    pub(super) tone: &'static str,
    pub(super) error: Option<String>,
    pub(super) read: i64,
    pub(super) new: i64,
    pub(super) changed: i64,
    pub(super) confirmed: i64,
    pub(super) parked: i64,
    pub(super) by: String,
    pub(super) why: Option<String>,
}

impl From<RunRow> for RunView {
    fn from(row: RunRow) -> Self {
        let (outcome, tone) = match row.outcome.as_deref() {
            None => ("under way", "warn"),
            Some("done") => ("done", "good"),
            Some(_) => ("failed", "bad"),
        };
        Self {
            began: Time(row.started_at),
            flow: format!("{}/{}", row.company, row.entity),
            kind: row.kind,
            outcome,
            tone,
            error: row.error,
            read: row.read,
            new: row.new,
            changed: row.changed,
            confirmed: row.confirmed,
            parked: row.parked,
            by: row.requested_by,
            why: row.reason,
        }
    }
}

#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage {
    frame: Frame,
    runs: Vec<RunView>,
    next: Option<String>,
}

/// `GET /runs`
pub(super) async fn runs(surface: web::Data<Surface>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let before = Params::parse(request.query_string(), &["after"])?.value::<Uuid>("after", "the address of the link on the page before")?;
    let mut rows = surface.deps.store.run_list(RunFilter { before, limit: PAGE as i64 + 1, ..RunFilter::default() }).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = rows.last().filter(|_| more).map(|row| format!("/runs?after={}", row.id));
    ok(&RunsPage { frame: Frame::of(&session, "/runs", "Runs"), runs: rows.into_iter().map(RunView::from).collect(), next })
}
