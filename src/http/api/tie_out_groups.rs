//! The sums of a tie-out by supplier, account or document type.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::lists::{COMPANY, ENTITY};
use super::tie_outs::{asked_period, id};
use crate::domain::role::Permission;
use crate::domain::tie_out_group::GroupBy;
use crate::http::problem::Problem;
use crate::http::query::{AFTER, Kind, LIMITED, Page, Param, param};
use crate::http::route::{Cached, Route};
use crate::http::state::AppState;
use crate::operations::tie_out;
use crate::operations::tie_out::groups;
use crate::store::{TieOutGroup, TieOutGroups};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get::<Page<DifferingGroup>>(
            "/api/v1/tie-outs/{tie_out}/groups",
            Permission::Read,
            "listTieOutGroups",
            "The sums of a tie-out by supplier, account or document type, with the difference of both sides",
            list,
        )
        .params(GROUPS)
        .cached(Cached::Second),
    ]
}

const GROUPS: &[Param] = &[
    param("by", Kind::Word(GroupBy::WORDS), "what divides the sums; without it, the supplier"),
    COMPANY,
    ENTITY,
    param("block", Kind::Text, "only this block: `header`, or the name of the lines"),
    param("period", Kind::Period, "only this fiscal year and period, such as `2026-03`"),
    param("currency", Kind::Text, "only this currency, by its ISO code"),
    AFTER,
    LIMITED,
];

/// A group with the difference of both sides.
#[derive(Debug, Serialize, ToSchema)]
struct DifferingGroup {
    #[serde(flatten)]
    group: TieOutGroup,
    /// ServiceNow less SYSPRO less gone; where there are no amounts, a number of records.
    difference: String,
}

async fn list(app_state: web::Data<AppState>, request: HttpRequest) -> Result<Page<DifferingGroup>, Problem> {
    let params = app_state.described(&request).await?;
    let limit = params.limit()?;
    let of = tie_out::one(&app_state.process, id(&request, 3)?).await?.id;
    let filter = TieOutGroups {
        company: params.text("company"),
        entity: params.text("entity"),
        block: params.text("block"),
        period: params.text("period").map(|text| asked_period(&text)).transpose()?,
        currency: params.text("currency"),
        after: params.after()?,
        ..TieOutGroups::of(of, params.value("by", "a division")?.unwrap_or(GroupBy::Supplier), limit + 1)
    };
    let groups = groups::groups(&app_state.process, filter).await?;
    let groups = groups.into_iter().map(|group| DifferingGroup { difference: groups::difference(&group), group }).collect();
    Ok(Page::of(groups, limit, |one| one.group.id.to_string()))
}
