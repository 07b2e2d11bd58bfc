//! Records that were last mapped differently from the definition in force.

use std::sync::LazyLock;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Integer};

use super::placeholder::with_placeholders;
use super::replay::StoredDocument;
use super::{Store, StoreError};
use crate::domain::FlowId;
use crate::store::prepared::prepared;
use crate::store::text::Text;

/// A record that was last mapped differently.
#[derive(Debug, Clone, QueryableByName)]
pub struct OutdatedDocument {
    /// As it was last read.
    #[diesel(embed)]
    pub stored: StoredDocument,
    /// Whether its content was read with every column that the definition in force needs.
    #[diesel(sql_type = Bool)]
    pub whole: bool,
    /// The number of the mapping that was used.
    #[diesel(sql_type = Integer)]
    mapping: i32,
}

/// The position in the list of a flow's outdated records.
#[derive(Debug, Clone, Default)]
pub struct OutdatedPlace {
    mapping: i32,
    key: String,
}

impl OutdatedDocument {
    /// Where the next page starts, after this record.
    pub fn place(&self) -> OutdatedPlace {
        OutdatedPlace { mapping: self.mapping, key: self.stored.key.clone() }
    }
}

/// The number of records of a flow that were last mapped differently.
#[derive(Debug, Clone, QueryableByName)]
pub(super) struct OutdatedCount {
    #[diesel(sql_type = Text)]
    pub(super) company: String,
    #[diesel(sql_type = Text)]
    pub(super) entity: String,
    #[diesel(sql_type = BigInt)]
    pub(super) records: i64,
}

impl Store {
    /// The flows with records that were last mapped differently, and their number per flow.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outdated(&self) -> Result<Vec<(FlowId, i64)>, StoreError> {
        self.run("count records of other definitions", |conn| {
            let rows: Vec<OutdatedCount> = sql_query(include_str!("sql/outdated.sql")).load(conn)?;
            Ok(rows
                .into_iter()
                .map(|row| (FlowId::new(row.company.as_str(), row.entity.as_str()), row.records))
                .filter(|(_, records)| *records > 0)
                .collect())
        })
        .await
    }

    /// The next page of a flow's records that were last mapped differently, by mapping and key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outdated_page(&self, flow: FlowId, after: OutdatedPlace, limit: i64) -> Result<Vec<OutdatedDocument>, StoreError> {
        self.run_hot("read records of other definitions", move |conn| {
            static PAGE: LazyLock<String> = LazyLock::new(|| with_placeholders(include_str!("sql/outdated_page.sql")));
            Ok(prepared(&PAGE)
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<Integer, _>(after.mapping)
                .bind::<Text, _>(after.key)
                .bind::<BigInt, _>(limit)
                .load(conn)?)
        })
        .await
    }
}
