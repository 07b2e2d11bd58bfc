//! Sending to ServiceNow: the pauses that it asked for, and how to end them early.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::actions::requested;
use super::texts::Why;
use crate::domain::role::Permission;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations;
use crate::store::{AskedPause, Resumed};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get::<SendingPaused>(
            "/api/v1/sending",
            Permission::Read,
            "getSending",
            "The pauses in sending that ServiceNow asked for",
            show,
        ),
        Route::post::<SendingBody, Resumed>(
            "/api/v1/sending/resume",
            Permission::Operate,
            "resumeSending",
            "Ends the pauses that ServiceNow asked for, and sends what they delayed",
            resume,
        ),
    ]
}

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

async fn show(app_state: web::Data<AppState>, _: HttpRequest) -> Result<SendingPaused, Problem> {
    let paused = app_state.watching.store.sending_paused().await?;
    let text = paused.first().map_or_else(|| "ServiceNow has asked for no pause".to_owned(), ToString::to_string);
    Ok(SendingPaused { paused, text })
}

async fn resume(app_state: web::Data<AppState>, request: HttpRequest, Body(asked): Body<SendingBody>) -> Result<Resumed, Problem> {
    let resumed: Resumed = operations::sending::resume(&app_state.process, requested(&request, &asked.why)?).await?;
    Ok(resumed)
}
