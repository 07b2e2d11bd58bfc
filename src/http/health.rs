//! Is it alive, is it ready, does every flow move; and the metrics.

use actix_web::{HttpResponse, web};
use chrono::{Duration, Utc};
use serde_json::json;

use super::Surface;
use super::problem::Problem;
use crate::actors::vault::{SERVICENOW, SYSPRO_ODATA};
use crate::domain::delivery::ParkReason;
use crate::domain::{EntityName, FlowId};
use crate::telemetry::metrics as all_metrics;

/// A flow with work in hand that has not moved for so long is stuck.
const STUCK_AFTER: Duration = Duration::minutes(10);

/// 200 while the process runs; depends on nothing outside.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "live": true, "version": env!("CARGO_PKG_VERSION") }))
}

/// 200 when work can be done, 503 with what is missing.
pub(super) async fn ready(surface: web::Data<Surface>) -> HttpResponse {
    let mut missing = Vec::new();
    if let Err(error) = surface.deps.store.ping().await {
        missing.push(format!("the ledger: {error}"));
    } else {
        for name in [SYSPRO_ODATA, SERVICENOW] {
            if let Err(error) = surface.deps.vault.credential(name).await {
                missing.push(error.to_string());
            }
        }
    }
    let left_out: Vec<String> = surface.root.gave_up().await.into_iter().map(|(flow, why)| format!("{flow}: {why}")).collect();
    let status = if missing.is_empty() { 200 } else { 503 };
    let mut response = HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap_or_default());
    response.json(json!({ "ready": missing.is_empty(), "missing": missing, "flows_left_out": left_out }))
}

/// Per flow the age of its last progress; 503 when one is stuck though the process lives.
pub(super) async fn flows(surface: web::Data<Surface>) -> Result<HttpResponse, Problem> {
    let now = Utc::now();
    let next = surface.root.next_runs().await;
    let rows = surface.deps.store.flow_status().await?;
    let mut stuck = false;
    let flows: Vec<_> = rows
        .iter()
        .map(|row| {
            let in_hand = row.holder.is_some() || row.sending > 0;
            let flow_stuck = in_hand && row.last_progress_at.is_some_and(|at| now - at > STUCK_AFTER);
            stuck |= flow_stuck;
            json!({
                "company": row.company, "entity": row.entity, "stuck": flow_stuck, "paused": row.paused_at.is_some(),
                "seconds_since_progress": row.last_progress_at.map(|at| (now - at).num_seconds()),
                "last_success_at": row.last_success_at, "last_error": row.last_error, "watermark": row.watermark,
                "next_run_at": next.get(&FlowId::new(row.company.as_str(), row.entity.as_str())),
                "waiting": row.waiting, "sending": row.sending, "in_doubt": row.in_doubt,
                "parked": row.parked, "missing_parent": row.missing_parent,
            })
        })
        .collect();
    let mut response = if stuck { HttpResponse::ServiceUnavailable() } else { HttpResponse::Ok() };
    Ok(response.json(json!({ "healthy": !stuck, "flows": flows })))
}

/// Prometheus text. The gauges of what is outstanding are read from the ledger; without it they keep their last values.
pub(super) async fn metrics(surface: web::Data<Surface>) -> HttpResponse {
    if let Ok(counts) = surface.deps.store.pending_counts().await {
        for plan in &surface.deps.definitions.plans {
            let of = |wanted: &dyn Fn(&crate::store::PendingCount) -> bool| -> i64 {
                counts.iter().filter(|count| count.entity == plan.entity.as_str() && wanted(count)).map(|count| count.count).sum()
            };
            let entity: &EntityName = &plan.entity;
            all_metrics().set_due(entity, of(&|count| matches!(count.state.as_str(), "waiting" | "held" | "sending")));
            all_metrics().set_in_doubt(entity, of(&|count| count.state == "in_doubt"));
            for reason in ParkReason::ALL {
                all_metrics().set_parked(
                    entity,
                    *reason,
                    of(&|count| count.state == "parked" && count.reason.as_deref() == Some(reason.as_str())),
                );
            }
        }
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(all_metrics().gather())
}
