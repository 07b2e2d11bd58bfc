//! Checks whether ServiceNow is still the instance that the ledger knows. If it was replaced by an older copy, the newest delivered records
//! are missing, or have their former content. Then every flow stops until `tieline restored` has compared both sides.

use std::collections::BTreeMap;

use tracing::{error, warn};

use crate::credentials::credential_store::SERVICENOW;
use crate::definition::plan::{TargetPlan, WriteMode};
use crate::domain::EntityName;
use crate::domain::ids::AuditRowId;
use crate::domain::life::{COMPARE, WENT_BACK, went_back};
use crate::process::Process;
use crate::servicenow::{OneToken, ServiceNow};
use crate::store::{ArrivedPart, StoreError};

/// The newest parts that are read from the ledger, and the number of them that are checked.
const NEWEST: i64 = 500;
const SAMPLE: usize = 20;

/// What a service waits for during the check.
pub const CHECKING: &str = "flows wait until Tieline has checked that ServiceNow still has the newest records. If ServiceNow does not answer, they start after its \
     time limits";

/// Makes the check. If ServiceNow does not answer, that shows nothing and is logged: the flows report it better. What it stops is in the
/// audit.
///
/// # Errors
/// [`StoreError`].
pub async fn check(process: &Process) -> Result<(), StoreError> {
    let newest = process.store.arrived_newest(NEWEST).await?;
    let percent = process.settings.flows.went_back_percent;
    if newest.is_empty() || percent >= 100 {
        return Ok(());
    }
    let Compared { asked, missing, newest } = match compare(process, newest).await {
        Ok(counted) => counted,
        Err(why) => {
            warn!(why, "Tieline could not check whether ServiceNow still has the newest delivered records");
            return Ok(());
        }
    };
    if went_back(asked, missing, percent) {
        let why = format!(
            "{WENT_BACK}: {missing} of the {asked} newest records that arrived there are missing or have an older version (a clone, a \
             restored instance?); {COMPARE}. If ServiceNow's state is correct, `tieline flow resume` resumes a flow"
        );
        error!("{why}");
        process.store.flows_stop(process.flows(), why, newest).await?;
    }
    Ok(())
}

/// The result for the newest records.
#[derive(Default)]
struct Compared {
    /// The number that could be read.
    asked: usize,
    /// The number of them that are missing or older.
    missing: usize,
    /// The audit row of the newest of those.
    newest: AuditRowId,
}

async fn compare(process: &Process, newest: Vec<ArrivedPart>) -> Result<Compared, String> {
    let client = ServiceNow::new(&process.settings.servicenow).map_err(|error| error.chain())?;
    let credential = process.credential_store.credential(SERVICENOW).await.map_err(|error| error.to_string())?;
    let tokens = OneToken::fetch(client.http(), client.settings(), &credential).await.map_err(|error| error.chain())?;
    let definitions = process.definitions.now();
    // rows made by a transform may not be readable at all, which would give the same answer
    let target_of = |part: &ArrivedPart| {
        let plan = definitions.plan(&EntityName::new(&part.entity))?;
        plan.targets
            .iter()
            .find(|target| target.block == part.block && target.write == WriteMode::Table && target.table == part.target_table)
    };
    let mut by_table: BTreeMap<&str, (&TargetPlan, Vec<&ArrivedPart>)> = BTreeMap::new();
    for (target, part) in newest.iter().filter_map(|part| Some((target_of(part)?, part))).take(SAMPLE) {
        by_table.entry(target.table.as_str()).or_insert((target, Vec::new())).1.push(part);
    }
    let mut compared = Compared::default();
    for (target, parts) in by_table.into_values() {
        let ids: Vec<&str> = parts.iter().map(|part| part.sys_id.as_str()).collect();
        let there = client.versions_of(&tokens, target, &ids).await.map_err(|error| error.chain())?;
        compared.asked += parts.len();
        let is_missing = |part: &&&ArrivedPart| match there.iter().find(|(sys_id, _)| sys_id.names(&part.sys_id)) {
            None => true,
            Some((_, version)) => version.as_ref().is_some_and(|version| version.number() < i64::from(part.version)),
        };
        for part in parts.iter().filter(is_missing) {
            compared.missing += 1;
            compared.newest = compared.newest.max(part.audit);
        }
    }
    Ok(compared)
}
