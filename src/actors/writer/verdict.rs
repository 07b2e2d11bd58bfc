//! Converts ServiceNow's answers to outcomes for the ledger. Plain functions.

use std::time::Duration;

use super::apart::Failed;
use super::outgoing::Unsendable;
use crate::config::Settings;
use crate::definition::plan::{PartialWrite, TargetPlan};
use crate::domain::SysId;
use crate::domain::delivery::{Attempt, Confirmation, FailureReason};
use crate::domain::next_step::NextStep;
use crate::redact::Quoted;
use crate::retry::{self, Class};
use crate::servicenow::{FieldDifference, How, Outcome, ServiceNowError, Settled};
use crate::store::{Claim, Claimed, DeliveryOutcome, PartialField, Settlement, UNANSWERED, payload_digest};

/// Time between two look-ups of a row that is loaded but not yet transformed.
const NEXT_LOOKUP: Duration = Duration::from_secs(30);

/// The longest that a look-up waits when the instance asks for a pause; the pace keeps a longer pause.
const LONGEST_LOOKUP_WAIT: Duration = Duration::from_secs(900);

/// Whether the instance processes other records at present: only then can a failure be the record's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// It does.
    GetThrough,
    /// It does not, or that is not known.
    MayNot,
}

impl Others {
    pub(super) fn get_through(self) -> bool {
        self == Self::GetThrough
    }
}

/// Whether an attempt counts against its record: after `retry.max_attempts` of these, the record fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempted {
    /// It does: the failure can be the record's own.
    Counted,
    /// It does not.
    Uncounted,
}

/// Outcomes of a batch that was sent. `others` tells whether the instance processes other records: only then is this record itself the
/// cause of the failure.
pub(super) fn of_send(
    settings: &Settings,
    target: &TargetPlan,
    claim: &Claim,
    outcomes: Vec<Result<Outcome, Failed>>,
    others: Others,
) -> Vec<Settlement> {
    let verdict = |delivery: &Claimed, outcome| match outcome {
        Ok(outcome) => sent(settings, target, delivery, outcome, others),
        Err(failed) => unsent(settings, target, delivery, &failed, others),
    };
    let one = |(delivery, outcome)| watched(target, settlement(delivery, verdict(delivery, outcome)));
    claim.deliveries.iter().zip(outcomes).map(one).collect()
}

/// The query before the write failed for this record, so nothing of it was written.
fn unsent(settings: &Settings, target: &TargetPlan, delivery: &Claimed, failed: &Failed, others: Others) -> DeliveryOutcome {
    let attempted = if failed.own && others.get_through() { Attempted::Counted } else { Attempted::Uncounted };
    if attempted == Attempted::Counted && delivery.attempts >= most_tries(settings) {
        return exhausted(delivery, &format!("nothing was sent: {}", failed.error.chain()), lookup_fails(target));
    }
    put_off(settings, delivery, &failed.error, attempted)
}

/// Nothing of the record was written: it is sent again later.
fn put_off(settings: &Settings, delivery: &Claimed, error: &ServiceNowError, attempted: Attempted) -> DeliveryOutcome {
    DeliveryOutcome::Deferred {
        message: error.chain(),
        wait: later(settings, delivery.attempts, error.retry_after()),
        throttled: error.class() == Class::Throttled && error.retry_after().is_some(),
        counted: attempted == Attempted::Counted,
        // a record that made its whole batch fail is sent alone from then on
        unanswered: delivery.reason.as_deref() == Some(UNANSWERED),
        next_step: of_error(error),
    }
}

fn lookup_fails(target: &TargetPlan) -> NextStep {
    NextStep::LookUpFails { table: target.target_table.clone() }
}

