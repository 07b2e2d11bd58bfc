//! Health: whether the process is alive, whether it is ready, whether every flow makes progress; and the metrics.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use tokio::time::timeout;

use super::problem::Problem;
use super::route::{Cached, Route, Shape};
use super::state::AppState;
use crate::credentials::credential_store::{SERVICENOW, syspro_credential};
use crate::doctor::disk;
use crate::domain::FlowId;
use crate::domain::delivery::DeliveryState;
use crate::store::{FlowStatus, PendingCount};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::other("/health/live", None, "isAlive", "Whether the process runs", Shape::Json, live),
        Route::other("/health/ready", None, "isReady", "Whether work can be done, and what is missing", Shape::Health, ready)
            .cached(Cached::Shared),
        Route::other(
            "/health/flows",
            None,
            "flowHealth",
            "Per flow the age of its last progress; 503 when one is stuck",
            Shape::Health,
            flows,
        )
        .cached(Cached::Shared),
    ]
}

/// A flow with work that has not made progress for this long is stuck.
const STUCK_AFTER: Duration = Duration::minutes(10);

/// The time limit of one readiness check.
const CHECK_LIMIT: std::time::Duration = std::time::Duration::from_secs(5);

/// How long to wait for the flows that are left out.
const ROOT_LIMIT: std::time::Duration = std::time::Duration::from_secs(1);

/// How long readiness reports that the ledger was restored.
const RESTORED_LATELY: Duration = Duration::days(7);

/// 200 while the process runs; depends on nothing outside.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "live": true, "version": env!("CARGO_PKG_VERSION") }))
}

/// 200 when work can be done, 503 with the reasons when not.
pub(super) async fn ready(app_state: web::Data<AppState>) -> HttpResponse {
    let mut missing = Vec::new();
    // before the ledger, because the settings may cause its errors
    let settings = app_state.process.settings.clone();
    if let Ok(Ok(Some(full))) = timeout(CHECK_LIMIT, web::block(move || disk::full(&settings))).await {
        missing.push(full.to_string());
    }
    // the store's own limits are longer than a caller of this route waits
    match timeout(CHECK_LIMIT, app_state.watching.store.ping()).await {
        Ok(Ok(())) => {
            for name in [syspro_credential(&app_state.process.settings.syspro.source), SERVICENOW] {
                match timeout(CHECK_LIMIT, app_state.process.credential_store.credential(name)).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => missing.push(error.to_string()),
                    Err(_) => missing.push(format!("credential `{name}` could not be read within {} s", CHECK_LIMIT.as_secs())),
                }
            }
        }
        Ok(Err(error)) => missing.push(format!("the ledger: {error}")),
        Err(_) => {
            let why = app_state.watching.store.trouble().map(|problem| format!("; the last connection failed: {problem}"));
            missing.push(format!("the ledger: no answer within {} s{}", CHECK_LIMIT.as_secs(), why.unwrap_or_default()));
        }
    }
    missing.extend(app_state.process.permission().why_not());
    // an actor that is stuck does not answer, and is reported below
    let gave_up = timeout(ROOT_LIMIT, app_state.actors.gave_up()).await.unwrap_or_default();
    let left_out: Vec<String> = gave_up.into_iter().map(|(flow, why)| format!("{flow}: {why}")).collect();
    missing.extend(app_state.actors.unresponsive(app_state.process.settings.flows.stuck));
    let restored = app_state.watching.store.life().filter(|life| Utc::now() - life.began_at < RESTORED_LATELY).and_then(|life| life.said());
    // not an error of this service, so it stays ready; a caller still sees why nothing arrives
    let paused = sending_paused(&app_state).await;
    // it works on with the approved ones
    let waiting = app_state.process.definitions.view().awaited.map(|awaited| awaited.words());
    let status = if missing.is_empty() { 200 } else { 503 };
    let mut response = HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap_or_default());
    response.json(json!({ "ready": missing.is_empty(), "missing": missing, "flows_left_out": left_out, "sending_paused": paused, "restored": restored, "definitions_waiting": waiting }))
}

