//! In which way the documents of a page were mapped. How many of a flow were mapped in each way is counted by triggers of the table `document`.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer, Nullable};

use super::super::{Conn, Tx};
use super::{Intake, Work};
use crate::domain::FlowId;
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
    Ok(sql_query(include_str!("../sql/mapping_in_force.sql"))
        .bind::<Text, _>(flow.company.as_str())
        .bind::<Text, _>(flow.entity.as_str())
        .get_result(conn)?)
}

/// What was read whole again, and said the same: its content is known to have the columns of the mapping in force.
pub(super) fn note_reading(conn: &mut Conn, ids: &[i64], mapping: &MappingInForce) -> Tx<()> {
    if ids.is_empty() {
        return Ok(());
    }
    sql_query("UPDATE document SET reading = $2 WHERE id = ANY($1)")
        .bind::<Array<BigInt>, _>(ids)
        .bind::<Integer, _>(mapping.number)
        .execute(conn)?;
    Ok(())
}

/// Records that went to other tables than they would now are not in these: from now on they count as not delivered. What is on its way to the
/// other tables stays so. Where a transform map put a record into the very table that it is written to now, its row stays known: a second one would
/// be made otherwise.
pub(super) fn leave_places(conn: &mut Conn, intake: &Intake, work: &[Work<'_>], mapping: &MappingInForce) -> Tx<()> {
    let moved: Vec<(i64, i32)> = work.iter().filter(|w| w.moved && !w.kept).filter_map(|w| Some((w.id, w.mapping?))).collect();
    if moved.is_empty() {
        return Ok(());
    }
    let (ids, mappings): (Vec<i64>, Vec<i32>) = moved.into_iter().unzip();
    sql_query(
        "DELETE FROM record r USING unnest($3::bigint[], $4::integer[]) AS w (id, mapping), moved_mapping v, mapping n \
         WHERE v.company = $1 AND v.entity = $2 AND v.number = w.mapping AND r.document_id = w.id AND r.block = v.block \
           AND n.company = $1 AND n.entity = $2 AND n.number = $5 \
           AND r.target_table IS DISTINCT FROM (n.places -> r.block ->> 0)::jsonb ->> 1",
    )
    .bind::<Text, _>(intake.flow.company.as_str())
    .bind::<Text, _>(intake.flow.entity.as_str())
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<Integer>, _>(mappings)
    .bind::<Integer, _>(mapping.number)
    .execute(conn)?;
    Ok(())
}