fn sent(settings: &Settings, target: &TargetPlan, delivery: &Claimed, outcome: Outcome, others: Others) -> DeliveryOutcome {
    match outcome {
        Outcome::Confirmed { partial, table, sys_id, .. } if !partial.is_empty() && target.partial_write == PartialWrite::Fail => {
            not_as_sent(&table, &sys_id, &partial)
        }
        Outcome::Confirmed { sys_id, table, how, partial, said } => {
            let how = match how {
                How::Inserted => Confirmation::Inserted,
                How::Updated => Confirmation::Updated,
                How::Unchanged => Confirmation::Unchanged,
            };
            DeliveryOutcome::Confirmed { sys_id, table, how, partial: fields(partial), said: said.map(String::from) }
        }
        Outcome::Conflict { message, next_step } => {
            DeliveryOutcome::Failed { reason: FailureReason::Conflict, message: message.into(), field: None, next_step }
        }
        Outcome::Rejected { message, field, next_step } => {
            DeliveryOutcome::Failed { reason: FailureReason::Rejected, message: message.into(), field, next_step }
        }
        Outcome::Deferred { message, retry_after, throttled } => {
            let counted = !throttled && others.get_through();
            if counted && delivery.attempts >= most_tries(settings) {
                return exhausted(delivery, &message, NextStep::Exhausted);
            }
            DeliveryOutcome::Deferred {
                message: message.into(),
                wait: later(settings, delivery.attempts, retry_after),
                throttled: throttled && retry_after.is_some(),
                counted,
                unanswered: false,
                next_step: if throttled { NextStep::Throttled } else { NextStep::Retried },
            }
        }
        Outcome::Withdrawn { message } => DeliveryOutcome::Withdrawn { message: message.into() },
        Outcome::Unknown { message } => {
            DeliveryOutcome::Unknown { message: message.into(), wait: settings.servicenow.read_delay, failed_lookups: 0 }
        }
    }
}

fn most_tries(settings: &Settings) -> i32 {
    i32::try_from(settings.retry.max_attempts).unwrap_or(i32::MAX)
}

fn exhausted(delivery: &Claimed, last: &str, next_step: NextStep) -> DeliveryOutcome {
    DeliveryOutcome::Failed {
        reason: FailureReason::Exhausted,
        message: format!("{} attempts failed; the last: {last}", delivery.attempts),
        field: None,
        next_step,
    }
}

fn fields(partial: Vec<FieldDifference>) -> Vec<PartialField> {
    // the returned value is quoted in the message only
    let returned = |p: &FieldDifference| Quoted::of(p.returned.as_deref().unwrap_or_default()).into();
    partial.into_iter().map(|p| PartialField { returned: returned(&p), field: p.field, sent: p.sent }).collect()
}

/// A record of which ServiceNow stored a field differently, or not at all.
fn not_as_sent(table: &str, sys_id: &SysId, partial: &[FieldDifference]) -> DeliveryOutcome {
    let one = |p: &FieldDifference| match p.returned.as_deref() {
        None => format!("`{}`: `{}` was sent, and the row has no such column, or the user may not read it", p.field, p.sent),
        Some("") => format!("`{}`: `{}` was sent, and the field is empty", p.field, p.sent),
        Some(returned) => format!("`{}`: `{}` was sent, `{returned}` is there", p.field, p.sent),
    };
    let said: Vec<String> = partial.iter().map(one).collect();
    DeliveryOutcome::Failed {
        reason: FailureReason::Rejected,
        message: Quoted::from(format!("row {sys_id} of `{table}` was written, but not as sent: {}", said.join("; "))).into(),
        field: partial.first().map(|p| p.field.clone()),
        next_step: NextStep::KeptOtherwise,
    }
}

/// Deliveries that cannot be sent in the form that the ledger holds: they fail with the reason, while the others continue.
pub(super) fn of_unsendable(unsendable: &[(Claimed, Unsendable)], attempt: Attempt) -> Vec<Settlement> {
    let known = match attempt {
        Attempt::Send => "; nothing of it was sent",
        Attempt::LookUp => "; it was sent before, and Tieline does not know whether it arrived",
    };
    let verdict = |problem: &Unsendable| match problem {
        Unsendable::Unreadable(problem) => DeliveryOutcome::Failed {
            reason: FailureReason::Poison,
            message: format!("{problem}{known}"),
            field: None,
            next_step: NextStep::StoredUnreadable,
        },
        Unsendable::Elsewhere => DeliveryOutcome::Failed {
            reason: FailureReason::Unmapped,
            message: format!("it was mapped under another definition, for another table than the current one{known}"),
            field: None,
            next_step: NextStep::ReplayOutdated,
        },
    };
    unsendable.iter().map(|(delivery, problem)| settlement(delivery, verdict(problem))).collect()
}

/// What to do about a request that failed as a whole: an error that does not pass by itself needs a person.
fn of_error(error: &ServiceNowError) -> NextStep {
    match error {
        ServiceNowError::UnknownTable { .. } => NextStep::TableMissing,
        ServiceNowError::UnknownColumn { .. } => NextStep::ColumnMissing,
        ServiceNowError::Forbidden { .. } => NextStep::RightMissing,
        ServiceNowError::TokenRefused { .. } | ServiceNowError::Unauthorized { .. } => NextStep::SignInRefused,
        ServiceNowError::NoCredential { next_step, .. } => next_step.clone(),
        ServiceNowError::Setup { .. } => NextStep::Settings,
        ServiceNowError::Net { source, .. } | ServiceNowError::NoTokenAnswer { source, .. } if source.names_a_setting() => {
            NextStep::Settings
        }
        error if error.class() == Class::Throttled => NextStep::Throttled,
        _ => NextStep::Retried,
    }
}

