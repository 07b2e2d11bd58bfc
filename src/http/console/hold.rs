//! A record that a person holds back, and lets go again.

use actix_web::{HttpRequest, web};

use super::session::{self, Form};
use super::view::record_path;
use super::{Page, see_other};
use crate::http::Surface;
use crate::http::api::actions::caller;
use crate::http::api::hold::{HoldBody, park_action, release_action};

/// `POST /park`
pub(super) async fn park(surface: web::Data<Surface>, request: HttpRequest, payload: web::Payload) -> Page {
    let (asked, back) = asked(&request, payload).await?;
    park_action(&surface, asked, caller(&request)).await?;
    Ok(see_other(&format!("{back}?done=park")))
}

/// `POST /release`
pub(super) async fn release(surface: web::Data<Surface>, request: HttpRequest, payload: web::Payload) -> Page {
    let (asked, back) = asked(&request, payload).await?;
    release_action(&surface, asked, caller(&request)).await?;
    Ok(see_other(&format!("{back}?done=release")))
}

/// The one record that the form names, and its page.
async fn asked(request: &HttpRequest, payload: web::Payload) -> Result<(HoldBody, String), super::Refusal> {
    let form = Form::of(&session::of(request)?, payload).await?;
    let text = |name: &str| form.text(name).to_owned();
    let (company, entity, key) = (text("company"), text("entity"), text("key"));
    let back = record_path(&company, &entity, &key);
    Ok((HoldBody { company, entity, keys: vec![key], why: text("why") }, back))
}
