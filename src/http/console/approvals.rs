//! What needs a second person: the requests, and the forms that answer them.

use actix_web::{HttpRequest, web};
use askama::Template;

use super::answer::{Page, Refusal, ok, see_other};
use super::files::{self, Files};
use super::flash::FlashMessage;
use super::session::{self, Form};
use super::signed_in::Session;
use super::view::{Layout, Time};
use crate::domain::approval::{ApprovalKind, ApprovalState};
use crate::domain::person::person;
use crate::domain::role::Permission;
use crate::http::api::actions::requested;
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::approval;
use crate::operations::export::{self, ListFile};
use crate::store::ApprovalRow;

pub(in crate::http) fn routes() -> Vec<Route> {
    let files = files::routes(["/approvals.csv", "/approvals.xlsx"], Permission::Read, file);
    let pages = vec![Route::page("/approvals", Some(Permission::Read), list), Route::form("/approvals", Some(Permission::TieOut), answer)];
    [pages, files].concat()
}

/// Requests on the page.
const NEWEST: i64 = 100;

struct RowView {
    id: i64,
    subject: String,
    effect: String,
    digest: String,
    by: String,
    why: String,
    asked: Time,
    until: Time,
    state: &'static str,
    tone: &'static str,
    /// Whether it waits for an answer.
    waits: bool,
    /// Whether this person asked, and can withdraw it.
    mine: bool,
    answered: Option<(String, String)>,
}

impl RowView {
    fn of(row: ApprovalRow, session: &Session) -> Self {
        let open = matches!(row.state, ApprovalState::Asked | ApprovalState::Approved);
        Self {
            mine: open && person(&row.asked_by) == person(&session.who),
            id: row.id,
            subject: row.subject,
            effect: row.effect,
            digest: row.digest.get(..12).unwrap_or_default().to_owned(),
            by: row.asked_by,
            why: row.why,
            asked: Time(row.asked_at),
            until: Time(row.expires_at),
            state: row.state.as_str(),
            tone: match row.state {
                ApprovalState::Asked => "busy",
                ApprovalState::Approved | ApprovalState::Used => "good",
                ApprovalState::Rejected => "bad",
                ApprovalState::Withdrawn | ApprovalState::Expired => "warn",
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
    files: Files,
    rows: Vec<RowView>,
}

async fn list(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let params = Params::parse(request.query_string(), &["done"])?;
    let rows = approval::list(&app_state.process, None, NEWEST).await?;
    ok(&ApprovalsPage {
        layout: Layout::of(&session, "/approvals", "Approvals").done(params.text("done").as_deref()),
        files: Files::at("/approvals", "all requests"),
        rows: rows.into_iter().map(|row| RowView::of(row, &session)).collect(),
    })
}

/// All requests as a file.
async fn file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    Ok(export::approvals(&app_state.process, files::asked_all(&request)?).await?)
}

/// What the form of an answer has.
pub(super) const FIELDS: &[&str] = &["id", "answer", "why"];

async fn answer(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let form = Form::of(&session, payload, FIELDS).await?;
    let requested = requested(&request, form.text("why"))?;
    let again = || Problem::bad_request("the form names no request or no answer", "load the page again, and send the form from there");
    let id: i64 = form.text("id").parse().map_err(|_| again())?;
    let process = &app_state.process;
    let said = match form.text("answer") {
        "withdraw" => format!("Withdrawn: {}.", approval::withdraw(process, id, requested).await?.subject),
        answer @ ("approve" | "reject") => {
            if !session.role.allows(Permission::Close) {
                let what = format!("{}` has the role {}", session.who.replacen(' ', " `", 1), session.role);
                return Err(Problem::forbidden(what, "let a controller or an admin answer").into());
            }
            let row = approval::answer(process, id, answer == "approve", requested).await?;
            match row.state {
                ApprovalState::Approved if row.kind == ApprovalKind::Definition => {
                    format!("Approved: {}. A service that has these files puts them into force.", row.subject)
                }
                ApprovalState::Approved => format!("Approved: {}. {} can repeat it now.", row.subject, row.asked_by),
                _ => format!("Rejected: {}.", row.subject),
            }
        }
        _ => return Err(again().into()),
    };
    Ok(see_other(&FlashMessage::text(said).on(&session, "/approvals")))
}