/// A batch of which nothing was written: everything is due again, and no attempt is counted.
pub(super) fn of_failed_send(settings: &Settings, claim: &Claim, error: &ServiceNowError) -> Vec<Settlement> {
    claim.deliveries.iter().map(|delivery| settlement(delivery, put_off(settings, delivery, error, Attempted::Uncounted))).collect()
}

/// A batch that could not be prepared: what was to be sent is queued again, what was to be looked up stays unknown.
pub(super) fn of_nothing_sent(settings: &Settings, claim: &Claim, why: &str, attempt: Attempt) -> Vec<Settlement> {
    let message = format!("nothing was sent: {why}");
    let verdict = |delivery: &Claimed| {
        let (message, wait) = (message.clone(), later(settings, delivery.attempts, None));
        match attempt {
            Attempt::LookUp => DeliveryOutcome::Unknown { message, wait, failed_lookups: delivery.failed_lookups },
            Attempt::Send => DeliveryOutcome::Deferred {
                message,
                wait,
                throttled: false,
                counted: false,
                unanswered: delivery.reason.as_deref() == Some(UNANSWERED),
                next_step: NextStep::Retried,
            },
        }
    };
    claim.deliveries.iter().map(|delivery| settlement(delivery, verdict(delivery))).collect()
}

/// Outcomes of looking up deliveries with an unknown outcome. `others` tells whether the instance processes other records: only then is
/// this record itself the cause of its absence.
pub(super) fn of_lookup(
    settings: &Settings,
    target: &TargetPlan,
    claim: &Claim,
    settled: Vec<Result<Settled, Failed>>,
    others: Others,
) -> Vec<Settlement> {
    claim
        .deliveries
        .iter()
        .zip(settled)
        .map(|(delivery, settled)| match settled {
            Ok(settled) => watched(target, settlement(delivery, looked_up(settings, target, delivery, settled, others))),
            Err(failed) => settlement(delivery, not_looked_up(settings, target, delivery, &failed, others)),
        })
        .collect()
}

/// Separates the message of the lost attempt from what was found out since.
const SINCE: &str = "; since then: ";

fn looked_up(settings: &Settings, target: &TargetPlan, delivery: &Claimed, settled: Settled, others: Others) -> DeliveryOutcome {
    let last = first_said(delivery);
    // a record counts as absent only when the instance can no longer be working on the lost request and what it wrote can be read
    let still = still_worked_on(settings, delivery);
    let send_again = |why: String, when_exhausted: NextStep| {
        if !still.is_zero() {
            let message = format!("{last}{SINCE}{why}; the instance may still be working on it");
            return DeliveryOutcome::Unknown { message, wait: still, failed_lookups: 0 };
        }
        if others.get_through() && delivery.attempts >= most_tries(settings) {
            return exhausted(delivery, &format!("{last} ({why})"), when_exhausted);
        }
        // the first repeat comes at once
        let wait = if delivery.attempts <= 1 { Duration::ZERO } else { later(settings, delivery.attempts, None) };
        DeliveryOutcome::Deferred {
            message: format!("{last}{SINCE}{why}"),
            wait,
            throttled: false,
            counted: others.get_through(),
            unanswered: true,
            next_step: NextStep::Retried,
        }
    };
    match settled {
        Settled::Confirmed { .. } if delivery.confirmed_before => {
            send_again("a replay: ServiceNow had this version before, so finding it proves nothing".into(), NextStep::Exhausted)
        }
        Settled::Confirmed { sys_id, table, partial, said } => {
            let table = table.unwrap_or_else(|| target.target_table.clone());
            if !partial.is_empty() && target.partial_write == PartialWrite::Fail {
                return not_as_sent(&table, &sys_id, &partial);
            }
            DeliveryOutcome::Confirmed { sys_id, table, how: Confirmation::Found, partial: fields(partial), said: said.map(String::from) }
        }
        Settled::Conflict { message, next_step } => {
            DeliveryOutcome::Failed { reason: FailureReason::Conflict, message: message.into(), field: None, next_step }
        }
        Settled::Rejected { message, field, next_step } => {
            DeliveryOutcome::Failed { reason: FailureReason::Rejected, message: message.into(), field, next_step }
        }
        Settled::Absent => send_again("looked up and not found".into(), NextStep::Exhausted),
        Settled::StillPending => {
            DeliveryOutcome::Unknown { message: "loaded but not yet transformed".into(), wait: NEXT_LOOKUP, failed_lookups: 0 }
        }
        // sent again with the same key or sys_id, so that there is still one record
        Settled::Unknown { reason } => {
            let step = match target.key_column {
                Some(_) => NextStep::RowUnreadable { table: target.target_table.clone() },
                None => NextStep::Exhausted,
            };
            send_again(format!("it cannot be looked up ({reason})"), step)
        }
    }
}

