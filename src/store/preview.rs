//! What a preview needs from the ledger: what it knows of records, and which parents are not delivered. Reads only.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, Binary, Bool, Integer};

use super::intake::parents_missing;
use super::{ParentRef, Store, StoreError};
use crate::domain::{CompanyId, FlowId};
use crate::store::text::Text;

/// A record that the ledger knows.
#[derive(Debug, Clone, QueryableByName)]
pub struct KnownRecord {
    /// Its key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// The number of its newest version.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// SHA-256 of that version's content.
    #[diesel(sql_type = Binary)]
    pub hash: Vec<u8>,
    /// SYSPRO no longer had it.
    #[diesel(sql_type = Bool)]
    pub deleted: bool,
    /// A person holds it.
    #[diesel(sql_type = Bool)]
    pub held: bool,
    /// Its blocks that ServiceNow has, each with the key of its line; both lists have the same order.
    #[diesel(sql_type = Array<Text>)]
    pub blocks: Vec<String>,
    /// See `blocks`.
    #[diesel(sql_type = Array<Text>)]
    pub record_keys: Vec<String>,
}

const KNOWN: &str = "SELECT d.key, d.version, d.hash, d.deleted, EXISTS (SELECT FROM hold h WHERE h.document_id = d.id) AS held, \
     ARRAY(SELECT r.block FROM record r WHERE r.document_id = d.id ORDER BY r.block, r.record_key) AS blocks, \
     ARRAY(SELECT r.record_key FROM record r WHERE r.document_id = d.id ORDER BY r.block, r.record_key) AS record_keys \
     FROM document d WHERE d.company = $1 AND d.entity = $2 AND d.key = ANY ($3)";

impl Store {
    /// What the ledger knows of these records; those that were never read are left out. One statement.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn preview_known(&self, flow: FlowId, keys: Vec<String>) -> Result<Vec<KnownRecord>, StoreError> {
        self.run("read what is known of records", move |conn| {
            let statement = sql_query(KNOWN)
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<Array<Text>, _>(keys.iter().map(String::as_str).collect::<Vec<_>>());
            Ok(statement.load(conn)?)
        })
        .await
    }

    /// Which of these parents have not been delivered, and whether they were delivered to another table than the current one. One statement.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn preview_parents(&self, company: CompanyId, parents: HashSet<ParentRef>) -> Result<HashMap<ParentRef, bool>, StoreError> {
        self.run("find parents that are not delivered", move |conn| parents_missing(conn, company.as_str(), &parents.iter().collect()))
            .await
    }
}
