//! Proves that no record has two rows in ServiceNow: by one grouped request for each table, whatever the number of rows.

use serde::Serialize;

use super::check_names;
use super::refused::Refused;
use super::tables::{Tables, tables};
use crate::actors::servicenow_token::TokenClient;
use crate::actors::system::Access;
use crate::definition::TargetPlan;
use crate::domain::FlowId;
use crate::process::Process;
use crate::servicenow::{Repeated, ServiceNow, Uniqueness};

/// Keys whose rows are asked for at once, and how often for one table.
const NAMED_AT_ONCE: usize = 100;
const NAMED_CHUNKS: usize = 10;

/// The result for one table of one flow.
#[derive(Debug, Serialize)]
pub struct Proof {
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// `header`, or the name of the lines.
    pub block: String,
    /// The table; none: it is not known.
    pub table: Option<String>,
    /// The rows that were looked at.
    pub rows: u64,
    /// Keys that more than one row carries.
    pub repeated: Vec<Repeated>,
    /// Why it could not be proven.
    pub unverified: Option<String>,
}

/// Looks at every table of the flows of these companies and entities; empty: all.
///
/// # Errors
/// [`Refused::UnknownName`]; an error of the ledger.
pub async fn prove(process: &Process, access: &Access, companies: &[String], entities: &[String]) -> Result<Vec<Proof>, Refused> {
    for company in companies {
        check_names(process, Some(company), None).await?;
    }
    for entity in entities {
        check_names(process, None, Some(entity)).await?;
    }
    let definitions = process.definitions.now();
    let servicenow = ServiceNow::new(&process.settings.servicenow).map_err(|error| error.chain());
    let mut proofs = Vec::new();
    for flow in process.flows() {
        let wanted = |names: &[String], name: &str| names.is_empty() || names.iter().any(|one| one == name);
        let Some(plan) = definitions.plan(&flow.entity) else { continue };
        if !wanted(companies, flow.company.as_str()) || !wanted(entities, flow.entity.as_str()) {
            continue;
        }
        for target in &plan.targets {
            let proof = |table: Option<String>, found: Result<Uniqueness, String>| {
                let (found, unverified) = match found {
                    Ok(found) => (found, None),
                    Err(why) => (Uniqueness { rows: 0, repeated: Vec::new() }, Some(why)),
                };
                let Uniqueness { rows, repeated } = found;
                let (company, entity) = (flow.company.to_string(), flow.entity.to_string());
                Proof { company, entity, block: target.block.clone(), table, rows, repeated, unverified }
            };
            let servicenow = match &servicenow {
                Ok(servicenow) => servicenow,
                Err(why) => {
                    proofs.push(proof(None, Err(why.clone())));
                    continue;
                }
            };
            let (tables, column) = match tables(process, servicenow, &access.tokens, &flow, target).await? {
                Tables::Known { tables, key_column } => (tables, key_column),
                Tables::Unknown(why) => {
                    proofs.push(proof(None, Err(why)));
                    continue;
                }
            };
            for table in tables {
                let mut found = servicenow.uniqueness(&access.tokens, &table, &column, &prefix(&flow)).await;
                if let Ok(found) = &mut found {
                    name_rows(servicenow, &access.tokens, target, &table, &mut found.repeated).await;
                }
                proofs.push(proof(Some(table), found.map_err(|error| error.chain())));
            }
        }
    }
    Ok(proofs)
}

/// Adds the rows to the keys that several carry, of the first keys. Rows that may not be read stay without a name.
async fn name_rows(servicenow: &ServiceNow, tokens: &TokenClient, target: &TargetPlan, table: &str, repeated: &mut [Repeated]) {
    for some in repeated.chunks_mut(NAMED_AT_ONCE).take(NAMED_CHUNKS) {
        let keys: Vec<String> = some.iter().map(|one| one.key.clone()).collect();
        let Ok((rows, _)) = servicenow.stored_rows_by_key(tokens, target, table, &keys).await else { return };
        for row in rows {
            // the instance groups keys without regard to case
            let of = some.iter_mut().find(|one| one.key.eq_ignore_ascii_case(&row.source_key));
            if let Some(one) = of {
                one.sys_ids.push(row.sys_id.into());
            }
        }
    }
}

fn prefix(flow: &FlowId) -> String {
    format!("{}/{}/", flow.company, flow.entity)
}
