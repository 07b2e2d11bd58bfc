//! Holds and releases records.

use super::approval::{Approved, ApprovedRecords};
use super::selection::{self, WrongSelection};
use super::{NeverRead, Refused, Requested, approval, check_names};
use crate::domain::approval::ApprovalKind;
use crate::domain::{DocumentKey, FlowId};
use crate::operations::resend::{Followed, end_holds};
use crate::process::Process;
use crate::store::{ConcernedScope, HoldRow, ReplayScope};

/// The results for records named by their keys.
#[derive(Debug, Clone)]
pub struct Named {
    /// The known records.
    pub records: Vec<HoldRow>,
    /// Keys that were never read from SYSPRO, in the ledger's form.
    pub unknown: Vec<String>,
    /// The approval of a second person, and what is left of it: records that it does not hold for are left out.
    pub approved: Option<ApprovedRecords>,
}

impl Named {
    fn of(flow: &FlowId, keys: Vec<String>, records: Vec<HoldRow>) -> Result<Self, Refused> {
        let unknown: Vec<String> = keys.into_iter().filter(|key| !records.iter().any(|row| row.key == *key)).collect();
        if records.is_empty() {
            return Err(NeverRead::of(flow, unknown).into());
        }
        Ok(Self { records, unknown, approved: None })
    }
}

/// The keys in the ledger's form, once the names are checked.
async fn checked(process: &Process, flow: &FlowId, keys: &[String]) -> Result<Vec<String>, Refused> {
    selection::named(keys.len(), WrongSelection::HeldKeys)?;
    selection::storable([&flow.company.to_string(), &flow.entity.to_string()].into_iter().chain(keys))?;
    check_names(process, Some(flow.company.as_str()), Some(flow.entity.as_str())).await?;
    Ok(keys.iter().map(|key| DocumentKey::typed(key).into()).collect())
}

/// Holds records: Tieline does not send them until they are released. Keys are in the form that people type.
///
/// # Errors
/// [`Refused::Selection`], [`Refused::UnknownName`]; [`Refused::NeverRead`] when none of them is known; an error of the ledger.
pub async fn hold(process: &Process, flow: FlowId, keys: &[String], requested: Requested) -> Result<Named, Refused> {
    let keys = checked(process, &flow, keys).await?;
    let rows = process.store.hold_put(flow.clone(), keys.clone(), requested.by, requested.why).await?;
    Named::of(&flow, keys, rows)
}

/// Ends holds, and queues what can be sent of these records again, as it was mapped; also answers the documents that are sent again.
///
/// # Errors
/// As [`hold`].
pub async fn release(process: &Process, flow: FlowId, keys: &[String], requested: Requested) -> Result<(Named, Followed), Refused> {
    let named = keys;
    let keys = checked(process, &flow, named).await?;
    let (used, approved) = approved(process, &flow, named, &requested).await?.map(|Approved { used, records }| (used, records)).unzip();
    let (rows, followed) = end_holds(process, flow.clone(), keys.clone(), used, requested).await?;
    Ok((Named { approved, ..Named::of(&flow, keys, rows)? }, followed))
}

/// The approval of a second person, where `[approvals]` asks for one.
async fn approved(process: &Process, flow: &FlowId, keys: &[String], requested: &Requested) -> Result<Option<Approved>, Refused> {
    let mut sorted: Vec<&str> = keys.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let subject = match sorted.as_slice() {
        [key] => format!("release {flow} `{key}`"),
        all => format!("release {} records of {flow}", all.len()),
    };
    let scope = ReplayScope {
        company: Some(flow.company.to_string()),
        entity: Some(flow.entity.to_string()),
        keys: keys.to_vec(),
        ..ReplayScope::default()
    };
    let records = ConcernedScope::Named { scope: Box::new(scope), companies: vec![flow.company.to_string()] };
    approval::require_of_records(process, ApprovalKind::Release, &subject, &records, &sorted.join("\n"), requested).await
}
