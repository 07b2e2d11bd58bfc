//! What needs a second person: the requests, and the forms that answer them.

use actix_web::{HttpRequest, web};
use askama::Template;

use super::answer::{Page, ok, see_other};
use super::flash::FlashMessage;
use super::session::{self, Form};
use super::view::{Layout, Time};
use crate::domain::approval::ApprovalState;
use crate::domain::role::Permission;
use crate::http::api::actions::requested;
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::approval;
use crate::store::ApprovalRow;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![Route::page("/approvals", Some(Permission::Read), list), Route::form("/approvals", Some(Permission::Close), answer)]
}

/// Requests on the page.
const NEWEST: i64 = 100;

struct RowView {
    id: i64,
    subject: String,
    by: String,
    why: String,
    asked: Time,
    until: Time,
    state: &'static str,
    tone: &'static str,
    /// Whether it waits for an answer.
    waits: bool,
    answered: Option<(String, String)>,
}

impl From<ApprovalRow> for RowView {
    fn from(row: ApprovalRow) -> Self {
        Self {
            id: row.id,
            subject: row.subject,
            by: row.asked_by,
            why: row.why,
            asked: Time(row.asked_at),
            until: Time(row.expires_at),
            state: row.state.as_str(),
            tone: match row.state {
                ApprovalState::Asked => "busy",
                ApprovalState::Approved | ApprovalState::Used => "good",
                ApprovalState::Rejected => "bad",
                ApprovalState::Expired => "warn",
            },
            waits: row.state == ApprovalState::Asked,
            answered: row.answered_by.zip(row.answer),
        }
    }
}

#[derive(Template)]
#[template(path = "approvals.html")]
struct ApprovalsPage {
    layout: Layout,
    rows: Vec<RowView>,
}

async fn list(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let params = Params::parse(request.query_string(), &["done"])?;
    let rows = approval::list(&app_state.process, None, NEWEST).await?;
    ok(&ApprovalsPage {
        layout: Layout::of(&session, "/approvals", "Approvals").done(params.text("done").as_deref()),
        rows: rows.into_iter().map(RowView::from).collect(),
    })
}

/// What the form of an answer has.
pub(super) const FIELDS: &[&str] = &["id", "answer", "why"];

async fn answer(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let form = Form::of(&session, payload, FIELDS).await?;
    let requested = requested(&request, form.text("why"))?;
    let again = || Problem::bad_request("the form names no request or no answer", "load the page again, and send the form from there");
    let id: i64 = form.text("id").parse().map_err(|_| again())?;
    let approve = match form.text("answer") {
        "approve" => true,
        "reject" => false,
        _ => return Err(again().into()),
    };
    let row = approval::answer(&app_state.process, id, approve, requested).await?;
    let said = match approve {
        true => format!("Approved: {}. {} can repeat it now.", row.subject, row.asked_by),
        false => format!("Rejected: {}.", row.subject),
    };
    Ok(see_other(&FlashMessage::text(said).on(&session, "/approvals")))
}
