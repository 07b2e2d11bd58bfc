//! Records that a person holds, and releases.
//!
//! A hold belongs to a document, not to a delivery: a newer version of it waits as well. The claim leaves held documents out and puts on hold
//! what of them has come due in the meantime (`sql/delivery_claim.sql`), so that no other step needs to know of holds.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool};
use serde::Serialize;

use super::{Store, StoreError};
use crate::domain::FlowId;
use crate::domain::delivery::FailureReason;
use crate::domain::next_step::NextStep;
use crate::store::text::Text;

/// What became of one record that was named.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName, Serialize, utoipa::ToSchema)]
#[schema(as = HeldRecord)]
pub struct HoldRow {
    /// Its key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// Whether anything was changed; not when it was on hold already, or had nothing to release.
    #[diesel(sql_type = Bool)]
    pub changed: bool,
    /// Deliveries that were held, or queued again.
    #[diesel(sql_type = BigInt)]
    pub deliveries: i64,
    /// Deliveries that were left as they are: a hold cannot call back what was sent; releasing leaves what waits for a
    /// parent, and what could not be mapped, which only a replay maps anew.
    #[diesel(sql_type = BigInt)]
    pub left_alone: i64,
}

/// A hold that stands.
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

impl Store {
    /// Holds documents: what of them is queued becomes `on_hold`, and nothing newer is sent. Answers one row for each key that is
    /// known; keys that are not are absent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold_put(&self, flow: FlowId, keys: Vec<String>, actor: String, why: String) -> Result<Vec<HoldRow>, StoreError> {
        self.run("hold records", move |conn| {
            Ok(sql_query(include_str!("sql/hold_put.sql"))
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<Array<Text>, _>(keys)
                .bind::<Text, _>(actor)
                .bind::<Text, _>(why)
                .bind::<Text, _>(&*NextStep::OnHold.text())
                .load(conn)?)
        })
        .await
    }

    /// Takes holds off, and makes due again, as it was mapped, what failed of these documents and can be sent. Answers one row for
    /// each key that is known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold_end(&self, flow: FlowId, keys: Vec<String>, actor: String, why: String) -> Result<Vec<HoldRow>, StoreError> {
        self.run("release records", move |conn| {
            Ok(sql_query(include_str!("sql/hold_end.sql"))
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<Array<Text>, _>(keys)
                .bind::<Text, _>(actor)
                .bind::<Text, _>(why)
                .bind::<Array<Text>, _>(FailureReason::RELEASABLE.iter().map(|reason| reason.as_str()).collect::<Vec<_>>())
                .load(conn)?)
        })
        .await
    }
}
