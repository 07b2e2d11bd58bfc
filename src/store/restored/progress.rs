//! How far a comparison has come: one row for each block of a flow, and one for the flow as a whole.

use diesel::dsl::Find;
use diesel::pg::Pg;
use diesel::prelude::*;

use crate::domain::FlowId;
use crate::domain::life::ComparisonState;
use crate::store::schema::restored_part;
use crate::store::text::{TextValue, text};
use crate::store::{Conn, Tx};

/// The block name for a flow as a whole.
pub(super) const FLOW: &str = "";

/// The progress of the comparison of a block, or of a flow.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = restored_part, check_for_backend(Pg))]
pub struct RestoredPart {
    /// The block; empty for the flow itself.
    pub block: String,
    /// The table; empty for the flow itself, and where it is not known.
    pub target_table: String,
    /// How far it has come; only a block can be unreadable.
    pub state: ComparisonState,
    /// Where it continues.
    pub after: String,
    /// Later rows that exist but may not be seen.
    pub hidden: i64,
    /// Records that match the ledger.
    pub adopted: i64,
    /// Parts of records that do not match: they are sent again.
    pub again: i64,
    /// Rows that the ledger did not know.
    pub unknown: i64,
    /// Why it cannot be read.
    pub said: Option<String>,
}

/// One row of `restored_part`, by its key.
pub(super) type PartByKey<'a> = Find<restored_part::table, (i32, TextValue<'a>, TextValue<'a>, TextValue<'a>, TextValue<'a>)>;

/// How far the comparison of a block and its table has come.
pub(super) fn part<'a>(life: i32, flow: &'a FlowId, (block, table): (&'a str, &'a str)) -> PartByKey<'a> {
    restored_part::table.find((life, text(flow.company.as_str()), text(flow.entity.as_str()), text(block), text(table)))
}

/// How far the comparison of a flow as a whole has come.
pub(super) fn whole(life: i32, flow: &FlowId) -> PartByKey<'_> {
    part(life, flow, (FLOW, ""))
}

/// Ends the comparison of a flow; `open`: records that were still to be sent, and are sent again.
pub(super) fn flow_done(conn: &mut Conn, life: i32, flow: &FlowId, open: i64) -> Tx<()> {
    diesel::update(whole(life, flow))
        .set((restored_part::state.eq(text(ComparisonState::Done.as_str())), restored_part::again.eq(restored_part::again + open)))
        .execute(conn)?;
    Ok(())
}
