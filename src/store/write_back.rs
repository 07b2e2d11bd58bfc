//! The write-back: the values that SYSPRO is asked to store for ServiceNow, stored before the call, and the results.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Uuid as SqlUuid};
use serde_json::json;

use super::audit::{NewAudit, audit_append};
use super::flow::flow_assert_held;
use super::schema::write_back;
use super::{Conn, Lease, Store, StoreError, Tx};
use crate::domain::FlowId;
use crate::domain::audit::AuditKind;
use crate::domain::delivery::words;
use crate::domain::ids::{ConflictId, DocumentId, RunId};
use crate::store::text::Text;

/// A change for SYSPRO.
#[derive(Debug, Clone, QueryableByName)]
pub struct WriteBackDue {
    /// Its number in the conflict list.
    #[diesel(sql_type = BigInt)]
    pub id: ConflictId,
    /// The document.
    #[diesel(sql_type = BigInt)]
    pub document_id: DocumentId,
    /// Its key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// The field.
    #[diesel(sql_type = Text)]
    pub field: String,
    /// SYSPRO's value at the time of the decision.
    #[diesel(sql_type = Text)]
    pub syspro: String,
    /// ServiceNow's value, which counts.
    #[diesel(sql_type = Text)]
    pub servicenow: String,
    /// The last message about it.
    #[diesel(sql_type = Nullable<Text>)]
    pub said: Option<String>,
    /// SYSPRO has accepted these very values before.
    #[diesel(sql_type = Bool)]
    pub accepted: bool,
}

/// A value that SYSPRO may have been asked to store.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = write_back, check_for_backend(Pg))]
pub struct WriteBackCalled {
    /// The document.
    pub document_id: DocumentId,
    /// The field.
    pub field: String,
    /// The value, in the form of the field.
    pub wanted: String,
}

/// The context of a step of the write-back.
#[derive(Debug, Clone)]
pub struct WriteBackUnder {
    /// The flow, by its lease.
    pub lease: Lease,
    /// The time for which the lease is renewed.
    pub ttl: Duration,
    /// The run.
    pub run: RunId,
    /// The business object.
    pub object: String,
}

/// The result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteBackStep {
    /// SYSPRO was not called.
    NotCalled,
    /// The trial was refused: nothing was stored.
    TrialRefused,
    /// The call was refused.
    Refused,
    /// The answer was lost, or does not tell the result.
    Lost,
    /// SYSPRO accepted it.
    Accepted,
    /// SYSPRO accepted it, but shows another value.
    Unchanged,
}

words!(WriteBackStep {
    NotCalled = "not_called",
    TrialRefused = "trial_refused",
    Refused = "refused",
    Lost = "lost",
    Accepted = "accepted",
    Unchanged = "unchanged",
});

