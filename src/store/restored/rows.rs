//! The rows of ServiceNow that have Tieline's keys, stored until they are compared.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable};

use super::progress::part;
use crate::domain::FlowId;
use crate::domain::life::ComparisonState;
use crate::store::schema::{restored_part, restored_row};
use crate::store::text::{Text, text};
use crate::store::{Store, StoreError};

/// A table with records of a block. A transform may put the records of one block into several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, QueryableByName)]
pub struct BlockTable {
    /// The block.
    #[diesel(sql_type = Text)]
    pub block: String,
    /// The table.
    #[diesel(sql_type = Text)]
    pub target_table: String,
}

/// The place of a row: two tables may have rows with the same sys_id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = restored_row, check_for_backend(Pg))]
pub struct RowPlace {
    /// The table.
    pub target_table: String,
    /// The row in it.
    pub sys_id: String,
}

/// A row of ServiceNow that has a key of Tieline.
#[derive(Debug, Clone, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = restored_row, check_for_backend(Pg))]
pub struct RestoredRow {
    /// Its block.
    pub block: String,
    /// The value of its key column.
    pub source_key: String,
    /// Its place.
    #[diesel(embed)]
    pub place: RowPlace,
    /// The value of its version column.
    pub version: Option<String>,
}

impl Store {
    /// Stores a page of a block's rows; `next`: where the next page starts, `None` after the last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restored_keep(
        &self,
        life: i32,
        flow: FlowId,
        of: BlockTable,
        rows: Vec<RestoredRow>,
        next: Option<(String, i64)>,
    ) -> Result<(), StoreError> {
        self.run("keep rows to be compared", move |conn| {
            of_flow!(
                "INSERT INTO restored_row (life, company, entity, block, source_key, sys_id, target_table, version) \
                 SELECT $1, $2, $3, $4, n.* FROM unnest($5::text[], $6::text[], $7::text[], $8::text[]) AS n ON CONFLICT DO NOTHING",
                (&life, &flow)
            )
            .bind::<Text, _>(&of.block)
            .bind::<Array<Text>, _>(rows.iter().map(|row| row.source_key.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(rows.iter().map(|row| row.place.sys_id.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(rows.iter().map(|row| row.place.target_table.as_str()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.version.as_deref()).collect::<Vec<_>>())
            .execute(conn)?;
            let state = if next.is_some() { ComparisonState::Open } else { ComparisonState::Done };
            let (after, hidden) = next.clone().unwrap_or_default();
            diesel::update(part(life, &flow, (&of.block, &of.target_table)))
                .set((
                    restored_part::after.eq(text(&after)),
                    restored_part::hidden.eq(hidden),
                    restored_part::state.eq(text(state.as_str())),
                ))
                .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Stores that a block's rows cannot be identified by their keys: everything that was delivered of it is sent again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restored_unreadable(&self, life: i32, flow: FlowId, of: BlockTable, why: String) -> Result<(), StoreError> {
        self.run("note what cannot be compared", move |conn| {
            diesel::update(part(life, &flow, (&of.block, &of.target_table)))
                .set((restored_part::state.eq(text(ComparisonState::Unreadable.as_str())), restored_part::said.eq(Some(&why))))
                .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// The stored rows with these keys, in any block.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restored_rows(&self, life: i32, flow: FlowId, keys: Vec<String>) -> Result<Vec<RestoredRow>, StoreError> {
        self.run("find rows to be compared", move |conn| {
            let rows = of_flow!(
                "SELECT r.block, r.source_key, r.sys_id, r.target_table, r.version FROM (SELECT DISTINCT life, company, entity, block FROM restored_part WHERE life = $1 AND company = $2 AND entity = $3) p \
                 JOIN restored_row r ON r.life = p.life AND r.company = p.company AND r.entity = p.entity AND r.block = p.block \
                      AND r.source_key = ANY($4)",
                (&life, &flow)
            );
            Ok(rows.bind::<Array<Text>, _>(keys).load(conn)?)
        })
        .await
    }

    /// Stored rows that belong to no record of the ledger, up to `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restored_left(&self, life: i32, flow: FlowId, limit: i64) -> Result<Vec<RestoredRow>, StoreError> {
        self.run("find rows that the ledger does not know", move |conn| {
            let left = restored_row::table
                .filter(restored_row::life.eq(life))
                .filter(restored_row::company.eq(text(flow.company.as_str())))
                .filter(restored_row::entity.eq(text(flow.entity.as_str())))
                .order((restored_row::block, restored_row::target_table, restored_row::sys_id));
            Ok(left.limit(limit).select(RestoredRow::as_select()).load(conn)?)
        })
        .await
    }
}
