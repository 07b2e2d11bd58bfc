//! Causes of differences that only the two systems can tell.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Nullable};

use crate::domain::FlowId;
use crate::domain::ids::{TieOutId, TieOutItemId};
use crate::domain::tie_out::Cause;
use crate::store::text::Text;
use crate::store::{Store, StoreError};

/// A record that only one side has, or that cannot be mapped.
#[derive(Debug, Clone, QueryableByName)]
pub struct OneSided {
    /// The difference.
    #[diesel(sql_type = BigInt)]
    pub id: TieOutItemId,
    /// The block.
    #[diesel(sql_type = Text)]
    pub block: String,
    /// Whether ServiceNow has the row, and not SYSPRO the record.
    #[diesel(sql_type = Bool)]
    pub extra: bool,
    /// The document's key.
    #[diesel(sql_type = Text)]
    pub document_key: String,
    /// The line's key; empty for a header.
    #[diesel(sql_type = Text)]
    pub record_key: String,
    /// Whether the ledger has the document.
    #[diesel(sql_type = Bool)]
    pub known: bool,
    /// The document's last content in the ledger, as JSON; of records that SYSPRO does not have.
    #[diesel(sql_type = Nullable<Text>)]
    pub content: Option<String>,
}

/// A cause that was found.
#[derive(Debug, Clone)]
pub struct FoundCause {
    /// Of this difference.
    pub id: TieOutItemId,
    /// The cause.
    pub cause: Cause,
    /// How it was found, for people.
    pub message: String,
    /// Whether a person must look at it; counts for [`Cause::Staged`] alone.
    pub open: bool,
}

impl Store {
    /// The differences of these documents that are about whole records.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_one_sided(&self, id: TieOutId, flow: FlowId, documents: Vec<String>) -> Result<Vec<OneSided>, StoreError> {
        self.run("list the records that one side has", move |conn| {
            Ok(sql_query(
                "SELECT i.id, i.block, i.kind = 'extra' AS extra, i.document_key, i.record_key, d.id IS NOT NULL AS known, v.content \
                 FROM tie_out_item i \
                 LEFT JOIN document d ON d.company = $2 AND d.entity = $3 AND d.key = i.document_key \
                 LEFT JOIN version v ON i.kind = 'extra' AND v.document_id = d.id AND v.version = d.version \
                 WHERE i.tie_out_id = $1 AND i.company = $2 AND i.entity = $3 AND i.kind IN ('missing', 'extra', 'unmapped') \
                   AND i.document_key = ANY($4) \
                 ORDER BY i.id",
            )
            .bind::<BigInt, _>(id)
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .bind::<Array<Text>, _>(&documents)
            .load(conn)?)
        })
        .await
    }

    /// Stores causes, which count where the ledger knows no other one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_caused(&self, found: Vec<FoundCause>) -> Result<(), StoreError> {
        self.run("store causes of differences", move |conn| {
            sql_query(
                "UPDATE tie_out_item i SET cause = n.cause, message = n.message, open = n.open \
                 FROM unnest($1::bigint[], $2::text[], $3::text[], $4::boolean[]) AS n (id, cause, message, open) WHERE i.id = n.id",
            )
            .bind::<Array<BigInt>, _>(found.iter().map(|one| one.id).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(found.iter().map(|one| one.cause.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(found.iter().map(|one| one.message.as_str()).collect::<Vec<_>>())
            .bind::<Array<Bool>, _>(found.iter().map(|one| one.open).collect::<Vec<_>>())
            .execute(conn)?;
            Ok(())
        })
        .await
    }
}
