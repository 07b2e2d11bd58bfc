//! How an approval for records is used: by the transactions that queue them, once for each record.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer, Uuid as SqlUuid};

use super::approval::{ApprovalRow, event};
use super::approved::ApprovedUse;
use super::audit::{NewAudit, audit_append};
use super::schema::approval;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::FlowId;
use crate::domain::approval::ApprovalState;
use crate::domain::ids::DocumentId;
use crate::store::text::{Text, text};

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// How long an execution may take between two transactions.
const SILENT_MINUTES: i32 = 10;

/// Gives an approval back whose execution has ended early, for the records that were not queued.
pub(super) fn give_back(conn: &mut Conn) -> Tx<()> {
    let given: Vec<Id> = sql_query(
        "UPDATE approval a SET used_until = NULL, execution = NULL, \
           state = CASE WHEN EXISTS (SELECT FROM approval_record r WHERE r.approval_id = a.id) THEN 'approved' ELSE 'used' END \
         WHERE state = 'used' AND used_until <= now() RETURNING id",
    )
    .load(conn)?;
    let ids: Vec<i64> = given.into_iter().map(|row| row.id).collect();
    let back = approval::table.filter(approval::id.eq_any(ids)).filter(approval::state.eq(text(ApprovalState::Approved.as_str())));
    let rows: Vec<ApprovalRow> = back.order(approval::id).select(ApprovalRow::as_select()).load(conn)?;
    let events: Vec<NewAudit> = rows
        .iter()
        .map(|row| event(row, "give back", "tieline", "its execution ended early: it can be used for the records that were not queued"))
        .collect();
    audit_append(conn, &events)
}

/// Uses an approval for the records with these keys, in the transaction that queues them. No execution can use it for them again, and no
/// other one for any record before this one has ended.
pub(super) fn use_for(conn: &mut Conn, used: &ApprovedUse, flow: &FlowId, keys: &[&str]) -> Tx<()> {
    let take = |conn: &mut Conn, which: &str| -> Tx<usize> {
        let taken = sql_query(format!(
            "UPDATE approval SET state = 'used', execution = $2, used_until = clock_timestamp() + make_interval(mins => $3) WHERE id = $1 AND {which}"
        ));
        let taken = taken.bind::<BigInt, _>(used.approval).bind::<SqlUuid, _>(used.execution).bind::<Integer, _>(SILENT_MINUTES);
        Ok(taken.execute(conn)?)
    };
    if take(conn, "state = 'used' AND execution = $2 AND used_until IS NOT NULL")? == 0 {
        if take(conn, "state = 'approved' AND expires_at > clock_timestamp()")? == 0 {
            return Err(StoreError::NotApproved { number: used.approval }.into());
        }
        let row: ApprovalRow = approval::table.find(used.approval).select(ApprovalRow::as_select()).first(conn)?;
        audit_append(conn, &[event(&row, "use", &used.actor, used.why.as_str())])?;
    }
    sql_query(
        "DELETE FROM approval_record r USING document d \
         WHERE r.approval_id = $1 AND d.id = r.document_id AND d.company = $2 AND d.entity = $3 AND d.key = ANY($4)",
    )
    .bind::<BigInt, _>(used.approval)
    .bind::<Text, _>(flow.company.as_str())
    .bind::<Text, _>(flow.entity.as_str())
    .bind::<Array<Text>, _>(keys)
    .execute(conn)?;
    Ok(())
}

/// Ends the use of an approval: nothing of it is left to be given back. One that was not used for any record stays as it is.
pub(super) fn use_end(conn: &mut Conn, used: &ApprovedUse) -> Tx<()> {
    let ended = sql_query("UPDATE approval SET used_until = NULL WHERE id = $1 AND state = 'used' AND execution = $2");
    ended.bind::<BigInt, _>(used.approval).bind::<SqlUuid, _>(used.execution).execute(conn)?;
    Ok(())
}

impl Store {
    /// Ends the use of an approval, once everything is queued that it is for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approval_used(&self, used: ApprovedUse) -> Result<(), StoreError> {
        self.run("end the use of an approval", move |conn| use_end(conn, &used)).await
    }

    /// Those of these documents that an approval is for, in the versions that it is for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approved_records(&self, approval: i64, documents: Vec<DocumentId>) -> Result<Vec<DocumentId>, StoreError> {
        self.run("read which records an approval is for", move |conn| {
            let rows: Vec<Id> = sql_query(
                "SELECT d.id FROM approval_record a JOIN document d ON d.id = a.document_id AND d.version = a.version \
                 WHERE a.approval_id = $1 AND d.id = ANY($2)",
            )
            .bind::<BigInt, _>(approval)
            .bind::<Array<BigInt>, _>(documents)
            .load(conn)?;
            Ok(rows.into_iter().map(|row| DocumentId(row.id)).collect())
        })
        .await
    }
}
