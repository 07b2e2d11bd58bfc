//! Proves that no record has two rows in ServiceNow: by one grouped request for each table, whatever the number of rows.

use serde::Serialize;

use super::check_names;
use super::refused::Refused;
use super::tables::{Tables, tables};
use crate::actors::system::Access;
use crate::domain::FlowId;
use crate::process::Process;
use crate::servicenow::{Repeated, ServiceNow, Uniqueness};

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
                let found = servicenow.uniqueness(&access.tokens, &table, &column, &prefix(&flow)).await;
                proofs.push(proof(Some(table), found.map_err(|error| error.chain())));
            }
        }
    }
    Ok(proofs)
}

fn prefix(flow: &FlowId) -> String {
    format!("{}/{}/", flow.company, flow.entity)
}
