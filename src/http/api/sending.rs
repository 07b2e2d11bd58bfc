//! Sending to ServiceNow: the pauses that it asked for, and how to end them early.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::actions::{body, requested};
use super::texts::Why;
use crate::domain::role::Permission;
use crate::http::problem::Problem;
use crate::http::route::{Route, Shape, acts, component, reads};
use crate::http::state::AppState;
use crate::operations;
use crate::store::{AskedPause, Resumed};

pub(in crate::http) const ROUTES: &[Route] = &[
    Route::get(
        "/api/v1/sending",
        Some(Permission::Read),
        || web::get().to(show),
        reads("getSending", "The pauses in sending that ServiceNow asked for", &[], Shape::One(200, component::<SendingPaused>)),
    ),
    Route::post(
        "/api/v1/sending/resume",
        || web::post().to(resume),
        acts(
            "resumeSending",
            "Ends the pauses that ServiceNow asked for, and sends what they delayed",
            component::<SendingBody>,
            Shape::One(200, component::<Resumed>),
        ),
    ),
];

/// The body of an action that needs only a reason.
#[derive(Debug, Default, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SendingBody {
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
}

/// Whether ServiceNow asked for a pause.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SendingPaused {
    /// The current pauses, longest first; empty: records are sent.
    paused: Vec<AskedPause>,
    /// The same as a sentence.
    text: String,
}

/// `GET /api/v1/sending`
pub(super) async fn show(app_state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    let paused = app_state.watching.store.sending_paused().await?;
    let text = paused.first().map_or_else(|| "ServiceNow has asked for no pause".to_owned(), ToString::to_string);
    Ok(HttpResponse::Ok().json(SendingPaused { paused, text }))
}

/// `POST /api/v1/sending/resume`
pub(super) async fn resume(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let asked: SendingBody = body(payload).await?;
    let resumed: Resumed = operations::sending::resume(&app_state.process, requested(&request, &asked.why)?).await?;
    Ok(HttpResponse::Ok().json(resumed))
}
