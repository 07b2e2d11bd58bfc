//! The sums of a tie-out by supplier, account or document type, and the rows of files about them.

use crate::domain::fiscal::period_text;
use crate::operations::Refused;
use crate::process::Process;
use crate::store::{TieOutGroup, TieOutGroups};

/// The head of the groups in a file.
pub const GROUPS: &str = "company,entity,block,period,currency,by,value,syspro_records,syspro_amount,gone_records,gone_amount,\
                          servicenow_records,servicenow_amount,difference\r\n";

/// A page of groups.
///
/// # Errors
/// An error of the ledger.
pub async fn groups(process: &Process, filter: TieOutGroups) -> Result<Vec<TieOutGroup>, Refused> {
    Ok(process.store.tie_out_groups(filter).await?)
}

/// The difference of both sides: of the amounts, or of the records where there are none.
pub fn difference(group: &TieOutGroup) -> String {
    if group.currency.is_empty() { group.records_difference().to_string() } else { group.difference().to_string() }
}

/// The cells of a group.
pub fn group(group: &TieOutGroup) -> [String; 14] {
    let amount = |amount: Option<rust_decimal::Decimal>| amount.map(|amount| amount.to_string()).unwrap_or_default();
    [
        group.company.clone(),
        group.entity.clone(),
        group.block.clone(),
        period_text(group.year, group.period),
        group.currency.clone(),
        group.grouped_by.to_string(),
        group.value.clone(),
        group.syspro_records.to_string(),
        amount(group.syspro_amount),
        group.gone_records.to_string(),
        amount(group.gone_amount),
        group.servicenow_records.to_string(),
        amount(group.servicenow_amount),
        difference(group),
    ]
}
