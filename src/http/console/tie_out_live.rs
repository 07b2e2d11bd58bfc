//! The list of tie-outs: the part of the page of a tie-out that reloads.

use actix_web::{HttpRequest, web};
use askama::Template;
use chrono::Utc;

use super::answer::{Page, Refusal, ok};
use super::session;
use super::view::Time;
use crate::domain::ids::TieOutId;
use crate::domain::tie_out::TieOutState;
use crate::http::state::AppState;
use crate::operations::tie_out;
use crate::store::TieOutRun;

/// The most tie-outs in the list of earlier ones.
const EARLIER: i64 = 20;

/// One tie-out in the list.
pub(super) struct RunView {
    pub(super) id: TieOutId,
    pub(super) state: &'static str,
    pub(super) tone: &'static str,
    pub(super) as_of: Time,
    pub(super) ended: Option<Time>,
    pub(super) by: String,
    pub(super) why: Option<String>,
    pub(super) error: Option<String>,
    /// What was asked for; `None`: everything.
    pub(super) scope: Option<String>,
}

impl From<TieOutRun> for RunView {
    fn from(run: TieOutRun) -> Self {
        Self {
            scope: run.scope_text(),
            id: run.id,
            state: run.state.as_str(),
            tone: match run.state {
                TieOutState::Running => "busy",
                TieOutState::Done => "good",
                TieOutState::Failed => "bad",
            },
            as_of: Time(run.started_at),
            ended: run.ended_at.map(Time),
            by: run.requested_by,
            why: run.why,
            error: run.error,
        }
    }
}

/// The list of tie-outs: the part of the page that reloads.
pub(super) struct Live {
    pub(super) runs: Vec<RunView>,
    pub(super) busy: usize,
    pub(super) now: Time,
}

impl Live {
    pub(super) async fn read(app_state: &AppState) -> Result<Self, Refusal> {
        let runs = tie_out::list(&app_state.process, None, EARLIER).await?;
        let busy = runs.iter().filter(|run| run.state == TieOutState::Running).count();
        Ok(Self { runs: runs.into_iter().map(RunView::from).collect(), busy, now: Time(Utc::now()) })
    }
}

#[derive(Template)]
#[template(path = "tie_out_live.html")]
struct TieOutPart {
    live: Live,
}

pub(super) async fn live(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    session::of(&request)?;
    ok(&TieOutPart { live: Live::read(&app_state).await? })
}