impl Store {
    /// The next changes for SYSPRO, of documents after this one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_back_due(&self, flow: FlowId, after: DocumentId, limit: i64) -> Result<Vec<WriteBackDue>, StoreError> {
        self.run("read what is to be applied in SYSPRO", move |conn| {
            Ok(sql_query(include_str!("sql/write_back_due.sql"))
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<BigInt, _>(after)
                .bind::<BigInt, _>(limit)
                .load(conn)?)
        })
        .await
    }

    /// Deletes values that SYSPRO was asked to store so long ago that the call can no longer be carried out, and that no entry wants any
    /// more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_back_forget(&self, flow: FlowId) -> Result<(), StoreError> {
        self.run("forget what SYSPRO was asked to store", move |conn| {
            sql_query(include_str!("sql/write_back_forget.sql"))
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Values of these documents that SYSPRO may have stored, or may still store, because Tieline asked it to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_back_called(&self, documents: Vec<DocumentId>) -> Result<Vec<WriteBackCalled>, StoreError> {
        self.run("read what SYSPRO was asked to store", move |conn| {
            let called = write_back::table.filter(write_back::document_id.eq_any(documents));
            Ok(called.select(WriteBackCalled::as_select()).load(conn)?)
        })
        .await
    }

    /// Stores the intent: SYSPRO is about to be asked to store these values of one document.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another node has taken over the flow; then SYSPRO must not be called.
    pub async fn write_back_begin(&self, under: WriteBackUnder, changes: Vec<WriteBackDue>) -> Result<(), StoreError> {
        self.run("begin a change in SYSPRO", move |conn| begin(conn, &under, &changes)).await
    }

    /// Stores the results of changes of one document: the calls, the messages in the conflict list, and the audit.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another node has taken over the flow.
    pub async fn write_back_note(
        &self,
        under: WriteBackUnder,
        changes: Vec<WriteBackDue>,
        step: WriteBackStep,
        said: Option<String>,
    ) -> Result<(), StoreError> {
        self.run("note a change in SYSPRO", move |conn| note(conn, &under, &changes, step, said.as_deref())).await
    }
}

fn begin(conn: &mut Conn, under: &WriteBackUnder, changes: &[WriteBackDue]) -> Tx<()> {
    flow_assert_held(conn, &under.lease, under.ttl)?;
    sql_query(
        "INSERT INTO write_back (document_id, field, was, wanted, state) \
         SELECT n.*, 'called' FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS n (document_id, field, was, wanted) \
         ON CONFLICT (document_id, field) DO UPDATE \
         SET was = excluded.was, wanted = excluded.wanted, state = 'called', called_at = now()",
    )
    .bind::<Array<BigInt>, _>(changes.iter().map(|c| c.document_id).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(changes.iter().map(|c| c.field.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(changes.iter().map(|c| c.syspro.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(changes.iter().map(|c| c.servicenow.as_str()).collect::<Vec<_>>())
    .execute(conn)?;
    audit_append(conn, &changes.iter().map(|change| audit(under, change, "calling")).collect::<Vec<_>>())
}

fn note(conn: &mut Conn, under: &WriteBackUnder, changes: &[WriteBackDue], step: WriteBackStep, said: Option<&str>) -> Tx<()> {
    flow_assert_held(conn, &under.lease, under.ttl)?;
    let documents: Vec<DocumentId> = changes.iter().map(|c| c.document_id).collect();
    let fields: Vec<&str> = changes.iter().map(|c| c.field.as_str()).collect();
    let of = "(document_id, field) IN (SELECT * FROM unnest($1::bigint[], $2::text[]))";
    match step {
        WriteBackStep::Refused => {
            sql_query(format!("DELETE FROM write_back WHERE {of}"))
                .bind::<Array<BigInt>, _>(&documents)
                .bind::<Array<Text>, _>(&fields)
                .execute(conn)?;
        }
        WriteBackStep::Accepted => {
            sql_query(format!("UPDATE write_back SET state = 'accepted' WHERE {of}"))
                .bind::<Array<BigInt>, _>(&documents)
                .bind::<Array<Text>, _>(&fields)
                .execute(conn)?;
            audit_append(conn, &changes.iter().map(|change| audit(under, change, "accepted")).collect::<Vec<_>>())?;
        }
        WriteBackStep::NotCalled | WriteBackStep::TrialRefused | WriteBackStep::Lost | WriteBackStep::Unchanged => {}
    }
    sql_query(include_str!("sql/write_back_audit.sql"))
        .bind::<Text, _>(under.lease.flow.company.as_str())
        .bind::<Text, _>(under.lease.flow.entity.as_str())
        .bind::<Nullable<Text>, _>(said)
        .bind::<Array<BigInt>, _>(changes.iter().map(|c| c.id).collect::<Vec<_>>())
        .bind::<SqlUuid, _>(under.run)
        .bind::<Text, _>(step.as_str())
        .bind::<Text, _>(&under.object)
        .execute(conn)?;
    Ok(())
}

fn audit(under: &WriteBackUnder, change: &WriteBackDue, step: &str) -> NewAudit {
    let detail = json!({
        "conflict": change.id, "key": change.key, "field": change.field, "write_back": step, "object": under.object,
        "syspro": change.syspro, "servicenow": change.servicenow,
    });
    let mut row = NewAudit::of(AuditKind::Conflict).detail(&detail);
    row.company = Some(under.lease.flow.company.to_string());
    row.entity = Some(under.lease.flow.entity.to_string());
    (row.document_id, row.run_id) = (Some(change.document_id), Some(under.run));
    row
}
