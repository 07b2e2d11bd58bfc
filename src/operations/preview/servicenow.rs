//! ServiceNow's side of a preview: the rows with the keys of some records, as they are now. Lists of keys are asked for at once.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::tables::{Tables, tables};
use crate::actors::system::Access;
use crate::credentials::credential_store::SERVICENOW;
use crate::definition::plan::TargetPlan;
use crate::domain::FlowId;
use crate::process::Process;
use crate::servicenow::{OneToken, ServiceNow, StoredRow, TokenSource};
use crate::store::StoreError;

/// Keys asked for at once.
const KEYS: usize = 100;

/// ServiceNow, or why it is not read.
pub(super) struct ServiceNowSide(Result<Open, String>);

struct Open {
    client: ServiceNow,
    tokens: Box<dyn TokenSource>,
}

/// The rows of one target that were asked for, by their keys.
#[derive(Default)]
pub(super) struct Rows {
    /// Each with its table; several, where more than one row has the key.
    by_key: HashMap<String, Vec<(String, StoredRow)>>,
    /// Keys of rows that ServiceNow counts and does not show.
    hidden: HashSet<String>,
}

impl ServiceNowSide {
    /// Signs in. `access`: that of the service; without it, as in a command, a token of its own.
    pub(super) async fn open(process: &Process, access: Option<&Access>) -> Self {
        Self(Self::signed_in(process, access).await)
    }

    async fn signed_in(process: &Process, access: Option<&Access>) -> Result<Open, String> {
        let credential = process.credential_store.credential(SERVICENOW).await.map_err(|error| error.to_string())?;
        let client = ServiceNow::new(&process.settings.servicenow).map_err(|error| error.chain())?;
        let tokens: Box<dyn TokenSource> = match access {
            Some(access) => Box::new(access.tokens.clone()),
            None => Box::new(OneToken::fetch(client.http(), client.settings(), &credential).await.map_err(|error| error.chain())?),
        };
        Ok(Open { client, tokens })
    }

    /// Why nothing can be read; `None`: it can.
    pub(super) fn closed(&self) -> Option<&str> {
        self.0.as_ref().err().map(String::as_str)
    }

    /// The rows of a target with these keys. The inner error: why they could not be read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn rows(
        &self,
        process: &Process,
        flow: &FlowId,
        target: &TargetPlan,
        keys: &BTreeSet<String>,
    ) -> Result<Result<Rows, String>, StoreError> {
        let Open { client, tokens } = match &self.0 {
            Ok(open) => open,
            Err(why) => return Ok(Err(why.clone())),
        };
        let mut rows = Rows::default();
        if keys.is_empty() {
            return Ok(Ok(rows));
        }
        let tables = match tables(process, client, &**tokens, flow, target).await? {
            Tables::Known { tables, .. } => tables,
            Tables::Unknown(why) => return Ok(Err(why)),
        };
        let keys: Vec<String> = keys.iter().cloned().collect();
        for table in tables {
            for some in keys.chunks(KEYS) {
                let (found, hidden) = match client.stored_rows_by_key(&**tokens, target, &table, some).await {
                    Ok(found) => found,
                    Err(error) => return Ok(Err(format!("ServiceNow could not be read: {}", error.chain()))),
                };
                for row in found {
                    rows.by_key.entry(row.source_key.clone()).or_default().push((table.clone(), row));
                }
                rows.hidden.extend(hidden);
            }
        }
        Ok(Ok(rows))
    }
}

impl Rows {
    /// The rows with this key, each with its table.
    pub(super) fn with_key(&self, key: &str) -> &[(String, StoredRow)] {
        self.by_key.get(key).map_or(&[], Vec::as_slice)
    }

    /// Whether ServiceNow counts a row with this key that it does not show.
    pub(super) fn hides(&self, key: &str) -> bool {
        self.hidden.contains(key)
    }
}
