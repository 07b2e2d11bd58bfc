//! In which way the documents of a page were mapped. How many of a flow were mapped in each way is counted by triggers of the table `document`.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable};

use super::super::schema::document;
use super::super::{Conn, Tx};
use super::{Intake, Work};
use crate::domain::FlowId;
use crate::store::prepared::prepared;
use crate::store::text::Text;

/// The way in which a flow's documents are mapped now.
#[derive(QueryableByName)]
pub(super) struct MappingInForce {
    /// Its number in the flow; 0 where the ledger keeps none.
    #[diesel(sql_type = Integer)]
    pub(super) number: i32,
    /// The columns that it reads, as a list; `None` where the ledger keeps no mapping.
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) columns: Option<String>,
    /// Those under which records of some block went to other tables.
    #[diesel(sql_type = Array<Integer>)]
    pub(super) moved: Vec<i32>,
    /// Those under which records were written in another way, or to other tables.
    #[diesel(sql_type = Array<Integer>)]
    pub(super) otherwise: Vec<i32>,
    /// Those that read other columns.
    #[diesel(sql_type = Array<Integer>)]
    pub(super) other_columns: Vec<i32>,
}

pub(super) fn mapping_in_force(conn: &mut Conn, flow: &FlowId) -> Tx<MappingInForce> {
    Ok(prepared(include_str!("../sql/mapping_in_force.sql"))
        .bind::<Text, _>(flow.company.as_str())
        .bind::<Text, _>(flow.entity.as_str())
        .get_result(conn)?)
}

/// What was read whole again, and said the same: its content is known to have the columns of the mapping in force.
pub(super) fn note_reading(conn: &mut Conn, ids: &[i64], mapping: &MappingInForce) -> Tx<()> {
    if ids.is_empty() {
        return Ok(());
    }
    diesel::update(document::table.filter(document::id.eq_any(ids))).set(document::reading.eq(mapping.number)).execute(conn)?;
    Ok(())
}

/// Records that went to other tables than they would now are not in these: from now on they count as not delivered there, and their rows are kept as
/// rows of former tables. Those that stand in a table that is written again are rows of their records again. What is on its way to the other tables
/// stays so. Where a transform map put a record into the very table that it is written to now, its row stays known: a second one would be made
/// otherwise.
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

/// What was last written into the row of a part, in the table that it goes to now.
#[derive(QueryableByName)]
pub(super) struct RowHere {
    #[diesel(sql_type = BigInt)]
    document_id: i64,
    #[diesel(sql_type = Text)]
    block: String,
    #[diesel(sql_type = Text)]
    record_key: String,
    /// `None`: what was written is not known, as after a restore.
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) action: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    pub(super) payload_hash: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) payload: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) refs: Option<String>,
    /// It was written by other columns, or through another table.
    #[diesel(sql_type = Bool)]
    pub(super) other_way: bool,
}

/// Rows in the tables that are written now, by document, block and the line's key: of documents that were mapped in another way before.
pub(super) type RowsHere = HashMap<(i64, String, String), RowHere>;

/// Which parts of documents that were mapped in another way stand in the tables that they go to now. As it was before [`leave_places`].
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
    Ok(rows.into_iter().map(|row| ((row.document_id, row.block.clone(), row.record_key.clone()), row)).collect())
}

/// Documents that were written in another way or to other tables before, and the mappings that they had.
fn placed(work: &[Work<'_>]) -> (Vec<i64>, Vec<i32>) {
    work.iter().filter(|w| w.placed && !w.kept).filter_map(|w| Some((w.id, w.mapping?))).unzip()
}
