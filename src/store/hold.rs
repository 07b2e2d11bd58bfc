//! Records that a person holds or releases.
//!
//! A hold belongs to a document and not to a delivery: a newer version of it waits as well. The claim excludes held documents and sets
//! their due deliveries to `on_hold` (`sql/delivery_claim.sql`, `sql/outbox_claim.sql`), so that no other step needs to know about holds.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Nullable};
use serde::Serialize;

use super::approval_use::{use_end, use_for};
use super::approved::ApprovedUse;
use super::outbox::outbox_to_pending;
use super::schema::document;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::FlowId;
use crate::domain::delivery::FailureReason;
use crate::domain::ids::DocumentId;
use crate::domain::next_step::NextStep;
use crate::domain::reason::Reason;
use crate::store::text::{Text, text};

/// The result for one named record.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName, Serialize, utoipa::ToSchema)]
#[schema(as = HeldRecord)]
pub struct HoldRow {
    /// Its key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// Whether anything was changed; `false` when it was already on hold, or had nothing to release.
    #[diesel(sql_type = Bool)]
    pub changed: bool,
    /// Deliveries that were put on hold, or queued again.
    #[diesel(sql_type = BigInt)]
    pub deliveries: i64,
    /// Deliveries that were not changed. A hold cannot call back what was sent. A release does not change deliveries that wait for a
    /// parent, or that could not be mapped: only a replay maps them again.
    #[diesel(sql_type = BigInt)]
    pub left_alone: i64,
}

/// A current hold.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Hold)]
pub struct HoldView {
    /// Who holds it.
    pub held_by: String,
    /// Since when.
    pub held_at: DateTime<Utc>,
    /// Why.
    pub why: String,
}

/// The numbers of known documents.
fn numbers(conn: &mut Conn, flow: &FlowId, keys: &[String]) -> Tx<Vec<DocumentId>> {
    let documents = document::table
        .filter(document::company.eq(text(flow.company.as_str())))
        .filter(document::entity.eq(text(flow.entity.as_str())))
        .filter(document::key.eq_any(keys.iter().map(|key| text(key))));
    Ok(documents.select(document::id).load(conn)?)
}

impl Store {
    /// Holds documents: their queued deliveries become `on_hold`, and newer ones are not sent. Answers one row for each known key; unknown
    /// keys are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold_put(&self, flow: FlowId, keys: Vec<String>, actor: String, why: Reason) -> Result<Vec<HoldRow>, StoreError> {
        self.run("hold records", move |conn| {
            let documents = numbers(conn, &flow, &keys)?;
            outbox_to_pending(conn, documents)?;
            Ok(sql_query(include_str!("sql/hold_put.sql"))
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<Array<Text>, _>(keys)
                .bind::<Text, _>(actor)
                .bind::<Text, _>(why.as_str())
                .bind::<Text, _>(&*NextStep::OnHold.text())
                .load(conn)?)
        })
        .await
    }

    /// Removes holds, and queues the failed deliveries of these documents that can be sent, as they were mapped. Answers one row for each
    /// known key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold_end(&self, flow: FlowId, keys: Vec<String>, actor: String, why: Reason) -> Result<Vec<HoldRow>, StoreError> {
        self.hold_end_approved(flow, keys, actor, why, None).await
    }

    /// The same; with an approval, only for the documents that it is for, in the versions that it is for. It is used up in this transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold_end_approved(
        &self,
        flow: FlowId,
        keys: Vec<String>,
        actor: String,
        why: Reason,
        approval: Option<ApprovedUse>,
    ) -> Result<Vec<HoldRow>, StoreError> {
        self.run("release records", move |conn| {
            let id = approval.as_ref().map(|used| used.approval);
            let rows = end_holds(conn, &flow, &keys, &actor, &why, FailureReason::RELEASABLE, id)?;
            if let Some(used) = &approval {
                use_for(conn, used, &flow, &keys.iter().map(String::as_str).collect::<Vec<_>>())?;
                use_end(conn, used)?;
            }
            Ok(rows)
        })
        .await
    }
}

/// Removes the holds of these documents, and queues their deliveries that failed for one of these reasons. With an approval, only for the
/// documents that it is for, in the versions that it is for. Answers one row for each known key.
pub(super) fn end_holds(
    conn: &mut Conn,
    flow: &FlowId,
    keys: &[String],
    actor: &str,
    why: &Reason,
    reasons: &[FailureReason],
    approval: Option<i64>,
) -> Tx<Vec<HoldRow>> {
    Ok(sql_query(include_str!("sql/hold_end.sql"))
        .bind::<Text, _>(flow.company.as_str())
        .bind::<Text, _>(flow.entity.as_str())
        .bind::<Array<Text>, _>(keys)
        .bind::<Text, _>(actor)
        .bind::<Text, _>(why.as_str())
        .bind::<Array<Text>, _>(reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>())
        .bind::<Nullable<BigInt>, _>(approval)
        .load(conn)?)
}
