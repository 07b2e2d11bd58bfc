//! A record that a person holds back, and lets go again.

use actix_web::{HttpRequest, web};

use super::said::Said;
use super::session::{self, Form};
use super::view::record_path;
use super::{Page, see_other};
use crate::domain::resent::ResentOutcome;
use crate::domain::role::Permission;
use crate::http::api::actions::caller;
use crate::http::api::hold::{HoldBody, park_action, release_action};
use crate::http::route::Route;
use crate::http::surface::Surface;
use crate::store::HoldRow;

pub(in crate::http) const ROUTES: &[Route] = &[
    Route::form("/park", Some(Permission::Operate), || web::post().to(park)),
    Route::form("/release", Some(Permission::Operate), || web::post().to(release)),
];

/// `POST /park`
pub(super) async fn park(surface: web::Data<Surface>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let (asked, back) = asked(&request, payload).await?;
    let answer = park_action(&surface, asked, caller(&request)).await?;
    let said = answer.records.first().map(held).unwrap_or_default();
    Ok(see_other(&Said::text(said).on(&session, &back)))
}

/// `POST /release`
pub(super) async fn release(surface: web::Data<Surface>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let (asked, back) = asked(&request, payload).await?;
    let answer = release_action(&surface, asked, caller(&request)).await?;
    let said = answer.records.first().map(|row| released(row, answer.outcome.as_ref())).unwrap_or_default();
    Ok(see_other(&Said::text(said).on(&session, &back)))
}

/// What a hold did.
fn held(row: &HoldRow) -> String {
    let left = match row.left_alone {
        0 => String::new(),
        count => format!(" {count} of its parts were sent already and cannot be called back."),
    };
    match row.changed {
        true => format!(
            "On hold: nothing of the record is sent until somebody releases it. {} of its parts were set aside.{left}",
            row.deliveries
        ),
        false => format!("The record was on hold already; nothing changed.{left}"),
    }
}

/// What a release did.
fn released(row: &HoldRow, outcome: Option<&ResentOutcome>) -> String {
    let left = match row.left_alone {
        0 => String::new(),
        count => format!(" {count} of its parts stay as they were: they wait for a parent, or only a replay can map them again."),
    };
    match (row.changed, outcome) {
        (true, Some(outcome)) => format!("Released. {}{left}", outcome.text),
        (true, None) => format!("Released: nothing of the record was waiting to be sent.{left}"),
        (false, _) => format!("There was nothing to release.{left}"),
    }
}

/// The one record that the form names, and its page.
async fn asked(request: &HttpRequest, payload: web::Payload) -> Result<(HoldBody, String), super::Refusal> {
    let form = Form::of(&session::of(request)?, payload).await?;
    let text = |name: &str| form.text(name).to_owned();
    let (company, entity, key) = (text("company"), text("entity"), text("key"));
    let back = record_path(&company, &entity, &key);
    Ok((HoldBody { company, entity, keys: vec![key], why: text("why") }, back))
}
