//! What was sent of a record.

use actix_web::{HttpRequest, web};

use crate::domain::ids::DeliveryId;
use crate::domain::role::Permission;
use crate::http::problem::Problem;
use crate::http::query::{AFTER, Kind, LIMITED, Param, param, record_parts};
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::sent::{self, RecordSent};
use crate::store::SentFilter;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get::<RecordSent>(
            "/api/v1/records/{company}/{entity}/{*key}/sent",
            Permission::Read,
            "getRecordSent",
            "What was sent of one record: the fields, the definition in force and the attempts of each delivery, the newest first",
            show,
        )
        .params(SENT),
    ]
}

const SENT: &[Param] = &[
    param("version", Kind::Number(1, i32::MAX as i64), "only this version"),
    param("part", Kind::Text, "only this part: `header`, `lines`, or `lines` with a blank and the key of one line"),
    AFTER,
    LIMITED,
];

/// `GET /api/v1/records/{company}/{entity}/{key}/sent`; the key may contain slashes.
async fn show(app_state: web::Data<AppState>, request: HttpRequest) -> Result<RecordSent, Problem> {
    let [company, entity, key] = record_parts(request.uri().path(), 3, "/sent")?;
    let params = app_state.described(&request).await?;
    let version: Option<i32> = params.value("version", "the number of a version")?;
    if version.is_some_and(|version| version < 1) {
        return Err(Problem::bad_request("`version` must be 1 or more", "send the number of a version"));
    }
    let asked = SentFilter {
        company,
        entity,
        key,
        version,
        part: params.text("part"),
        before: DeliveryId(params.after()?),
        limit: params.limit()?,
    };
    Ok(sent::sent(&app_state.process, asked).await?)
}
