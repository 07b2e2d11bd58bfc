//! Tie-outs: comparisons of SYSPRO's records with ServiceNow's rows, and the differences that they found.

use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actions::requested;
use super::entry::InBackground;
use super::lists::{COMPANY, ENTITY};
use super::texts::{Name, PeriodOrEmpty, Why};
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::{TieOutId, TieOutItemId};
use crate::domain::role::Permission;
use crate::domain::tie_out::{Cause, Scope};
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::query::{AFTER, Kind, LIMITED, Page, Param, param};
use crate::http::route::{Cached, Route};
use crate::http::state::AppState;
use crate::operations::Refused;
use crate::operations::tie_out::{self, TieOutReport};
use crate::store::{SubledgerEntry, TieOutItem, TieOutItems, TieOutRun, TieOutViolation};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::post::<TieOutBody, InBackground<TieOutAccepted>>(
            "/api/v1/tie-outs",
            Permission::TieOut,
            "tieOut",
            "Compares SYSPRO's records with ServiceNow's rows, and writes to neither",
            begin,
        ),
        Route::get::<Page<TieOutRun>>("/api/v1/tie-outs", Permission::Read, "listTieOuts", "Tie-outs, the newest first", list)
            .params(TIE_OUTS)
            .cached(Cached::Second),
        Route::get::<TieOutReport>(
            "/api/v1/tie-outs/{tie_out}",
            Permission::Read,
            "getTieOut",
            "One tie-out: what was compared, and the sums by fiscal period and currency",
            show,
        ),
        Route::get::<Page<NamedDifference>>(
            "/api/v1/tie-outs/{tie_out}/items",
            Permission::Read,
            "listTieOutItems",
            "The differences that a tie-out found, each with its cause and the next step",
            items,
        )
        .params(ITEMS)
        .cached(Cached::Second),
        Route::get::<Page<TieOutViolation>>(
            "/api/v1/tie-outs/{tie_out}/violations",
            Permission::Read,
            "listTieOutViolations",
            "The documents of SYSPRO that violate a control, or on which it could not be checked",
            violations,
        )
        .params(TIE_OUTS)
        .cached(Cached::Second),
        Route::get::<Page<SubledgerEntry>>(
            "/api/v1/tie-outs/{tie_out}/subledger",
            Permission::Read,
            "listTieOutSubledgerEntries",
            "Postings and journals behind the comparison of SYSPRO's AP sub-ledger with its control accounts",
            subledger,
        )
        .params(TIE_OUTS)
        .cached(Cached::Second),
    ]
}

const TIE_OUTS: &[Param] = &[AFTER, LIMITED];
const ITEMS: &[Param] = &[
    COMPANY,
    ENTITY,
    param("period", Kind::Period, "only this fiscal year and period, such as `2026-03`"),
    param("cause", Kind::Word(Cause::WORDS), "only this cause"),
    param("open", Kind::Word(&["true", "false"]), "`true`: only differences that a person must look at"),
    AFTER,
    LIMITED,
];

/// The body of a new tie-out.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
struct TieOutBody {
    /// Only these companies; empty: all.
    #[schema(value_type = Vec<Name>)]
    companies: Vec<String>,
    /// Only these entities; empty: all.
    #[schema(value_type = Vec<Name>)]
    entities: Vec<String>,
    /// Only records of this fiscal year and period, such as `2026-03`; empty: all.
    #[schema(value_type = PeriodOrEmpty)]
    period: String,
    /// Whether ServiceNow's tables are listed even if they have not changed since the last tie-out.
    fresh: bool,
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
}

/// A tie-out that has begun.
#[derive(Debug, Serialize, ToSchema)]
struct TieOutAccepted {
    #[serde(flatten)]
    run: TieOutRun,
    /// The path of its result: request it until `state` is `done` or `failed`.
    follow: String,
}

/// A difference with its cause in words.
#[derive(Debug, Serialize, ToSchema)]
struct NamedDifference {
    #[serde(flatten)]
    item: TieOutItem,
    /// The cause, for people.
    cause_text: &'static str,
    /// What to do.
    next_step: String,
}

