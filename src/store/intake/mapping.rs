//! Keeps by which mapping the documents of a page were mapped. Triggers of the table `document` count the documents of a flow by mapping.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable};

use super::super::schema::document;
use super::super::{Conn, Tx};
use super::page::{Intake, PartKey, Work};
use crate::domain::FlowId;
use crate::domain::delivery::DeliveryAction;
use crate::domain::ids::DocumentId;
use crate::store::prepared::prepared;
use crate::store::text::Text;

/// The current mapping of a flow's documents.
#[derive(QueryableByName)]
pub(super) struct MappingInForce {
    /// Its number in the flow; 0 where the ledger has none.
    #[diesel(sql_type = Integer)]
    pub(super) number: i32,
    /// The columns that it reads, as a list; `None` where the ledger has no mapping.
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) columns: Option<String>,
    /// Mappings under which records of some block went to other tables.
    #[diesel(sql_type = Array<Integer>)]
    pub(super) moved: Vec<i32>,
    /// Mappings under which records were written differently, or to other tables.
    #[diesel(sql_type = Array<Integer>)]
    pub(super) otherwise: Vec<i32>,
    /// Mappings that read other columns.
    #[diesel(sql_type = Array<Integer>)]
    pub(super) other_columns: Vec<i32>,
    /// The fiscal periods of the company that are not open.
    #[diesel(sql_type = Array<Integer>)]
    pub(super) closed: Vec<i32>,
}

pub(super) fn mapping_in_force(conn: &mut Conn, flow: &FlowId) -> Tx<MappingInForce> {
    Ok(prepared(include_str!("../sql/mapping_in_force.sql"))
        .bind::<Text, _>(flow.company.as_str())
        .bind::<Text, _>(flow.entity.as_str())
        .get_result(conn)?)
}

/// Stores that documents were read completely again with the same content: their content now has all columns of the mapping in force.
pub(super) fn note_reading(conn: &mut Conn, ids: &[DocumentId], mapping: &MappingInForce) -> Tx<()> {
    if ids.is_empty() {
        return Ok(());
    }
    diesel::update(document::table.filter(document::id.eq_any(ids))).set(document::reading.eq(mapping.number)).execute(conn)?;
    Ok(())
}

/// Handles documents whose records went to other tables than the current ones. From now on these records count as not delivered in the
/// current tables, and their rows are kept as rows of former tables. Rows in a table that is written again become the rows of their records
/// again. Deliveries in progress to the other tables stay. Where a transform map put a record into the table that is written now, its row
/// stays known; otherwise a second row would be created.
pub(super) fn leave_places(conn: &mut Conn, intake: &Intake, work: &[Work<'_>], mapping: &MappingInForce) -> Tx<()> {
    let placed = placed(work);
    if placed.0.is_empty() {
        return Ok(());
    }
    for sql in [include_str!("../sql/rows_leave.sql"), include_str!("../sql/rows_return.sql")] {
        prepared(sql)
            .bind::<Text, _>(intake.flow.company.as_str())
            .bind::<Text, _>(intake.flow.entity.as_str())
            .bind::<Array<BigInt>, _>(&placed.0)
            .bind::<Array<Integer>, _>(&placed.1)
            .bind::<Integer, _>(mapping.number)
            .execute(conn)?;
    }
    Ok(())
}

/// What was last written into the row of a part in its current table.
#[derive(QueryableByName)]
pub(super) struct RowHere {
    #[diesel(sql_type = BigInt)]
    document_id: DocumentId,
    #[diesel(sql_type = Text)]
    block: String,
    #[diesel(sql_type = Text)]
    record_key: String,
    /// `None`: not known, as after a restore.
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) action: Option<DeliveryAction>,
    #[diesel(sql_type = Nullable<Binary>)]
    pub(super) payload_hash: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) payload: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) refs: Option<String>,
    /// It was written with other columns, or through another table.
    #[diesel(sql_type = Bool)]
    pub(super) other_way: bool,
}

/// Rows in the current tables, by document and part, of documents that were mapped differently before.
pub(super) type RowsHere = HashMap<(DocumentId, PartKey), RowHere>;

/// Which parts of documents that were mapped differently have a row in their current tables. This is the state before [`leave_places`].
pub(super) fn rows_here(conn: &mut Conn, intake: &Intake, work: &[Work<'_>], mapping: &MappingInForce) -> Tx<RowsHere> {
    let placed = placed(work);
    if placed.0.is_empty() {
        return Ok(RowsHere::new());
    }
    let rows: Vec<RowHere> = prepared(include_str!("../sql/rows_here.sql"))
        .bind::<Text, _>(intake.flow.company.as_str())
        .bind::<Text, _>(intake.flow.entity.as_str())
        .bind::<Array<BigInt>, _>(&placed.0)
        .bind::<Array<Integer>, _>(&placed.1)
        .bind::<Integer, _>(mapping.number)
        .load(conn)?;
    let place = |row: &RowHere| (row.document_id, PartKey { block: row.block.clone(), record_key: row.record_key.clone() });
    Ok(rows.into_iter().map(|row| (place(&row), row)).collect())
}

/// Documents that were written differently, or to other tables, before; and their mappings.
fn placed(work: &[Work<'_>]) -> (Vec<DocumentId>, Vec<i32>) {
    work.iter().filter(|w| w.placed && !w.kept).filter_map(|w| Some((w.id, w.mapping?))).unzip()
}
