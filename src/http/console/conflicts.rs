//! What waits for a person: both values, and whose counts.

use actix_web::{HttpRequest, web};
use askama::Template;

use super::session::{self, Form};
use super::view::{Frame, Time, part};
use super::{Page, ok, see_other};
use crate::domain::merge::Side;
use crate::http::Surface;
use crate::http::api::actions::caller;
use crate::http::api::conflicts::resolve_action;
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::store::{ConflictFilter, ConflictRow};

/// Entries on a page.
const PAGE: usize = 100;

struct ConflictView {
    id: i64,
    path: String,
    flow: String,
    key: String,
    field: String,
    kind: String,
    state: String,
    /// Whether a person may say whose value counts: also anew, where SYSPRO does not take what was decided.
    decidable: bool,
    agreed: String,
    syspro: String,
    syspro_at: Option<Time>,
    servicenow: String,
    servicenow_at: Option<Time>,
    decided: Option<String>,
    /// Why SYSPRO does not show the value yet.
    said: Option<String>,
}

impl From<ConflictRow> for ConflictView {
    fn from(row: ConflictRow) -> Self {
        let decided = row.side.as_ref().map(|side| {
            let by = row.decided_by.as_deref().unwrap_or("tieline");
            format!("{side} counts, by {by}{}", row.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())
        });
        Self {
            id: row.id,
            path: format!("/records/{}/{}/{}", part(&row.company), part(&row.entity), part(&row.key)),
            flow: format!("{}/{}", row.company, row.entity),
            key: row.key,
            field: if row.field == "@row" { "the record itself".to_owned() } else { row.field },
            decidable: row.state != "closed" && row.kind != "ambiguous",
            kind: row.kind.replace('_', " "),
            state: row.state.replace('_', " "),
            agreed: row.agreed.unwrap_or_default(),
            syspro: row.syspro,
            syspro_at: row.syspro_at.map(Time),
            servicenow: row.servicenow,
            servicenow_at: row.servicenow_at.map(Time),
            decided,
            said: row.said,
        }
    }
}

#[derive(Template)]
#[template(path = "conflicts.html")]
struct ConflictsPage {
    frame: Frame,
    rows: Vec<ConflictView>,
    next: Option<String>,
}

/// `GET /conflicts`: what is not closed.
pub(super) async fn conflicts(surface: web::Data<Surface>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let params = Params::parse(request.query_string(), &["after", "done"])?;
    let filter = ConflictFilter { after: params.after()?, limit: PAGE as i64 + 1, ..ConflictFilter::default() };
    let mut rows = surface.deps.store.conflict_list(filter).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = rows.last().filter(|_| more).map(|row| format!("/conflicts?after={}", row.id));
    let frame = Frame::of(&session, "/conflicts", "Conflicts").done(params.text("done").as_deref());
    ok(&ConflictsPage { frame, rows: rows.into_iter().map(ConflictView::from).collect(), next })
}

/// `POST /conflicts/resolve`
pub(super) async fn resolve(surface: web::Data<Surface>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let form = Form::of(&session, payload).await?;
    let ids = form.all("id").iter().map(|id| id.parse()).collect::<Result<Vec<i64>, _>>();
    let ids = ids.map_err(|_| Problem::bad_request("an entry's number is none", "load the page again"))?;
    let take: Option<Side> = form.text("take").parse().ok();
    resolve_action(&surface, ids, take, form.text("why"), caller(&request)).await?;
    Ok(see_other("/conflicts?done=decided"))
}
