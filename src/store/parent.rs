//! Parents that will not arrive: what a whole read of a flow shows about the records that others wait for.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Uuid as SqlUuid};

use super::{Store, StoreError};
use crate::domain::ids::RunId;
use crate::domain::next_step::NextStep;
use crate::domain::{DocumentKey, FlowId};
use crate::store::prepared::prepared;
use crate::store::text::Text;

/// A parent that will not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsentParent {
    /// Its key.
    pub key: String,
    /// The reason, to follow "which": `is not in SYSPRO`.
    pub why: String,
    /// What to do.
    pub next_step: NextStep,
}

/// Records of one entity that wait for records of another that were never read.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName, serde::Serialize)]
pub struct AwaitedEntity {
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The entity that waits.
    #[diesel(sql_type = Text)]
    pub entity: String,
    /// The entity that is waited for.
    #[diesel(sql_type = Text)]
    pub parent: String,
    /// The number of records that wait.
    #[diesel(sql_type = BigInt)]
    pub documents: i64,
    /// The number of records that are waited for.
    #[diesel(sql_type = BigInt)]
    pub parents: i64,
}

#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = Text)]
    key: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl Store {
    /// Keys of this flow that records wait for and that the ledger does not have; at most `limit`, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn parents_unread(&self, flow: FlowId, limit: i64) -> Result<Vec<String>, StoreError> {
        self.run_single("list parents that were not read", move |conn| {
            let sql = "SELECT DISTINCT a.key FROM awaited_parent a WHERE a.company = $1 AND a.entity = $2 AND NOT EXISTS ( \
                       SELECT FROM document d WHERE d.company = a.company AND d.entity = a.entity AND d.key = a.key AND NOT d.deleted) \
                       ORDER BY a.key LIMIT $3";
            let rows: Vec<Key> = prepared(sql)
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<BigInt, _>(limit)
                .load(conn)?;
            Ok(rows.into_iter().map(|row| row.key).collect())
        })
        .await
    }

    /// For each pair of entities, the records that wait for records of the other that were never read and may arrive. This reads everything
    /// that waits: it is for a command that a person has started, and not for a run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn parents_awaited(&self) -> Result<Vec<AwaitedEntity>, StoreError> {
        self.run("count parents that were never read", move |conn| {
            let sql = "SELECT w.company, w.entity, a.entity AS parent, count(DISTINCT w.document_id) AS documents, \
                       count(DISTINCT (a.company, a.key)) AS parents \
                       FROM (SELECT DISTINCT document_id, company, entity FROM pending WHERE own_state = 'waiting') w \
                       JOIN awaited_parent a ON a.document_id = w.document_id AND a.absent_since IS NULL \
                       WHERE NOT EXISTS (SELECT FROM document d WHERE d.company = a.company AND d.entity = a.entity AND d.key = a.key) \
                       GROUP BY w.company, w.entity, a.entity ORDER BY w.company, w.entity, a.entity";
            Ok(sql_query(sql).load(conn)?)
        })
        .await
    }

    /// Stores on the records that wait for these parents that the parents will not arrive; answers the number of records for which this is
    /// new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn parents_absent(&self, flow: FlowId, run: RunId, absent: Vec<AbsentParent>) -> Result<i64, StoreError> {
        self.run("say that parents do not come", move |conn| {
            let rows: Vec<Count> = sql_query(include_str!("sql/parent_absent.sql"))
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<Array<Text>, _>(absent.iter().map(|parent| parent.key.as_str()).collect::<Vec<_>>())
                .bind::<Array<Text>, _>(absent.iter().map(|parent| parent.why.as_str()).collect::<Vec<_>>())
                .bind::<Array<Text>, _>(absent.iter().map(|parent| parent.next_step.text().into_owned()).collect::<Vec<_>>())
                .bind::<SqlUuid, _>(run.0)
                .bind::<Array<Text>, _>(absent.iter().map(|parent| DocumentKey::shown(&parent.key)).collect::<Vec<_>>())
                .load(conn)?;
            Ok(rows.first().map_or(0, |row| row.count))
        })
        .await
    }
}
