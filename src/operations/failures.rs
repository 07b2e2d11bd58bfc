//! Failures of flows that the configuration no longer contains: no replay and no run includes them, so their next step differs.

use crate::domain::FlowId;
use crate::domain::ids::{DeliveryId, DocumentId};
use crate::domain::next_step::NextStep;
use crate::process::Process;
use crate::store::{CauseRow, FailureFilter, FailureRow, StoreError};

/// As [`Store::failure_list`](crate::store::Store::failure_list), with the next step for records of such flows.
///
/// # Errors
/// [`StoreError`].
pub async fn failure_list(process: &Process, filter: FailureFilter) -> Result<Vec<FailureRow>, StoreError> {
    let mut rows = process.store.failure_list(filter).await?;
    let steps = Steps::of(process);
    rows.iter_mut().for_each(|row| steps.correct(&row.company, &row.entity, &mut row.next_step));
    Ok(rows)
}

/// As [`Store::failure_list_by_record`](crate::store::Store::failure_list_by_record), with the next step for records of such flows.
///
/// # Errors
/// [`StoreError`].
pub async fn failure_list_by_record(
    process: &Process,
    filter: FailureFilter,
    after: (DocumentId, DeliveryId),
) -> Result<Vec<FailureRow>, StoreError> {
    let mut rows = process.store.failure_list_by_record(filter, after).await?;
    let steps = Steps::of(process);
    rows.iter_mut().for_each(|row| steps.correct(&row.company, &row.entity, &mut row.next_step));
    Ok(rows)
}

/// As [`Store::failure_causes`](crate::store::Store::failure_causes), with the next step for records of such flows.
///
/// # Errors
/// [`StoreError`].
pub async fn failure_causes(process: &Process, filter: FailureFilter) -> Result<Vec<CauseRow>, StoreError> {
    let mut rows = process.store.failure_causes(filter).await?;
    let steps = Steps::of(process);
    rows.iter_mut().for_each(|row| steps.correct(&row.company, &row.entity, &mut row.next_step));
    Ok(rows)
}

struct Steps {
    made: Vec<FlowId>,
}

impl Steps {
    fn of(process: &Process) -> Self {
        Self { made: process.flows() }
    }

    fn correct(&self, company: &str, entity: &str, next_step: &mut Option<String>) {
        if !self.made.iter().any(|flow| flow.company.as_str() == company && flow.entity.as_str() == entity) {
            let step = NextStep::FlowNotMade { company: company.to_owned(), entity: entity.to_owned() };
            *next_step = Some(step.text().into_owned());
        }
    }
}