/// The age of each flow's last progress; 503 when one is stuck although the process is alive, or fails for a reason that no further run
/// changes.
pub(super) async fn flows(app_state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    let now = Utc::now();
    let next = app_state.actors.next_runs().await;
    let gave_up = app_state.actors.gave_up().await;
    let rows = app_state.watching.flow_status().await?;
    let pending = app_state.watching.store.pending_counts().await?;
    let paused = sending_paused(&app_state).await;
    let mut stuck = false;
    let flows: Vec<_> = rows
        .iter()
        .map(|row| {
            let flow = FlowId::new(row.company.as_str(), row.entity.as_str());
            // nobody expects progress of a flow that the configuration no longer contains
            let flow_stuck = row.configured && is_stuck(row, &pending, now);
            stuck |= row.configured && (flow_stuck || row.stopped.is_some() || row.last_error_lasts || gave_up.contains_key(&flow));
            json!({
                "company": row.company, "entity": row.entity, "configured": row.configured, "stuck": flow_stuck, "left_out": gave_up.get(&flow), "paused": row.paused_at.is_some(), "stopped": row.stopped, "waits_for": row.waits_for,
                "seconds_since_progress": row.last_progress_at.map(|at| (now - at).num_seconds().max(0)),
                "last_success_at": row.last_success_at, "last_error": row.last_error, "last_error_lasts": row.last_error_lasts, "watermark": row.watermark,
                "next_run_at": next.get(&flow),
                "outstanding": row.backlog(),
            })
        })
        .collect();
    let mut response = if stuck { HttpResponse::ServiceUnavailable() } else { HttpResponse::Ok() };
    Ok(response.json(json!({ "healthy": !stuck, "sending_paused": paused, "flows": flows })))
}

/// The pauses that ServiceNow asked for; empty when there are none, or when they cannot be read now.
async fn sending_paused(app_state: &AppState) -> Vec<String> {
    let paused = timeout(CHECK_LIMIT, app_state.watching.store.sending_paused()).await;
    paused.ok().and_then(Result::ok).unwrap_or_default().iter().map(ToString::to_string).collect()
}

/// Whether a flow has work and has made no progress for too long. Sending does not update the flow's row, so the outstanding deliveries in
/// `pending` are checked for it: those that were sent long ago, or that have been due for long while nothing of their entity is being sent.
fn is_stuck(row: &FlowStatus, pending: &[PendingCount], now: DateTime<Utc>) -> bool {
    let old = |at: DateTime<Utc>| now - at > STUCK_AFTER;
    let of_entity = || pending.iter().filter(|count| count.entity == row.entity);
    let of_flow =
        |state: DeliveryState| of_entity().any(|count| count.company == row.company && count.state == state.as_str() && old(count.oldest));
    if of_flow(DeliveryState::Sending) {
        return true;
    }
    let unmoved = row.last_progress_at.is_some_and(old);
    let sending = of_entity().any(|count| count.state == DeliveryState::Sending.as_str());
    // a pause stops reading, and not sending
    let overdue = !sending && (of_flow(DeliveryState::Queued) || of_flow(DeliveryState::Unknown));
    unmoved && (row.holder.is_some() || overdue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_with_work_that_does_not_move_is_stuck() {
        let now = Utc::now();
        let (long, short) = (Duration::hours(1), Duration::minutes(1));
        let row = |age: Duration, holder: Option<&str>| FlowStatus {
            company: "EDU1".into(),
            entity: "invoice".into(),
            watermark: None,
            paused_at: None,
            paused_by: None,
            stopped: None,
            waits_for: None,
            holder: holder.map(Into::into),
            last_progress_at: Some(now - age),
            last_success_at: None,
            last_sweep_at: None,
            last_error: None,
            last_error_lasts: false,
            documents: 9,
            parts: 4,
            queued: 3,
            sending: 1,
            retrying: 0,
            unknown: 0,
            waiting: 0,
            failed: 0,
            on_hold: 0,
            not_as_sent: 0,
            in_conflict: 0,
            outdated: 0,
            configured: true,
        };
        let count = |company: &str, state: &str, age: Duration| PendingCount {
            company: company.into(),
            entity: "invoice".into(),
            state: state.into(),
            reason: None,
            count: 1,
            oldest: now - age,
            queued_at: now - age,
        };
        assert!(is_stuck(&row(long, Some("node/1")), &[], now), "held");
        assert!(!is_stuck(&row(short, Some("node/1")), &[], now), "held, and moved lately");
        assert!(!is_stuck(&row(long, None), &[], now), "at rest between two runs");
        assert!(is_stuck(&row(short, None), &[count("EDU1", "sending", long)], now), "sent long ago");
        assert!(!is_stuck(&row(long, None), &[count("EDU1", "sending", short)], now), "sent a moment ago, long after the last read");
        assert!(is_stuck(&row(long, None), &[count("EDU1", "queued", long)], now), "due for long");
        assert!(is_stuck(&row(long, None), &[count("EDU1", "unknown", long)], now), "unknown for long");
        assert!(!is_stuck(&row(long, None), &[count("EDU1", "queued", short)], now), "due a moment ago");
        assert!(
            !is_stuck(&row(long, None), &[count("EDU1", "queued", long), count("1", "sending", short)], now),
            "a queue that is worked off"
        );
        assert!(
            !is_stuck(&row(long, None), &[count("EDU1", "failed", long), count("EDU1", "after_header", long)], now),
            "nobody's work now"
        );
        assert!(!is_stuck(&row(long, None), &[count("1", "queued", long)], now), "another company's");
    }
}
