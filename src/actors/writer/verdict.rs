//! From what ServiceNow said to what the ledger keeps. Plain functions.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Settings;
use crate::definition::plan::{PartialWrite, TargetPlan};
use crate::domain::SysId;
use crate::domain::delivery::ParkReason;
use crate::retry::{self, Class};
use crate::servicenow::{FieldDifference, How, Outcome, ServiceNowError, Settled};
use crate::store::{Claim, Claimed, Settlement, Verdict};

/// Between two looks at a row that is loaded but not yet transformed.
const NEXT_LOOK: Duration = Duration::from_secs(30);

/// Outcomes of a batch that was sent.
pub(super) fn of_send(settings: &Settings, target: &TargetPlan, claim: &Claim, outcomes: Vec<Outcome>) -> Vec<Settlement> {
    let now = Utc::now();
    let one = |(delivery, outcome)| watched(target, settlement(delivery, sent(settings, target, delivery, outcome, now)), now);
    claim.deliveries.iter().zip(outcomes).map(one).collect()
}

fn sent(settings: &Settings, target: &TargetPlan, delivery: &Claimed, outcome: Outcome, now: DateTime<Utc>) -> Verdict {
    match outcome {
        Outcome::Confirmed { partial, table, sys_id, .. } if !partial.is_empty() && target.partial_write == PartialWrite::Fail => {
            not_as_sent(&table, &sys_id, &partial)
        }
        Outcome::Confirmed { sys_id, table, how, partial, said } => {
            let how = match how {
                How::Inserted => "inserted",
                How::Updated => "updated",
                How::Unchanged => "unchanged",
            };
            Verdict::Confirmed { sys_id, table, how, partial: fields(partial), said }
        }
        Outcome::Conflict { message, next_step } => Verdict::Parked { reason: ParkReason::Conflict, message, field: None, next_step },
        Outcome::Rejected { message, field, next_step } => Verdict::Parked { reason: ParkReason::Rejected, message, field, next_step },
        Outcome::Deferred { message, retry_after, throttled } => {
            if !throttled && delivery.attempts >= i32::try_from(settings.retry.max_attempts).unwrap_or(i32::MAX) {
                return Verdict::Parked {
                    reason: ParkReason::Exhausted,
                    message: format!("{} tries failed; the last: {message}", delivery.attempts),
                    field: None,
                    next_step: "see whether ServiceNow works again, then `tieline replay --failed-only`".into(),
                };
            }
            Verdict::Deferred {
                message,
                not_before: later(settings, delivery, retry_after, now),
                throttled: throttled && retry_after.is_some(),
                counted: !throttled,
            }
        }
        Outcome::Withdrawn { message } => Verdict::Withdrawn { message },
        Outcome::InDoubt { message } => Verdict::InDoubt { message, not_before: now + settings.servicenow.read_delay },
    }
}

fn fields(partial: Vec<FieldDifference>) -> Vec<(String, String, String)> {
    partial.into_iter().map(|p| (p.field, p.sent, p.returned.unwrap_or_default())).collect()
}

/// A record of which ServiceNow kept a field otherwise than it was sent, or not at all.
fn not_as_sent(table: &str, sys_id: &SysId, partial: &[FieldDifference]) -> Verdict {
    let one = |p: &FieldDifference| match p.returned.as_deref() {
        None => format!("`{}`: `{}` was sent, and the row has no such column, or the user may not read it", p.field, p.sent),
        Some("") => format!("`{}`: `{}` was sent, and nothing is there", p.field, p.sent),
        Some(returned) => format!("`{}`: `{}` was sent, `{returned}` is there", p.field, p.sent),
    };
    let said: Vec<String> = partial.iter().map(one).collect();
    Verdict::Parked {
        reason: ParkReason::Rejected,
        message: format!("row {sys_id} of `{table}` was written, but not as sent: {}", said.join("; ")),
        field: partial.first().map(|p| p.field.clone()),
        next_step:
            "correct the column's name, rights, length, choices or rules in ServiceNow, or the field in the definition; then replay the \
                    record"
                .into(),
    }
}

/// A batch of which nothing was written: everything is due again, and no try is used up.
pub(super) fn of_failed_send(settings: &Settings, claim: &Claim, error: &ServiceNowError) -> Vec<Settlement> {
    let now = Utc::now();
    let throttled = error.class() == Class::Throttled && error.retry_after().is_some();
    let verdict = |delivery: &Claimed| Verdict::Deferred {
        message: error.chain(),
        not_before: later(settings, delivery, error.retry_after(), now),
        throttled,
        counted: false,
    };
    claim.deliveries.iter().map(|delivery| settlement(delivery, verdict(delivery))).collect()
}