/// A look-up that failed as a whole: it is repeated later.
pub(super) fn of_failed_lookup(claim: &Claim, error: &ServiceNowError) -> Vec<Settlement> {
    claim.deliveries.iter().map(|delivery| settlement(delivery, looked_up_later(delivery, error))).collect()
}

fn looked_up_later(delivery: &Claimed, error: &ServiceNowError) -> DeliveryOutcome {
    let message = format!("{}{SINCE}it could not be looked up: {}", first_said(delivery), error.chain());
    DeliveryOutcome::Unknown {
        message,
        wait: error.retry_after().map_or(NEXT_LOOKUP, |asked| asked.min(LONGEST_LOOKUP_WAIT)),
        failed_lookups: delivery.failed_lookups,
    }
}

/// A record that could not be looked up. If others could, it fails after as many look-ups as a record has attempts. It is not sent again
/// without a look-up, because that could create it twice.
fn not_looked_up(settings: &Settings, target: &TargetPlan, delivery: &Claimed, failed: &Failed, others: Others) -> DeliveryOutcome {
    if !failed.own || !others.get_through() {
        return looked_up_later(delivery, &failed.error);
    }
    let (last, failed_lookups, error) = (first_said(delivery), delivery.failed_lookups + 1, failed.error.chain());
    let still = still_worked_on(settings, delivery);
    if failed_lookups < most_tries(settings) || !still.is_zero() {
        let message = format!("{last}{SINCE}it could not be looked up: {error}");
        let wait = later(settings, failed_lookups, failed.error.retry_after()).max(still);
        return DeliveryOutcome::Unknown { message, wait, failed_lookups };
    }
    DeliveryOutcome::Failed {
        reason: FailureReason::Exhausted,
        message: format!(
            "it was sent, and Tieline does not know whether it arrived ({last}): {failed_lookups} look-ups of it failed, although \
             ServiceNow answers for others; the last: {error}"
        ),
        field: None,
        next_step: lookup_fails(target),
    }
}

/// How much longer the instance may still be working on the last request with this record.
fn still_worked_on(settings: &Settings, delivery: &Claimed) -> Duration {
    let servicenow = &settings.servicenow;
    let quota = servicenow.batch_quota.max(servicenow.request_quota) + servicenow.read_delay;
    let ago = delivery.sent_ago.map_or(quota, |ago| Duration::from_millis(u64::try_from(ago).unwrap_or(0)));
    quota.saturating_sub(ago)
}

/// The message of the attempt whose outcome is unknown.
fn first_said(delivery: &Claimed) -> &str {
    delivery.said.as_deref().and_then(|said| said.split(SINCE).next()).unwrap_or_default()
}

fn later(settings: &Settings, tries: i32, retry_after: Option<Duration>) -> Duration {
    let tries = u32::try_from(tries).unwrap_or(1);
    // the pace keeps a longer pause for all records: those due then are its trials
    let retry_after = retry_after.map(|asked| asked.min(settings.retry.backoff.longest));
    retry_after.unwrap_or_else(|| retry::delay(tries, settings.retry.backoff))
}

/// Tracks a delivered record until ServiceNow reports a final state, where its definition asks for it.
fn watched(target: &TargetPlan, settlement: Settlement) -> Settlement {
    let arrived = matches!(settlement.verdict, DeliveryOutcome::Confirmed { .. });
    let watch = target.watch.as_ref().filter(|_| arrived);
    Settlement { poll_after: watch.map(|watch| Duration::from_secs(60 * u64::from(watch.first_minutes))), ..settlement }
}

fn settlement(delivery: &Claimed, verdict: DeliveryOutcome) -> Settlement {
    let arrived = matches!(verdict, DeliveryOutcome::Confirmed { .. });
    Settlement {
        poll_after: None,
        payload: arrived.then(|| payload_digest(&delivery.payload, delivery.refs.as_deref())),
        delivery_id: delivery.delivery_id,
        document_id: delivery.document_id,
        version: delivery.version,
        run_id: delivery.run_id,
        record_key: delivery.record_key.clone(),
        known: delivery.known,
        verdict,
    }
}