impl From<TieOutItem> for NamedDifference {
    fn from(item: TieOutItem) -> Self {
        let cause = item.cause.unwrap_or(Cause::Unexplained);
        Self { item, cause_text: cause.text(), next_step: cause.next_step().to_string() }
    }
}

/// Begins one; the service makes it in the background.
async fn begin(
    app_state: web::Data<AppState>,
    request: HttpRequest,
    Body(asked): Body<TieOutBody>,
) -> Result<InBackground<TieOutAccepted>, Problem> {
    let requested = requested(&request, &asked.why)?;
    let period = Some(asked.period.trim()).filter(|text| !text.is_empty()).map(asked_period).transpose()?;
    let asked = Scope { companies: asked.companies, entities: asked.entities, period, fresh: asked.fresh };
    let run = app_state.service.tie_out(asked, requested).await?;
    let follow = format!("/api/v1/tie-outs/{}", run.id);
    Ok(InBackground(TieOutAccepted { run, follow }))
}

async fn list(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<TieOutRun>, Problem> {
    let params = app_state.described(&request).await?;
    let limit = params.limit()?;
    let before = Some(params.after()?).filter(|before| *before > 0).map(TieOutId);
    let runs = tie_out::list(&app_state.process, before, limit + 1).await?;
    Ok(Page::of(runs, limit, |run| run.id.to_string()))
}

async fn show(app_state: web::Data<AppState>, request: HttpRequest) -> Result<TieOutReport, Problem> {
    Ok(tie_out::find(&app_state.process, id(&request, 3)?).await?)
}

async fn items(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<NamedDifference>, Problem> {
    let params = app_state.described(&request).await?;
    let limit = params.limit()?;
    let of = tie_out::one(&app_state.process, id(&request, 3)?).await?.id;
    let filter = TieOutItems {
        of,
        company: params.text("company"),
        entity: params.text("entity"),
        period: params.text("period").map(|text| asked_period(&text)).transpose()?,
        cause: params.value("cause", "a cause")?,
        open: params.text("open").as_deref() == Some("true"),
        after: TieOutItemId(params.after()?),
        limit: limit + 1,
    };
    let items = tie_out::items(&app_state.process, filter).await?;
    let items = items.into_iter().map(NamedDifference::from).collect();
    Ok(Page::of(items, limit, |one| one.item.id.to_string()))
}

/// The fiscal period in a request.
///
/// # Errors
/// 400 if it is none.
pub(in crate::http) fn asked_period(text: &str) -> Result<FiscalPeriod, Problem> {
    FiscalPeriod::within_year(text)
        .map_err(|error| Problem::bad_request(error.to_string(), "send a fiscal year and period, such as `2026-03`"))
}

/// A page of the documents that violate a control.
async fn violations(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<TieOutViolation>, Problem> {
    let params = app_state.described(&request).await?;
    let limit = params.limit()?;
    let of = tie_out::one(&app_state.process, id(&request, 3)?).await?.id;
    let rows = tie_out::violations(&app_state.process, of, params.after()?, limit + 1).await?;
    Ok(Page::of(rows, limit, |one| one.id.to_string()))
}

/// A page of the postings and journals behind the sub-ledgers.
async fn subledger(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<SubledgerEntry>, Problem> {
    let params = app_state.described(&request).await?;
    let limit = params.limit()?;
    let of = tie_out::one(&app_state.process, id(&request, 3)?).await?.id;
    let rows = tie_out::subledger_entries(&app_state.process, of, params.after()?, limit + 1).await?;
    Ok(Page::of(rows, limit, |one| one.id.to_string()))
}

/// The number in a path, after `skip` other parts; `None` for `newest`.
///
/// # Errors
/// 404 if it is neither.
pub(in crate::http) fn id(request: &HttpRequest, skip: usize) -> Result<Option<TieOutId>, Refused> {
    let path = request.uri().path();
    let text = path.trim_start_matches('/').split('/').nth(skip).unwrap_or_default();
    if text == "newest" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Refused::NoTieOut(text.to_owned()))
}