/// A batch that could not even be put together: what was to be sent is due again, what was to be looked up is still in doubt.
pub(super) fn of_nothing_sent(settings: &Settings, claim: &Claim, why: &str, look: bool) -> Vec<Settlement> {
    let (now, message) = (Utc::now(), format!("nothing was sent: {why}"));
    let verdict = |delivery: &Claimed| {
        let (message, not_before) = (message.clone(), later(settings, delivery, None, now));
        match look {
            true => Verdict::InDoubt { message, not_before },
            false => Verdict::Deferred { message, not_before, throttled: false, counted: false },
        }
    };
    claim.deliveries.iter().map(|delivery| settlement(delivery, verdict(delivery))).collect()
}

/// Outcomes of a look at doubtful deliveries.
pub(super) fn of_look(settings: &Settings, target: &TargetPlan, claim: &Claim, settled: Vec<Settled>) -> Vec<Settlement> {
    let now = Utc::now();
    let servicenow = &settings.servicenow;
    let quota = servicenow.batch_quota.max(servicenow.request_quota) + servicenow.read_delay;
    claim
        .deliveries
        .iter()
        .zip(settled)
        .map(|(delivery, settled)| watched(target, settlement(delivery, looked(target, delivery, settled, quota, now)), now))
        .collect()
}

fn looked(target: &TargetPlan, delivery: &Claimed, settled: Settled, quota: Duration, now: DateTime<Utc>) -> Verdict {
    // absence is believed only once the instance can no longer be working on the lost request, and what it wrote can be read
    let ago = delivery.sent_ago.map_or(quota, |ago| Duration::from_millis(u64::try_from(ago).unwrap_or(0)));
    let still = quota.saturating_sub(ago);
    let send_again = |why: String| {
        if still.is_zero() {
            Verdict::Deferred { message: why, not_before: now, throttled: false, counted: false }
        } else {
            Verdict::InDoubt { message: format!("{why}; the instance may still be working on it"), not_before: now + still }
        }
    };
    match settled {
        Settled::Confirmed { .. } if delivery.stands => {
            send_again("a replay: this version stood there before, so that finding it proves nothing".into())
        }
        Settled::Confirmed { sys_id, table, partial, said } => {
            let table = table.unwrap_or_else(|| target.target_table.clone());
            if !partial.is_empty() && target.partial_write == PartialWrite::Fail {
                return not_as_sent(&table, &sys_id, &partial);
            }
            Verdict::Confirmed { sys_id, table, how: "found", partial: fields(partial), said }
        }
        Settled::Conflict { message, next_step } => Verdict::Parked { reason: ParkReason::Conflict, message, field: None, next_step },
        Settled::Rejected { message, field, next_step } => Verdict::Parked { reason: ParkReason::Rejected, message, field, next_step },
        Settled::Absent => send_again("looked up and not found".into()),
        Settled::StillPending => Verdict::InDoubt { message: "loaded but not yet transformed".into(), not_before: now + NEXT_LOOK },
        // sent again under the same key or sys_id, so that there is still one record
        Settled::Unknown { reason } => send_again(format!("it cannot be looked up ({reason})")),
    }
}

/// A look that failed as a whole: looked at again later.
pub(super) fn of_failed_look(claim: &Claim, error: &ServiceNowError) -> Vec<Settlement> {
    let next = Utc::now() + error.retry_after().unwrap_or(NEXT_LOOK);
    let message = format!("it could not be looked up: {}", error.chain());
    claim.deliveries.iter().map(|d| settlement(d, Verdict::InDoubt { message: message.clone(), not_before: next })).collect()
}

fn later(settings: &Settings, delivery: &Claimed, retry_after: Option<Duration>, now: DateTime<Utc>) -> DateTime<Utc> {
    let tries = u32::try_from(delivery.attempts).unwrap_or(1);
    now + retry_after.unwrap_or_else(|| retry::delay(tries, settings.retry.min_delay, settings.retry.max_delay))
}

/// What has arrived is looked at again where its definition says so.
fn watched(target: &TargetPlan, settlement: Settlement, now: DateTime<Utc>) -> Settlement {
    let arrived = matches!(settlement.verdict, Verdict::Confirmed { .. });
    let watch = target.watch.as_ref().filter(|_| arrived);
    Settlement { look_at: watch.map(|watch| now + TimeDelta::minutes(i64::from(watch.first_minutes))), ..settlement }
}

fn settlement(delivery: &Claimed, verdict: Verdict) -> Settlement {
    Settlement {
        look_at: None,
        delivery_id: delivery.delivery_id,
        document_id: delivery.document_id,
        version: delivery.version,
        run_id: delivery.run_id,
        record_key: delivery.record_key.clone(),
        verdict,
    }
}
