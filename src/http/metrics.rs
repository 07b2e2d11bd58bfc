//! The metrics in Prometheus text format.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use tokio::time::timeout;

use super::route::{Cached, Route, Shape};
use super::state::AppState;
use crate::domain::delivery::{DeliveryState, FailureReason};
use crate::domain::outside::OutsidePlace;
use crate::domain::tie_out::Verdict;
use crate::domain::{EntityName, FlowId};
use crate::process::in_force::SetStatus;
use crate::store::{FlowMark, Gauges, PendingCount, TieOutRun};
use crate::telemetry::flows::FlowState;
use crate::telemetry::metrics as all_metrics;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::other("/metrics", None, "metrics", "The metrics, for Prometheus", Shape::Text("text/plain"), metrics).cached(Cached::Shared),
    ]
}

/// How long a scrape waits for the ledger; after that it is answered without it. A scrape may also wait for one before it, and Prometheus
/// gives up after 10 s by default.
const LEDGER_LIMIT: Duration = Duration::from_secs(3);

/// How long to wait for the flows that are left out.
const ROOT_LIMIT: Duration = Duration::from_secs(1);

/// Reads the values of the ledger now; if that fails, those gauges keep their last values, and `tieline_ledger_up` is 0.
pub(super) async fn metrics(app_state: web::Data<AppState>) -> HttpResponse {
    let store = &app_state.watching.store;
    let gauges = timeout(LEDGER_LIMIT, store.gauges()).await.ok().and_then(Result::ok);
    all_metrics().ledger.set_ledger_up(gauges.is_some());
    if let Some(gauges) = &gauges {
        all_metrics().ledger.set_tie_out(gauges.tie_out.as_ref().and_then(|run| tie_out(run, store.now_there())));
    }
    let (busy, idle) = store.connections();
    all_metrics().ledger.set_connections(busy, idle);
    let gave_up = timeout(ROOT_LIMIT, app_state.actors.gave_up()).await;
    let view = app_state.process.definitions.view();
    all_metrics().service.set_definitions(view.number.0, &view.hash, view.loaded_at, view.status == SetStatus::InForce);
    let made = app_state.process.flows();
    match (&gauges, &gave_up) {
        (Some(gauges), gave_up) => all_metrics().set_flows(&states(&made, gauges, gave_up.as_ref().ok(), store.now_there())),
        (None, Ok(gave_up)) => made.iter().for_each(|flow| all_metrics().set_gave_up(flow, gave_up.contains_key(flow))),
        (None, Err(_)) => {}
    }
    if let Some(mut gauges) = gauges {
        // flows that the configuration no longer contains do not count as errors
        let made: HashSet<(&str, &str)> = made.iter().map(|flow| (flow.company.as_str(), flow.entity.as_str())).collect();
        gauges.pending.retain(|count| made.contains(&(count.company.as_str(), count.entity.as_str())));
        all_metrics().ledger.set_unsealed(gauges.unsealed);
        for &place in OutsidePlace::ALL {
            if app_state.process.settings.audit.names(place) {
                let waiting = gauges.heads_waiting.iter().find(|waiting| waiting.place == place.as_str());
                all_metrics().ledger.set_heads_waiting(place, waiting.map_or(0, |waiting| waiting.days));
            }
        }
        all_metrics().ledger.set_ledger_size(gauges.size.bytes, gauges.size.growth);
        for count in &gauges.conflicts {
            all_metrics().records.set_conflicts(&count.entity, &count.kind, &count.state, count.count);
        }
        for plan in &app_state.process.definitions.now().plans {
            show_entity(&plan.entity, &gauges);
        }
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(all_metrics().gather())
}

/// What the newest tie-out shows, and its age.
fn tie_out(run: &TieOutRun, now: DateTime<Utc>) -> Option<(Verdict, i64, Duration)> {
    let age = (now - run.started_at).to_std().unwrap_or_default();
    Some((run.result?, run.open_items.unwrap_or_default(), age))
}

/// The state of each flow. `gave_up`: the flows whose actors crashed too often, where that is known.
fn states(made: &[FlowId], gauges: &Gauges, gave_up: Option<&BTreeMap<FlowId, String>>, now: DateTime<Utc>) -> Vec<FlowState> {
    // by flow, because both lists have an entry for each flow of a site with many companies
    let marks: HashMap<(&str, &str), &FlowMark> =
        gauges.flows.iter().map(|mark| ((mark.company.as_str(), mark.entity.as_str()), mark)).collect();
    let mut pending: HashMap<(&str, &str), Vec<PendingCount>> = HashMap::new();
    for count in &gauges.pending {
        pending.entry((count.company.as_str(), count.entity.as_str())).or_default().push(count.clone());
    }
    let state = |flow: &FlowId| {
        let place = (flow.company.as_str(), flow.entity.as_str());
        let mark = marks.get(&place);
        FlowState {
            flow: flow.clone(),
            paused: mark.is_some_and(|mark| mark.paused),
            stopped: mark.is_some_and(|mark| mark.stopped),
            gave_up: gave_up.map(|gave_up| gave_up.contains_key(flow)),
            lag: lag(flow, pending.get(&place).map_or(&[], Vec::as_slice), now),
            progress: mark.and_then(|mark| mark.last_progress_at),
        }
    };
    made.iter().map(state).collect()
}

/// The age of the oldest record of a flow that is queued, sent or unknown, regardless of its attempts; zero when there is none. `now`: by
/// the clock of the ledger's server, like the stored times.
pub(super) fn lag(flow: &FlowId, pending: &[PendingCount], now: DateTime<Utc>) -> chrono::Duration {
    let moving = |count: &&PendingCount| {
        count.company == flow.company.as_str()
            && count.entity == flow.entity.as_str()
            && [DeliveryState::Queued, DeliveryState::Sending, DeliveryState::Unknown]
                .map(DeliveryState::as_str)
                .contains(&count.state.as_str())
    };
    let oldest = pending.iter().filter(moving).map(|count| count.queued_at).min();
    oldest.map_or(chrono::Duration::zero(), |at| (now - at).max(chrono::Duration::zero()))
}

fn show_entity(entity: &EntityName, gauges: &Gauges) {
    let pending = &gauges.pending;
    let not_as_sent = gauges.not_as_sent.iter().find(|count| count.entity == entity.as_str());
    all_metrics().records.set_not_as_sent(entity, not_as_sent.map_or(0, |count| count.count));
    let outdated = gauges.outdated.iter().find(|count| count.entity == entity.as_str());
    all_metrics().records.set_outdated(entity, outdated.map_or(0, |count| count.count));
    let of = |wanted: &dyn Fn(&PendingCount) -> bool| -> i64 {
        pending.iter().filter(|count| count.entity == entity.as_str() && wanted(count)).map(|count| count.count).sum()
    };
    let queued = [DeliveryState::Queued, DeliveryState::AfterHeader, DeliveryState::Sending].map(DeliveryState::as_str);
    let in_state = |state: DeliveryState| of(&|count| count.state == state.as_str());
    all_metrics().deliveries.set_queued(entity, of(&|count| queued.contains(&count.state.as_str())));
    all_metrics().deliveries.set_unknown(entity, in_state(DeliveryState::Unknown));
    all_metrics().deliveries.set_waiting(entity, in_state(DeliveryState::Waiting));
    all_metrics().deliveries.set_on_hold(entity, in_state(DeliveryState::OnHold));
    for reason in FailureReason::of_failed() {
        let failed = of(&|count| count.state == DeliveryState::Failed.as_str() && count.reason.as_deref() == Some(reason.as_str()));
        all_metrics().deliveries.set_failed(entity, reason, failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_is_not_moved_by_the_next_try() {
        let now = Utc::now();
        let count = |state: &str, entity: &str| PendingCount {
            company: "EDU1".into(),
            entity: entity.into(),
            state: state.into(),
            reason: None,
            count: 1,
            oldest: now + chrono::Duration::minutes(10),
            queued_at: now - chrono::Duration::hours(1),
        };
        let of = |counts: &[PendingCount]| lag(&FlowId::new("EDU1", "invoice"), counts, now).num_minutes();
        for state in ["queued", "sending", "unknown"] {
            assert_eq!(of(&[count(state, "invoice")]), 60, "{state}");
        }
        assert_eq!(of(&[count("failed", "invoice"), count("after_header", "invoice"), count("queued", "supplier")]), 0);
    }
}
