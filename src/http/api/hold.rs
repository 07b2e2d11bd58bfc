//! A person holds records, and releases them.

use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};

use super::actions::requested;
use super::texts::{Name, Why};
use crate::domain::FlowId;
use crate::domain::resent::ResentOutcome;
use crate::domain::role::Permission;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::approval::ApprovedRecords;
use crate::operations::{self, hold::Named};
use crate::store::HoldRow;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::post::<HoldBody, HoldAnswer>(
            "/api/v1/records/hold",
            Permission::Operate,
            "holdRecords",
            "Holds records: Tieline does not send them until they are released",
            hold,
        ),
        Route::post::<HoldBody, HoldAnswer>(
            "/api/v1/records/release",
            Permission::Operate,
            "releaseRecords",
            "Ends holds, and queues again what failed, as it was mapped",
            release,
        ),
    ]
}

/// The records, and the reason.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
struct HoldBody {
    /// The company.
    #[schema(required = true, value_type = Name)]
    company: String,
    /// The entity.
    #[schema(required = true, value_type = Name)]
    entity: String,
    /// The records' keys, in the form shown in lists.
    #[schema(required = true, value_type = Vec<Name>, min_items = 1, max_items = 1000)]
    keys: Vec<String>,
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
}

/// The result for each record.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct HoldAnswer {
    /// The known records.
    records: Vec<HoldRow>,
    /// Keys that were never read from SYSPRO.
    unknown: Vec<String>,
    /// The approval of a second person, and what is left of it: records that it does not hold for are left out; null where none was needed.
    approved: Option<ApprovedRecords>,
    /// The result of sending released records, as far as the request waited for it; null if there was nothing to send.
    outcome: Option<ResentOutcome>,
}

async fn hold(app_state: web::Data<AppState>, request: HttpRequest, Body(asked): Body<HoldBody>) -> Result<HoldAnswer, Problem> {
    let (requested, flow) = (requested(&request, &asked.why)?, asked.flow());
    let named = operations::hold::hold(&app_state.process, flow, &asked.keys, requested).await?;
    Ok(HoldAnswer::of(named, None))
}

async fn release(app_state: web::Data<AppState>, request: HttpRequest, Body(asked): Body<HoldBody>) -> Result<HoldAnswer, Problem> {
    let (requested, flow) = (requested(&request, &asked.why)?, asked.flow());
    let (named, outcome) = app_state.service.release(flow, &asked.keys, requested).await?;
    Ok(HoldAnswer::of(named, outcome))
}

impl HoldBody {
    fn flow(&self) -> FlowId {
        FlowId::new(self.company.as_str(), self.entity.as_str())
    }
}

impl HoldAnswer {
    fn of(Named { records, unknown, approved }: Named, outcome: Option<ResentOutcome>) -> Self {
        Self { records, unknown, approved, outcome }
    }
}
