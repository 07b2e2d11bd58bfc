//! What would be sent of records now.

use actix_web::{HttpRequest, web};

use crate::domain::FlowId;
use crate::domain::role::Permission;
use crate::http::problem::Problem;
use crate::http::query::{Kind, Param, Params, param};
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::preview::{Preview, PreviewAsked};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get::<Preview>(
            "/api/v1/preview",
            Permission::Operate,
            "getPreview",
            "What would be sent of records now: SYSPRO's rows, the mapped fields, and how ServiceNow's rows differ; nothing is written",
            show,
        )
        .params(PREVIEW),
    ]
}

/// The most records of one request: a person waits, and both systems are read for it.
const MOST: u32 = 50;
/// Records without a limit.
const UNLIMITED: u32 = 10;

const PREVIEW: &[Param] = &[
    param("company", Kind::Text, "the company; needed"),
    param("entity", Kind::Text, "the entity; needed"),
    param("key", Kind::Text, "the key of one record; without it the first records in the order of SYSPRO's keys"),
    param("limit", Kind::Number(1, MOST as i64), "without a key: at most this number of records; 10 unless given"),
];

/// What a query asks for; `None`: it names no company or no entity.
///
/// # Errors
/// 400 for a limit out of range.
pub(in crate::http) fn asked(params: &Params) -> Result<Option<PreviewAsked>, Problem> {
    let limit = params.value("limit", "a number between 1 and 50")?.unwrap_or(UNLIMITED);
    if !(1..=MOST).contains(&limit) {
        let detail = format!("`limit` must be between 1 and {MOST}, got `{limit}`");
        return Err(Problem::bad_request(detail, format!("leave it out for {UNLIMITED}; `tieline preview` shows more")));
    }
    let (Some(company), Some(entity)) = (params.text("company"), params.text("entity")) else { return Ok(None) };
    Ok(Some(PreviewAsked { flow: FlowId::new(company.as_str(), entity.as_str()), key: params.text("key"), limit }))
}

/// `GET /api/v1/preview`
async fn show(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Preview, Problem> {
    let params = app_state.described(&request).await?;
    let Some(asked) = asked(&params)? else {
        return Err(Problem::unprocessable("the request names no `company` or no `entity`", "send both"));
    };
    Ok(app_state.service.preview(&asked).await?)
}
