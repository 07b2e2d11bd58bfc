//! What arrived last, by which it is told whether the other side went back.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer};

use super::flow::flow_stop;
use super::{Store, StoreError};
use crate::domain::FlowId;
use crate::store::text::Text;

/// A part of a record that arrived lately.
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
    /// The version that arrived.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// The row of the audit that says so.
    #[diesel(sql_type = BigInt)]
    pub audit: i64,
}

impl Store {
    /// The newest parts that arrived, of the last that the audit tells of, so that the look costs the same however long it is. What arrived before
    /// a person said that ServiceNow is right as it is, is not among them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn arrived_newest(&self, limit: i64) -> Result<Vec<ArrivedPart>, StoreError> {
        self.run("list what arrived last", move |conn| {
            let rows = sql_query(
                "SELECT d.entity, r.block, r.target_table, r.sys_id, r.version, a.id AS audit \
                 FROM (SELECT id, delivery_id FROM (SELECT id, kind, delivery_id FROM audit ORDER BY id DESC LIMIT 5000) a \
                       WHERE kind IN ('confirmed', 'doubt_settled') AND delivery_id IS NOT NULL ORDER BY id DESC OFFSET 0) a \
                 JOIN delivery l ON l.id = a.delivery_id JOIN document d ON d.id = l.document_id \
                 JOIN record r ON r.document_id = l.document_id AND r.block = l.block AND r.record_key = l.record_key AND r.delivery_id = l.id \
                 LEFT JOIN flow f ON f.company = d.company AND f.entity = d.entity \
                 WHERE a.id > coalesce(f.accepted_audit, 0) AND r.sys_id <> '' AND NOT EXISTS (SELECT FROM pending p WHERE p.document_id = d.id) ORDER BY a.id DESC LIMIT $1",
            );
            Ok(rows.bind::<BigInt, _>(limit).load(conn)?)
        })
        .await
    }

    /// Stops flows because ServiceNow went back, of which the newest sign is this row of the audit: not those of which a person accepted it since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flows_stop(&self, flows: Vec<FlowId>, why: String, newest: i64) -> Result<(), StoreError> {
        #[derive(QueryableByName)]
        struct Accepted {
            #[diesel(sql_type = Text)]
            company: String,
            #[diesel(sql_type = Text)]
            entity: String,
        }
        self.run("stop flows", move |conn| {
            let accepted: Vec<Accepted> =
                sql_query("SELECT company, entity FROM flow WHERE accepted_audit >= $1").bind::<BigInt, _>(newest).load(conn)?;
            let is_accepted =
                |flow: &&FlowId| accepted.iter().any(|row| row.company == flow.company.as_str() && row.entity == flow.entity.as_str());
            flows.iter().filter(|flow| !is_accepted(flow)).try_for_each(|flow| flow_stop(conn, flow, &why))
        })
        .await
    }
}
