//! The last delivered records, which show whether ServiceNow was set back.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};

use super::flow_pause::flow_stop;
use super::schema::flow;
use super::{Store, StoreError};
use crate::domain::FlowId;
use crate::domain::ids::AuditRowId;
use crate::store::prepared::prepared;
use crate::store::text::Text;

/// A recently delivered part of a record.
#[derive(Debug, Clone, QueryableByName)]
pub struct ArrivedPart {
    /// The entity.
    #[diesel(sql_type = Text)]
    pub entity: String,
    /// The block.
    #[diesel(sql_type = Text)]
    pub block: String,
    /// The table of its row.
    #[diesel(sql_type = Text)]
    pub target_table: String,
    /// Its row.
    #[diesel(sql_type = Text)]
    pub sys_id: String,
    /// The delivered version.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// The audit row of the delivery.
    #[diesel(sql_type = BigInt)]
    pub audit: AuditRowId,
}

impl Store {
    /// The newest delivered parts, out of the last audit rows, so that the cost of the query does not depend on the history. Parts that
    /// were delivered before a person said that ServiceNow is correct are not included.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn arrived_newest(&self, limit: i64) -> Result<Vec<ArrivedPart>, StoreError> {
        self.run_hot("list what arrived last", move |conn| {
            let rows = prepared(include_str!("sql/arrived_newest.sql"));
            Ok(rows.bind::<BigInt, _>(limit).load(conn)?)
        })
        .await
    }

    /// Stops flows because ServiceNow was set back; `newest` is the audit row that is the newest evidence. Flows for which a person has
    /// accepted this evidence are not stopped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flows_stop(&self, flows: Vec<FlowId>, why: String, newest: AuditRowId) -> Result<(), StoreError> {
        self.run("stop flows", move |conn| {
            let accepted: Vec<(String, String)> =
                flow::table.filter(flow::accepted_audit.ge(newest)).select((flow::company, flow::entity)).load(conn)?;
            let is_accepted = |flow: &&FlowId| {
                accepted.iter().any(|(company, entity)| company == flow.company.as_str() && entity == flow.entity.as_str())
            };
            flows.iter().filter(|flow| !is_accepted(flow)).try_for_each(|flow| flow_stop(conn, flow, &why))
        })
        .await
    }
}
