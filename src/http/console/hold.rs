//! Holding and releasing a record.

use actix_web::{HttpRequest, web};

use super::answer::{Page, Refusal, see_other};
use super::flash::FlashMessage;
use super::session::{self, Form};
use super::view::record_path;
use crate::domain::FlowId;
use crate::domain::resent::ResentOutcome;
use crate::domain::role::Permission;
use crate::http::api::actions::requested;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::approval::ApprovedRecords;
use crate::operations::{self, Requested};
use crate::store::HoldRow;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![Route::form("/hold", Some(Permission::Operate), hold), Route::form("/release", Some(Permission::Operate), release)]
}

async fn hold(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let HoldRequest { flow, key, back, requested } = asked(&request, payload).await?;
    let named = operations::hold::hold(&app_state.process, flow, &[key], requested).await?;
    let said = named.records.first().map(held).unwrap_or_default();
    Ok(see_other(&FlashMessage::text(said).on(&session, &back)))
}

async fn release(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let HoldRequest { flow, key, back, requested } = asked(&request, payload).await?;
    let (named, outcome) = app_state.service.release(flow, &[key], requested).await?;
    let mut said = named.records.first().map(|row| released(row, outcome.as_ref())).unwrap_or_default();
    if let Some(left_out) = named.approved.as_ref().and_then(ApprovedRecords::left_out) {
        said.push_str(&format!(" {left_out}"));
    }
    Ok(see_other(&FlashMessage::text(said).on(&session, &back)))
}

/// The result of a hold.
fn held(row: &HoldRow) -> String {
    let left = match row.left_alone {
        0 => String::new(),
        count => format!(" {count} of its parts were already sent and are not held."),
    };
    match row.changed {
        true => format!(
            "On hold: Tieline sends nothing of the record until somebody releases it. {} of its parts were queued and are held.{left}",
            row.deliveries
        ),
        false => format!("The record was on hold already; nothing changed.{left}"),
    }
}

/// The result of a release.
fn released(row: &HoldRow, outcome: Option<&ResentOutcome>) -> String {
    let left = match row.left_alone {
        0 => String::new(),
        count => format!(" {count} of its parts are unchanged: they wait for a parent, or only a replay can map them again."),
    };
    match (row.changed, outcome) {
        (true, Some(outcome)) => format!("Released. {}{left}", outcome.text),
        (true, None) => format!("Released: nothing of the record was waiting to be sent.{left}"),
        (false, _) => format!("There was nothing to release.{left}"),
    }
}

/// The content of the form.
struct HoldRequest {
    flow: FlowId,
    key: String,
    /// The record's page.
    back: String,
    requested: Requested,
}

/// The fields of the forms.
pub(super) const FIELDS: &[&str] = &["company", "entity", "key", "why"];

async fn asked(request: &HttpRequest, payload: web::Payload) -> Result<HoldRequest, Refusal> {
    let form = Form::of(&session::of(request)?, payload, FIELDS).await?;
    let requested = requested(request, form.text("why"))?;
    let (company, entity, key) = (form.text("company"), form.text("entity"), form.text("key"));
    let back = record_path(company, entity, key);
    Ok(HoldRequest { flow: FlowId::new(company, entity), key: key.to_owned(), back, requested })
}
