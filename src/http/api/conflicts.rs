//! The conflict list: entries that wait for a person, and the decisions about them.

use actix_web::{HttpRequest, web};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::actions::requested;
use super::lists::{COMPANY, ENTITY, KEY};
use super::texts::{Name, Why, whole_numbers};
use crate::domain::FlowId;
use crate::domain::conflict::{ConflictKind, ConflictState};
use crate::domain::ids::ConflictId;
use crate::domain::merge::Side;
use crate::domain::role::Permission;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::query::{AFTER, Kind, LIMITED, Page, Param, param, path_parts};
use crate::http::route::{Cached, Route};
use crate::http::state::AppState;
use crate::operations::{self, Refused};
use crate::store::{ConflictFilter, ConflictRow};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get::<Page<ConflictRow>>("/api/v1/conflicts", Permission::Read, "listConflicts", "Conflicts", list)
            .params(CONFLICTS)
            .cached(Cached::Second),
        Route::get::<ConflictRow>("/api/v1/conflicts/{id}", Permission::Read, "getConflict", "One conflict", show),
        Route::post::<ResolveBody, Resolved>(
            "/api/v1/conflicts/resolve",
            Permission::Operate,
            "resolveConflicts",
            "Decides which value wins; the next run writes it",
            resolve,
        ),
        Route::post::<AdoptBody, Adopted>(
            "/api/v1/conflicts/adopt",
            Permission::Operate,
            "adoptLists",
            "Aligns two lists for the first time",
            adopt,
        ),
    ]
}

/// The parameters of the list.
pub(super) const CONFLICTS: &[Param] = &[
    COMPANY,
    ENTITY,
    KEY,
    param("state", Kind::Word(ConflictState::WORDS), "only this state; closed ones are listed only when asked for"),
    param("kind", Kind::Word(ConflictKind::WORDS), "only this kind"),
    AFTER,
    LIMITED,
];

/// The body of a decision.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ResolveBody {
    /// The entries.
    #[schema(required = true, value_type = Vec<i64>, min_items = 1, max_items = 1000)]
    #[serde(deserialize_with = "whole_ids")]
    ids: Vec<ConflictId>,
    /// The side whose value wins.
    #[schema(required = true, nullable = false, value_type = Side)]
    take: Option<Side>,
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
}

fn whole_ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ConflictId>, D::Error> {
    Ok(whole_numbers(deserializer)?.into_iter().map(ConflictId).collect())
}

/// What was decided.
#[derive(Debug, Serialize, ToSchema)]
struct Resolved {
    decided: Vec<ConflictRow>,
    /// Entries that cannot be decided, or do not exist.
    #[schema(value_type = Vec<i64>)]
    left_out: Vec<ConflictId>,
    /// The path of each entry, with its result once the flow has run: put its `id` in place of `{id}`.
    follow: &'static str,
}

/// Two lists were matched for the first time.
#[derive(Debug, Serialize, ToSchema)]
struct Adopted {
    /// The number of entries that this decided.
    decided: usize,
    /// The path of the entries, with their results once the flow has run.
    follow: &'static str,
}

/// The body of an adoption.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AdoptBody {
    /// The company.
    #[schema(required = true, value_type = Name)]
    company: String,
    /// The entity.
    #[schema(required = true, value_type = Name)]
    entity: String,
    /// The side whose value wins where both have a record and differ; if left out, a person decides each entry.
    prefer: Option<Side>,
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
}

/// Open entries, unless a state is given.
async fn list(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<ConflictRow>, Problem> {
    let params = app_state.described(&request).await?;
    let limit = params.limit()?;
    let filter = ConflictFilter {
        company: params.text("company"),
        entity: params.text("entity"),
        key: params.text("key"),
        state: params.value("state", "a state of a conflict")?,
        kind: params.value("kind", "a kind of conflict")?,
        ids: Vec::new(),
        after: ConflictId(params.after()?),
        limit: limit + 1,
    };
    let rows = app_state.process.store.conflict_list(filter).await?;
    Ok(Page::of(rows, limit, |row| row.id.to_string()))
}

async fn show(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ConflictRow, Problem> {
    let parts = path_parts(request.uri().path(), 3, 1)?;
    let text = parts.first().map(String::as_str).unwrap_or_default();
    let id: ConflictId = text.parse().map_err(|_| Refused::NoConflict(text.to_owned()))?;
    Ok(operations::conflict::find(&app_state.process, id).await?)
}

async fn resolve(app_state: web::Data<AppState>, request: HttpRequest, Body(asked): Body<ResolveBody>) -> Result<Resolved, Problem> {
    let requested = requested(&request, &asked.why)?;
    let take = side(asked.take)?;
    let operations::conflict::Resolved { decided, left_out } =
        operations::conflict::resolve(&app_state.process, &asked.ids, take, requested).await?;
    Ok(Resolved { decided, left_out, follow: "/api/v1/conflicts/{id}" })
}

/// The side whose value wins.
///
/// # Errors
/// 400 without one.
pub(in crate::http) fn side(take: Option<Side>) -> Result<Side, Problem> {
    take.ok_or_else(|| Problem::bad_request("`take` is missing", "say which value to keep: `syspro` or `servicenow`"))
}

async fn adopt(app_state: web::Data<AppState>, request: HttpRequest, Body(asked): Body<AdoptBody>) -> Result<Adopted, Problem> {
    let flow = FlowId::new(asked.company.as_str(), asked.entity.as_str());
    let decided = operations::conflict::adopt(&app_state.process, flow, asked.prefer, requested(&request, &asked.why)?).await?;
    Ok(Adopted { decided: decided.len(), follow: "/api/v1/conflicts" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let ids = |json: &str| serde_json::from_str::<ResolveBody>(&format!("{{\"ids\": {json}}}")).map(|body| body.ids);
        assert_eq!(ids("[17, 18.0, -3.00, 1e3, 9223372036854775807]").expect("whole"), [17, 18, -3, 1000, i64::MAX].map(ConflictId));
        for wrong in ["[1.5]", "[\"17\"]", "[1e30]", "[null]", "17"] {
            assert!(ids(wrong).is_err(), "{wrong}");
        }
    }
}
